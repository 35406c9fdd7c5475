//! The description of the API, and its routes: those of the write side and those of the read side.

use spendlog_schemas::problem::ProblemDetails;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::{AppExt as _, service_config::ServiceConfig};

const DESCRIPTION: &str = "\
Turns receipts, invoices and bank statements into a ledger whose every figure can be traced back.

**Sign in:** `POST /users/register`, then `POST /users/token`; send `Authorization: Bearer <access>`.
**Books:** everything belongs to a book; where none is named, your first one is meant. What you may not know of is 404.
**Writes** answer with the new version (`ETag`) and `Spendlog-Position`. `If-Match` asks for that version;
`Idempotency-Key` makes a request safe to repeat: the same key gets the same answer. (One that changed nothing leaves no trace:
repeated, it is looked at anew.)
**Reads** that send `Spendlog-Position` back see at least that position, or get 503 `read-model-behind`.
**Amounts** are decimal strings; more digits than the currency has are refused.
**Errors** are `application/problem+json` (RFC 9457) with a stable `code`.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Spendlog", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    servers((url = "/", description = "this server")),
    components(schemas(ProblemDetails)),
    modifiers(&Security)
)]
struct About;

struct Security;

impl Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        api.info.description = Some(DESCRIPTION.to_owned());
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = api.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// What stands above the operations.
pub(crate) fn about() -> utoipa::openapi::OpenApi {
    About::openapi()
}

/// All operations.
pub(crate) fn routes(service: &mut ServiceConfig<'_>) {
    service.configure(spendlog_commands::routes::configure);
    service.configure(spendlog_read_api::routes::configure);
}

/// The whole description, made from the handlers.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    let (_, description) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(about())
        .configure(routes)
        .split_for_parts();
    description
}

/// The description as it is printed and checked in.
pub(crate) fn printed() -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&description())?;
    text.push('\n');
    Ok(text)
}
