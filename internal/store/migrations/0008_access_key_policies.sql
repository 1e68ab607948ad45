-- What an access key may do: a policy in the form of IAM, empty when it may do nothing. The keys that
-- existed before could do everything, and still can.
ALTER TABLE access_keys ADD COLUMN policy TEXT NOT NULL DEFAULT '';
UPDATE access_keys SET policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
CREATE UNIQUE INDEX access_keys_user ON access_keys (user_id);
