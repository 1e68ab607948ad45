package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// A Report is what Check has found in a database.
type Report struct {
	Schema   int64
	Tables   int
	Rows     int64    // of all tables
	Problems []string // what is damaged
}

// Check reads all of a database file and changes nothing in it. A server may be using it.
func Check(ctx context.Context, path string) (_ *Report, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("check database %s: %w", path, err)
		}
	}()
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	v := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: v.Encode()}
	pool, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	db := &DB{read: pool, write: pool}
	report := new(Report)
	err = db.View(ctx, func(tx *Tx) error { return report.read(tx) })
	return report, err
}

func (r *Report) read(tx *Tx) error {
	said, err := all(tx, scanString, `PRAGMA integrity_check`)
	if err != nil {
		return err
	}
	if len(said) != 1 || said[0] != "ok" {
		r.Problems = append(r.Problems, said...)
	}
	orphans, err := all(tx, scanString, `SELECT "table" || ' row ' || COALESCE(rowid, '?') || ' names a row of ' || parent || ' that is not there' FROM pragma_foreign_key_check`)
	if err != nil {
		return err
	}
	r.Problems = append(r.Problems, orphans...)
	if r.Schema, err = one(tx, scanInt, `SELECT COALESCE(MAX(version), 0) FROM schema_version`); err != nil {
		return errors.New("it is not a database of thingward")
	}
	tables, err := all(tx, scanString, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		return err
	}
	r.Tables = len(tables)
	for _, name := range tables {
		n, err := one(tx, scanInt, `SELECT COUNT(*) FROM "`+name+`"`)
		if err != nil {
			return err
		}
		r.Rows += n
	}
	return nil
}
