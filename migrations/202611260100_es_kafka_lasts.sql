-- The position of the last record of each partition, from partition 0 on, written down together with the position: each record says
-- which one was before it. Where nothing is written down, there was none, or it is not known.
ALTER TABLE es.kafka_topics ADD COLUMN lasts bigint[] NOT NULL DEFAULT '{}';
