-- What is being added is served and kept up to date only once it is known to be right; what somebody left who was killed
-- meanwhile is removed.
ALTER TABLE custom.statements ADD COLUMN verified boolean NOT NULL DEFAULT true;
ALTER TABLE custom.statements ALTER COLUMN verified DROP DEFAULT;

-- Long keys are hashes now, and empty sums have an index: whatever is kept up to date by batches is computed anew, as after a
-- rebuild of the read tables.
UPDATE custom.statements SET generation = 9223372036854775807 WHERE every_seconds IS NULL AND generation >= 0;
