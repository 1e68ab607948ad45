CREATE TABLE domain_configurations (
	account  TEXT   NOT NULL,
	region   TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	id       TEXT   NOT NULL, -- the end of its ARN
	domain   TEXT   NOT NULL, -- empty: the server's own
	settings TEXT   NOT NULL, -- JSON
	enabled  BOOLEAN NOT NULL,
	created  BIGINT NOT NULL,
	switched BIGINT NOT NULL, -- when it was last enabled or disabled
	PRIMARY KEY (account, region, name)
);
CREATE INDEX domain_configurations_created ON domain_configurations (account, region, created, name);
