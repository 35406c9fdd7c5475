//! Problem details as in RFC 9457.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// Why a request was not done. Sent as `application/problem+json` with every status of 400 and above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetails {
    /// Where the problem is explained.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#not-found")]
    pub kind: String,
    /// What kind of problem it is, in words; always the same for a code.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// The stable name of the kind of problem, for programs.
    #[schema(example = "not-found")]
    pub code: String,
    /// What was wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The request's id, as it stands in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The fields that were wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// In the list of an operation's responses it stands for every status that the list does not name.
impl IntoResponses for ProblemDetails {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = Content::new(Some(Ref::from_schema_name(Self::name())));
        let response = ResponseBuilder::new().content("application/problem+json", content);
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

/// What was wrong with one field of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer of the field.
    #[schema(example = "/amount")]
    pub pointer: String,
    /// What was wrong.
    pub detail: String,
}
