-- The transfer of a certificate to another account of the region, which is the last that was offered.
ALTER TABLE certificates ADD COLUMN previous_owner TEXT NOT NULL DEFAULT ''; -- account; empty: it was never transferred
ALTER TABLE certificates ADD COLUMN transfer_to TEXT NOT NULL DEFAULT '';    -- account; empty: it was never offered
ALTER TABLE certificates ADD COLUMN transfer TEXT NOT NULL DEFAULT '{}';     -- JSON
CREATE INDEX certificates_status ON certificates (account, region, status, created, id);
