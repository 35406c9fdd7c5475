//! The caller's books as they stood, folded from the events themselves.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use spendlog_domain::values::Text;
use spendlog_projections::{
    At, Group,
    replay::{BookState, Replayed, replay as fold},
};
use spendlog_schemas::{
    audit::{Replay, ReplayQuery, ReplayedBook},
    headers::SeenPosition,
    problem::ProblemDetails,
    transactions::{Posting, Transaction, TransactionOrigin, TransactionStatus, Voided},
};
use spendlog_web::{Caller, Problem, body::Query};
use uuid::Uuid;

use crate::{
    ReadApi,
    access::{failed, user},
    accounts::account,
    answer::JSON,
    books::policy,
    categories::category,
    summary::line,
};

/// Fold the books from their events, as they stood at a moment
#[utoipa::path(
    operation_id = "audit.replay", tag = "audit", security(("bearer" = [])),
    params(ReplayQuery, SeenPosition),
    responses((status = 200, body = Replay), ProblemDetails),
)]
#[get("/audit/replay")]
pub(crate) async fn replay(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<ReplayQuery>,
) -> Result<HttpResponse, Problem> {
    api.ready(&request, Group::Ledger).await?;
    let position = match api.at(query.0.at.as_deref(), Group::Ledger).await? {
        At::Position(position) => position,
        At::Now => api.newest(&request)?,
    };
    let owners: Vec<Uuid> = match &query.0.book {
        Some(book) => vec![api.book(user(caller), Some(book)).await?.uuid()],
        None => api.fresh_book_ids(user(caller)).await?,
    };
    let load = async { fold(&api.journal, &owners, position).await.map_err(failed) };
    let body = api.whole(load, |folded| serde_json::to_vec(&replayed(folded))).await?;
    let body = body.map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header(JSON).body(body))
}

/// What a replay found, as it is answered and as the command line prints it.
pub fn replayed(from: Replayed) -> Replay {
    Replay {
        position: from.position,
        books: from.books.into_iter().map(book).collect(),
    }
}

fn book(from: BookState) -> ReplayedBook {
    ReplayedBook {
        id: from.book.id.to_string(),
        name: from.book.name.to_clear(),
        policy: policy(from.book.policy),
        accounts: from.accounts.into_iter().map(account).collect(),
        categories: from.categories.into_iter().map(category).collect(),
        transactions: from.transactions.into_iter().map(transaction).collect(),
        summary: from.summary.iter().map(line).collect(),
    }
}

fn transaction(from: spendlog_projections::transactions::Transaction) -> Transaction {
    use spendlog_domain::transactions::{Origin, Target, VoidCause};

    let simple = from.simple();
    let forgotten = [("merchant", &from.merchant), ("note", &from.note)];
    let forgotten = forgotten
        .into_iter()
        .filter(|(_, text)| **text == Some(Text::Forgotten));
    Transaction {
        id: from.id.to_string(),
        book: from.book.to_string(),
        booked_on: from.booked_on,
        amount: simple.map(|(_, money)| money.decimal().to_string()),
        currency: simple.map(|(_, money)| money.currency.code().to_owned()),
        account: simple.map(|(account, _)| account.to_string()),
        category: from.category().map(|category| category.to_string()),
        merchant: from.merchant.as_ref().and_then(Text::to_clear),
        note: from.note.as_ref().and_then(Text::to_clear),
        status: if from.voided.is_some() {
            TransactionStatus::Voided
        } else {
            TransactionStatus::Recorded
        },
        voided: from.voided.map(|cause| match cause {
            VoidCause::Person {} => Voided::Person,
            VoidCause::ImportReverted { import } => Voided::ImportReverted {
                import: import.to_string(),
            },
        }),
        postings: from
            .postings
            .iter()
            .map(|posting| Posting {
                id: posting.id.to_string(),
                account: match posting.target {
                    Target::Account(account) => Some(account.to_string()),
                    Target::Category(_) => None,
                },
                category: match posting.target {
                    Target::Account(_) => None,
                    Target::Category(category) => Some(category.to_string()),
                },
                amount: posting.money.decimal().to_string(),
                currency: posting.money.currency.code().to_owned(),
            })
            .collect(),
        origin: match from.origin {
            Origin::Manual {} => TransactionOrigin::Manual,
            Origin::Document { document } => TransactionOrigin::Document {
                document: document.to_string(),
            },
            Origin::Import { import, document, line } => TransactionOrigin::Import {
                import: import.to_string(),
                document: document.to_string(),
                line,
            },
        },
        forgotten: forgotten.map(|(name, _)| name.to_owned()).collect(),
        version: from.version,
        position: from.position,
        recorded_at: from.recorded_at,
        changed_at: from.changed_at,
    }
}
