-- Payload and metadata of old events can stand in files of the object store: the table keeps their leaves of the tree instead.
ALTER TABLE es.events
    ALTER COLUMN payload DROP NOT NULL,
    ALTER COLUMN metadata DROP NOT NULL,
    ADD COLUMN leaf bytea,
    ADD CONSTRAINT events_whole_or_moved
        CHECK ((payload IS NULL) = (leaf IS NOT NULL) AND (metadata IS NULL) = (leaf IS NOT NULL)) NOT VALID;

-- The files, each with all events of a range of positions. Insert-only; the ranges follow each other without a gap.
CREATE TABLE es.archives (
    first_position bigint PRIMARY KEY,
    last_position  bigint NOT NULL CHECK (last_position >= first_position),
    object         text NOT NULL,
    bytes          bigint NOT NULL,
    -- SHA-256 of the file.
    hash           bytea NOT NULL,
    archived_at    timestamptz NOT NULL DEFAULT now()
);
