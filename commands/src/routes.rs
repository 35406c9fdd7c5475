//! Every write route, in one list.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{accounts, books, categories, documents, imports, transactions, users};

/// Adds the routes to an app. It must hold [`Commands`](crate::Commands), its token keys and the projections as `Data`.
pub fn configure(service: &mut ServiceConfig<'_>) {
    service
        // users
        .service(users::http::register)
        .service(users::http::sign_in)
        .service(users::http::refresh)
        .service(users::http::change)
        .service(users::http::change_password)
        .service(users::http::forget)
        // books
        .service(books::http::open)
        .service(books::http::change)
        // accounts
        .service(accounts::http::open)
        .service(accounts::http::change)
        .service(accounts::http::close)
        // categories
        .service(categories::http::create)
        .service(categories::http::change)
        .service(categories::http::merge)
        // transactions
        .service(transactions::http::record)
        .service(transactions::http::record_many)
        .service(transactions::http::correct)
        .service(transactions::http::void)
        .service(transactions::http::restore)
        // documents
        .service(documents::http::upload)
        .service(documents::http::unlock)
        .service(documents::http::correct)
        .service(documents::http::confirm)
        .service(documents::http::reject)
        // imports
        .service(imports::http::accept)
        .service(imports::http::revert);
}
