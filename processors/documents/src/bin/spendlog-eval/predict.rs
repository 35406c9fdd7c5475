//! Takes documents through reading, classification and extraction.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use spendlog_documents::reading::{DocumentLine, Reading};
use spendlog_documents::{Hints, ReadError, Reader, ReaderConfig, classify, extract, sniff};
use spendlog_domain::documents::{DocumentKind, EngineChoice, FieldName, FieldValue};

use crate::corpora::{Corpus, Document, Shape};

/// How many documents are read at once.
const AT_ONCE: usize = 2;
/// How much of a file tells its type.
const HEAD_BYTES: u64 = 8 << 10;

/// Reads documents and says what they say.
pub(crate) struct Predictor {
    reader: Reader,
    today: chrono::NaiveDate,
}

/// What came of a corpus.
pub(crate) struct Predictions {
    /// One JSON object for each file, in the corpus' order.
    pub lines: Vec<Value>,
    /// What could not be read, one line each.
    pub failures: Vec<String>,
    /// How often the kind of document was recognised.
    pub kinds: Kinds,
    /// How long all of it took.
    pub took: Duration,
}

/// How often the kind was right, of how many.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kinds {
    right: usize,
    of: usize,
}

impl Kinds {
    /// The figure as text; nothing where there is none.
    pub(crate) fn figure(self) -> String {
        if self.of == 0 {
            String::new()
        } else {
            format!("kind {}/{}", self.right, self.of)
        }
    }
}

struct Answer {
    line: Value,
    failure: Option<String>,
    kind: Option<DocumentKind>,
}

/// The name of a second run, where its predictions go, and they themselves.
type SecondRun = (String, PathBuf, Vec<Value>);

impl Predictor {
    /// A predictor whose reader starts this same program as its child.
    pub(crate) fn new(models: &Path, engine: Option<EngineChoice>) -> anyhow::Result<Self> {
        let config = ReaderConfig {
            engine,
            ..ReaderConfig::new(std::env::current_exe()?, models.to_owned())
        };
        Ok(Self {
            reader: Reader::new(config),
            today: chrono::Local::now().date_naive(),
        })
    }

    /// Predicts all files, a few at once.
    pub(crate) fn predict_all(&self, corpus: &Corpus, files: &[Document]) -> anyhow::Result<Predictions> {
        let bar = ProgressBar::new(u64::try_from(files.len())?);
        bar.set_style(ProgressStyle::with_template(
            "{prefix:18} {wide_bar} {pos}/{len} {elapsed}",
        )?);
        bar.set_prefix(corpus.name);
        let started = Instant::now();
        let next = AtomicUsize::new(0);
        let answers: Mutex<Vec<(usize, Answer)>> = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some((at, file)) =
                        Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, files.get(at)?)))
                    {
                        let answer = self.predict(corpus, file, None);
                        answers
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((at, answer));
                        bar.inc(1);
                    }
                });
            }
        });
        bar.finish_and_clear();
        let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.sort_by_key(|(at, _)| *at);
        let mut kinds = Kinds::default();
        if let Some(expected) = corpus.kind {
            for (at, answer) in &answers {
                if files.get(*at).is_some_and(|file| file.known) {
                    kinds.of += 1;
                    kinds.right += usize::from(answer.kind == Some(expected));
                }
            }
        }
        let failures = answers
            .iter()
            .filter_map(|(_, answer)| answer.failure.clone())
            .collect();
        Ok(Predictions {
            lines: answers.into_iter().map(|(_, answer)| answer.line).collect(),
            failures,
            kinds,
            took: started.elapsed(),
        })
    }

    /// Locked files once more, with their passwords.
    pub(crate) fn second_run(
        &self,
        corpus: &Corpus,
        files: &[Document],
        first: &Predictions,
        out: &Path,
    ) -> anyhow::Result<Option<SecondRun>> {
        if corpus.shape != Shape::Hostile {
            return Ok(None);
        }
        let lines = files.iter().zip(&first.lines).map(|(file, line)| match &file.password {
            Some(password) => self.predict(corpus, file, Some(password)).line,
            None => line.clone(),
        });
        let name = format!("{}/password", corpus.name);
        Ok(Some((
            name,
            out.join(format!("{}-password.jsonl", corpus.name)),
            lines.collect(),
        )))
    }

    fn predict(&self, corpus: &Corpus, file: &Document, password: Option<&str>) -> Answer {
        let started = Instant::now();
        let read = self.read(&file.path, password);
        let (fields, failure, kind) = match read {
            Ok((reading, media_type)) => {
                let kind = classify(&reading).kind;
                (
                    Some(self.fields(corpus.shape, &reading, kind, media_type)),
                    None,
                    Some(kind),
                )
            }
            Err(error) => {
                let status = match error {
                    ReadError::PasswordRequired | ReadError::WrongPassword => "password_required",
                    ReadError::Failed { .. } => "error",
                };
                let fields = (corpus.shape == Shape::Hostile).then(|| json!({"status": status, "text": ""}));
                (fields, Some(format!("{}: {error}", file.name)), None)
            }
        };
        let seconds = (started.elapsed().as_millis() / 10).to_string();
        let seconds = format!("{:0>3}", seconds);
        let (whole, hundredths) = seconds.split_at(seconds.len() - 2);
        let mut line = json!({"file": file.name, "seconds": format!("{whole}.{hundredths}"), "kind": kind});
        match (fields, &failure) {
            (Some(fields), _) => line["fields"] = fields,
            (None, Some(failure)) => line["error"] = json!(failure),
            (None, None) => {}
        }
        Answer { line, failure, kind }
    }

    fn read(&self, path: &Path, password: Option<&str>) -> Result<(Reading, &'static str), ReadError> {
        let failed = |detail: String| ReadError::Failed {
            reason: spendlog_domain::documents::FailureReason::Malformed,
            detail,
        };
        let mut head = Vec::new();
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        file.take(HEAD_BYTES)
            .read_to_end(&mut head)
            .map_err(|error| failed(error.to_string()))?;
        let name = path.file_name().and_then(|name| name.to_str());
        let media_type = sniff(&head, name).ok_or_else(|| ReadError::Failed {
            reason: spendlog_domain::documents::FailureReason::UnsupportedType,
            detail: "no kind of file that is known".to_owned(),
        })?;
        Ok((self.reader.read(path, media_type, password, None)?, media_type))
    }

    fn fields(&self, shape: Shape, reading: &Reading, kind: DocumentKind, media_type: &str) -> Value {
        match shape {
            Shape::Office => return office(reading, media_type),
            Shape::Hostile => return json!({"status": "ok", "text": text(reading)}),
            Shape::Receipt | Shape::Invoice | Shape::Statement => {}
        }
        let extraction = extract(
            reading,
            kind,
            &Hints {
                account_currency: None,
                today: self.today,
            },
        );
        let field = |name: FieldName| {
            extraction
                .fields
                .iter()
                .find(|field| field.name == name)
                .map(|field| match &field.value {
                    FieldValue::Text(text) => text.clear().unwrap_or_default().to_owned(),
                    FieldValue::Date(date) => date.to_string(),
                    FieldValue::Amount(amount) => amount.to_string(),
                    FieldValue::Currency(currency) => currency.code().to_owned(),
                })
        };
        match shape {
            Shape::Receipt => json!({
                "company": field(FieldName::Merchant), "date": field(FieldName::Date),
                "address": field(FieldName::MerchantAddress), "total": field(FieldName::Total),
            }),
            Shape::Statement => json!({
                "transactions": extraction.lines.iter().filter_map(|line| match line {
                    DocumentLine::Movement(m) => Some(json!({"date": m.date.to_string(), "amount": m.amount.to_string(), "description": m.description})),
                    DocumentLine::Item(_) => None,
                }).collect::<Vec<_>>(),
                "opening_balance": {"amount": field(FieldName::OpeningBalance)},
                "closing_balance": {"amount": field(FieldName::ClosingBalance)},
                "left_out": extraction.left_out,
            }),
            _ => json!({
                "seller_name": field(FieldName::Merchant), "buyer_name": field(FieldName::Customer), "seller_vat": field(FieldName::MerchantTaxId),
                "invoice_number": field(FieldName::InvoiceNumber), "issue_date": field(FieldName::Date), "due_date": field(FieldName::DueDate),
                "currency": field(FieldName::Currency), "net_total": field(FieldName::NetTotal), "tax_total": field(FieldName::Tax),
                "gross_total": field(FieldName::Total), "amount_due": field(FieldName::Total),
                "line_items": extraction.lines.iter().filter_map(|line| match line {
                    DocumentLine::Item(item) => Some(json!({
                        "description": item.description, "quantity": item.quantity.map(|v| v.to_string()),
                        "unit_price": item.unit_price.map(|v| v.to_string()), "line_total": item.total.map(|v| v.to_string()),
                    })),
                    DocumentLine::Movement(_) => None,
                }).collect::<Vec<_>>(),
            }),
        }
    }
}

fn lines(reading: &Reading) -> Vec<String> {
    let words = |line: &spendlog_documents::Line| {
        line.words
            .iter()
            .map(|word| word.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    reading.pages.iter().flat_map(|page| &page.lines).map(words).collect()
}

fn text(reading: &Reading) -> String {
    let cells = reading
        .tables
        .iter()
        .flat_map(|table| &table.rows)
        .map(|row| row.join(" "));
    lines(reading).into_iter().chain(cells).collect::<Vec<_>>().join("\n")
}

fn office(reading: &Reading, media_type: &str) -> Value {
    if media_type.contains("word") {
        let tables: Vec<&Vec<Vec<String>>> = reading.tables.iter().map(|table| &table.rows).collect();
        return json!({"paragraphs": lines(reading), "tables": tables});
    }
    let sheets: serde_json::Map<String, Value> = reading
        .tables
        .iter()
        .map(|table| (table.name.clone(), json!({"cells": table.rows})))
        .collect();
    json!({"sheets": sheets})
}
