-- The topics that the journal is published to. Partitions are never added to one: the next generation takes its place, and begins
-- with the first event again, so that a topic always has each owner's events in their order, in one partition.
CREATE TABLE es.kafka_topics (
    -- The name that is configured.
    family     text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    topic      text COLLATE "C" NOT NULL UNIQUE,
    partitions integer NOT NULL CHECK (partitions > 0),
    -- Everything up to here is in it.
    position   bigint NOT NULL DEFAULT 0,
    made_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (family, generation)
);

-- How far each subscription has come in each partition: of the events in it, all up to the position are done (or parked). What a
-- crash or a rebalance delivers again is known by it.
CREATE TABLE es.kafka_marks (
    subscription text COLLATE "C" NOT NULL,
    topic        text COLLATE "C" NOT NULL,
    partition    integer NOT NULL,
    position     bigint NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription, topic, partition)
);
