// Package store holds every SQL statement of the server. It keeps what was acknowledged and knows no
// rules: what may be changed, and by whom, is decided in identity, registry, rules and function.
//
// Work is done in transactions:
//
//	err := db.Update(ctx, func(tx *store.Tx) error {
//		c, err := tx.Certificate(scope, id)
//		if err != nil {
//			return err // store.ErrNotFound
//		}
//		c.Status = "ACTIVE"
//		return tx.UpdateCertificate(c)
//	})
//
// The statements are one text for SQLite and PostgreSQL: $1 numbering; TEXT, BYTEA, BIGINT, BOOLEAN; times
// are Unix milliseconds. Every resource belongs to a [thingward.Scope], which leads its primary key.
//
// SQLite has one writer, whose transactions take the write lock at once (so they never fail half way for
// want of it), and a pool of readers, which see the last committed state and never wait. In memory, readers
// and the writer share one connection.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // registers the driver
)

var (
	// ErrNotFound is returned by methods that name one row when there is none.
	ErrNotFound = errors.New("not found")
	// ErrExists is returned by Create methods when there is a row of that key already.
	ErrExists = errors.New("exists already")
)

// Config says where the database is.
type Config struct {
	// Path of the database file, which is made with mode 0600 when absent. Empty: in memory, gone after Close.
	Path string

	// Sync makes every commit wait for the disk. Without it, what was committed survives the death of the
	// process (kill -9) but the last moments may be lost in a power cut.
	Sync bool

	Log *slog.Logger // nil: none
}

// A DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	write *sql.DB // one connection
	read  *sql.DB // the same DB as write when in memory
	log   *slog.Logger
}

// Open opens the database, makes it when absent, and brings its schema up to date. It declines a database
// whose schema is newer than the program.
func Open(ctx context.Context, c Config) (*DB, error) {
	db := &DB{log: c.Log}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if err := db.open(c); err != nil {
		return nil, fmt.Errorf("open database %s: %w", c.Path, err)
	}
	if err := db.migrate(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open database %s: %w", c.Path, err)
	}
	return db, nil
}

func (db *DB) open(c Config) (err error) {
	if c.Path == "" {
		if db.write, err = sql.Open("sqlite", dsn(":memory:", "immediate", false, "OFF")); err != nil {
			return err
		}
		db.write.SetMaxOpenConns(1) // each connection would have a database of its own
		db.read = db.write
		return nil
	}
	// SQLite would make the file readable by everybody; the files beside it inherit its mode.
	f, err := os.OpenFile(c.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	synchronous := "NORMAL"
	if c.Sync {
		synchronous = "FULL"
	}
	if db.write, err = sql.Open("sqlite", dsn(c.Path, "immediate", false, synchronous)); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", dsn(c.Path, "deferred", true, synchronous)); err != nil {
		return errors.Join(err, db.write.Close())
	}
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	return nil
}

// readers is the number of connections that read. SQLite serves a read from the page cache in tens of
// microseconds, so a few are enough for every core.
const readers = 8

func dsn(path, lock string, readOnly bool, synchronous string) string {
	v := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(10000)",
		"journal_mode(WAL)",
		"synchronous(" + synchronous + ")",
		"foreign_keys(1)",
	}}
	if readOnly {
		v.Add("_pragma", "query_only(1)")
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: v.Encode()}
	return u.String()
}

// Close ends all connections. Transactions still running fail.
func (db *DB) Close() error {
	err := db.write.Close()
	if db.read != db.write {
		err = errors.Join(db.read.Close(), err)
	}
	return err
}

// View runs f in a transaction that sees one state of the database and changes nothing. f must not start another
// transaction: in memory it would wait for itself.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	return db.run(ctx, db.read, f)
}

// Update runs f in a transaction of its own and commits it when f returns nil. When Update has returned
// nil the change survives kill -9; when it returns an error nothing has changed. Updates run one at a
// time: f must not wait for anything, least of all for another Update.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) error {
	return db.run(ctx, db.write, f)
}

func (db *DB) run(ctx context.Context, pool *sql.DB, f func(*Tx) error) error {
	conn, err := pool.Conn(ctx) // the only wait, and the only place where a caller may give up
	if err != nil {
		return err
	}
	defer conn.Close()
	// A cancelled transaction would be rolled back from another goroutine, and in memory could take
	// the connection and with it the database along. They are short; let them end.
	ctx = context.WithoutCancel(ctx)
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer sqlTx.Rollback() // after a commit this does nothing; after a panic it frees the writer
	if err := f(&Tx{ctx: ctx, tx: sqlTx}); err != nil {
		return err
	}
	return sqlTx.Commit()
}

// A Tx is a running transaction. Its methods are grouped by noun in the files of this package; they are
// to be called by one goroutine.
type Tx struct {
	ctx context.Context
	tx  statements
}

// statements is the part of *sql.Tx that runs statements; tests look at their query plans here.
type statements interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func (tx *Tx) exec(query string, args ...any) (rows int64, err error) {
	r, err := tx.tx.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// create runs an INSERT ... ON CONFLICT DO NOTHING.
func (tx *Tx) create(query string, args ...any) error {
	if n, err := tx.exec(query, args...); err != nil {
		return err
	} else if n == 0 {
		return ErrExists
	}
	return nil
}

// change runs an UPDATE or DELETE of one row.
func (tx *Tx) change(query string, args ...any) error {
	if n, err := tx.exec(query, args...); err != nil {
		return err
	} else if n == 0 {
		return ErrNotFound
	}
	return nil
}

// scanner is a row: *sql.Row or *sql.Rows.
type scanner interface{ Scan(...any) error }

// one reads one row with scan.
func one[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(tx.tx.QueryRowContext(tx.ctx, query, args...))
	if err != nil {
		var none T // not what scan was given to fill
		if errors.Is(err, sql.ErrNoRows) {
			err = ErrNotFound
		}
		return none, err
	}
	return v, nil
}

// all reads all rows with scan.
func all[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.tx.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

func scanString(r scanner) (s string, err error) { return s, r.Scan(&s) }

func scanInt(r scanner) (n int64, err error) { return n, r.Scan(&n) }

// millis reads and writes a time as Unix milliseconds.
type millis struct{ *time.Time }

func (m millis) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time is a %T, want Unix milliseconds", src)
	}
	*m.Time = time.UnixMilli(n).UTC()
	return nil
}
