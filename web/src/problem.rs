//! Problems: everything that is answered with 400 and above, as in RFC 9457, out of one table.

mod table;

use std::{borrow::Cow, error::Error, fmt::Write as _, sync::Arc};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use spendlog_schemas::problem::{FieldProblem, ProblemDetails};

pub use table::Code;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done. What it carries is meant for the client, but for the cause, which is only logged.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .code.code())]
pub struct Problem {
    /// The kind of problem.
    pub code: Code,
    /// What was wrong this time. Never somebody else's data.
    pub detail: Option<Cow<'static, str>>,
    /// The fields that were wrong.
    pub errors: Vec<FieldProblem>,
    /// Methods that the path has.
    pub allow: Option<String>,
    /// When to try again.
    pub retry_after_seconds: Option<u32>,
    #[source]
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            allow: None,
            retry_after_seconds: None,
            cause: None,
        }
    }
}

impl Problem {
    /// A problem with a sentence on what was wrong this time.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..code.into()
        }
    }

    /// A field with a value that it can't have.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::from(Code::InvalidValue).and_field(pointer, detail)
    }

    /// Names a field that was wrong.
    #[must_use]
    pub fn and_field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldProblem {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Names the methods that the path has.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Self {
        self.allow = Some(methods.into());
        self
    }

    /// Something that the client can do nothing about. The cause goes into the log, and nowhere else.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(Arc::from(cause.into())),
            ..Code::Internal.into()
        }
    }

    /// The database or the file store can't be reached.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(Arc::from(cause.into())),
            ..Code::Unavailable.into()
        }
        .retry_after(1)
    }

    /// Whether the same may well succeed when it is tried again unchanged.
    pub fn is_passing(&self) -> bool {
        matches!(self.code.status(), 408 | 429 | 503) || self.code == Code::Conflict
    }

    /// What went wrong beneath, with its own causes, in one line. For the log.
    pub fn cause(&self) -> Option<String> {
        let mut line = String::new();
        let mut next = self.cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(error) = next {
            let separator = if line.is_empty() { "" } else { ": " };
            let _infallible = write!(line, "{separator}{error}");
            next = error.source();
        }
        (!line.is_empty()).then_some(line)
    }

    /// The problem as it is sent.
    pub fn details(&self, instance: Option<&str>, request_id: Option<&str>) -> ProblemDetails {
        ProblemDetails {
            kind: format!("/docs/errors#{}", self.code.code()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code.code().to_owned(),
            detail: self.detail.as_deref().map(str::to_owned),
            instance: instance.map(str::to_owned),
            request_id: request_id.map(str::to_owned),
            errors: self.errors.clone(),
        }
    }

    /// The answer to a request.
    pub fn response(&self, instance: Option<&str>, request_id: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(MEDIA_TYPE);
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.code.status() == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        // Strings and numbers can always be written.
        response.body(serde_json::to_vec(&self.details(instance, request_id)).unwrap_or_default())
    }

    /// The problem of an answer that somebody else made without a body of ours.
    pub fn of_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            401 => Code::Unauthenticated,
            403 => Code::Forbidden,
            404 => Code::NotFound,
            405 => Code::MethodNotAllowed,
            406 => Code::NotAcceptable,
            408 => Code::RequestTimeout,
            409 => Code::Conflict,
            412 => Code::Stale,
            413 => Code::TooLarge,
            414 => Code::UriTooLong,
            415 => Code::UnsupportedMediaType,
            416 => Code::RangeNotSatisfiable,
            422 => Code::InvalidBody,
            429 => Code::TooManyTries,
            431 => Code::HeadersTooLarge,
            503 => Code::Unavailable,
            500.. => Code::Internal,
            _ => Code::BadRequest,
        };
        code.into()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None, None)
    }
}

/// The page that explains every code: `docs/errors.md`, which a test holds to this.
pub fn reference() -> String {
    let mut page = String::from(
        "# Problems\n\n\
         Every answer with a status of 400 and above has a body of type `application/problem+json` (RFC 9457) with `type`, `title`,\n\
         `status`, `code`, and, where there is more to say, `detail`, `instance`, `request_id` and `errors` (a JSON pointer and a\n\
         sentence for each field). Programs go by `code`. Only a request whose head is no HTTP, too large or too slow to come is refused\n\
         without a body (400, 431, 408). This page is made from the table in the code.\n",
    );
    for code in Code::ALL {
        let (name, status, title, advice) = (code.code(), code.status(), code.title(), code.advice());
        let _infallible = write!(page, "\n## {name}\n\n{status}. {title}. {advice}\n");
    }
    page
}
