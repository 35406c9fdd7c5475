//! Documents: where they stand, what was read from them and where on the page.

pub(crate) mod content;
pub(crate) mod live;

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path},
};
use spendlog_domain::{
    documents::{DocumentStatus as Status, EngineChoice as Engine, Field, FieldName, FieldValue, Finding},
    values::{DocumentId, Text},
};
use spendlog_projections::{documents, imports, transactions, words::word};
use spendlog_schemas::{
    documents::{
        Document, DocumentCheck, DocumentConfirmation, DocumentFailure, DocumentField, DocumentFinding, DocumentItem,
        DocumentStatus, DocumentStep, DocumentsQuery, EngineChoice,
    },
    headers::SeenPosition,
    page::Page,
    problem::ProblemDetails,
};
use spendlog_web::{
    Caller, Code, Problem,
    body::{Query, id},
};

use crate::{
    ReadApi,
    access::{failed, user},
    answer::{after, limits, paged, tagged},
    files::area,
};

/// What a field says, as text; none if that is forgotten.
pub(crate) fn said(value: &FieldValue) -> Option<String> {
    match value {
        FieldValue::Text(text) => text.to_clear(),
        FieldValue::Date(day) => Some(day.to_string()),
        FieldValue::Amount(number) => Some(number.to_string()),
        FieldValue::Currency(currency) => Some(currency.code().to_owned()),
    }
}

/// Where a document stands, as it is answered.
pub(crate) fn status(from: Status) -> DocumentStatus {
    match from {
        Status::Processing => DocumentStatus::Processing,
        Status::PasswordRequired => DocumentStatus::PasswordRequired,
        Status::InReview => DocumentStatus::InReview,
        Status::Confirmed => DocumentStatus::Confirmed,
        Status::Rejected => DocumentStatus::Rejected,
        Status::Failed => DocumentStatus::Failed,
    }
}

fn asked(from: DocumentStatus) -> Status {
    match from {
        DocumentStatus::Processing => Status::Processing,
        DocumentStatus::PasswordRequired => Status::PasswordRequired,
        DocumentStatus::InReview => Status::InReview,
        DocumentStatus::Confirmed => Status::Confirmed,
        DocumentStatus::Rejected => Status::Rejected,
        DocumentStatus::Failed => Status::Failed,
    }
}

fn item(from: &documents::Document) -> DocumentItem {
    let fields = from.fields();
    let field = |name: FieldName| {
        fields
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| said(&field.value))
    };
    DocumentItem {
        id: from.id.to_string(),
        book: from.book.to_string(),
        name: from.name.to_clear(),
        media_type: from.media_type.clone(),
        bytes: from.file.bytes,
        status: status(from.status),
        kind: from.kind.and_then(|(kind, _)| word(kind)),
        confidence: from.confidence.map(|confidence| confidence.0),
        merchant: field(FieldName::Merchant),
        date: field(FieldName::Date).and_then(|day| day.parse().ok()),
        total: field(FieldName::Total),
        currency: field(FieldName::Currency),
        failure: from.failure.as_ref().map(|failure| DocumentFailure {
            step: word(failure.step).unwrap_or_default(),
            reason: word(failure.reason).unwrap_or_default(),
            detail: failure.detail.as_ref().and_then(Text::to_clear),
        }),
        version: from.version,
        uploaded_at: from.uploaded_at,
        changed_at: from.changed_at,
    }
}

fn field(from: &Field) -> DocumentField {
    let provenance = &from.provenance;
    DocumentField {
        name: word(from.name).unwrap_or_default(),
        value: said(&from.value),
        source: word(provenance.source).unwrap_or_default(),
        engine: provenance.engine.clone(),
        rule: provenance.rule.clone(),
        page: provenance.page,
        area: provenance.area.map(area),
        confidence: provenance.confidence.0,
        raw: provenance.raw.as_ref().and_then(Text::to_clear),
    }
}

fn finding(from: &Finding) -> DocumentFinding {
    let of = |kind: &str, field: Option<FieldName>| DocumentFinding {
        kind: kind.to_owned(),
        field: field.and_then(word),
        ..DocumentFinding::default()
    };
    match *from {
        Finding::Missing { field } => of("missing", Some(field)),
        Finding::NoLines {} => of("no_lines", None),
        Finding::LeftOut { count } => DocumentFinding {
            count: Some(count),
            ..of("left_out", None)
        },
        Finding::Doubtful { field, confidence } => DocumentFinding {
            confidence: Some(confidence.0),
            ..of("doubtful", Some(field))
        },
        Finding::Sum { computed, printed } => DocumentFinding {
            computed: Some(computed.to_string()),
            printed: Some(printed.to_string()),
            ..of("sum", None)
        },
        Finding::Implausible { date } => DocumentFinding {
            date: Some(date),
            ..of("implausible", None)
        },
        Finding::Unfit { field } => of("unfit", Some(field)),
    }
}

fn document(from: &documents::Document, transactions: Vec<String>, imports: Vec<String>) -> Document {
    Document {
        item: item(from),
        account: from.account.map(|account| account.to_string()),
        engine: from.engine.map(|engine| match engine {
            Engine::Ort => EngineChoice::Ort,
            Engine::Ocrs => EngineChoice::Ocrs,
            Engine::Tesseract => EngineChoice::Tesseract,
        }),
        password_tried: from.password_tried,
        kind_confidence: from.kind.map(|(_, confidence)| confidence.0),
        pages: from.text.as_ref().map(|text| text.pages),
        words: from.text.as_ref().map(|text| text.words),
        text_confidence: from.text.as_ref().map(|text| text.confidence.0),
        fields: from.fields().iter().map(field).collect(),
        lines_count: from.lines.as_ref().map_or(0, |lines| lines.count),
        checks: from
            .checks
            .iter()
            .map(|check| DocumentCheck {
                name: word(check.name).unwrap_or_default(),
                outcome: word(check.outcome).unwrap_or_default(),
                findings: check.findings.iter().map(finding).collect(),
            })
            .collect(),
        steps: from
            .steps
            .iter()
            .map(|step| DocumentStep {
                step: word(step.step).unwrap_or_default(),
                engine: step.engine.clone(),
                took_ms: step.took_ms,
            })
            .collect(),
        confirmation: from.confirmation.map(|confirmation| DocumentConfirmation {
            by: word(confirmation.by).unwrap_or_default(),
            account: confirmation.account.to_string(),
            category: confirmation.category.map(|category| category.to_string()),
        }),
        rejected_because: from.rejected_because.as_ref().and_then(Text::to_clear),
        transactions,
        imports,
    }
}

/// A document of the caller's. One that was uploaded this moment is waited for: who follows its steps in a browser can't
/// send a position along.
pub(crate) async fn find(
    api: &ReadApi,
    caller: Caller,
    request: &HttpRequest,
    path: &str,
) -> Result<documents::Document, Problem> {
    let document: DocumentId = id(path)?;
    api.all_ready(request).await?;
    let books = api.fresh_book_ids(user(caller)).await?;
    if let Some(found) = documents::one(api.reader(), &books, document).await.map_err(failed)? {
        return Ok(found);
    }
    api.caught_up().await?;
    let books = api.fresh_book_ids(user(caller)).await?;
    let found = documents::one(api.reader(), &books, document).await.map_err(failed)?;
    found.ok_or_else(|| Code::NotFound.into())
}

/// List documents
#[utoipa::path(
    operation_id = "documents.list", tag = "documents", security(("bearer" = [])),
    params(DocumentsQuery, SeenPosition),
    responses((status = 200, body = Page<DocumentItem>), ProblemDetails),
)]
#[get("/finance/documents")]
pub(crate) async fn list(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    query: Query<DocumentsQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, fetched) = limits(query.0.limit)?;
    let before = after(query.0.after.as_deref())?.unwrap_or(i64::MAX);
    api.all_ready(&request).await?;
    let book = api.book(user(caller), query.0.book.as_deref()).await?;
    let status = query.0.status.map(asked);
    let rows = documents::list(api.reader(), book, status, before, fetched)
        .await
        .map_err(failed)?;
    paged(&request, shown, rows, |row| row.uploaded_position, |row| item(&row))
}

/// One document, with its fields and where they stand on the page
#[utoipa::path(
    operation_id = "documents.one", tag = "documents", security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), SeenPosition),
    responses((status = 200, body = Document), ProblemDetails),
)]
#[get("/finance/documents/{id}")]
pub(crate) async fn one(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&api, caller, &request, &path).await?;
    let transactions = transactions::of_document(api.reader(), found.id)
        .await
        .map_err(failed)?;
    let imports = imports::of_document(api.reader(), found.id).await.map_err(failed)?;
    let transactions = transactions.iter().map(ToString::to_string).collect();
    let imports = imports.iter().map(ToString::to_string).collect();
    tagged(found.version, &document(&found, transactions, imports))
}
