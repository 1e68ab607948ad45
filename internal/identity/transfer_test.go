package identity

import (
	"errors"
	"testing"

	"github.com/thingward/thingward/internal/store"
)

// A device whose certificate is transferred cannot connect until the other account has accepted it; then it acts there.
func TestCertificateTransfer(t *testing.T) {
	b := newBench(t)
	leaf := b.device("INACTIVE")
	b.put(func(tx *store.Tx) error { return tx.CreateAccount(&store.Account{ID: foreign.Account}) })
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	notice := "certificate eu-central-1 " + leaf.ID()

	_, err = b.TransferCertificate(t.Context(), here, leaf.ID(), foreign.Account, "")
	b.ok(err)
	b.wantTold(notice)
	b.wantRefusal(client(leaf), PendingTransfer, "is offered to another account")
	b.refused(b.UpdateCertificate(t.Context(), here, leaf.ID(), "ACTIVE"), "CertificateStateException: ")
	b.refused(b.DeleteCertificate(t.Context(), here, leaf.ID(), true), "CertificateStateException: ")

	// A policy that came since the offer must not be left behind.
	b.ok(b.AttachPolicy(t.Context(), here, "p", here.ARN("cert/"+leaf.ID())))
	b.refused(b.AcceptCertificateTransfer(t.Context(), foreign, leaf.ID(), true), "TransferConflictException: Policy p is attached")
	b.ok(b.DetachPolicy(t.Context(), here, "p", here.ARN("cert/"+leaf.ID())))
	b.told()
	b.refused(b.AcceptCertificateTransfer(t.Context(), there, leaf.ID(), true), "ResourceNotFoundException: ")
	b.ok(b.AcceptCertificateTransfer(t.Context(), foreign, leaf.ID(), true))
	b.wantTold(notice, notice) // in the old account, and in the new one
	p, err := b.Authenticate(t.Context(), client(leaf))
	b.ok(err)
	if p.Scope != foreign {
		t.Errorf("acts in %s, want %s", p.Scope, foreign)
	}
}

// Who had a certificate before has no say in what its owner offers now.
func TestFormerOwnerCancelsNothing(t *testing.T) {
	b := newBench(t)
	leaf := b.device("INACTIVE")
	const third = "777788889999"
	b.put(func(tx *store.Tx) error {
		return errors.Join(tx.CreateAccount(&store.Account{ID: here.Account}), tx.CreateAccount(&store.Account{ID: foreign.Account}),
			tx.CreateAccount(&store.Account{ID: third}))
	})
	_, err := b.TransferCertificate(t.Context(), here, leaf.ID(), foreign.Account, "")
	b.ok(err)
	b.ok(b.AcceptCertificateTransfer(t.Context(), foreign, leaf.ID(), false))
	for _, to := range []string{third, here.Account} {
		_, err = b.TransferCertificate(t.Context(), foreign, leaf.ID(), to, "")
		b.ok(err)
		b.refused(b.CancelCertificateTransfer(t.Context(), here, leaf.ID()), "ResourceNotFoundException: ")
		b.wantRefusal(client(leaf), PendingTransfer, "is offered to another account")
		b.ok(b.CancelCertificateTransfer(t.Context(), foreign, leaf.ID()))
	}
}
