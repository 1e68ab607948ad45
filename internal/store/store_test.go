package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward"
)

var (
	here  = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}
	there = thingward.Scope{Account: "111122223333", Region: "us-east-1"}
	start = time.UnixMilli(1893456000123).UTC()
)

// everyDB runs f on a database in a file and on one in memory.
func everyDB(t *testing.T, f func(t *testing.T, db *DB)) {
	for name, path := range map[string]string{"file": filepath.Join(t.TempDir(), "thingward.db"), "memory": ""} {
		t.Run(name, func(t *testing.T) { f(t, open(t, path)) })
	}
}

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func update(t testing.TB, db *DB, f func(*Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db *DB, f func(*Tx) error) {
	t.Helper()
	if err := db.View(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// certificate returns the i-th certificate of a scope; two are made in every millisecond.
func certificate(scope thingward.Scope, i int) *Certificate {
	return &Certificate{
		Scope: scope, ID: fmt.Sprintf("%064x", i), PEM: "pem", CAID: fmt.Sprintf("%064x", i%3), Status: Inactive,
		Mode: ModeDefault, CustomerVersion: 1, GenerationID: "g", NotBefore: start,
		NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		Created:  start.Add(time.Duration(i/2) * time.Millisecond), Modified: start,
	}
}

func TestDatabaseIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c.db") // no character of a path means anything to the driver
	db := open(t, path)
	update(t, db, func(tx *Tx) error { return tx.CreateCertificate(certificate(here, 1)) })
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of %s: %v, want 0600", info.Name(), got)
		}
	}
}

// In WAL mode NORMAL (1) survives the death of the process and FULL (2) that of the machine, too.
func TestSync(t *testing.T) {
	for sync, want := range map[bool]int64{false: 1, true: 2} {
		db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "thingward.db"), Sync: sync})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		update(t, db, func(tx *Tx) error {
			mode, err1 := one(tx, scanString, "PRAGMA journal_mode")
			level, err2 := one(tx, scanInt, "PRAGMA synchronous")
			if mode != "wal" || level != want {
				t.Errorf("Sync %v: journal_mode %s, synchronous %d, want wal, %d", sync, mode, level, want)
			}
			return errors.Join(err1, err2)
		})
	}
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "thingward.db")
	want := certificate(here, 7)
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *Tx) error { return tx.CreateCertificate(want) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var got *Certificate
	view(t, open(t, path), func(tx *Tx) (err error) {
		got, err = tx.Certificate(here, want.ID)
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after opening again (-want +got):\n%s", diff)
	}
}

func TestNewerSchemaIsDeclined(t *testing.T) {
	path := filepath.Join(t.TempDir(), "thingward.db")
	update(t, open(t, path), func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO schema_version (version) VALUES (1000)`)
		return err
	})
	_, err := Open(t.Context(), Config{Path: path})
	if err == nil || !strings.Contains(err.Error(), "newer thingward (schema 1000") {
		t.Errorf("opening a newer schema: %v", err)
	}
}

func TestOpenErrorsNameTheFile(t *testing.T) {
	notADatabase := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notADatabase, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{notADatabase, filepath.Join(t.TempDir(), "no", "such", "directory.db")} {
		_, err := Open(t.Context(), Config{Path: path})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s): %v, want an error that names it", path, err)
		}
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		failed := errors.New("failed")
		err := db.Update(t.Context(), func(tx *Tx) error {
			if err := tx.CreateCertificate(certificate(here, 1)); err != nil {
				return err
			}
			return failed
		})
		if err != failed {
			t.Errorf("Update returned %v, want what f returned", err)
		}
		func() {
			defer func() { recover() }()
			db.Update(t.Context(), func(tx *Tx) error {
				if err := tx.CreateCertificate(certificate(here, 2)); err != nil {
					t.Error(err)
				}
				panic("a bug")
			})
		}()
		view(t, db, func(tx *Tx) error { // and the database is free again
			list, _, err := tx.Certificates(here, Page{})
			if len(list) != 0 {
				t.Errorf("%d certificates after failed updates, want none", len(list))
			}
			return err
		})
	})
}

func TestViewCannotWrite(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "thingward.db"))
	err := db.View(t.Context(), func(tx *Tx) error { return tx.CreateCertificate(certificate(here, 1)) })
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("writing in a View: %v", err)
	}
}

func TestCancelledCallerLosesNothing(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Update(ctx, func(tx *Tx) error {
			cancel() // the caller leaves in the middle
			return tx.CreateCertificate(certificate(here, 1))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(ctx, func(*Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("Update of a caller who has left: %v", err)
		}
		view(t, db, func(tx *Tx) error {
			_, err := tx.Certificate(here, certificate(here, 1).ID)
			return err
		})
	})
}

func TestReadersAndWritersTogether(t *testing.T) {
	const writers, each = 4, 25
	everyDB(t, func(t *testing.T, db *DB) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := db.Update(t.Context(), func(tx *Tx) error {
						return tx.CreateCertificate(certificate(here, w*each+i))
					}); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range each {
					if err := db.View(t.Context(), func(tx *Tx) error {
						one, _, err := tx.Certificates(here, Page{Limit: 1000})
						if err != nil {
							return err
						}
						two, _, err := tx.Certificates(here, Page{Limit: 1000})
						if len(one) != len(two) {
							t.Errorf("%d rows, then %d in the same View", len(one), len(two))
						}
						return err
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		view(t, db, func(tx *Tx) error {
			list, _, err := tx.Certificates(here, Page{Limit: 1000})
			if len(list) != writers*each {
				t.Errorf("%d certificates, want %d", len(list), writers*each)
			}
			return err
		})
	})
}

func TestPages(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		const n = 23
		var ascending []string
		update(t, db, func(tx *Tx) error {
			for i := range n {
				c := certificate(here, i)
				ascending = append(ascending, c.ID)
				if err := errors.Join(tx.CreateCertificate(c), tx.CreateCertificate(certificate(there, i))); err != nil {
					return err
				}
			}
			return nil
		})
		pages := func(p Page) (ids []string, sizes []int) {
			for {
				var list []*Certificate
				view(t, db, func(tx *Tx) (err error) {
					list, p.Token, err = tx.Certificates(here, p)
					return err
				})
				sizes = append(sizes, len(list))
				for _, c := range list {
					ids = append(ids, c.ID)
				}
				if p.Token == "" {
					return ids, sizes
				}
			}
		}
		descending := slices.Clone(ascending)
		slices.Reverse(descending)
		f := func(p Page, want []string, wantSizes ...int) {
			t.Helper()
			ids, sizes := pages(p)
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", p, diff)
			}
			if diff := cmp.Diff(wantSizes, sizes); diff != "" {
				t.Errorf("%+v: sizes (-want +got):\n%s", p, diff)
			}
		}
		f(Page{}, ascending, 23)
		f(Page{Limit: 10}, ascending, 10, 10, 3)
		f(Page{Limit: 23}, ascending, 23) // no empty last page
		f(Page{Limit: 7, Descending: true}, descending, 7, 7, 7, 2)

		// A row deleted between two pages shifts nothing.
		var first, second []*Certificate
		var next string
		view(t, db, func(tx *Tx) (err error) {
			first, next, err = tx.Certificates(here, Page{Limit: 5})
			return err
		})
		update(t, db, func(tx *Tx) error { return tx.DeleteCertificate(here, first[4].ID) })
		view(t, db, func(tx *Tx) (err error) {
			second, _, err = tx.Certificates(here, Page{Limit: 5, Token: next})
			return err
		})
		if got, want := second[0].ID, ascending[5]; got != want {
			t.Errorf("the second page begins with %s, want %s", got, want)
		}
	})
}

func TestForeignTokens(t *testing.T) {
	db := open(t, "")
	for _, token := range []string{"x", "?", "e30", "WyJhIl0", "WzEsMl0", strings.Repeat("A", 5000)} { // {}, ["a"], [1,2]
		err := db.View(t.Context(), func(tx *Tx) error {
			_, _, err := tx.Certificates(here, Page{Token: token})
			return err
		})
		if !errors.Is(err, &thingward.Error{Code: thingward.InvalidRequest}) {
			t.Errorf("token %.20q: %v, want InvalidRequest", token, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("WzE4OTM0NTYwMDAxMjMsIjAwIl0")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		var at int64
		var id string
		p := Page{Token: token}
		_, err := p.after(&at, &id)
		if err != nil && !errors.Is(err, &thingward.Error{Code: thingward.InvalidRequest}) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// Every list must be read along an index: a scan or a sort would make the time of a page grow with the table.
func TestListsFollowIndexes(t *testing.T) {
	db := open(t, "")
	f := func(name string, key []any, list func(*Tx, Page) error) {
		t.Helper()
		token, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Page{{}, {Descending: true}, {Token: base64.RawURLEncoding.EncodeToString(token)}} {
			view(t, db, func(tx *Tx) error {
				e := &explainer{statements: tx.tx}
				if err := list(&Tx{tx.ctx, e}, p); err != nil {
					return err
				}
				if e.plan == "" || strings.Contains(e.plan, "SCAN") || strings.Contains(e.plan, "TEMP B-TREE") {
					t.Errorf("%s, %+v reads more than its page:\n%s", name, p, e.plan)
				}
				return nil
			})
		}
	}
	group := &ThingGroup{Scope: here, Name: "g", Path: "g"}
	created, byName := []any{1893456000123, "x"}, []any{"x"}
	f("Certificates", created, func(tx *Tx, p Page) error { return last(tx.Certificates(here, p)) })
	f("CertificatesWithStatus", created, func(tx *Tx, p Page) error { return last(tx.CertificatesWithStatus(here, "PENDING_TRANSFER", p)) })
	f("CertificatesByCA", created, func(tx *Tx, p Page) error { return last(tx.CertificatesByCA(here, "ca", p)) })
	f("CACertificates", created, func(tx *Tx, p Page) error { return last(tx.CACertificates(here, p)) })
	f("Policies", created, func(tx *Tx, p Page) error { return last(tx.Policies(here, p)) })
	f("AttachedPolicies", byName, func(tx *Tx, p Page) error { return last(tx.AttachedPolicies(here, "arn", p)) })
	f("PolicyTargets", byName, func(tx *Tx, p Page) error { return last(tx.PolicyTargets(here, "p", p)) })
	f("Things", byName, func(tx *Tx, p Page) error { return last(tx.Things(here, p)) })
	f("ThingsOfType", byName, func(tx *Tx, p Page) error { return last(tx.ThingsOfType(here, "pump", p)) })
	f("ThingGroups", byName, func(tx *Tx, p Page) error { return last(tx.ThingGroups(here, GroupFilter{}, p)) })
	f("ThingGroups below", byName, func(tx *Tx, p Page) error { return last(tx.ThingGroups(here, GroupFilter{Below: group}, p)) })
	f("ThingGroups children", byName, func(tx *Tx, p Page) error {
		return last(tx.ThingGroups(here, GroupFilter{Below: group, Direct: true}, p))
	})
	f("GroupsOfThing", byName, func(tx *Tx, _ Page) error { _, err := tx.GroupsOfThing(here, "t"); return err })
	f("ThingsInGroup", []any{"g", "x"}, func(tx *Tx, p Page) error { return last(tx.ThingsInGroup(group, true, p)) })
	f("GroupPathsOfPrincipal", byName, func(tx *Tx, _ Page) error { _, err := tx.GroupPathsOfPrincipal(here, "arn"); return err })
	f("BillingGroups", byName, func(tx *Tx, p Page) error { return last(tx.BillingGroups(here, "", p)) })
	f("ThingsInBillingGroup", byName, func(tx *Tx, p Page) error { return last(tx.ThingsInBillingGroup(here, "g", p)) })
	f("RoleAliases", created, func(tx *Tx, p Page) error { return last(tx.RoleAliases(here, p)) })
	f("DomainConfigurations", created, func(tx *Tx, p Page) error { return last(tx.DomainConfigurations(here, p)) })
	f("ThingTypes", byName, func(tx *Tx, p Page) error { return last(tx.ThingTypes(here, p)) })
	f("ThingsByAttribute", byName, func(tx *Tx, p Page) error { return last(tx.ThingsByAttribute(here, "", "a", "v", p)) })
	f("ThingsByAttributePrefix", []any{"v", "x"}, func(tx *Tx, p Page) error { return last(tx.ThingsByAttributePrefix(here, "pump", "a", "v", p)) })
	f("ThingPrincipals", byName, func(tx *Tx, p Page) error { return last(tx.ThingPrincipals(here, "t", p)) })
	f("PrincipalThings", byName, func(tx *Tx, p Page) error { return last(tx.PrincipalThings(here, "arn", p)) })
	f("ThingPrincipalsOfKind", byName, func(tx *Tx, p Page) error { return last(tx.ThingPrincipalsOfKind(here, "t", ExclusiveOnly, p)) })
	f("PrincipalThingsOfKind", byName, func(tx *Tx, p Page) error { return last(tx.PrincipalThingsOfKind(here, "arn", NonExclusiveOnly, p)) })
	f("Rules", byName, func(tx *Tx, p Page) error { return last(tx.Rules(here, p)) })
	f("Functions", byName, func(tx *Tx, p Page) error { return last(tx.Functions(here, p)) })
	f("CertificatesByID", byName, func(tx *Tx, _ Page) error { _, err := tx.CertificatesByID("x"); return err })
	f("ThingsOfPrincipal", byName, func(tx *Tx, _ Page) error { _, err := tx.ThingsOfPrincipal(here, "arn"); return err })
	f("Tags", byName, func(tx *Tx, _ Page) error { _, err := tx.Tags(here, "arn"); return err })
	f("PolicyVersions", byName, func(tx *Tx, _ Page) error { _, err := tx.PolicyVersions(here, "p"); return err })
	f("PrincipalsOfThing", byName, func(tx *Tx, _ Page) error { _, err := tx.PrincipalsOfThing(here, "t"); return err })
}

func last[T any](_ []T, _ string, err error) error { return err }

// explainer collects the query plans of what a transaction reads.
type explainer struct {
	statements
	plan string
}

func (e *explainer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	plan, err := all(&Tx{ctx, e.statements}, func(r scanner) (line string, err error) {
		var number int
		return line, r.Scan(&number, &number, &number, &line)
	}, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return nil, err
	}
	e.plan += strings.Join(plan, "\n")
	return e.statements.QueryContext(ctx, query, args...)
}

func TestResetEmptiesWhatClientsMade(t *testing.T) {
	everyDB(t, func(t *testing.T, db *DB) {
		update(t, db, func(tx *Tx) error {
			var err error
			for i := range 50 {
				err = errors.Join(err, tx.CreateCertificate(certificate(here, i)))
			}
			group := &ThingGroup{Scope: here, Name: "g", Path: "g", Created: start}
			policy := &Policy{Scope: here, Name: "p", Version: 1, Document: "{}", Created: start, Modified: start}
			return errors.Join(err,
				tx.CreateAccount(&Account{ID: here.Account, Created: start}),
				tx.CreateAccessKey(&AccessKey{ID: "AKIA", Account: here.Account, Created: start}),
				tx.PutSetting(here, "issuing-ca", []byte("key")),
				tx.CreateEndpoint(here, "abc"),
				tx.CreateRegistrationCode(here, "code", start),
				tx.CreateCACertificate(&CACertificate{Scope: here, ID: "ca", Subject: []byte("s"), Created: start}),
				tx.CreatePolicy(policy),
				tx.AttachPolicy(here, "p", certificate(here, 1).ARN(), start),
				tx.CreateThingGroup(group),
				tx.CreateDomainConfiguration(&DomainConfiguration{Scope: here, Name: "d", Created: start}),
				tx.CreateRoleAlias(&RoleAlias{Scope: here, Name: "r", Created: start}),
				tx.PutAccountSetting(&AccountSetting{Scope: here, Name: "s", Document: []byte("{}"), Created: start}),
				tx.CreateBillingGroup(&BillingGroup{Scope: here, Name: "b", Created: start}),
				tx.CreateThingType(&ThingType{Scope: here, Name: "pump", Created: start}),
				tx.CreateThing(&Thing{Scope: here, Name: "pump", Attributes: map[string]string{"a": "b"}, Created: start}),
				tx.PutThingPrincipal(&ThingPrincipal{Scope: here, Thing: "pump", Principal: certificate(here, 1).ARN(), Created: start}),
				tx.AddThingToGroup(group, "pump"),
				tx.PutTags(here, policy.ARN(), Tag{"k", "v"}),
				tx.CreateRule(&Rule{Scope: here, Name: "r", Payload: []byte("{}"), Created: start}),
				tx.CreateFunction(&Function{Scope: here, Name: "f", Config: []byte("{}"), Code: []byte("zip")}))
		})
		if err := db.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept := []string{"accounts", "access_keys", "endpoints", "schema_version", "settings"}
		view(t, db, func(tx *Tx) error {
			tables, err := all(tx, scanString, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
			for _, table := range tables {
				n, err := one(tx, scanInt, "SELECT COUNT(*) FROM "+table)
				if err != nil {
					return err
				}
				if want := slices.Contains(kept, table); (n > 0) != want {
					t.Errorf("%s has %d rows after Reset; kept: %v", table, n, want)
				}
			}
			return err
		})
	})
}

func TestMigrationsAreNumbered(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		if !strings.HasPrefix(file, fmt.Sprintf("migrations/%04d_", i+1)) || !strings.HasSuffix(file, ".sql") {
			t.Errorf("%s: want migrations/%04d_<words>.sql", file, i+1)
		}
	}
}

// The statements must be those that PostgreSQL reads, too.
func TestNoSQLiteDialect(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"AUTOINCREMENT", "WITHOUT ROWID", "INTEGER", "BLOB", "DATETIME", "STRICT", "IFNULL", "INSERT OR"} {
			if strings.Contains(strings.ToUpper(string(text)), word) {
				t.Errorf("%s says %s, which PostgreSQL does not know", file, word)
			}
		}
	}
}
