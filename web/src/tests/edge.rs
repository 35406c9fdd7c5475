//! Every problem has the same form, whoever made it.

use std::time::Duration;

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    dev::Payload,
    http::{Method, StatusCode, header},
    middleware::from_fn,
    test,
    web::{self, Bytes, Data},
};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use spendlog_schemas::problem::ProblemDetails;
use utoipa::OpenApi;

use crate::{
    Caller, Clock, Code, Problem,
    auth::TokenKeys,
    body::{self, Json, Query},
    edge, fallback,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    size: u32,
}

async fn take(thing: Json<Thing>) -> Result<HttpResponse, Problem> {
    if thing.value.size == 13 {
        return Err(Problem::internal("the secret cause"));
    }
    Ok(HttpResponse::Ok().finish())
}

async fn list(_: Caller, query: Query<Thing>) -> HttpResponse {
    HttpResponse::Ok().body(query.0.size.to_string())
}

#[utoipa::path(post, path = "/things", responses((status = 200)))]
#[expect(dead_code, reason = "only described")]
fn described() {}

#[derive(OpenApi)]
#[openapi(paths(described))]
struct Api;

async fn ask(request: test::TestRequest) -> (StatusCode, header::HeaderMap, ProblemDetails) {
    let app = App::new()
        .app_data(Data::new(TokenKeys::new(&[1; 32], Clock::system())))
        .app_data(Data::new(fallback::AllowedMethods::new(
            &Api::openapi().paths,
            &[("/metrics", "GET")],
        )))
        .service(web::resource("/things").guard(actix_web::guard::Post()).to(take))
        .service(web::resource("/list").guard(actix_web::guard::Get()).to(list))
        .default_service(fallback::route())
        .wrap(from_fn(edge::pass));
    let app = test::init_service(app).await;
    let response = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
    assert!(headers.contains_key("x-request-id"));
    let body = to_bytes(response.into_body()).await.unwrap();
    let details: ProblemDetails = serde_json::from_slice(&body).unwrap();
    assert_eq!(details.status, status.as_u16());
    assert_eq!(
        details.request_id.as_deref(),
        headers.get("x-request-id").unwrap().to_str().ok()
    );
    (status, headers, details)
}

fn post(body: &'static str) -> test::TestRequest {
    test::TestRequest::post()
        .uri("/things")
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(body)
}

#[actix_web::test]
async fn bodies_that_do_not_fit_are_told_apart() {
    for (body, status, code) in [
        ("{", 400, "malformed-json"),
        ("{} {}", 400, "malformed-json"),
        ("{\"size\":\"x\"}", 422, "invalid-body"),
        ("{\"size\":1,\"more\":2}", 422, "invalid-body"),
        ("{\"size\":13}", 500, "internal"),
    ] {
        let (got, _, details) = ask(post(body)).await;
        assert_eq!((got.as_u16(), details.code.as_str()), (status, code), "{body}");
        assert_eq!(details.instance.as_deref(), Some("/things"));
        assert!(!details.detail.unwrap_or_default().contains("secret"));
    }
    let untyped = test::TestRequest::post().uri("/things").set_payload("{}");
    assert_eq!(ask(untyped).await.2.code, "unsupported-media-type");
    let large = post("{}").set_payload(vec![b' '; body::ANYBODYS_MAX + 1]);
    assert_eq!(ask(large).await.2.code, "too-large");
}

#[actix_web::test]
async fn a_body_that_does_not_come_to_its_end_is_given_up() {
    let begun = stream::iter([Ok(Bytes::from_static(b"{"))]);
    let mut payload = Payload::Stream {
        payload: begun.chain(stream::pending()).boxed_local(),
    };
    let late = body::read_within(Duration::ZERO, &mut payload, body::JSON_MAX).await;
    assert_eq!(late.unwrap_err().code, Code::RequestTimeout);
}

#[actix_web::test]
async fn unknown_paths_and_wrong_methods_are_told_apart() {
    assert_eq!(ask(test::TestRequest::get().uri("/nowhere")).await.2.code, "not-found");
    let (_, headers, details) = ask(test::TestRequest::default().method(Method::DELETE).uri("/things")).await;
    assert_eq!(details.code, "method-not-allowed");
    assert_eq!(headers.get(header::ALLOW).unwrap(), "POST");
    let (_, headers, _) = ask(test::TestRequest::post().uri("/metrics")).await;
    assert_eq!(headers.get(header::ALLOW).unwrap(), "GET");
}

#[actix_web::test]
async fn nobody_gets_nothing() {
    let (_, headers, details) = ask(test::TestRequest::get().uri("/list?size=1")).await;
    assert_eq!(details.code, "unauthenticated");
    assert_eq!(headers.get(header::WWW_AUTHENTICATE).unwrap(), "Bearer");
}
