//! What explains itself to people: the way to the page that shows the API, and the page that explains its problems.

use actix_web::{
    HttpResponse,
    http::header::LOCATION,
    web::{self, ServiceConfig},
};

/// The routes.
pub(super) fn configure(service: &mut ServiceConfig) {
    service
        .route("/docs", web::get().to(page))
        .route("/docs/errors", web::get().to(errors));
}

/// People leave out the slash at the end, without which the page would not find its parts.
async fn page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

/// Where the `type` of every problem leads.
async fn errors() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/markdown; charset=utf-8")
        .body(spendlog_web::problem::reference())
}
