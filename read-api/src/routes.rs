//! Every read route, in one list.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    accounts, analytics, audit, books, categories, documents, imports, projections, summary, transactions, users,
};

/// Adds the routes to an app. It must hold [`ReadApi`](crate::ReadApi) and its token keys as `Data`.
pub fn configure(service: &mut ServiceConfig<'_>) {
    service
        // users
        .service(users::me)
        // books
        .service(books::list)
        .service(books::one)
        // accounts
        .service(accounts::list)
        .service(accounts::one)
        .service(accounts::transactions)
        // categories
        .service(categories::list)
        .service(categories::one)
        // transactions
        .service(transactions::list)
        .service(transactions::one)
        .service(transactions::history)
        // summary
        .service(summary::summary)
        // documents
        .service(documents::list)
        .service(documents::one)
        .service(documents::content::original)
        .service(documents::content::recognised)
        .service(documents::content::lines)
        .service(documents::live::history)
        .service(documents::live::follow_steps)
        // imports
        .service(imports::list)
        .service(imports::one)
        .service(imports::lines)
        // analytics
        .service(analytics::list)
        .service(analytics::rows)
        // audit
        .service(audit::events::read)
        .service(audit::proof::of_event)
        .service(audit::proof::newest_head)
        .service(audit::proof::goes_on)
        .service(audit::replay::replay)
        // projections
        .service(projections::list)
        .service(projections::pause)
        .service(projections::resume)
        .service(projections::rebuild);
}
