//! Confirmation: the document and what follows from it, in one append, so that nothing is ever half done.

use spendlog_domain::{
    books::ConfirmationPolicy,
    documents::{Check, ConfirmedBy, Document, DocumentCommand, DocumentKind},
    imports::Import,
    transactions::{Origin, Transaction, TransactionCommand},
    values::{AccountId, BookId, CategoryId, DocumentId, ImportId, Money, Text},
};
use spendlog_web::{Code, Problem};

use super::transaction_of_document;
use crate::{
    Actor, Commands, Context, Done, Open, Plan, UseCase, Written,
    imports::{self, StatementLine},
    input,
    transactions::simple_postings,
};

/// The imports that were read from a document, in the order of its statements, with their lines.
pub type Statements = Vec<(ImportId, Vec<StatementLine>)>;

/// Confirms a document: records its transaction, or accepts the lines of its statements.
#[derive(Clone, Debug)]
pub struct ConfirmDocument {
    /// The document.
    pub document: DocumentId,
    /// Who confirms.
    pub by: ConfirmedBy,
    /// The account, if it was said.
    pub account: Option<AccountId>,
    /// The category, if it was said.
    pub category: Option<CategoryId>,
    /// Its statements.
    pub statements: Statements,
}

impl UseCase for ConfirmDocument {
    const NAME: &'static str = "documents.confirm";
    type Main = Document;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Document>, Problem> {
        let (mut document, book) = plan.open_main_of(self.document, Document::book).await?;
        if self.by == ConfirmedBy::Policy && !allows(plan.book(book).await?.policy(), document.state()) {
            return plan.write(document, book.uuid());
        }
        if document.state().kind() == Some(DocumentKind::BankStatement) {
            self.statement(plan, book, &mut document).await?;
        } else {
            self.single(plan, book, &mut document).await?;
        }
        plan.write(document, book.uuid())
    }
}

/// Whether the book's policy confirms this document by itself.
fn allows(policy: ConfirmationPolicy, document: &Document) -> bool {
    match policy {
        ConfirmationPolicy::Manual => false,
        ConfirmationPolicy::WhenChecksHold => {
            !document.checks().is_empty() && document.checks().iter().all(Check::holds)
        }
    }
}

impl ConfirmDocument {
    /// The account of a document: the one said, the one that it was confirmed for, or the one that it was uploaded for.
    fn account(&self, document: &Document) -> Option<AccountId> {
        let confirmed = document.confirmation().map(|done| done.account);
        self.account.or(confirmed).or(document.account_hint())
    }

    /// One transaction of one total.
    async fn single(&self, plan: &mut Plan<'_>, book: BookId, document: &mut Open<Document>) -> Result<(), Problem> {
        let account = self.account(document.state()).ok_or_else(input::unknown_account)?;
        let confirmed = document.state().confirmation().and_then(|done| done.category);
        let category = match self.category.or(confirmed) {
            Some(category) => category,
            None => plan.uncategorised(book).await?,
        };
        let confirm = DocumentCommand::Confirm {
            by: self.by,
            account,
            category: Some(category),
        };
        if !document.run(confirm)? {
            return Ok(());
        }
        // Looked at only now: what is confirmed already stays so when the account is closed.
        let found = plan.account_in(book, account).await.map_err(input::named("/account"))?;
        plan.category_in(book, category)
            .await
            .map_err(input::named("/category"))?;
        let state = document.state();
        let (Some(total), Some(currency), Some(booked_on)) = (state.total(), state.currency(), state.date()) else {
            return Err(Code::DocumentIncomplete.into());
        };
        if found.currency() != Some(currency) {
            return Err(
                Problem::from(Code::CurrencyMismatch).and_field("/currency", "account is kept in another currency")
            );
        }
        let spent = input::money("/total", total, currency)?;
        let money = Money {
            minor: spent.minor.checked_neg().ok_or(Code::DocumentIncomplete)?,
            ..spent
        };
        let merchant = state
            .merchant()
            .map(|merchant| merchant.clone().abridged(Text::MERCHANT_CHARS_MAX));
        let merchant = merchant.filter(|merchant| merchant.is_line(Text::MERCHANT_CHARS_MAX));
        let transaction = transaction_of_document(&*plan.keys(book.uuid()).await?, self.document);
        let mut recorded = plan.open_or_absent::<Transaction>(transaction).await?;
        if !recorded.exists() {
            let postings = simple_postings(transaction, account, category, money)?;
            let origin = Origin::Document {
                document: self.document,
            };
            let note = None;
            recorded.run(TransactionCommand::Record {
                transaction,
                book,
                booked_on,
                merchant,
                note,
                postings,
                origin,
            })?;
            plan.write(recorded, book.uuid())?;
        }
        Ok(())
    }

    /// The lines of all statements, each into its account.
    async fn statement(&self, plan: &mut Plan<'_>, book: BookId, document: &mut Open<Document>) -> Result<(), Problem> {
        if self.category.is_some() {
            return Err(Problem::field(
                "/category",
                "a statement has no category: each of its lines has",
            ));
        }
        let meant = self.account(document.state());
        let (mut accounts, mut lines_count) = (Vec::with_capacity(self.statements.len()), 0);
        for (import, lines) in &self.statements {
            let import = plan.open::<Import>(import).await?;
            lines_count += import.state().lines_count();
            let named = import.state().account_hint();
            // Of several statements each names its own account; of a single one a person knows best.
            let account = if self.statements.len() > 1 {
                named.or(meant)
            } else {
                meant.or(named)
            };
            accounts.push((import, lines, account.ok_or_else(input::unknown_account)?));
        }
        // They are made ready one after the other; a part of them must not be taken for the whole.
        if document.state().lines().map_or(0, |lines| lines.count) != lines_count {
            return Err(Problem::new(
                Code::DocumentNotReady,
                "the statement's lines are not all ready to be accepted yet",
            ));
        }
        let account = accounts
            .first()
            .map(|(.., account)| *account)
            .or(meant)
            .ok_or_else(input::unknown_account)?;
        if !document.run(DocumentCommand::Confirm {
            by: self.by,
            account,
            category: None,
        })? {
            return Ok(());
        }
        for (import, lines, account) in accounts {
            imports::accept_lines(plan, book, import, lines, account).await?;
        }
        Ok(())
    }
}

/// Confirms a document by a person. Gives its statements as well.
pub async fn confirm(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
    account: Option<AccountId>,
    category: Option<CategoryId>,
) -> Result<(Done<Document>, Statements), Problem> {
    let statements = statements(commands, context.actor, document).await?;
    let use_case = ConfirmDocument {
        document,
        by: ConfirmedBy::Person,
        account,
        category,
        statements,
    };
    Ok((commands.run(context, &use_case).await?, use_case.statements))
}

/// Confirms a document by its book's policy, into the account that it was uploaded for or that its statement names.
/// None where a person has to look at it: because the policy says so, or because something is missing or does not fit.
pub async fn confirm_by_policy(
    commands: &Commands,
    context: &Context,
    document: DocumentId,
) -> Result<Option<Done<Document>>, Problem> {
    let statements = statements(commands, context.actor, document).await?;
    let use_case = ConfirmDocument {
        document,
        by: ConfirmedBy::Policy,
        account: None,
        category: None,
        statements,
    };
    match commands.run(context, &use_case).await {
        Ok(done) => Ok(done.state.confirmation().is_some().then_some(done)),
        Err(problem) if problem.code.status() < 500 && !problem.is_passing() => {
            let code = problem.code.code();
            tracing::info!(%document, code, "document {document} is left to a person: {code}");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

/// The statements of a document, for somebody: whether its book is theirs is asked before anything is read.
async fn statements(commands: &Commands, actor: Actor, document: DocumentId) -> Result<Statements, Problem> {
    let state = commands.dispatch.newest::<Document>(document).await?;
    let mut statements = Vec::new();
    let (Some(book), Some(DocumentKind::BankStatement)) = (state.book(), state.kind()) else {
        return Ok(statements);
    };
    commands.check_book(actor, book).await?;
    let keys = commands.keys(book.uuid()).await?;
    for number in 0.. {
        let import = imports::import_of_document(&keys, document, number);
        let read = commands.dispatch.newest::<Import>(import).await?;
        if read.id().is_none() {
            break;
        }
        statements.push((import, imports::lines(commands, &read).await?));
    }
    Ok(statements)
}
