-- Tags of any resource, by its ARN. They go when the resource goes.
CREATE TABLE tags (
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	arn     TEXT NOT NULL,
	key     TEXT NOT NULL,
	value   TEXT NOT NULL,
	PRIMARY KEY (account, region, arn, key)
);
