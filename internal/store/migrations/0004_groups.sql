-- Thing groups. The parent of a group never changes, so its path is kept: the names from the root to the group,
-- joined by slashes, which no name has. What is below a group has its path with a slash for a prefix.
CREATE TABLE thing_groups (
	account     TEXT   NOT NULL,
	region      TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	parent      TEXT   NOT NULL, -- empty: none
	path        TEXT   NOT NULL,
	description TEXT   NOT NULL,
	attributes  TEXT   NOT NULL, -- JSON object of strings
	version     BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	PRIMARY KEY (account, region, name),
	UNIQUE (account, region, path)
);
CREATE INDEX thing_groups_parent ON thing_groups (account, region, parent, path);

CREATE TABLE thing_group_things (
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	path    TEXT NOT NULL, -- of the group
	thing   TEXT NOT NULL,
	PRIMARY KEY (account, region, path, thing),
	FOREIGN KEY (account, region, path) REFERENCES thing_groups (account, region, path) ON DELETE CASCADE,
	FOREIGN KEY (account, region, thing) REFERENCES things (account, region, name) ON DELETE CASCADE
);
CREATE INDEX thing_group_things_thing ON thing_group_things (account, region, thing, path);

CREATE TABLE billing_groups (
	account     TEXT   NOT NULL,
	region      TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	description TEXT   NOT NULL,
	version     BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	PRIMARY KEY (account, region, name)
);

-- A thing is in one billing group, or in none, the empty one.
ALTER TABLE things ADD COLUMN billing_group TEXT NOT NULL DEFAULT '';
CREATE INDEX things_billing_group ON things (account, region, billing_group, name);
