package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A Transfer is what was said and done when a certificate was offered to another account.
type Transfer struct {
	Message      string    `json:"message,omitzero"`
	RejectReason string    `json:"rejectReason,omitzero"`
	Offered      time.Time `json:"offered,omitzero"`
	Accepted     time.Time `json:"accepted,omitzero"`
	Rejected     time.Time `json:"rejected,omitzero"`
}

// MoveCertificate gives a certificate to another account of its region; c is written as it is then.
func (tx *Tx) MoveCertificate(from thingward.Scope, c *Certificate) error {
	if err := tx.DeleteCertificate(from, c.ID); err != nil {
		return err
	}
	return tx.CreateCertificate(c)
}

// CertificatesWithStatus lists the device certificates of one status by the time of their registration.
func (tx *Tx) CertificatesWithStatus(scope thingward.Scope, status string, p Page) ([]*Certificate, string, error) {
	return tx.certificates(`account = $1 AND region = $2 AND status = $3`, p, scope.Account, scope.Region, status)
}
