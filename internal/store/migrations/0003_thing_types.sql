-- Thing types. A thing without a type has the empty one.
CREATE TABLE thing_types (
	account     TEXT   NOT NULL,
	region      TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	description TEXT   NOT NULL,
	searchable  TEXT   NOT NULL, -- JSON array of attribute names
	deprecated  BIGINT NOT NULL, -- 0: it is not
	created     BIGINT NOT NULL,
	PRIMARY KEY (account, region, name)
);

ALTER TABLE things ADD COLUMN type TEXT NOT NULL DEFAULT '';
CREATE INDEX things_type ON things (account, region, type, name);
