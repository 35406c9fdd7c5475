-- Keys, each wrapped by the master key, which is not in the database.
-- A row without a key is a tombstone: whose it was is forgotten, and it is never made again.
CREATE TABLE es.keys (
    -- 'owner' (name: the owner's id), 'secret' or 'index' (name: what for), 'master' (name: 'check').
    scope   text COLLATE "C" NOT NULL,
    name    text COLLATE "C" NOT NULL,
    wrapped bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, name)
);
