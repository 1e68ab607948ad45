package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate runs the numbered files that this database has not seen, each in one transaction with the note
// that it ran.
func (db *DB) migrate(ctx context.Context) error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // 0001_start.sql, ...: in order
	if err != nil {
		return err
	}
	return db.Update(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)`); err != nil {
			return err
		}
		at, err := one(tx, scanInt, `SELECT COALESCE(MAX(version), 0) FROM schema_version`)
		if err != nil {
			return err
		}
		if at > int64(len(files)) {
			return fmt.Errorf("it was written by a newer thingward (schema %d, this program knows %d): use that one", at, len(files))
		}
		for i, file := range files[at:] {
			version := at + int64(i) + 1
			text, err := migrations.ReadFile(file)
			if err != nil {
				return err
			}
			if _, err := tx.exec(string(text)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if _, err := tx.exec(`INSERT INTO schema_version (version) VALUES ($1)`, version); err != nil {
				return err
			}
			db.log.Debug("database migrated", "schema", version)
		}
		return nil
	})
}
