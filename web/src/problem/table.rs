//! The one table of problems: code, status, title and what to do about it.

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal $advice:literal;)*) => {
        /// What kind of problem it is. The code is stable: programs may rely on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {$(
            #[doc = concat!($status, " `", $code, "`: ", $advice)]
            $name,
        )*}

        impl Code {
            /// All codes, in the order of their statuses.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name: `not-found`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What kind of problem it is, in words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means and what a client can do.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

codes! {
    BadRequest "bad-request" 400 "Bad request" "The request is no valid HTTP request of this API. Don't send it again as it is.";
    MalformedJson "malformed-json" 400 "Malformed JSON" "The body is not JSON. Don't send it again as it is.";
    MalformedMultipart "malformed-multipart" 400 "Malformed upload" "The body is no `multipart/form-data` with the parts that an upload has, `file` last.";
    InvalidHeader "invalid-header" 400 "Invalid header" "`If-Match`, `Idempotency-Key`, `Spendlog-Position` or `Last-Event-ID` is not of the form that this API understands.";
    InvalidQuery "invalid-query" 400 "Invalid query" "The query string has a parameter that this operation does not know, or a value that does not fit.";
    Unauthenticated "unauthenticated" 401 "Not signed in" "The access token is missing, wrong or expired. Get another one with the refresh token, or sign in.";
    InvalidCredentials "invalid-credentials" 401 "Wrong e-mail address or password" "The address and the password don't belong together. Which of them is wrong is not told.";
    SessionEnded "session-ended" 401 "Session ended" "The refresh token is wrong or expired, or its session ended with a change of the password. Sign in again.";
    Forbidden "forbidden" 403 "Not allowed" "The caller's role does not allow it.";
    NotFound "not-found" 404 "Not found" "There is no such thing, or not for this caller.";
    MethodNotAllowed "method-not-allowed" 405 "Method not allowed" "The path exists, but not with this method; `Allow` names those that it has.";
    NotAcceptable "not-acceptable" 406 "Not acceptable" "The operation can't answer in a form that `Accept` names.";
    RequestTimeout "request-timeout" 408 "Request took too long" "The request did not arrive in time. Send it again.";
    EmailTaken "email-taken" 409 "E-mail address is taken" "Somebody has registered with this address. Sign in, or use another one.";
    AlreadyExists "already-exists" 409 "Exists already" "It was created before.";
    AccountClosed "account-closed" 409 "Account is closed" "Nothing can be recorded in a closed account, nor can it be changed.";
    CategoryMerged "category-merged" 409 "Category is merged" "The category was merged into another one. Use that one.";
    CategoryFixed "category-fixed" 409 "Category can't be merged" "The category for what nobody knows yet stays, and categories are merged only into others of their kind.";
    TransactionVoided "transaction-voided" 409 "Transaction is voided" "A voided transaction can be restored, and nothing else.";
    TransactionNotSimple "transaction-not-simple" 409 "Transaction has no simple view" "The transaction has several postings, so one amount or one category does not say which is meant. Name them in `postings`.";
    DocumentNotLocked "document-not-locked" 409 "Document is not locked" "The document waits for no password.";
    DocumentNotReady "document-not-ready" 409 "Document is not ready" "The document is still being read. Wait for its next step.";
    DocumentIncomplete "document-incomplete" 409 "Document is incomplete" "A field that a transaction needs is missing or can't be recorded. Correct it first.";
    DocumentFinished "document-finished" 409 "Document is finished" "The document is confirmed, rejected or given up. What follows from it is corrected there.";
    ImportAccepted "import-accepted" 409 "Import is accepted elsewhere" "The lines stand in another account. Revert the import first.";
    ImportNotAccepted "import-not-accepted" 409 "Import is not accepted" "Only what is accepted can be reverted.";
    AccountUnknown "account-unknown" 409 "Account is not known" "Nothing says which account is meant. Name it.";
    ProjectionBusy "projection-busy" 409 "Projection is being rebuilt" "One process at a time rebuilds or verifies a projection. Wait until it is done: `GET /admin/projections` says when.";
    Conflict "conflict" 409 "Conflict" "Others changed the same thing at the same moment, again and again. Read it, and try again.";
    OwnerForgotten "owner-forgotten" 410 "Owner is forgotten" "The person whose it was has been forgotten.";
    Stale "stale" 412 "Changed since" "The thing has another version than `If-Match` says. Read it, and decide again.";
    TooLarge "too-large" 413 "Too large" "The request is larger than this operation takes.";
    UriTooLong "uri-too-long" 414 "Address too long" "The path or the query string is longer than any of this API.";
    UnsupportedMediaType "unsupported-media-type" 415 "Unsupported media type" "The body is of a type that this operation does not take. Files are told by their content, not by their name.";
    RangeNotSatisfiable "range-not-satisfiable" 416 "Range not satisfiable" "The file is shorter than the range.";
    InvalidBody "invalid-body" 422 "Body does not fit" "The body is JSON, but a field is missing, unknown, or of another type.";
    InvalidValue "invalid-value" 422 "Invalid value" "A value is none that the field can have; `errors` says which.";
    CurrencyMismatch "currency-mismatch" 422 "Other currency" "An account is kept in one currency, and takes no other.";
    Unbalanced "unbalanced" 422 "Postings don't sum to zero" "In each currency the amounts of all postings must sum to zero.";
    IdempotencyKeyReused "idempotency-key-reused" 422 "Idempotency key was used" "The same `Idempotency-Key` came with another request before. Take a new key for a new request.";
    TooManyTries "too-many-tries" 429 "Too many tries" "Wait as long as `Retry-After` says.";
    HeadersTooLarge "headers-too-large" 431 "Headers too large" "The headers are larger than any of this API.";
    Internal "internal" 500 "Internal error" "Something went wrong here. The log has more under the request's id.";
    ReadModelBehind "read-model-behind" 503 "Read model is behind" "The position that was sent is not in the read tables yet. Try again in a moment.";
    Busy "busy" 503 "Busy" "More requests wait than can be served. Try again after `Retry-After`.";
    Unavailable "unavailable" 503 "Not available" "The database or the file store can't be reached. Try again; with an `Idempotency-Key` nothing is done twice.";
}
