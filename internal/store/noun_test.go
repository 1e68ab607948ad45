package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRules(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		a := &Rule{Scope: here, Name: "activate", Payload: []byte(`{"sql":"SELECT * FROM 'a'"}`), Enabled: true, Created: start}
		b := &Rule{Scope: here, Name: "backup", Payload: []byte(`{}`), Created: start}
		elsewhere := &Rule{Scope: there, Name: "activate", Payload: []byte(`{}`), Created: start}
		update(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateRule(b), tx.CreateRule(a), tx.PutRule(elsewhere), tx.SetRuleEnabled(here, "backup", true))
		})
		b.Enabled = true
		view(t, db, func(tx *Tx) error {
			got, next, err := tx.Rules(here, Page{})
			if diff := cmp.Diff([]*Rule{a, b}, got); diff != "" || next != "" {
				t.Errorf("Rules, next %q (-want +got):\n%s", next, diff)
			}
			every, err2 := tx.AllRules()
			if diff := cmp.Diff([]*Rule{a, b, elsewhere}, every); diff != "" {
				t.Errorf("AllRules (-want +got):\n%s", diff)
			}
			return errors.Join(err, err2)
		})
		replaced := &Rule{Scope: here, Name: "activate", Payload: []byte(`{"new":1}`), Created: start}
		err := db.Update(t.Context(), func(tx *Tx) error {
			if err := tx.CreateRule(replaced); err != ErrExists {
				t.Errorf("creating it twice: %v", err)
			}
			return tx.PutRule(replaced)
		})
		if err != nil {
			t.Fatal(err)
		}
		view(t, db, func(tx *Tx) error {
			got, err := tx.Rule(here, "activate")
			if diff := cmp.Diff(replaced, got); diff != "" {
				t.Errorf("after PutRule (-want +got):\n%s", diff)
			}
			return err
		})
		update(t, db, func(tx *Tx) error { return tx.DeleteRule(here, "activate") })
		for name, f := range map[string]func(*Tx) error{
			"DeleteRule":     func(tx *Tx) error { return tx.DeleteRule(here, "activate") },
			"SetRuleEnabled": func(tx *Tx) error { return tx.SetRuleEnabled(here, "activate", true) },
			"Rule":           func(tx *Tx) error { _, err := tx.Rule(here, "activate"); return err },
		} {
			if err := db.Update(t.Context(), f); err != ErrNotFound {
				t.Errorf("%s of a deleted rule: %v, want ErrNotFound", name, err)
			}
		}
	})
}

func TestFunctions(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		whole := &Function{Scope: here, Name: "activate", Config: []byte(`{"Handler":"a.b"}`), Code: []byte("PK\x03\x04\x00")}
		bare := &Function{Scope: here, Name: "activate", Config: whole.Config}
		f := func(what string, code bool, want *Function) {
			t.Helper()
			view(t, db, func(tx *Tx) error {
				got, err := tx.Function(here, "activate", code)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
				return err
			})
		}
		update(t, db, func(tx *Tx) error { return tx.CreateFunction(whole) })
		f("with code", true, whole)
		f("without", false, bare)

		bare.Config = []byte(`{"Handler":"c.d"}`)
		update(t, db, func(tx *Tx) error { return tx.UpdateFunction(bare) })
		f("code kept", true, &Function{here, "activate", bare.Config, whole.Code})
		whole.Code = []byte("new")
		update(t, db, func(tx *Tx) error { return tx.UpdateFunction(whole) })
		f("code changed", true, whole)

		view(t, db, func(tx *Tx) error {
			got, _, err := tx.Functions(here, Page{})
			if diff := cmp.Diff([]*Function{{Scope: here, Name: "activate", Config: whole.Config}}, got); diff != "" {
				t.Errorf("Functions (-want +got):\n%s", diff)
			}
			return err
		})
		update(t, db, func(tx *Tx) error { return tx.DeleteFunction(here, "activate") })
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.UpdateFunction(whole) }); err != ErrNotFound {
			t.Errorf("updating a deleted function: %v, want ErrNotFound", err)
		}
	})
}

func TestSettings(t *testing.T) {
	db := open(t, "")
	update(t, db, func(tx *Tx) error {
		return errors.Join(tx.PutSetting(here, "k", []byte{0, 1, 0xff}), tx.PutSetting(here, "k", []byte{2, 0}))
	})
	view(t, db, func(tx *Tx) error {
		if got, err := tx.Setting(here, "k"); err != nil || string(got) != "\x02\x00" {
			t.Errorf("Setting: %x, %v", got, err)
		}
		if _, err := tx.Setting(there, "k"); err != ErrNotFound {
			t.Errorf("Setting of another region: %v, want ErrNotFound", err)
		}
		return nil
	})
}
