CREATE TABLE role_aliases (
	account  TEXT   NOT NULL,
	region   TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	role     TEXT   NOT NULL, -- ARN
	duration BIGINT NOT NULL, -- of credentials, in seconds
	created  BIGINT NOT NULL,
	modified BIGINT NOT NULL,
	PRIMARY KEY (account, region, name)
);
CREATE INDEX role_aliases_created ON role_aliases (account, region, created, name);

-- What a client has set for its account as a whole: event configurations, logging options.
CREATE TABLE account_settings (
	account  TEXT   NOT NULL,
	region   TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	document TEXT   NOT NULL, -- JSON
	created  BIGINT NOT NULL,
	modified BIGINT NOT NULL,
	PRIMARY KEY (account, region, name)
);
