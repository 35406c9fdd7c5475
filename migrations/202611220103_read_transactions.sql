-- Trigrams find a piece of text, btree_gin lets a book's id stand in the same index. Both are trusted extensions.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

-- Transactions as they were from `from_position` (inclusive) to `to_position` (exclusive).
CREATE TABLE read.transactions (
    id            uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position   bigint NOT NULL,
    book_id       uuid NOT NULL,
    booked_on     date NOT NULL,
    -- The amount of the simple view in ten-thousandths of the currency's unit, so that currencies of different digits
    -- compare as numbers.
    amount_scaled bigint NOT NULL,
    voided        boolean NOT NULL,
    -- Accounts and categories of its postings, each once.
    targets       uuid[] NOT NULL,
    document_id   uuid,
    -- Merchant and note in lower case.
    search        text NOT NULL,
    -- The stream's version.
    version       bigint NOT NULL,
    -- The answer, as JSON: a page of a list is these, joined by commas.
    body          text NOT NULL,
    PRIMARY KEY (id, from_position)
);
-- The positions stand in the indexes so that `at=` is decided there, without a look at the rows.
CREATE INDEX transactions_booked ON read.transactions (book_id, booked_on, id, to_position, from_position);
CREATE INDEX transactions_amount ON read.transactions (book_id, amount_scaled, id, to_position, from_position);
CREATE INDEX transactions_voided ON read.transactions (book_id, booked_on, id) WHERE voided;
CREATE INDEX transactions_document ON read.transactions (document_id) WHERE document_id IS NOT NULL;
-- For what is rare: a piece of text, or an account and a category together.
CREATE INDEX transactions_search ON read.transactions USING gin (book_id, targets, search gin_trgm_ops)
    WITH (gin_pending_list_limit = 2048);

-- Their postings: a new set whenever one of them, the day or the voiding changes.
CREATE TABLE read.postings (
    transaction_id uuid NOT NULL,
    number         integer NOT NULL,
    from_position  bigint NOT NULL,
    to_position    bigint NOT NULL,
    -- The account or category, after merges.
    target_id      uuid NOT NULL,
    is_account     boolean NOT NULL,
    -- The first posting of the transaction with this target: a list of the target's transactions takes these.
    lead           boolean NOT NULL,
    amount_minor   bigint NOT NULL,
    currency       text NOT NULL,
    booked_on      date NOT NULL,
    voided         boolean NOT NULL,
    PRIMARY KEY (transaction_id, from_position, number)
);
CREATE INDEX postings_target ON read.postings (target_id, booked_on, transaction_id, to_position, from_position);
