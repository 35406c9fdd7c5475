-- A row holds from `from_position` (inclusive) to `to_position` (exclusive); the one that holds now ends at the largest bigint.
--
-- An account's balance is versioned with it rather than summed from postings: as of any position it is one probe of the
-- primary key, however many postings there are.
CREATE TABLE read.accounts (
    id              uuid NOT NULL,
    from_position   bigint NOT NULL,
    to_position     bigint NOT NULL,
    book_id         uuid NOT NULL,
    opened_position bigint NOT NULL,
    opened_at       timestamptz NOT NULL,
    -- The last event of the account's own stream that was applied, and its number there.
    event_position  bigint NOT NULL,
    version         bigint NOT NULL,
    changed_at      timestamptz NOT NULL,
    kind            text NOT NULL,
    currency        text NOT NULL,
    name            text,
    number          text,
    forgotten       boolean NOT NULL,
    closed          boolean NOT NULL,
    balance_minor   bigint NOT NULL,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX accounts_book ON read.accounts (book_id, opened_position) WHERE to_position = 9223372036854775807;

CREATE TABLE read.categories (
    id               uuid NOT NULL,
    from_position    bigint NOT NULL,
    to_position      bigint NOT NULL,
    book_id          uuid NOT NULL,
    created_position bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    version          bigint NOT NULL,
    changed_at       timestamptz NOT NULL,
    kind             text NOT NULL,
    name             text,
    forgotten        boolean NOT NULL,
    merged_into      uuid,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX categories_book ON read.categories (book_id, created_position) WHERE to_position = 9223372036854775807;
