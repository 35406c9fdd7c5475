//! What changed, when, by whom or by which processor, from which document and box.

use std::collections::HashMap;

use spendlog_domain::{
    documents::{DocumentEvent, Field},
    transactions::{Origin, Posting, Target},
    values::{Text, TransactionId},
};
use spendlog_event_store::{Event, Query};
use spendlog_projections::{
    documents, imports,
    transactions::{self, Transaction},
    words::word,
};
use spendlog_schemas::history::{HistoryChange, HistoryEntry, HistorySource};
use spendlog_web::Problem;
use uuid::Uuid;

use crate::{
    ReadApi,
    access::{failed, unread},
    documents::said,
    files::{self, area},
};

fn entry(event: &Event) -> HistoryEntry {
    HistoryEntry {
        position: event.position,
        version: event.sequence,
        at: event.recorded_at,
        by: event.metadata.actor.clone(),
        event: event.event_type.clone(),
        changes: Vec::new(),
        sources: Vec::new(),
        engine: None,
        confidence: None,
        took_ms: None,
    }
}

fn change(field: impl Into<String>, from: Option<String>, to: Option<String>) -> HistoryChange {
    HistoryChange {
        field: field.into(),
        from,
        to,
    }
}

/// The history of a transaction: what each of its versions in the read tables says otherwise than the one before. So a
/// merge of categories is in it, though it is no event of the transaction's own.
pub(crate) async fn of_transaction(
    api: &ReadApi,
    books: &[Uuid],
    id: TransactionId,
) -> Result<Vec<HistoryEntry>, Problem> {
    let versions = transactions::versions(api.reader(), books, id).await.map_err(failed)?;
    let own = api.journal.load("transaction", &id.to_string()).await.map_err(unread)?;
    let mut events: HashMap<i64, Event> = own.into_iter().map(|event| (event.position, event)).collect();
    let mut history = Vec::with_capacity(versions.len());
    let mut before: Option<&Transaction> = None;
    for now in &versions {
        let event = match events.remove(&now.position) {
            Some(event) => Some(event),
            None => foreign(api, now.position).await?,
        };
        if let Some(event) = event {
            let mut entry = entry(&event);
            entry.version = now.version;
            entry.changes = differences(before, now);
            if before.is_none() {
                entry.sources = sources(api, books, now).await?;
            }
            history.push(entry);
        }
        before = Some(now);
    }
    Ok(history)
}

/// The event at a position, of whatever stream of the same book.
async fn foreign(api: &ReadApi, position: i64) -> Result<Option<Event>, Problem> {
    let query = Query {
        after: position - 1,
        until: Some(position),
        limit: 1,
        ..Query::default()
    };
    Ok(api.journal.read(&query).await.map_err(unread)?.pop())
}

fn differences(before: Option<&Transaction>, now: &Transaction) -> Vec<HistoryChange> {
    let mut values = Vec::new();
    let mut compare = |field: String, of: &dyn Fn(&Transaction) -> Option<String>| {
        let (from, to) = (before.and_then(of), of(now));
        if from != to {
            values.push(change(field, from, to));
        }
    };
    compare("status".to_owned(), &|t| {
        Some(if t.voided.is_some() { "voided" } else { "recorded" }.to_owned())
    });
    compare("booked_on".to_owned(), &|t| Some(t.booked_on.to_string()));
    compare("merchant".to_owned(), &|t| t.merchant.as_ref().and_then(Text::to_clear));
    compare("note".to_owned(), &|t| t.note.as_ref().and_then(Text::to_clear));
    compare("amount".to_owned(), &|t| {
        t.simple().map(|(_, money)| money.decimal().to_string())
    });
    compare("currency".to_owned(), &|t| {
        t.simple().map(|(_, money)| money.currency.code().to_owned())
    });
    compare("account".to_owned(), &|t| {
        t.simple().map(|(account, _)| account.to_string())
    });
    compare("category".to_owned(), &|t| {
        t.category().map(|category| category.to_string())
    });
    // The simple view says all of two postings; of more, each is told of.
    if now.postings.len() > 2 {
        for posting in &now.postings {
            let of = |t: &Transaction| t.postings.iter().find(|p| p.id == posting.id).map(posting_text);
            compare(format!("postings/{}", posting.id), &of);
        }
    }
    values
}

fn posting_text(posting: &Posting) -> String {
    let target = match posting.target {
        Target::Account(account) => account.to_string(),
        Target::Category(category) => category.to_string(),
    };
    format!("{} {target}", posting.money)
}

/// Where a transaction's first values came from.
async fn sources(api: &ReadApi, books: &[Uuid], recorded: &Transaction) -> Result<Vec<HistorySource>, Problem> {
    match recorded.origin {
        Origin::Manual {} => Ok(Vec::new()),
        Origin::Document { document } => {
            let found = documents::one(api.reader(), books, document).await.map_err(failed)?;
            let fields = found.map(|found| found.fields()).unwrap_or_default();
            Ok(fields
                .iter()
                .map(|field| source(&document.to_string(), field))
                .collect())
        }
        Origin::Import { import, document, line } => {
            let found = imports::one(api.reader(), books, import).await.map_err(failed)?;
            let came_as = documents::one(api.reader(), books, document).await.map_err(failed)?;
            let (Some(found), Some(came_as)) = (found, came_as) else {
                return Ok(Vec::new());
            };
            let read = files::lines(api, &came_as, &found.lines, line, 1).await?;
            Ok(read
                .into_iter()
                .map(|read| HistorySource {
                    document: document.to_string(),
                    field: "line".to_owned(),
                    line: Some(line),
                    value: Some(read.description),
                    engine: read.engine,
                    page: read.page,
                    area: read.area,
                    confidence: read.confidence,
                })
                .collect())
        }
    }
}

fn source(document: &str, field: &Field) -> HistorySource {
    let provenance = &field.provenance;
    HistorySource {
        document: document.to_owned(),
        field: word(field.name).unwrap_or_default(),
        line: None,
        value: said(&field.value),
        engine: provenance.engine.clone(),
        page: provenance.page,
        area: provenance.area.map(area),
        confidence: provenance.confidence.0,
    }
}

/// A document's event, as its history tells it. Passwords are not told.
pub(crate) fn of_document_event(event: &Event) -> Result<HistoryEntry, Problem> {
    let mut entry = entry(event);
    let mut to = |field: &str, value: Option<String>| entry.changes.push(change(field, None, value));
    match event.decode::<DocumentEvent>().map_err(Problem::internal)? {
        DocumentEvent::Uploaded {
            document: _,
            book: _,
            file,
            media_type,
            name,
            account,
            engine,
        } => {
            to("name", name.to_clear());
            to("media_type", Some(media_type));
            to("bytes", Some(file.bytes.to_string()));
            if let Some(account) = account {
                to("account", Some(account.to_string()));
            }
            if let Some(engine) = engine {
                to("engine", word(engine));
            }
        }
        DocumentEvent::PasswordRequired { tried } => to("password_tried", Some(tried.to_string())),
        DocumentEvent::Unlocked { password: _ } => {}
        DocumentEvent::TextRecognised {
            text: _,
            pages,
            words,
            engine,
            confidence,
            took_ms,
        } => {
            to("pages", Some(pages.to_string()));
            to("words", Some(words.to_string()));
            (entry.engine, entry.confidence, entry.took_ms) = (Some(engine), Some(confidence.0), Some(took_ms));
        }
        DocumentEvent::Classified {
            kind,
            engine,
            confidence,
            took_ms,
        } => {
            to("kind", word(kind));
            (entry.engine, entry.confidence, entry.took_ms) = (Some(engine), Some(confidence.0), Some(took_ms));
        }
        DocumentEvent::FieldsExtracted {
            fields,
            lines,
            engine,
            confidence,
            took_ms,
        } => {
            for field in &fields {
                to(&word(field.name).unwrap_or_default(), said(&field.value));
            }
            if let Some(lines) = lines {
                to("lines_count", Some(lines.count.to_string()));
            }
            entry.sources = fields.iter().map(|field| source(&event.stream, field)).collect();
            (entry.engine, entry.confidence, entry.took_ms) = (Some(engine), Some(confidence.0), Some(took_ms));
        }
        DocumentEvent::Validated {
            checks,
            engine,
            confidence,
            took_ms,
        } => {
            for check in checks {
                let name = word(check.name).unwrap_or_default();
                to(&format!("checks/{name}"), word(check.outcome));
            }
            (entry.engine, entry.confidence, entry.took_ms) = (Some(engine), Some(confidence.0), Some(took_ms));
        }
        DocumentEvent::FieldCorrected { field, from, to } => {
            let text = |value: Option<_>| value.as_ref().and_then(said);
            let name = word(field).unwrap_or_default();
            entry.changes.push(change(name, text(from), text(to)));
        }
        DocumentEvent::Confirmed { by, account, category } => {
            to("confirmed_by", word(by));
            to("account", Some(account.to_string()));
            if let Some(category) = category {
                to("category", Some(category.to_string()));
            }
        }
        DocumentEvent::Rejected { reason } => {
            to("rejected_because", reason.as_ref().and_then(Text::to_clear));
        }
        DocumentEvent::Failed { step, reason, detail } => {
            to("step", word(step));
            to("reason", word(reason));
            to("detail", detail.as_ref().and_then(Text::to_clear));
        }
    }
    Ok(entry)
}
