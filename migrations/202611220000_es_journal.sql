-- The journal: every event that ever happened, and the heads of its Merkle tree.
CREATE SCHEMA es;

-- The first seven columns are those of postgres-es, which must always be able to read this table. Payload and metadata are
-- `json`, not `jsonb`: their bytes are hashed, so they must stay as they were written.
-- Keys are compared bytewise: faster than by a language's rules, and the same on every machine.
CREATE TABLE es.events (
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence > 0),
    event_type     text COLLATE "C" NOT NULL,
    event_version  text COLLATE "C" NOT NULL,
    payload        json NOT NULL,
    metadata       json NOT NULL,
    -- 1, 2, 3, … in the order of commits, without a gap.
    position       bigint NOT NULL,
    -- The book or the user whose event it is: whose key seals it, and who may read it.
    owner_id       uuid NOT NULL,
    -- On the first event of each command alone.
    command_id     uuid,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE UNIQUE INDEX events_position ON es.events (position);
CREATE UNIQUE INDEX events_command ON es.events (command_id) WHERE command_id IS NOT NULL;
CREATE INDEX events_owner ON es.events (owner_id, position);

-- One row per commit, never changed: the newest is the head. (A single row that moves would bloat while a long snapshot is open.)
CREATE TABLE es.commits (
    -- How many events there are: the position of the last.
    size        bigint PRIMARY KEY,
    -- Root of the tree over the leaves 1 to size, as in RFC 9162.
    root        bytea NOT NULL,
    -- The roots of the perfect subtrees that the tree is made of, largest first, 32 bytes each: enough to go on.
    frontier    bytea NOT NULL,
    recorded_at timestamptz NOT NULL
);

-- A whole batch in one call. The caller has judged, numbered and hashed it on a guess: that the head is still
-- (head_size, head_root), the claimed streams are at the claimed versions, and no command of it is known. If so it is written and
-- the answer is true; else nothing is, and the answer is false.
-- The lock comes first, in a statement of its own: each statement of a volatile function takes a snapshot of its own at
-- READ COMMITTED, so what is checked afterwards is what all writers before have committed.
-- That a stream which is created does not exist yet may be left to the unique index.
-- Each statement costs about 20 µs, hence as few as possible; announcing costs 150, hence only now and then.
CREATE FUNCTION es.append(
    head_size bigint, head_root bytea,
    claim_types text[], claim_ids text[], claim_versions bigint[], fresh_commands uuid[],
    types text[], ids text[], sequences bigint[], event_types text[], event_versions text[],
    payloads json[], metadatas json[], owners uuid[], commands uuid[],
    new_size bigint, new_root bytea, new_frontier bytea, at timestamptz, announce boolean
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    holds boolean;
BEGIN
    holds := pg_advisory_xact_lock(6003374505740488519) IS NULL;
    SELECT coalesce(
            (SELECT c.size = head_size AND c.root = head_root FROM es.commits c ORDER BY c.size DESC LIMIT 1), head_size = 0)
        AND NOT EXISTS (
            SELECT FROM unnest(claim_types, claim_ids, claim_versions) AS k (t, i, v)
            WHERE k.v <> coalesce((SELECT e.sequence FROM es.events e
                WHERE e.aggregate_type = k.t AND e.aggregate_id = k.i ORDER BY e.sequence DESC LIMIT 1), 0))
        AND NOT EXISTS (SELECT FROM es.events e WHERE e.command_id = ANY (fresh_commands))
        INTO holds;
    IF NOT holds THEN
        RETURN false;
    END IF;
    WITH head AS (INSERT INTO es.commits (size, root, frontier, recorded_at) VALUES (new_size, new_root, new_frontier, at))
    INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
        position, owner_id, command_id, recorded_at)
    SELECT unnest(types), unnest(ids), unnest(sequences), unnest(event_types), unnest(event_versions), unnest(payloads),
        unnest(metadatas), generate_series(head_size + 1, new_size), unnest(owners), unnest(commands), at;
    IF announce THEN
        PERFORM pg_notify('spendlog_journal', new_size::text);
    END IF;
    RETURN true;
END $$;

-- The last position recorded at or before a time; 0 before the first. Times never go back, so halving finds it without an index.
CREATE FUNCTION es.position_at(at timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint := coalesce((SELECT max(c.size) FROM es.commits c), 0);
    middle bigint;
    found_size bigint;
    found_at timestamptz;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT c.size, c.recorded_at INTO found_size, found_at FROM es.commits c WHERE c.size >= middle ORDER BY c.size LIMIT 1;
        IF found_at <= at THEN
            low := found_size;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;
