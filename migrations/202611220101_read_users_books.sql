-- People and books as they are now. `position`: the last event applied; `body`: the answer, as JSON.
CREATE TABLE read.users (
    id       uuid PRIMARY KEY,
    position bigint NOT NULL,
    body     text NOT NULL
);

CREATE TABLE read.books (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    opened_position bigint NOT NULL,
    position        bigint NOT NULL,
    body            text NOT NULL
);
CREATE INDEX books_user ON read.books (user_id, opened_position);
