//! Transactions over HTTP.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    patch, post,
    web::{Data, Path},
};
use spendlog_domain::{
    transactions::Target,
    values::{Text, TransactionId},
};
use spendlog_schemas::{
    headers::{IdempotencyKey, IfMatch},
    problem::ProblemDetails,
    transactions as schemas,
    written::Written,
};
use spendlog_web::{Problem, body::id};

use crate::{
    Commands,
    http::{Json, Nothing, Write, answer, changed, created},
    ids, input,
    transactions::{Change, ChangeTransaction, Correction, Draft, PostingCorrection, RecordTransactions, Shape},
};

/// The most transactions of one request.
const BULK_MAX: usize = 1000;

/// What a body says of one transaction; `below` is where it stands in the body.
fn draft(transaction: TransactionId, body: schemas::RecordTransaction, below: &str) -> Result<Draft, Problem> {
    let at = |field: &str| format!("{below}/{field}");
    let shape = match (body.account, body.amount, body.postings) {
        (Some(account), Some(amount), None) => Shape::Simple {
            account: input::id(&at("account"), &account)?,
            amount: input::value(&at("amount"), &amount)?,
            currency: input::optional(&at("currency"), body.currency.as_deref())?,
            category: body
                .category
                .map(|category| input::id(&at("category"), &category))
                .transpose()?,
        },
        (None, None, Some(postings)) if body.currency.is_none() && body.category.is_none() => {
            let postings = postings.iter().enumerate();
            let postings = postings.map(|(number, posting)| {
                let at = |field: &str| format!("{below}/postings/{number}/{field}");
                let target = match (&posting.account, &posting.category) {
                    (Some(account), None) => Target::Account(input::id(&at("account"), account)?),
                    (None, Some(category)) => Target::Category(input::id(&at("category"), category)?),
                    _ => {
                        return Err(Problem::field(
                            at("account"),
                            "a posting has either an account or a category",
                        ));
                    }
                };
                Ok((
                    target,
                    input::value(&at("amount"), &posting.amount)?,
                    input::value(&at("currency"), &posting.currency)?,
                ))
            });
            Shape::Postings(postings.collect::<Result<_, _>>()?)
        }
        _ => {
            return Err(Problem::field(
                at("postings"),
                "either account and amount, or postings and nothing of the others",
            ));
        }
    };
    let (merchant, note) = (input::text(body.merchant), input::text(body.note));
    Ok(Draft {
        transaction,
        booked_on: body.booked_on,
        merchant,
        note,
        shape,
    })
}

/// What a body says of one posting of a transaction, by its place in the list.
fn posting_correction((number, body): (usize, schemas::CorrectPosting)) -> Result<PostingCorrection, Problem> {
    let at = |field: &str| format!("/postings/{number}/{field}");
    Ok(PostingCorrection {
        posting: input::id(&at("id"), &body.id)?,
        amount: input::optional(&at("amount"), body.amount.as_deref())?,
        category: body
            .category
            .map(|category| input::id(&at("category"), &category))
            .transpose()?,
    })
}

/// Record a transaction
///
/// Either the simple view (`account`, `amount`, `category`) or `postings`.
#[utoipa::path(
    operation_id = "transactions.record", tag = "transactions", request_body = schemas::RecordTransaction, security(("bearer" = [])),
    params(IdempotencyKey),
    responses((status = 201, body = Written), ProblemDetails),
)]
#[post("/finance/transactions")]
pub(crate) async fn record(
    commands: Data<Commands>,
    write: Write<Json<schemas::RecordTransaction>>,
) -> Result<HttpResponse, Problem> {
    let draft = draft(TransactionId::new(write.context.command_id), write.body.0, "")?;
    let use_case = RecordTransactions {
        drafts: vec![draft],
        listed: false,
    };
    Ok(created(
        commands.run(&write.context, &use_case).await?,
        "/finance/transactions",
    ))
}

/// Record many transactions: all or none
#[utoipa::path(
    operation_id = "transactions.record_many", tag = "transactions", request_body = schemas::RecordTransactions, security(("bearer" = [])),
    params(IdempotencyKey),
    responses((status = 201, body = schemas::RecordedTransactions), ProblemDetails),
)]
#[post("/finance/transactions/bulk")]
pub(crate) async fn record_many(
    commands: Data<Commands>,
    write: Write<Json<schemas::RecordTransactions>>,
) -> Result<HttpResponse, Problem> {
    let transactions = write.body.0.transactions;
    if transactions.is_empty() || transactions.len() > BULK_MAX {
        return Err(Problem::field("/transactions", "1 to 1000 transactions"));
    }
    let drafts = transactions.into_iter().zip(0_u32..).map(|(transaction, number)| {
        let id = TransactionId::new(ids::nth(write.context.command_id, number));
        draft(id, transaction, &format!("/transactions/{number}"))
    });
    let use_case = RecordTransactions {
        drafts: drafts.collect::<Result<_, _>>()?,
        listed: true,
    };
    let done = commands.run(&write.context, &use_case).await?;
    let recorded = schemas::RecordedTransactions {
        ids: done.streams,
        position: done.position,
    };
    Ok(answer(StatusCode::CREATED, done.version, done.position, &recorded))
}

/// Correct a transaction
///
/// Either in the simple view (`amount`, `category`), or posting by posting (`postings`); all or nothing.
#[utoipa::path(
    operation_id = "transactions.correct", tag = "transactions", request_body = schemas::CorrectTransaction, security(("bearer" = [])),
    params(("id" = String, Path, description = "The transaction"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[patch("/finance/transactions/{id}")]
pub(crate) async fn correct(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::CorrectTransaction>>,
) -> Result<HttpResponse, Problem> {
    let body = write.body.0;
    if body.postings.is_some() && (body.amount.is_some() || body.category.is_some()) {
        return Err(Problem::field("/postings", "either amount and category, or postings"));
    }
    let postings = body.postings.into_iter().flatten().enumerate();
    let change = Change::Correct(Correction {
        amount: input::optional("/amount", body.amount.as_deref())?,
        booked_on: body.booked_on,
        merchant: body.merchant.map(|merchant| merchant.map(Text::from)),
        category: body
            .category
            .map(|category| input::id("/category", &category))
            .transpose()?,
        note: body.note.map(|note| note.map(Text::from)),
        postings: postings.map(posting_correction).collect::<Result<_, _>>()?,
    });
    Ok(changed(
        commands
            .run(
                &write.context,
                &ChangeTransaction {
                    transaction: id(&path)?,
                    change,
                },
            )
            .await?,
    ))
}

/// Take a transaction out of all sums
#[utoipa::path(
    operation_id = "transactions.void", tag = "transactions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The transaction"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/finance/transactions/{id}/void")]
pub(crate) async fn void(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Nothing>,
) -> Result<HttpResponse, Problem> {
    let change = ChangeTransaction {
        transaction: id(&path)?,
        change: Change::Void,
    };
    Ok(changed(commands.run(&write.context, &change).await?))
}

/// Let a voided transaction count again
#[utoipa::path(
    operation_id = "transactions.restore", tag = "transactions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The transaction"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/finance/transactions/{id}/restore")]
pub(crate) async fn restore(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Nothing>,
) -> Result<HttpResponse, Problem> {
    let change = ChangeTransaction {
        transaction: id(&path)?,
        change: Change::Restore,
    };
    Ok(changed(commands.run(&write.context, &change).await?))
}
