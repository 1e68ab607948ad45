package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccountsAndKeys(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		a := &AccessKey{ID: "AKIA1", Secret: "s", Account: here.Account, UserID: "AIDA1", UserName: "ci", Status: KeyActive, Policy: "{}", Created: start}
		b := &AccessKey{ID: "AKIA2", Account: here.Account, UserID: "AIDA2", UserName: "ci", Status: KeyInactive, Created: start}
		update(t, db, func(tx *Tx) error {
			if err := tx.CreateAccount(&Account{ID: here.Account, Created: start}); err != nil {
				return err
			}
			if err := tx.CreateAccessKey(a); err != nil {
				return err
			}
			return tx.CreateAccessKey(b)
		})
		a.Status, a.Policy = KeyInactive, ""
		update(t, db, func(tx *Tx) error { return tx.UpdateAccessKey(a) })
		view(t, db, func(tx *Tx) error {
			got, err := tx.AccessKeyOfUser("AIDA1")
			if diff := cmp.Diff(a, got); diff != "" {
				t.Errorf("AccessKeyOfUser (-want +got):\n%s", diff)
			}
			return err
		})
		update(t, db, func(tx *Tx) error { // no client could delete these
			return errors.Join(tx.CreateDomainConfiguration(&DomainConfiguration{Scope: there, Name: "iot:Data-ATS", Created: start}),
				tx.CreateRegistrationCode(here, "code", start), tx.PutAccountSetting(&AccountSetting{Scope: here, Name: "s", Document: []byte("{}"), Created: start}))
		})
		update(t, db, func(tx *Tx) error {
			if left, err := tx.AccountHas(here.Account); left != "" || err != nil {
				t.Errorf("AccountHas of an empty account: %q, %v", left, err)
			}
			if err := tx.CreateThing(&Thing{Scope: there, Name: "pump", Created: start}); err != nil {
				return err
			}
			if left, err := tx.AccountHas(here.Account); left != "things" || err != nil {
				t.Errorf("AccountHas: %q, %v", left, err)
			}
			return nil
		})
		update(t, db, func(tx *Tx) error {
			if err := errors.Join(tx.DeleteThing(there, "pump"), tx.CreateDomainConfiguration(&DomainConfiguration{Scope: there, Name: "own", ID: "abcde", Created: start})); err != nil {
				return err
			}
			if left, err := tx.AccountHas(here.Account); left != "domain_configurations" || err != nil {
				t.Errorf("AccountHas: %q, %v", left, err)
			}
			return nil
		})
		update(t, db, func(tx *Tx) error { return tx.DeleteAccessKey("AKIA2") })
		update(t, db, func(tx *Tx) error { return tx.DeleteAccount(here.Account) })
		for name, f := range map[string]func(*Tx) error{
			"Account":         func(tx *Tx) error { _, err := tx.Account(here.Account); return err },
			"AccessKey":       func(tx *Tx) error { _, err := tx.AccessKey("AKIA1"); return err },
			"UpdateAccessKey": func(tx *Tx) error { return tx.UpdateAccessKey(a) },
			"DeleteAccessKey": func(tx *Tx) error { return tx.DeleteAccessKey("AKIA1") },
			"DeleteAccount":   func(tx *Tx) error { return tx.DeleteAccount(here.Account) },
		} {
			if err := db.Update(t.Context(), f); err != ErrNotFound {
				t.Errorf("%s of a deleted account: %v, want ErrNotFound", name, err)
			}
		}
	})
}

// The access keys of a database from before keys had policies may still do everything.
func TestKeysFromBeforePolicies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "thingward.db")
	old, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	run := func(text string) {
		t.Helper()
		if _, err := old.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY)`)
	for i, file := range files[:7] {
		text, err := migrations.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		run(string(text))
		run(fmt.Sprintf(`INSERT INTO schema_version (version) VALUES (%d)`, i+1))
	}
	run(`INSERT INTO accounts VALUES ('111122223333', 0)`)
	run(`INSERT INTO access_keys VALUES ('AKIA1', '111122223333', 's', 'AIDA1', 'admin', 'Active', 0)`)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	view(t, db, func(tx *Tx) error {
		key, err := tx.AccessKey("AKIA1")
		if err == nil && key.Policy != `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}` {
			t.Errorf("policy %q", key.Policy)
		}
		return err
	})
}
