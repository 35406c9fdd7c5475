//! Accounts over HTTP.

use actix_web::{
    HttpResponse, patch, post,
    web::{Data, Path},
};
use spendlog_domain::{
    accounts::AccountKind,
    values::{AccountId, Text},
};
use spendlog_schemas::{
    accounts as schemas,
    headers::{IdempotencyKey, IfMatch},
    problem::ProblemDetails,
    written::Written,
};
use spendlog_web::{Problem, body::id};

use crate::{
    Commands,
    accounts::{Change, ChangeAccount, OpenAccount},
    books,
    http::{Json, Nothing, Write, changed, created},
    input,
};

fn kind(kind: schemas::AccountKind) -> AccountKind {
    match kind {
        schemas::AccountKind::Cash => AccountKind::Cash,
        schemas::AccountKind::Checking => AccountKind::Checking,
        schemas::AccountKind::Savings => AccountKind::Savings,
        schemas::AccountKind::CreditCard => AccountKind::CreditCard,
        schemas::AccountKind::Loan => AccountKind::Loan,
        schemas::AccountKind::Investment => AccountKind::Investment,
    }
}

/// Open an account
#[utoipa::path(
    operation_id = "accounts.open", tag = "accounts", request_body = schemas::OpenAccount, security(("bearer" = [])),
    params(IdempotencyKey),
    responses((status = 201, body = Written), ProblemDetails),
)]
#[post("/finance/accounts")]
pub(crate) async fn open(
    commands: Data<Commands>,
    write: Write<Json<schemas::OpenAccount>>,
) -> Result<HttpResponse, Problem> {
    let body = write.body.0;
    let open = OpenAccount {
        account: AccountId::new(write.context.command_id),
        book: books::meant(&commands, write.user, body.book.as_deref()).await?,
        name: Text::from(body.name),
        kind: kind(body.kind),
        currency: input::value("/currency", &body.currency)?,
        number: input::text(body.number),
    };
    Ok(created(commands.run(&write.context, &open).await?, "/finance/accounts"))
}

/// Rename an account
#[utoipa::path(
    operation_id = "accounts.change", tag = "accounts", request_body = schemas::ChangeAccount, security(("bearer" = [])),
    params(("id" = String, Path, description = "The account"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[patch("/finance/accounts/{id}")]
pub(crate) async fn change(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::ChangeAccount>>,
) -> Result<HttpResponse, Problem> {
    let change = Change::Rename(input::text(write.body.0.name));
    Ok(changed(
        commands
            .run(
                &write.context,
                &ChangeAccount {
                    account: id(&path)?,
                    change,
                },
            )
            .await?,
    ))
}

/// Close an account: nothing more is recorded in it
#[utoipa::path(
    operation_id = "accounts.close", tag = "accounts", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/finance/accounts/{id}/close")]
pub(crate) async fn close(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Nothing>,
) -> Result<HttpResponse, Problem> {
    let use_case = ChangeAccount {
        account: id(&path)?,
        change: Change::Close,
    };
    Ok(changed(commands.run(&write.context, &use_case).await?))
}
