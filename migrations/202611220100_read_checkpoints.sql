-- What the read side knows. Everything in this schema is made from the journal and can be thrown away: the projections
-- make it again. It holds clear text.
CREATE SCHEMA read;

-- How far each group of projections has come. It commits together with the rows.
CREATE TABLE read.checkpoints (
    name       text COLLATE "C" PRIMARY KEY,
    position   bigint NOT NULL,
    -- Counts the rebuilds: a runner that began on other tables must begin again.
    generation bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
