//! Reverting an import: what it brought, and nothing else, counts no longer.

use spendlog_domain::{
    imports::{Import, ImportCommand},
    transactions::{Transaction, TransactionCommand},
    values::ImportId,
};
use spendlog_web::{Code, Problem};

use super::{StatementLine, lines::transactions_of_lines, lines_for};
use crate::{Commands, Context, Done, Plan, UseCase, Written};

/// Reverts an import.
#[derive(Clone, Debug)]
pub struct RevertImport {
    /// The import.
    pub import: ImportId,
    /// Its lines.
    pub lines: Vec<StatementLine>,
}

impl UseCase for RevertImport {
    const NAME: &'static str = "imports.revert";
    type Main = Import;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<Import>, Problem> {
        let (mut import, book) = plan.open_main_of(self.import, Import::book).await?;
        let account = import.state().account().ok_or(Code::ImportNotAccepted)?;
        let transactions = transactions_of_lines(&*plan.keys(book.uuid()).await?, account, &self.lines);
        let mut ids: Vec<String> = transactions.iter().map(ToString::to_string).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut there = plan.open_many::<Transaction>(&ids).await?;
        let mut voided_count = 0;
        for id in ids {
            let Some(mut transaction) = there.remove(&id) else {
                continue;
            };
            // The transaction knows which import brought it, or brought it back.
            if transaction.run(TransactionCommand::RevertImport { import: self.import })? {
                voided_count += 1;
                plan.write(transaction, book.uuid())?;
            }
        }
        import.run(ImportCommand::Revert { voided_count })?;
        plan.write(import, book.uuid())
    }
}

/// Reverts an import.
pub async fn revert(commands: &Commands, context: &Context, import: ImportId) -> Result<Done<Import>, Problem> {
    let lines = lines_for(commands, context.actor, import).await?;
    commands.run(context, &RevertImport { import, lines }).await
}
