-- What a projection of one's own is made of, and nothing else: its statement runs as a role that can read these views.
--
-- `versions`: each row from `from_position` (inclusive) to `to_position` (exclusive). `analytics`: those that hold now. An id has
-- the same name wherever it stands, so that tables can be joined by USING. What only signs people in (addresses, sessions)
-- is in none of them. A rebuild swaps the tables beneath, and takes all views on them along.
CREATE SCHEMA versions;
CREATE SCHEMA analytics;

CREATE VIEW versions.accounts AS
SELECT id AS account_id, book_id, kind, currency, name, number, closed, balance_minor, opened_at, from_position, to_position
FROM read.accounts;

CREATE VIEW versions.categories AS
SELECT id AS category_id, book_id, kind, name, merged_into, created_at, from_position, to_position
FROM read.categories;

CREATE VIEW versions.transactions AS
SELECT id AS transaction_id, book_id, booked_on, booked_on - (extract(day FROM booked_on)::integer - 1) AS month,
    body::json ->> 'merchant' AS merchant, body::json ->> 'note' AS note,
    -- The simple view: the amount on the first account, and the category where there is exactly one.
    replace(body::json ->> 'amount', '.', '')::bigint AS amount_minor, body::json ->> 'currency' AS currency,
    right(body::json ->> 'account', 32)::uuid AS account_id, right(body::json ->> 'category', 32)::uuid AS category_id,
    voided, document_id, from_position, to_position
FROM read.transactions;

-- The book of a posting is that of its transaction.
CREATE VIEW versions.postings AS
SELECT transaction_id, number, CASE WHEN is_account THEN target_id END AS account_id,
    CASE WHEN NOT is_account THEN target_id END AS category_id, amount_minor, currency, booked_on,
    booked_on - (extract(day FROM booked_on)::integer - 1) AS month, voided, from_position, to_position
FROM read.postings;

CREATE VIEW versions.summary AS
SELECT book_id, month, category_id, currency, income_minor, expense_minor, count, from_position, to_position
FROM read.summary_versions;

CREATE VIEW analytics.accounts AS
SELECT account_id, book_id, kind, currency, name, number, closed, balance_minor, opened_at
FROM versions.accounts WHERE to_position = 9223372036854775807;

CREATE VIEW analytics.categories AS
SELECT category_id, book_id, kind, name, merged_into, created_at
FROM versions.categories WHERE to_position = 9223372036854775807;

CREATE VIEW analytics.transactions AS
SELECT transaction_id, book_id, booked_on, month, merchant, note, amount_minor, currency, account_id, category_id, voided, document_id
FROM versions.transactions WHERE to_position = 9223372036854775807;

CREATE VIEW analytics.postings AS
SELECT transaction_id, number, account_id, category_id, amount_minor, currency, booked_on, month, voided
FROM versions.postings WHERE to_position = 9223372036854775807;

CREATE VIEW analytics.summary AS
SELECT book_id, month, category_id, currency, income_minor, expense_minor, count
FROM read.summary;

CREATE VIEW analytics.books AS
SELECT id AS book_id, user_id, body::json ->> 'name' AS name, (body::json ->> 'opened_at')::timestamptz AS opened_at
FROM read.books;

CREATE VIEW analytics.documents AS
SELECT id AS document_id, book_id, body::json ->> 'name' AS name, body::json ->> 'media_type' AS media_type, status, kind,
    (body::json ->> 'uploaded_at')::timestamptz AS uploaded_at, (body::json ->> 'changed_at')::timestamptz AS changed_at
FROM read.documents;

CREATE VIEW analytics.imports AS
SELECT id AS import_id, book_id, document_id, status, right(body::json ->> 'account', 32)::uuid AS account_id,
    (body::json ->> 'lines_count')::bigint AS lines_count, (body::json ->> 'new_count')::bigint AS new_count,
    (body::json ->> 'read_at')::timestamptz AS read_at
FROM read.imports;

-- Projections of one's own: what they are, and how far each has come. Their rows stand in tables of `custom_rows`.
CREATE SCHEMA custom;
CREATE SCHEMA custom_rows;

CREATE TABLE custom.statements (
    name          text COLLATE "C" PRIMARY KEY,
    statement     text NOT NULL,
    -- Names and types of what it shows, in their order.
    columns       text[] NOT NULL,
    types         text[] NOT NULL,
    -- How often it is computed anew; null where each batch of events changes what it has to.
    every_seconds bigint CHECK (every_seconds > 0),
    -- Whether it reads the views of events, in which nothing is of what was archived.
    reads_events  boolean NOT NULL,
    -- The journal's position that the rows are of, and what else they rest on: rebuilds of the read tables, owners forgotten.
    position      bigint NOT NULL DEFAULT 0,
    generation    bigint NOT NULL DEFAULT -1,
    tombstones    bigint NOT NULL DEFAULT -1,
    refreshed_at  timestamptz,
    -- What went wrong the last time; null when nothing did.
    failure       text,
    paused_at     timestamptz,
    added_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
