-- Documents and imports as they are now; how they came to be so, their streams tell. `body`: the answer, as JSON.
CREATE TABLE read.documents (
    id                uuid PRIMARY KEY,
    book_id           uuid NOT NULL,
    uploaded_position bigint NOT NULL,
    position          bigint NOT NULL,
    status            text NOT NULL,
    kind              text,
    body              text NOT NULL
);
CREATE INDEX documents_book ON read.documents (book_id, uploaded_position);
CREATE INDEX documents_status ON read.documents (book_id, status, uploaded_position);

CREATE TABLE read.imports (
    id            uuid PRIMARY KEY,
    book_id       uuid NOT NULL,
    document_id   uuid NOT NULL,
    read_position bigint NOT NULL,
    position      bigint NOT NULL,
    status        text NOT NULL,
    body          text NOT NULL
);
CREATE INDEX imports_book ON read.imports (book_id, read_position);
CREATE INDEX imports_document ON read.imports (document_id, read_position);
