//! An import as its events tell, and what may happen next.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{ImportCommand, ImportError, ImportEvent};
use crate::values::{AccountId, BookId, Currency, DocumentId, FileRef, ImportId};

/// Where an import stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// No statement was read under this id yet.
    #[default]
    Absent,
    /// Its lines wait to be accepted.
    Read,
    /// Its lines stand in the account.
    Accepted,
    /// What it brought is voided; it can be accepted again.
    Reverted,
}

/// A bank statement, whose lines become transactions when accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Import {
    id: Option<ImportId>,
    book: Option<BookId>,
    document: Option<DocumentId>,
    account_hint: Option<AccountId>,
    currency: Option<Currency>,
    lines: Option<FileRef>,
    lines_count: u32,
    status: ImportStatus,
    account: Option<AccountId>,
    new_count: u32,
    there_count: u32,
    restored_count: u32,
    voided_count: u32,
}

impl Import {
    /// How many lines an import may have.
    pub const LINES_MAX: u32 = 50_000;

    /// The id; none before the statement was read.
    pub fn id(&self) -> Option<ImportId> {
        self.id
    }

    /// The book that it belongs to.
    pub fn book(&self) -> Option<BookId> {
        self.book
    }

    /// The document that the statement came as.
    pub fn document(&self) -> Option<DocumentId> {
        self.document
    }

    /// The account whose number the statement names, where there is one.
    pub fn account_hint(&self) -> Option<AccountId> {
        self.account_hint
    }

    /// The currency that the statement names.
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// The lines, in a file.
    pub fn lines(&self) -> Option<&FileRef> {
        self.lines.as_ref()
    }

    /// How many lines there are.
    pub fn lines_count(&self) -> u32 {
        self.lines_count
    }

    /// Where it stands.
    pub fn status(&self) -> ImportStatus {
        self.status
    }

    /// The account that it was accepted into last, reverted since or not.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// At the last acceptance: how many lines became new transactions.
    pub fn new_count(&self) -> u32 {
        self.new_count
    }

    /// At the last acceptance: how many lines were there before.
    pub fn there_count(&self) -> u32 {
        self.there_count
    }

    /// At the last acceptance: of how many lines the transaction was restored.
    pub fn restored_count(&self) -> u32 {
        self.restored_count
    }

    /// At the last reversal: how many transactions were voided.
    pub fn voided_count(&self) -> u32 {
        self.voided_count
    }

    /// What happens on this command. Reading the same lines of the same account again, and accepting again into the account
    /// where they stand, are no events: the caller answers from the state.
    pub fn decide(&self, command: ImportCommand) -> Result<Vec<ImportEvent>, ImportError> {
        match command {
            ImportCommand::Read {
                import,
                book,
                document,
                account,
                currency,
                lines,
                lines_count,
            } => {
                if self.status != ImportStatus::Absent {
                    if self.document != Some(document) || self.lines.as_ref() != Some(&lines) {
                        return Err(ImportError::AlreadyRead);
                    }
                    // Where somebody corrected what the document says of its account, that counts from now on.
                    let corrected = (account, currency) != (self.account_hint, self.currency);
                    if !corrected || self.status == ImportStatus::Accepted {
                        return Ok(vec![]);
                    }
                }
                if !lines.is_valid() {
                    return Err(ImportError::InvalidFile);
                }
                if lines_count > Self::LINES_MAX {
                    return Err(ImportError::TooManyLines);
                }
                Ok(vec![ImportEvent::Read {
                    import,
                    book,
                    document,
                    account,
                    currency,
                    lines,
                    lines_count,
                }])
            }
            ImportCommand::Accept {
                account,
                new_count,
                there_count,
                restored_count,
            } => {
                match self.status {
                    ImportStatus::Absent => return Err(ImportError::NotRead),
                    ImportStatus::Accepted if self.account == Some(account) => return Ok(vec![]),
                    ImportStatus::Accepted => return Err(ImportError::AcceptedElsewhere),
                    ImportStatus::Read | ImportStatus::Reverted => {}
                }
                // Fewer are all right: a line without an amount brings no transaction.
                let told_apart = u64::from(new_count) + u64::from(there_count) + u64::from(restored_count);
                if told_apart > u64::from(self.lines_count) {
                    return Err(ImportError::MoreThanRead);
                }
                Ok(vec![ImportEvent::Accepted {
                    account,
                    new_count,
                    there_count,
                    restored_count,
                }])
            }
            ImportCommand::Revert { voided_count } => match self.status {
                ImportStatus::Absent => Err(ImportError::NotRead),
                ImportStatus::Read | ImportStatus::Reverted => Err(ImportError::NotAccepted),
                ImportStatus::Accepted if voided_count > self.lines_count => Err(ImportError::MoreThanRead),
                ImportStatus::Accepted => Ok(vec![ImportEvent::Reverted { voided_count }]),
            },
        }
    }
}

impl Aggregate for Import {
    const TYPE: &'static str = "import";
    type Command = ImportCommand;
    type Event = ImportEvent;
    type Error = ImportError;
    type Services = ();

    async fn handle(&mut self, command: ImportCommand, _: &(), sink: &EventSink<Self>) -> Result<(), ImportError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ImportEvent) {
        match event {
            ImportEvent::Read {
                import,
                book,
                document,
                account,
                currency,
                lines,
                lines_count,
            } => {
                self.id = Some(import);
                self.book = Some(book);
                self.document = Some(document);
                self.account_hint = account;
                self.currency = currency;
                self.lines = Some(lines);
                self.lines_count = lines_count;
                self.status = ImportStatus::Read;
            }
            ImportEvent::Accepted {
                account,
                new_count,
                there_count,
                restored_count,
            } => {
                self.account = Some(account);
                self.new_count = new_count;
                self.there_count = there_count;
                self.restored_count = restored_count;
                self.status = ImportStatus::Accepted;
            }
            ImportEvent::Reverted { voided_count } => {
                self.voided_count = voided_count;
                self.status = ImportStatus::Reverted;
            }
        }
    }
}
