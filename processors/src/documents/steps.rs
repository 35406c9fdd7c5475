//! What is done at each step, and the command that says so.

use std::time::Instant;

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use spendlog_commands::{Context as Cause, documents, imports::ReadStatement};
use spendlog_documents::{DocumentLine, Hints, ReadError, Reading, validate};
use spendlog_domain::{
    documents::{DocumentCommand, DocumentKind, FailureReason, FieldName, FieldValue, Lines, Step},
    imports::Import,
    values::{Currency, Date, DocumentId, FileRef},
};
use spendlog_event_store::StoredFile;

use super::{
    lookup,
    pipeline::{DocumentPipeline, Due, NAME},
    workspace::ClearFile,
};

impl DocumentPipeline {
    /// Reads the file: a child process decodes it, and an engine reads what is only pixels.
    pub(super) async fn recognise(&self, due: &Due<'_>) -> anyhow::Result<()> {
        let _turn = self.readers.take(due.event.owner).await?;
        let file = due.document.file().context("an uploaded document has a file")?;
        let clear = ClearFile::open(&self.files, &due.keys, due.event.owner, file).await?;
        let media_type = due.document.media_type().to_owned();
        let password = due.document.password().and_then(|text| text.to_clear());
        let (reader, engine) = (self.reader.clone(), due.document.engine());
        let began = Instant::now();
        let read =
            tokio::task::spawn_blocking(move || reader.read(&clear.path(), &media_type, password.as_deref(), engine))
                .await?;
        let command = match read {
            Ok(reading) => DocumentCommand::RecogniseText {
                text: self.keep(due, &reading).await?,
                pages: count(
                    reading
                        .pages
                        .len()
                        .max(reading.tables.len())
                        .max(reading.statements.len()),
                ),
                words: words(&reading),
                engine: reading.engine,
                confidence: reading.confidence,
                took_ms: milliseconds(began),
            },
            Err(ReadError::PasswordRequired | ReadError::WrongPassword) => DocumentCommand::RequirePassword,
            Err(ReadError::Failed { reason, detail }) => fail(Step::Recognise, reason, &detail),
        };
        self.send(due, command).await
    }

    /// Tells what kind of document it is.
    pub(super) async fn classify(&self, due: &Due<'_>) -> anyhow::Result<()> {
        let _turn = self.interpreters.take(due.event.owner).await?;
        let (reader, reading) = (self.reader.clone(), self.text(due).await?);
        let began = Instant::now();
        let command = match tokio::task::spawn_blocking(move || reader.classify(&reading)).await? {
            Ok(found) => DocumentCommand::Classify {
                kind: found.kind,
                engine: found.engine,
                confidence: found.confidence,
                took_ms: milliseconds(began),
            },
            Err(error) => gave_up(Step::Classify, error),
        };
        self.send(due, command).await
    }

    /// Finds fields and lines.
    pub(super) async fn extract(&self, due: &Due<'_>) -> anyhow::Result<()> {
        let _turn = self.interpreters.take(due.event.owner).await?;
        let (reader, reading) = (self.reader.clone(), self.text(due).await?);
        let kind = due.document.kind().context("an extracted document is classified")?;
        let hints = Hints {
            account_currency: self.hinted_currency(due).await?,
            today: today(due),
        };
        let began = Instant::now();
        let extraction = match tokio::task::spawn_blocking(move || reader.extract(&reading, kind, hints)).await? {
            Ok(extraction) => extraction,
            Err(error) => return self.send(due, gave_up(Step::Extract, error)).await,
        };
        let took_ms = milliseconds(began);
        let longest = count(extraction.longest);
        if kind == DocumentKind::BankStatement && longest > Import::LINES_MAX {
            let detail = format!("a statement of {longest} lines; {} are the most", Import::LINES_MAX);
            let too_large = fail(Step::Extract, FailureReason::TooLarge, &detail);
            return self.send(due, too_large).await;
        }
        let lines = match extraction.lines.as_slice() {
            [] => None,
            lines => Some(Lines {
                file: self.keep(due, &lines).await?,
                count: count(lines.len()),
                left_out: extraction.left_out,
            }),
        };
        let command = DocumentCommand::ExtractFields {
            fields: extraction.fields,
            lines,
            engine: extraction.engine,
            took_ms,
        };
        self.send(due, command).await
    }

    /// Holds fields and lines against each other, a person's corrections included.
    pub(super) async fn validate(&self, due: &Due<'_>) -> anyhow::Result<()> {
        let kind = due.document.kind().context("a validated document is classified")?;
        let lines: Vec<DocumentLine> = match due.document.lines() {
            Some(lines) => self.kept(due, &lines.file).await?,
            None => Vec::new(),
        };
        let left_out = due.document.lines().map_or(0, |lines| lines.left_out);
        let began = Instant::now();
        let checks = validate(&due.document.fields(), &lines, left_out, kind, today(due));
        let command = DocumentCommand::Validate {
            checks,
            engine: ENGINE.to_owned(),
            took_ms: milliseconds(began),
        };
        // What was corrected meanwhile is not what was checked.
        let cause = Cause {
            if_match: Some(due.version),
            ..cause(due, "step")
        };
        let document = due.document.id().context("a stored document has an id")?;
        documents::advance(&self.commands, &cause, document, command).await?;
        Ok(())
    }

    /// Confirms the document, if the book's policy does so by itself.
    pub(super) async fn confirm(&self, due: &Due<'_>) -> anyhow::Result<()> {
        let document = due.document.id().context("a stored document has an id")?;
        documents::confirm_by_policy(&self.commands, &cause(due, "confirm"), document).await?;
        Ok(())
    }

    /// Makes the statements of a bank's document ready to be accepted: an import each.
    pub(super) async fn read_imports(&self, due: &Due<'_>) -> anyhow::Result<()> {
        let document = due.document.id().context("a stored document has an id")?;
        let reading = self.reading(due).await?;
        let accounts = lookup::open_accounts(&self.projections, due.event).await?;
        let named = |name| due.document.field(name);
        let currency = match named(FieldName::Currency) {
            Some(FieldValue::Currency(currency)) => Some(*currency),
            _ => None,
        };
        let number = match named(FieldName::AccountNumber) {
            Some(FieldValue::Text(text)) => text.to_clear(),
            _ => None,
        };
        // The account that the document was uploaded for is meant for one statement, not for each of several.
        let hint = due.document.account_hint().filter(|_| reading.statements.len() <= 1);
        let mut statements = Vec::new();
        if reading.statements.len() > 1 {
            for statement in &reading.statements {
                let lines: Vec<_> = statement
                    .movements
                    .iter()
                    .cloned()
                    .map(DocumentLine::Movement)
                    .collect();
                let kept = Lines {
                    file: self.keep(due, &lines).await?,
                    count: count(lines.len()),
                    left_out: 0,
                };
                statements.push((statement.account_number.clone(), statement.currency.or(currency), kept));
            }
        } else if let Some(lines) = due.document.lines() {
            statements.push((number, currency, lines.clone()));
        }
        for (place, (number, currency, lines)) in (0..).zip(statements) {
            let statement = ReadStatement {
                document,
                number: place,
                account: number
                    .and_then(|number| lookup::with_number(&accounts, &number))
                    .or(hint),
                currency,
                lines: lines.file,
                lines_count: lines.count,
            };
            self.commands
                .run(&cause(due, &format!("import-{place}")), &statement)
                .await?;
        }
        Ok(())
    }

    /// The currency of the account that the document was uploaded for.
    async fn hinted_currency(&self, due: &Due<'_>) -> anyhow::Result<Option<Currency>> {
        let Some(hint) = due.document.account_hint() else {
            return Ok(None);
        };
        let accounts = lookup::open_accounts(&self.projections, due.event).await?;
        Ok(accounts
            .iter()
            .find(|account| account.id == hint)
            .map(|account| account.currency))
    }

    /// Sends the command that ends a step.
    async fn send(&self, due: &Due<'_>, command: DocumentCommand) -> anyhow::Result<()> {
        let document: DocumentId = due.document.id().context("a stored document has an id")?;
        documents::advance(&self.commands, &cause(due, "step"), document, command).await?;
        Ok(())
    }

    /// The sealed file of a value that is too large for an event.
    async fn keep(&self, due: &Due<'_>, value: &impl Serialize) -> anyhow::Result<FileRef> {
        let StoredFile { object, bytes, .. } = self
            .files
            .put_bytes(&due.keys, due.event.owner, &serde_json::to_vec(value)?)
            .await?;
        Ok(FileRef { object, bytes })
    }

    async fn kept<T: DeserializeOwned + Send + 'static>(&self, due: &Due<'_>, file: &FileRef) -> anyhow::Result<T> {
        let bytes = self.bytes(due, file).await?;
        // It may be long: others must not wait for it.
        let parsed = tokio::task::spawn_blocking(move || serde_json::from_slice(&bytes)).await?;
        // The error of a parser may quote what it stumbled over, which is personal.
        parsed.map_err(|_| anyhow::anyhow!("file {} is not what was written", file.object))
    }

    async fn reading(&self, due: &Due<'_>) -> anyhow::Result<Reading> {
        self.kept(due, due.document.text().context("a recognised document has a text")?)
            .await
    }

    /// The reading as JSON.
    async fn text(&self, due: &Due<'_>) -> anyhow::Result<Vec<u8>> {
        let file = due.document.text().context("a recognised document has a text")?;
        self.bytes(due, file).await
    }

    async fn bytes(&self, due: &Due<'_>, file: &FileRef) -> anyhow::Result<Vec<u8>> {
        let object = &file.object;
        Ok(self
            .files
            .get_bytes(&due.keys, due.event.owner, object, file.bytes)
            .await?)
    }
}

/// What a command is caused by: its id is made of the event and of what is done about it.
fn cause(due: &Due<'_>, what: &str) -> Cause {
    let command_id = due
        .keys
        .derive_id("command", format!("{} {what}", due.event.position).as_bytes());
    Cause::of_processor(NAME, command_id, due.event.metadata.correlation, due.event.position)
}

/// What checks: the rules of this version of ours.
const ENGINE: &str = "spendlog/checks";

/// What is made of a child that did not answer; nothing here asks for passwords.
fn gave_up(step: Step, error: ReadError) -> DocumentCommand {
    match error {
        ReadError::Failed { reason, detail } => fail(step, reason, &detail),
        locked => fail(step, FailureReason::Malformed, &locked.to_string()),
    }
}

fn fail(step: Step, reason: FailureReason, detail: &str) -> DocumentCommand {
    DocumentCommand::Fail {
        step,
        reason,
        detail: (!detail.is_empty()).then(|| detail.into()),
    }
}

/// The day that the step stands on: that of the event it reacts to, so that a step done again comes out the same.
fn today(due: &Due<'_>) -> Date {
    due.event.recorded_at.date_naive()
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn words(reading: &Reading) -> u32 {
    let on_pages = reading
        .pages
        .iter()
        .flat_map(|page| &page.lines)
        .map(|line| line.words.len())
        .sum::<usize>();
    let in_cells = reading
        .tables
        .iter()
        .flat_map(|table| &table.rows)
        .map(Vec::len)
        .sum::<usize>();
    let in_movements = reading
        .statements
        .iter()
        .map(|statement| statement.movements.len())
        .sum::<usize>();
    count(on_pages + in_cells + in_movements)
}
