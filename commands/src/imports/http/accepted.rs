//! The answer to an acceptance: what came of each line.

use std::collections::HashMap;

use cqrs_es::Aggregate as _;
use spendlog_domain::{imports::Import, values::ImportId};
use spendlog_event_store::{Loaded, Query, Texts};
use spendlog_schemas::imports as schemas;
use spendlog_web::{Code, Problem};

use crate::{
    Commands,
    imports::{StatementLine, lines::transactions_of_lines},
    refusal,
};

/// What came of an import and its lines when it was accepted last, up to this position. It is told from the journal alone, so
/// that a request that comes again gets the first answer, whatever happened since.
pub(crate) async fn accepted(
    commands: &Commands,
    import: ImportId,
    lines: &[StatementLine],
    until: i64,
) -> Result<schemas::Accepted, Problem> {
    let id = import.to_string();
    let events = commands.journal.load_until(Import::TYPE, &id, until).await;
    let events = events.map_err(refusal::read)?;
    let last = events.iter().rposition(|event| event.event_type == "import.accepted");
    let last = last.ok_or(Code::ImportNotAccepted)?;
    let Loaded {
        state,
        version,
        position,
    } = Loaded::<Import>::fold(&events[..=last]).map_err(refusal::read)?;
    let (Some(book), Some(account)) = (state.book(), state.account()) else {
        return Err(Code::NotFound.into());
    };
    let (new, there, restored) = (state.new_count(), state.there_count(), state.restored_count());
    // Right before the import's event stand those of the transactions that it brought or brought back, one of each.
    let count = i64::from(new) + i64::from(restored);
    let query = Query {
        after: position - 1 - count,
        until: Some(position - 1),
        limit: count,
        texts: Texts::Withheld,
        ..Query::default()
    };
    let events = commands.journal.read(&query).await.map_err(refusal::read)?;
    let events = events.into_iter().map(|event| (event.stream, event.event_type));
    let mut brought: HashMap<String, String> = events.collect();
    let transactions = transactions_of_lines(&*commands.keys(book.uuid()).await?, account, lines);
    let moving = (0..)
        .zip(lines.iter().zip(transactions))
        .filter(|(_, (line, _))| line.amount.unscaled != 0);
    let told = moving.map(|(number, (_, transaction))| {
        let transaction = transaction.to_string();
        // A movement that is written twice is new once.
        let outcome = match brought.remove(&transaction).as_deref() {
            Some("transaction.recorded") => schemas::LineOutcome::New,
            Some(_) => schemas::LineOutcome::Restored,
            None => schemas::LineOutcome::There,
        };
        schemas::AcceptedLine {
            number,
            transaction,
            outcome,
        }
    });
    Ok(schemas::Accepted {
        id,
        new,
        there,
        restored,
        lines: told.collect(),
        version,
        position: until,
    })
}
