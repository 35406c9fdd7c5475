-- States of long streams, sealed, so that they need not be folded from their first event. Nothing of them is the truth: all rows
-- can be deleted at any time.
CREATE TABLE es.snapshots (
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    -- The last event that it tells of.
    sequence       bigint NOT NULL,
    -- Which form the state has: one of another form is as good as none.
    form           integer NOT NULL,
    owner_id       uuid NOT NULL,
    state          bytea NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (aggregate_type, aggregate_id)
);
CREATE INDEX snapshots_owner ON es.snapshots (owner_id);
