-- How many records each partition has had at least, from partition 0 on, written down together with the position. A partition that ends
-- earlier has lost some: nobody may take it for read to its end. Where nothing is written down, nothing is known.
ALTER TABLE es.kafka_topics ADD COLUMN ends bigint[] NOT NULL DEFAULT '{}';
