//! Documents over HTTP.

mod form;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    patch, post,
    web::{Data, Path},
};
use chrono::NaiveDate;
use spendlog_domain::{
    documents::{DocumentCommand, DocumentKind, FieldName, FieldValue},
    values::{DocumentId, Text},
};
use spendlog_schemas::{
    documents as schemas,
    headers::{IdempotencyKey, IfMatch},
    patch::Change,
    problem::ProblemDetails,
    written::Written,
};
use spendlog_web::{Code, Problem, body::id};

use super::ChangeDocument;
use crate::{
    Commands, documents,
    http::{Json, Maybe, Write, answer, changed},
    imports::http::accepted,
    input,
};

pub(crate) use form::upload;

/// Give the password of a locked document
#[utoipa::path(
    operation_id = "documents.unlock", tag = "documents", request_body = schemas::UnlockDocument, security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/finance/documents/{id}/unlock")]
pub(crate) async fn unlock(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::UnlockDocument>>,
) -> Result<HttpResponse, Problem> {
    let command = DocumentCommand::Unlock {
        password: Text::from(write.body.0.password),
    };
    Ok(changed(
        documents::advance(&commands, &write.context, id(&path)?, command).await?,
    ))
}

/// Correct what was read from a document
#[utoipa::path(
    operation_id = "documents.correct", tag = "documents", request_body = schemas::CorrectFields, security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[patch("/finance/documents/{id}/fields")]
pub(crate) async fn correct(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Json<schemas::CorrectFields>>,
) -> Result<HttpResponse, Problem> {
    let use_case = ChangeDocument {
        document: id(&path)?,
        commands: corrections(write.body.0)?,
    };
    Ok(changed(commands.run(&write.context, &use_case).await?))
}

/// Confirm what was read from a document
///
/// Of a receipt or an invoice a transaction is recorded; of a statement the lines are accepted, and the answer says what came of
/// each. Doing it twice changes nothing.
#[utoipa::path(
    operation_id = "documents.confirm", tag = "documents", request_body = schemas::ConfirmDocument, security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), IfMatch, IdempotencyKey),
    responses((status = 200, body = schemas::Confirmed), ProblemDetails),
)]
#[post("/finance/documents/{id}/confirm")]
pub(crate) async fn confirm(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Maybe<schemas::ConfirmDocument>>,
) -> Result<HttpResponse, Problem> {
    let schemas::ConfirmDocument { account, category } = write.body.0;
    let document: DocumentId = id(&path)?;
    let account = account.map(|account| input::id("/account", &account)).transpose()?;
    let category = category.map(|category| input::id("/category", &category)).transpose()?;
    let (done, statements) = documents::confirm(&commands, &write.context, document, account, category).await?;
    let book = done.state.book().ok_or(Code::NotFound)?;
    let statement = done.state.kind() == Some(DocumentKind::BankStatement);
    let keys = commands.keys(book.uuid()).await?;
    let transaction = (!statement).then(|| documents::transaction_of_document(&keys, document).to_string());
    let mut imports = Vec::with_capacity(statements.len());
    for (import, lines) in statements {
        imports.push(accepted(&commands, import, &lines, done.position).await?);
    }
    let confirmed = schemas::Confirmed {
        id: done.id,
        version: done.version,
        position: done.position,
        transaction,
        imports,
    };
    Ok(answer(StatusCode::OK, done.version, done.position, &confirmed))
}

/// Say that nothing is to be recorded from a document
#[utoipa::path(
    operation_id = "documents.reject", tag = "documents", request_body = schemas::RejectDocument, security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), IfMatch, IdempotencyKey),
    responses((status = 200, body = Written), ProblemDetails),
)]
#[post("/finance/documents/{id}/reject")]
pub(crate) async fn reject(
    commands: Data<Commands>,
    path: Path<String>,
    write: Write<Maybe<schemas::RejectDocument>>,
) -> Result<HttpResponse, Problem> {
    let command = DocumentCommand::Reject {
        reason: input::text(write.body.0.reason),
    };
    Ok(changed(
        documents::advance(&commands, &write.context, id(&path)?, command).await?,
    ))
}

/// The commands of a body of corrections.
fn corrections(body: schemas::CorrectFields) -> Result<Vec<DocumentCommand>, Problem> {
    let text = |text: String, _: FieldName| Ok(FieldValue::Text(Text::from(text)));
    let date = |date: NaiveDate, _: FieldName| Ok(FieldValue::Date(date));
    let amount = |text: String, field: FieldName| input::value(&format!("/{field}"), &text).map(FieldValue::Amount);
    let currency = |text: String, _: FieldName| input::value("/currency", &text).map(FieldValue::Currency);
    let all = [
        correction(FieldName::Merchant, body.merchant, text)?,
        correction(FieldName::MerchantAddress, body.merchant_address, text)?,
        correction(FieldName::MerchantTaxId, body.merchant_tax_id, text)?,
        correction(FieldName::Customer, body.customer, text)?,
        correction(FieldName::Date, body.date, date)?,
        correction(FieldName::DueDate, body.due_date, date)?,
        correction(FieldName::InvoiceNumber, body.invoice_number, text)?,
        correction(FieldName::Total, body.total, amount)?,
        correction(FieldName::NetTotal, body.net_total, amount)?,
        correction(FieldName::Tax, body.tax, amount)?,
        correction(FieldName::Currency, body.currency, currency)?,
        correction(FieldName::AccountNumber, body.account_number, text)?,
        correction(FieldName::OpeningBalance, body.opening_balance, amount)?,
        correction(FieldName::ClosingBalance, body.closing_balance, amount)?,
    ];
    Ok(all.into_iter().flatten().collect())
}

fn correction<T>(
    field: FieldName,
    change: Change<T>,
    value: impl Fn(T, FieldName) -> Result<FieldValue, Problem>,
) -> Result<Option<DocumentCommand>, Problem> {
    let Some(change) = change else {
        return Ok(None);
    };
    let value = change.map(|said| value(said, field)).transpose()?;
    Ok(Some(DocumentCommand::CorrectField { field, value }))
}
