-- The first schema. Every resource is scoped by account and region, which lead its primary key.
-- Times are Unix milliseconds. Lists are read by the keys of their indexes, see page.go.

CREATE TABLE accounts (
	id      TEXT   NOT NULL PRIMARY KEY,
	created BIGINT NOT NULL
);

CREATE TABLE access_keys (
	id        TEXT   NOT NULL PRIMARY KEY,
	account   TEXT   NOT NULL REFERENCES accounts (id),
	secret    TEXT   NOT NULL,
	user_id   TEXT   NOT NULL,
	user_name TEXT   NOT NULL,
	status    TEXT   NOT NULL,
	created   BIGINT NOT NULL
);
CREATE INDEX access_keys_account ON access_keys (account);

-- What the server made for itself: the key and certificate of its issuing CA, for instance.
CREATE TABLE settings (
	account TEXT  NOT NULL,
	region  TEXT  NOT NULL,
	name    TEXT  NOT NULL,
	value   BYTEA NOT NULL,
	PRIMARY KEY (account, region, name)
);

-- The first label of the host names of a scope: a client's server name tells the account.
CREATE TABLE endpoints (
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	prefix  TEXT NOT NULL UNIQUE,
	PRIMARY KEY (account, region)
);

CREATE TABLE registration_codes (
	account TEXT   NOT NULL,
	region  TEXT   NOT NULL,
	code    TEXT   NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (account, region)
);

CREATE TABLE ca_certificates (
	account           TEXT   NOT NULL,
	region            TEXT   NOT NULL,
	id                TEXT   NOT NULL,
	pem               TEXT   NOT NULL,
	subject           BYTEA  NOT NULL, -- DER of the distinguished name
	status            TEXT   NOT NULL,
	auto_registration TEXT   NOT NULL,
	mode              TEXT   NOT NULL,
	customer_version  BIGINT NOT NULL,
	generation_id     TEXT   NOT NULL,
	not_before        BIGINT NOT NULL,
	not_after         BIGINT NOT NULL,
	created           BIGINT NOT NULL,
	modified          BIGINT NOT NULL,
	PRIMARY KEY (account, region, id)
);
CREATE INDEX ca_certificates_created ON ca_certificates (account, region, created, id);
CREATE INDEX ca_certificates_id ON ca_certificates (id, region, account);
CREATE INDEX ca_certificates_subject ON ca_certificates (subject);

CREATE TABLE certificates (
	account          TEXT   NOT NULL,
	region           TEXT   NOT NULL,
	id               TEXT   NOT NULL,
	pem              TEXT   NOT NULL,
	ca_id            TEXT   NOT NULL, -- empty: issued here or registered without a CA
	status           TEXT   NOT NULL,
	mode             TEXT   NOT NULL,
	customer_version BIGINT NOT NULL,
	generation_id    TEXT   NOT NULL,
	not_before       BIGINT NOT NULL,
	not_after        BIGINT NOT NULL,
	created          BIGINT NOT NULL,
	modified         BIGINT NOT NULL,
	PRIMARY KEY (account, region, id)
);
CREATE INDEX certificates_id ON certificates (id, account, region);
CREATE INDEX certificates_created ON certificates (account, region, created, id);
CREATE INDEX certificates_ca ON certificates (account, region, ca_id, created, id);

CREATE TABLE policies (
	account         TEXT   NOT NULL,
	region          TEXT   NOT NULL,
	name            TEXT   NOT NULL,
	default_version BIGINT NOT NULL,
	last_version    BIGINT NOT NULL, -- numbers are never used again
	generation_id   TEXT   NOT NULL,
	created         BIGINT NOT NULL,
	modified        BIGINT NOT NULL,
	PRIMARY KEY (account, region, name)
);
CREATE INDEX policies_created ON policies (account, region, created, name);

CREATE TABLE policy_versions (
	account  TEXT   NOT NULL,
	region   TEXT   NOT NULL,
	policy   TEXT   NOT NULL,
	version  BIGINT NOT NULL,
	document TEXT   NOT NULL,
	created  BIGINT NOT NULL,
	PRIMARY KEY (account, region, policy, version),
	FOREIGN KEY (account, region, policy) REFERENCES policies (account, region, name) ON DELETE CASCADE
);

-- A target is the ARN of a certificate. No foreign key: thing groups and Cognito identities are targets too.
CREATE TABLE policy_attachments (
	account TEXT   NOT NULL,
	region  TEXT   NOT NULL,
	target  TEXT   NOT NULL,
	policy  TEXT   NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (account, region, target, policy),
	FOREIGN KEY (account, region, policy) REFERENCES policies (account, region, name)
);
CREATE INDEX policy_attachments_policy ON policy_attachments (account, region, policy, target);

CREATE TABLE things (
	account    TEXT   NOT NULL,
	region     TEXT   NOT NULL,
	name       TEXT   NOT NULL,
	id         TEXT   NOT NULL,
	attributes TEXT   NOT NULL, -- JSON object of strings
	version    BIGINT NOT NULL,
	created    BIGINT NOT NULL,
	PRIMARY KEY (account, region, name)
);

-- The attributes again, to find things by them.
CREATE TABLE thing_attributes (
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	name    TEXT NOT NULL,
	value   TEXT NOT NULL,
	thing   TEXT NOT NULL,
	PRIMARY KEY (account, region, name, value, thing),
	FOREIGN KEY (account, region, thing) REFERENCES things (account, region, name) ON DELETE CASCADE
);
CREATE INDEX thing_attributes_thing ON thing_attributes (account, region, thing);

-- A principal is the ARN of a certificate.
CREATE TABLE thing_principals (
	account   TEXT    NOT NULL,
	region    TEXT    NOT NULL,
	thing     TEXT    NOT NULL,
	principal TEXT    NOT NULL,
	exclusive BOOLEAN NOT NULL,
	created   BIGINT  NOT NULL,
	PRIMARY KEY (account, region, thing, principal),
	FOREIGN KEY (account, region, thing) REFERENCES things (account, region, name)
);
CREATE INDEX thing_principals_principal ON thing_principals (account, region, principal, thing);

CREATE TABLE topic_rules (
	account TEXT    NOT NULL,
	region  TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	payload TEXT    NOT NULL, -- JSON, the business of package rules
	enabled BOOLEAN NOT NULL,
	created BIGINT  NOT NULL,
	PRIMARY KEY (account, region, name)
);

CREATE TABLE functions (
	account TEXT  NOT NULL,
	region  TEXT  NOT NULL,
	name    TEXT  NOT NULL,
	config  TEXT  NOT NULL, -- JSON, the business of package function
	code    BYTEA NOT NULL, -- the zip file
	PRIMARY KEY (account, region, name)
);
