//! Accepting the lines of a statement: all of them in one append, each told apart.

use std::collections::HashSet;

use spendlog_domain::{
    imports::{Import, ImportCommand, ImportStatus},
    transactions::{Origin, Transaction, TransactionCommand},
    values::{AccountId, BookId, Currency, ImportId, Text},
};
use spendlog_web::{Code, Problem};

use super::{StatementLine, lines::transactions_of_lines, lines_for};
use crate::{Commands, Context, Done, Open, Plan, UseCase, Written, input, transactions::simple_postings};

/// Accepts an import.
#[derive(Clone, Debug)]
pub struct AcceptImport {
    /// The import.
    pub import: ImportId,
    /// The account; the one that the statement names, if it was not said.
    pub account: Option<AccountId>,
    /// Its lines.
    pub lines: Vec<StatementLine>,
}

impl UseCase for AcceptImport {
    const NAME: &'static str = "imports.accept";
    type Main = Import;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Import>, Problem> {
        let (import, book) = plan.open_main_of(self.import, Import::book).await?;
        let accepted = import.state().account();
        let account = self.account.or(accepted).or(import.state().account_hint());
        let account = account.ok_or_else(input::unknown_account)?;
        accept_lines(plan, book, import, &self.lines, account).await
    }
}

/// Puts the lines into the account: new ones are recorded, those of a reverted import restored, the others left alone.
/// The import is written behind its transactions: by that it is told afterwards what came of each line.
pub(crate) async fn accept_lines(
    plan: &mut Plan<'_>,
    book: BookId,
    mut import: Open<Import>,
    lines: &[StatementLine],
    account: AccountId,
) -> Result<Written<Import>, Problem> {
    if import.state().status() == ImportStatus::Accepted {
        // Nothing happens, or it stands in another account: the aggregate knows.
        let (new_count, there_count, restored_count) = (0, 0, 0);
        import.run(ImportCommand::Accept {
            account,
            new_count,
            there_count,
            restored_count,
        })?;
        return plan.write(import, book.uuid());
    }
    let found = plan.account_in(book, account).await.map_err(input::named("/account"))?;
    let kept_in = found.currency().ok_or(Code::NotFound)?;
    let category = plan.uncategorised(book).await?;
    let (id, document, currency) = (
        import.state().id(),
        import.state().document(),
        import.state().currency(),
    );
    let (Some(id), Some(document)) = (id, document) else {
        return Err(Code::NotFound.into());
    };
    let transactions = transactions_of_lines(&*plan.keys(book.uuid()).await?, account, lines);
    let ids: Vec<String> = transactions.iter().map(ToString::to_string).collect();
    let mut there = plan.open_many::<Transaction>(&ids).await?;
    // Another statement of the same document may have brought it as well.
    let planned = plan.streams.iter().map(|planned| planned.stream.id.clone());
    let mut seen: HashSet<String> = planned.collect();
    let (mut new_count, mut there_count, mut restored_count) = (0, 0, 0);
    for (number, (line, transaction)) in (0_u32..).zip(lines.iter().zip(transactions)) {
        if line.amount.unscaled == 0 {
            continue;
        }
        if !seen.insert(ids[number as usize].clone()) {
            // The bank's own id again, with the same day and amount: one movement, written twice.
            there_count += 1;
            continue;
        }
        if let Some(mut known) = there.remove(&ids[number as usize]) {
            if known.run(TransactionCommand::RestoreByImport { import: id })? {
                restored_count += 1;
                plan.write(known, book.uuid())?;
            } else {
                there_count += 1;
            }
            continue;
        }
        let money = line_money(number, line, currency, kept_in)?;
        let merchant = Some(Text::from(line.description.trim()).abridged(Text::MERCHANT_CHARS_MAX));
        let merchant = merchant.filter(|merchant| merchant.is_line(Text::MERCHANT_CHARS_MAX));
        let (booked_on, note, origin) = (
            line.date,
            None,
            Origin::Import {
                import: id,
                document,
                line: number,
            },
        );
        let postings = simple_postings(transaction, account, category, money)?;
        let mut new = Open::<Transaction>::absent(transaction);
        let record = TransactionCommand::Record {
            transaction,
            book,
            booked_on,
            merchant,
            note,
            postings,
            origin,
        };
        new.run(record)
            .map_err(|problem| Problem::new(problem.code, format!("line {number} can't be recorded")))?;
        new_count += 1;
        plan.write(new, book.uuid())?;
    }
    import.run(ImportCommand::Accept {
        account,
        new_count,
        there_count,
        restored_count,
    })?;
    plan.write(import, book.uuid())
}

/// A line's amount, in the account's currency.
fn line_money(
    number: u32,
    line: &StatementLine,
    statement: Option<Currency>,
    kept_in: Currency,
) -> Result<spendlog_domain::values::Money, Problem> {
    let currency = line.currency.or(statement).unwrap_or(kept_in);
    if currency != kept_in {
        let detail = format!("line {number} is in {currency}, the account is kept in {kept_in}");
        return Err(Problem::new(Code::CurrencyMismatch, detail));
    }
    input::money(&format!("/lines/{number}/amount"), line.amount, kept_in)
}

/// Accepts an import into an account; the one that the statement names, if none is said. Gives its lines as well.
pub async fn accept(
    commands: &Commands,
    context: &Context,
    import: ImportId,
    account: Option<AccountId>,
) -> Result<(Done<Import>, Vec<StatementLine>), Problem> {
    let lines = lines_for(commands, context.actor, import).await?;
    let use_case = AcceptImport { import, account, lines };
    Ok((commands.run(context, &use_case).await?, use_case.lines))
}
