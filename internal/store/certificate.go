package store

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/thingward/thingward"
)

// States of certificates. CA certificates know ACTIVE and INACTIVE only.
const (
	Active            = "ACTIVE"
	Inactive          = "INACTIVE"
	Revoked           = "REVOKED"
	PendingTransfer   = "PENDING_TRANSFER"
	RegisterInactive  = "REGISTER_INACTIVE" // deprecated: never made, treated as INACTIVE
	PendingActivation = "PENDING_ACTIVATION"
)

// Modes of certificates.
const (
	ModeDefault = "DEFAULT"
	ModeSNIOnly = "SNI_ONLY" // the device has to send a server name
)

// AutoRegistration of a CA certificate.
const (
	AutoRegistrationEnable  = "ENABLE"
	AutoRegistrationDisable = "DISABLE"
)

// A Certificate is a registered device certificate.
type Certificate struct {
	Scope               thingward.Scope
	ID                  string // certificateId: hex SHA-256 of the DER
	PEM                 string
	CAID                string // id of the registered CA; empty: issued here, or registered without a CA
	Status              string
	Mode                string
	CustomerVersion     int64
	GenerationID        string
	NotBefore, NotAfter time.Time
	Created, Modified   time.Time

	PreviousOwner string // account; empty: it was never transferred
	TransferTo    string // account that it was last offered to; empty: none
	Transfer      Transfer
}

// ARN returns the ARN of the certificate.
func (c *Certificate) ARN() string { return c.Scope.ARN("cert/" + c.ID) }

const certificateColumns = `account, region, id, pem, ca_id, status, mode, customer_version, generation_id,
	not_before, not_after, created, modified, previous_owner, transfer_to, transfer`

// CreateCertificate adds a device certificate.
func (tx *Tx) CreateCertificate(c *Certificate) error {
	transfer, err := json.Marshal(c.Transfer)
	if err != nil {
		return err
	}
	return tx.create(`INSERT INTO certificates (`+certificateColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`,
		c.Scope.Account, c.Scope.Region, c.ID, c.PEM, c.CAID, c.Status, c.Mode, c.CustomerVersion, c.GenerationID,
		c.NotBefore.UnixMilli(), c.NotAfter.UnixMilli(), c.Created.UnixMilli(), c.Modified.UnixMilli(),
		c.PreviousOwner, c.TransferTo, string(transfer))
}

// Certificate returns a device certificate.
func (tx *Tx) Certificate(scope thingward.Scope, id string) (*Certificate, error) {
	return one(tx, scanCertificate, `SELECT `+certificateColumns+` FROM certificates
		WHERE account = $1 AND region = $2 AND id = $3`, scope.Account, scope.Region, id)
}

// CertificateByARN returns the device certificate that the ARN of a principal names. Anything but the ARN of a
// certificate is an InvalidRequest.
func (tx *Tx) CertificateByARN(scope thingward.Scope, arn string) (*Certificate, error) {
	a, err := thingward.ParseARN(arn)
	if err != nil {
		return nil, thingward.Errorf(thingward.InvalidRequest, "the principal must be the ARN of a certificate: %v", err)
	}
	id, ok := strings.CutPrefix(a.Resource, "cert/") // and no other spelling: policies of access keys are asked about the ARN as it stands
	if a.Service != "iot" || !ok {
		return nil, thingward.Errorf(thingward.InvalidRequest, "the principal must be the ARN of a certificate, such as %s; got %q",
			scope.ARN("cert/<certificateId>"), arn)
	}
	if a.Scope() != scope || a.Partition != thingward.Partition {
		return nil, ErrNotFound // another account's business
	}
	return tx.Certificate(scope, id)
}

// CertificatesByID returns the registrations of one certificate in every scope.
func (tx *Tx) CertificatesByID(id string) ([]*Certificate, error) {
	return all(tx, scanCertificate, `SELECT `+certificateColumns+` FROM certificates WHERE id = $1 ORDER BY account, region`, id)
}

// UpdateCertificate writes status, versions, the time of modification and the transfer.
func (tx *Tx) UpdateCertificate(c *Certificate) error {
	transfer, err := json.Marshal(c.Transfer)
	if err != nil {
		return err
	}
	return tx.change(`UPDATE certificates SET status = $4, customer_version = $5, generation_id = $6, modified = $7,
		transfer_to = $8, transfer = $9 WHERE account = $1 AND region = $2 AND id = $3`,
		c.Scope.Account, c.Scope.Region, c.ID, c.Status, c.CustomerVersion, c.GenerationID, c.Modified.UnixMilli(), c.TransferTo, string(transfer))
}

// DeleteCertificate removes a device certificate.
func (tx *Tx) DeleteCertificate(scope thingward.Scope, id string) error {
	return tx.change(`DELETE FROM certificates WHERE account = $1 AND region = $2 AND id = $3`, scope.Account, scope.Region, id)
}

// Certificates lists device certificates by the time of their registration.
func (tx *Tx) Certificates(scope thingward.Scope, p Page) (list []*Certificate, next string, err error) {
	return tx.certificates(`account = $1 AND region = $2`, p, scope.Account, scope.Region)
}

// CertificatesByCA lists the device certificates of one CA by the time of their registration.
func (tx *Tx) CertificatesByCA(scope thingward.Scope, ca string, p Page) (list []*Certificate, next string, err error) {
	return tx.certificates(`account = $1 AND region = $2 AND ca_id = $3`, p, scope.Account, scope.Region, ca)
}

func (tx *Tx) certificates(where string, p Page, args ...any) ([]*Certificate, string, error) {
	query, args, err := byCreation(`SELECT `+certificateColumns+` FROM certificates WHERE `+where, "created", "id", p, args)
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanCertificate, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(c *Certificate) []any { return []any{c.Created.UnixMilli(), c.ID} })
	return list, next, nil
}

func scanCertificate(r scanner) (*Certificate, error) {
	var c Certificate
	var transfer []byte
	if err := r.Scan(&c.Scope.Account, &c.Scope.Region, &c.ID, &c.PEM, &c.CAID, &c.Status, &c.Mode,
		&c.CustomerVersion, &c.GenerationID, millis{&c.NotBefore}, millis{&c.NotAfter}, millis{&c.Created}, millis{&c.Modified},
		&c.PreviousOwner, &c.TransferTo, &transfer); err != nil {
		return nil, err
	}
	return &c, json.Unmarshal(transfer, &c.Transfer)
}
