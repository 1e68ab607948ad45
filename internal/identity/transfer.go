package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// TransferCertificate offers an INACTIVE certificate, without policies and things, to another account. Until that accepts or
// rejects it, or the offer is cancelled, the certificate is PENDING_TRANSFER.
func (s *Service) TransferCertificate(ctx context.Context, scope thingward.Scope, id, account, message string) (c *store.Certificate, err error) {
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if c, err = findCertificate(tx, scope, id); err != nil {
			return err
		}
		if c.Status != store.Inactive {
			return thingward.Errorf(thingward.CertificateState, "The certificate is %s: only INACTIVE ones can be transferred (id %s).", c.Status, c.ID)
		}
		if err := checkTransfer(tx, c, account); err != nil {
			return err
		}
		c.TransferTo, c.Transfer = account, store.Transfer{Message: message, Offered: s.now()}
		return s.setStatus(tx, c, store.PendingTransfer)
	})
	if err == nil {
		s.certificateChanged(scope, c.ID)
	}
	return c, err
}

// checkTransfer says what keeps a certificate from going to an account.
func checkTransfer(tx *store.Tx, c *store.Certificate, account string) error {
	accounts, err := tx.Accounts()
	if err != nil {
		return err
	}
	if account == c.Scope.Account || !slices.ContainsFunc(accounts, func(a *store.Account) bool { return a.ID == account }) {
		return thingward.Errorf(thingward.InvalidRequest, "targetAwsAccount: %s is not another account of this server.", account)
	}
	policies, _, err := tx.AttachedPolicies(c.Scope, c.ARN(), store.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(policies) > 0 {
		return thingward.Errorf(thingward.TransferConflict, "Policy %s is attached to the certificate: detach it first (arn: %s).", policies[0].Name, c.ARN())
	}
	things, _, err := tx.PrincipalThings(c.Scope, c.ARN(), store.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(things) > 0 {
		return thingward.Errorf(thingward.TransferConflict, "The certificate is attached to thing %s: detach it first (arn: %s).", things[0].Thing, c.ARN())
	}
	return nil
}

func (s *Service) setStatus(tx *store.Tx, c *store.Certificate, status string) error {
	c.Status = status
	c.CustomerVersion, c.GenerationID, c.Modified = c.CustomerVersion+1, newUUID(), s.now()
	return tx.UpdateCertificate(c)
}

// AcceptCertificateTransfer takes a certificate that was offered to the account of scope.
func (s *Service) AcceptCertificateTransfer(ctx context.Context, scope thingward.Scope, id string, active bool) error {
	return s.endTransfer(ctx, scope, id, offeredTo, func(tx *store.Tx, c *store.Certificate) error {
		if _, err := tx.Certificate(scope, c.ID); err == nil {
			return thingward.Errorf(thingward.InvalidRequest, "The certificate is registered in this account already (id %s).", c.ID)
		}
		if err := checkTransfer(tx, c, scope.Account); err != nil { // it got a policy or a thing since the offer
			return err
		}
		from := c.Scope
		c.Scope, c.PreviousOwner, c.Transfer.Accepted = scope, from.Account, s.now()
		c.Status = status(active)
		c.CustomerVersion, c.GenerationID, c.Modified = c.CustomerVersion+1, newUUID(), s.now()
		return tx.MoveCertificate(from, c)
	})
}

// RejectCertificateTransfer gives a certificate that was offered to the account of scope back.
func (s *Service) RejectCertificateTransfer(ctx context.Context, scope thingward.Scope, id, reason string) error {
	return s.endTransfer(ctx, scope, id, offeredTo, func(tx *store.Tx, c *store.Certificate) error {
		c.Transfer.RejectReason, c.Transfer.Rejected = reason, s.now()
		return s.setStatus(tx, c, store.Inactive)
	})
}

// CancelCertificateTransfer takes an offer back.
func (s *Service) CancelCertificateTransfer(ctx context.Context, scope thingward.Scope, id string) error {
	return s.endTransfer(ctx, scope, id, offeredBy, func(tx *store.Tx, c *store.Certificate) error {
		return s.setStatus(tx, c, store.Inactive)
	})
}

// offeredTo and offeredBy report whether scope is the one, or the other, side of the transfer of c. Who owned c before was a side of
// the transfer that is over, and is none of the one that its owner has begun since.
func offeredTo(c *store.Certificate, scope thingward.Scope) bool {
	return c.TransferTo == scope.Account && c.Scope.Region == scope.Region
}

func offeredBy(c *store.Certificate, scope thingward.Scope) bool {
	former := c.PreviousOwner == scope.Account && c.Scope.Region == scope.Region && c.Status != store.PendingTransfer
	return c.TransferTo != "" && (c.Scope == scope || former)
}

// endTransfer finds the certificate in whose transfer scope has a side, and lets end bring it to its end.
func (s *Service) endTransfer(ctx context.Context, scope thingward.Scope, id string, side func(*store.Certificate, thingward.Scope) bool, end func(*store.Tx, *store.Certificate) error) error {
	id = strings.ToLower(id)
	var changed []thingward.Scope
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.CertificatesByID(id)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(c *store.Certificate) bool { return !side(c, scope) })
		i := slices.IndexFunc(all, func(c *store.Certificate) bool { return c.Status == store.PendingTransfer })
		switch {
		case len(all) == 0:
			return thingward.Errorf(thingward.ResourceNotFound, "There is no transfer of a certificate with id %s that concerns %s.", id, scope)
		case i < 0:
			return thingward.Errorf(thingward.TransferAlreadyCompleted, "The transfer of the certificate is over already (id %s).", id)
		}
		changed = []thingward.Scope{all[i].Scope, scope}
		return end(tx, all[i])
	})
	if err != nil {
		return err
	}
	for _, scope := range slices.Compact(changed) {
		s.certificateChanged(scope, id)
	}
	return nil
}

// ListOutgoingCertificates lists the certificates that are offered to other accounts.
func (s *Service) ListOutgoingCertificates(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.Certificate, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.CertificatesWithStatus(scope, store.PendingTransfer, p)
		return err
	})
	return list, next, err
}
