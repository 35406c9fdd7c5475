-- What was spent and earned per month, category and currency, as it is now: a summary reads these few rows.
CREATE TABLE read.summary (
    book_id       uuid NOT NULL,
    -- The first day of the month.
    month         date NOT NULL,
    category_id   uuid NOT NULL,
    currency      text NOT NULL,
    from_position bigint NOT NULL,
    -- From the accounts' side: earned is positive, spent is negative.
    income_minor  bigint NOT NULL,
    expense_minor bigint NOT NULL,
    count         bigint NOT NULL,
    PRIMARY KEY (book_id, month, category_id, currency)
) WITH (fillfactor = 70);

-- And as it was: each cell's value from one position to another.
CREATE TABLE read.summary_versions (
    book_id       uuid NOT NULL,
    month         date NOT NULL,
    category_id   uuid NOT NULL,
    currency      text NOT NULL,
    from_position bigint NOT NULL,
    to_position   bigint NOT NULL,
    income_minor  bigint NOT NULL,
    expense_minor bigint NOT NULL,
    count         bigint NOT NULL,
    PRIMARY KEY (book_id, month, category_id, currency, from_position)
) WITH (fillfactor = 90);
