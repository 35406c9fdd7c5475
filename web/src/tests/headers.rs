//! Versions, keys, positions and pages in headers and query strings; and the page of problems.

use actix_web::{
    http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH},
    test::TestRequest,
};

use crate::{Code, conditional, idempotency, page, position, problem};

fn headers(name: HeaderName, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn if_match_names_one_version() {
    assert_eq!(conditional::if_match(&headers(IF_MATCH, "\"7\"")).unwrap(), Some(7));
    assert_eq!(conditional::if_match(&headers(IF_MATCH, "*")).unwrap(), None);
    assert_eq!(conditional::if_match(&HeaderMap::new()).unwrap(), None);
    for wrong in ["7", "W/\"7\"", "\"\"", "\"x\"", "\"-1\"", "\"1\", \"2\""] {
        assert_eq!(
            conditional::if_match(&headers(IF_MATCH, wrong)).unwrap_err().code,
            Code::InvalidHeader,
            "{wrong}"
        );
    }
    assert_eq!(conditional::etag(7), "\"7\"");
}

#[test]
fn if_none_match_compares_weakly() {
    let request = |value| {
        TestRequest::default()
            .insert_header((IF_NONE_MATCH, value))
            .to_http_request()
    };
    assert!(conditional::is_known(&request("\"6\", W/\"7\""), 7));
    assert!(conditional::is_known(&request("*"), 7));
    assert!(!conditional::is_known(&request("\"6\""), 7));
}

#[test]
fn a_key_is_a_structured_string_or_bare() {
    let key = |value| idempotency::key(&headers(idempotency::IDEMPOTENCY_KEY, value));
    assert_eq!(key("\"8e03978e\"").unwrap().as_deref(), Some("8e03978e"));
    assert_eq!(key("8e03978e").unwrap().as_deref(), Some("8e03978e"));
    assert!(key("\"\"").is_err());
    assert!(key(&"x".repeat(256)).is_err());
    assert_eq!(idempotency::key(&HeaderMap::new()).unwrap(), None);
}

#[test]
fn a_position_is_a_number() {
    assert_eq!(position::wanted(&headers(position::POSITION, "12")).unwrap(), Some(12));
    assert!(position::wanted(&headers(position::POSITION, "-1")).is_err());
    assert!(position::wanted(&headers(position::POSITION, "x")).is_err());
    let left = HeaderName::from_static("last-event-id");
    assert_eq!(position::last_event_id(&headers(left.clone(), "0")).unwrap(), Some(0));
    assert!(position::last_event_id(&headers(left, "yesterday")).is_err());
}

#[test]
fn a_cursor_says_again_what_it_was_made_of() {
    let cursor = page::cursor(&("2026-01-02", "txn_1")).unwrap();
    assert_eq!(
        page::key::<(String, String)>(&cursor).unwrap(),
        ("2026-01-02".to_owned(), "txn_1".to_owned())
    );
    assert_eq!(
        page::key::<(String, String)>("%%").unwrap_err().code,
        Code::InvalidQuery
    );
    assert!(page::limit(Some(0)).is_err());
    assert!(page::limit(Some(101)).is_err());
    assert_eq!(page::limit(None).unwrap(), 50);
    let request = TestRequest::with_uri("/finance/transactions?limit=2&after=old&status=void").to_http_request();
    let (_, link) = page::next_link(&request, "new").unwrap();
    assert_eq!(
        link,
        "</finance/transactions?limit=2&status=void&after=new>; rel=\"next\""
    );
}

#[test]
fn the_page_of_problems_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    if std::env::var_os("SPENDLOG_WRITE").is_some() {
        std::fs::write(path, problem::reference()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written,
        problem::reference(),
        "run the test with SPENDLOG_WRITE=1 to write docs/errors.md again"
    );
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.code()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len(), "a code stands for one kind of problem");
}
