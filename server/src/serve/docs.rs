//! What explains itself to people: the description of the API, the page that shows it, and the page that explains its
//! problems.

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_SECURITY_POLICY, LOCATION},
    web::{self, Data, Path, ServiceConfig},
};
use spendlog_web::{Code, Problem};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// The page takes nothing from outside, whatever its scripts are told. They write styles into it, take small drawings
/// from their style sheet, and show images that the API answered with.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:";

/// The routes.
pub(super) fn configure(service: &mut ServiceConfig, description: OpenApi) {
    // Unless told not to, the page has the description checked by its makers' server.
    let page = Config::new(["/openapi.json"]).validator_url("none");
    service
        .app_data(Data::new(description))
        .app_data(Data::new(page))
        .route("/openapi.json", web::get().to(openapi))
        .route("/docs", web::get().to(to_page))
        .route("/docs/errors", web::get().to(errors))
        .route("/docs/{part:.*}", web::get().to(part));
}

async fn openapi(description: Data<OpenApi>) -> HttpResponse {
    HttpResponse::Ok().json(description.get_ref())
}

/// People leave out the slash at the end, without which the page would not find its parts.
async fn to_page() -> HttpResponse {
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

/// The page that shows the API, and what it takes.
async fn part(name: Path<String>, page: Data<Config<'static>>) -> Result<HttpResponse, Problem> {
    let part = utoipa_swagger_ui::serve(&name, page.into_inner());
    let part = part.map_err(|error| Problem::internal(error.to_string()))?;
    let part = part.ok_or(Code::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(part.content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(part.bytes.into_owned()))
}
