package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A CACertificate is a registered certification authority of a customer.
type CACertificate struct {
	Scope               thingward.Scope
	ID                  string // hex SHA-256 of the DER
	PEM                 string
	Subject             []byte // DER of the distinguished name
	Status              string // Active or Inactive
	AutoRegistration    string // AutoRegistrationEnable or AutoRegistrationDisable
	Mode                string
	CustomerVersion     int64
	GenerationID        string
	NotBefore, NotAfter time.Time
	Created, Modified   time.Time
}

// ARN returns the ARN of the CA certificate.
func (c *CACertificate) ARN() string { return c.Scope.ARN("cacert/" + c.ID) }

const caColumns = `account, region, id, pem, subject, status, auto_registration, mode, customer_version, generation_id,
	not_before, not_after, created, modified`

// CreateCACertificate adds a CA certificate.
func (tx *Tx) CreateCACertificate(c *CACertificate) error {
	return tx.create(`INSERT INTO ca_certificates (`+caColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
		c.Scope.Account, c.Scope.Region, c.ID, c.PEM, c.Subject, c.Status, c.AutoRegistration, c.Mode, c.CustomerVersion,
		c.GenerationID, c.NotBefore.UnixMilli(), c.NotAfter.UnixMilli(), c.Created.UnixMilli(), c.Modified.UnixMilli())
}

// CACertificate returns a CA certificate.
func (tx *Tx) CACertificate(scope thingward.Scope, id string) (*CACertificate, error) {
	return one(tx, scanCACertificate, `SELECT `+caColumns+` FROM ca_certificates
		WHERE account = $1 AND region = $2 AND id = $3`, scope.Account, scope.Region, id)
}

// CACertificatesByID returns the registrations of one CA certificate in every account of a region.
func (tx *Tx) CACertificatesByID(region, id string) ([]*CACertificate, error) {
	return all(tx, scanCACertificate, `SELECT `+caColumns+` FROM ca_certificates
		WHERE id = $1 AND region = $2 ORDER BY account`, id, region)
}

// CACertificatesBySubject returns the CA certificates of every scope with this subject, the oldest first.
func (tx *Tx) CACertificatesBySubject(subject []byte) ([]*CACertificate, error) {
	return all(tx, scanCACertificate, `SELECT `+caColumns+` FROM ca_certificates
		WHERE subject = $1 ORDER BY created, account, region, id`, subject)
}

// UpdateCACertificate writes status, auto-registration, versions and the time of modification.
func (tx *Tx) UpdateCACertificate(c *CACertificate) error {
	return tx.change(`UPDATE ca_certificates SET status = $4, auto_registration = $5, customer_version = $6,
		generation_id = $7, modified = $8 WHERE account = $1 AND region = $2 AND id = $3`,
		c.Scope.Account, c.Scope.Region, c.ID, c.Status, c.AutoRegistration, c.CustomerVersion, c.GenerationID, c.Modified.UnixMilli())
}

// DeleteCACertificate removes a CA certificate and its tags. Device certificates keep its id.
func (tx *Tx) DeleteCACertificate(scope thingward.Scope, id string) error {
	return tx.deleteTagged(scope, scope.ARN("cacert/"+id),
		`DELETE FROM ca_certificates WHERE account = $1 AND region = $2 AND id = $3`, scope.Account, scope.Region, id)
}

// CACertificates lists CA certificates by the time of their registration.
func (tx *Tx) CACertificates(scope thingward.Scope, p Page) ([]*CACertificate, string, error) {
	query, args, err := byCreation(`SELECT `+caColumns+` FROM ca_certificates WHERE account = $1 AND region = $2`,
		"created", "id", p, []any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanCACertificate, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(c *CACertificate) []any { return []any{c.Created.UnixMilli(), c.ID} })
	return list, next, nil
}

func scanCACertificate(r scanner) (*CACertificate, error) {
	var c CACertificate
	return &c, r.Scan(&c.Scope.Account, &c.Scope.Region, &c.ID, &c.PEM, &c.Subject, &c.Status, &c.AutoRegistration, &c.Mode,
		&c.CustomerVersion, &c.GenerationID, millis{&c.NotBefore}, millis{&c.NotAfter}, millis{&c.Created}, millis{&c.Modified})
}
