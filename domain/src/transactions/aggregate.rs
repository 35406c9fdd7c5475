//! A transaction as its events tell, and what may happen next.

use std::collections::{BTreeMap, HashSet};

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{AmountChange, Origin, Posting, Target, TransactionCommand, TransactionError, TransactionEvent, VoidCause};
use crate::values::{BookId, CategoryId, Currency, Date, ImportId, Money, PostingId, Text, TransactionId, is_bookable};

/// How many postings a transaction may have: with the longest note they still fit into one event.
pub(super) const POSTINGS_MAX: usize = 200;

/// Postings that sum to zero in each currency, at all times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    id: Option<TransactionId>,
    book: Option<BookId>,
    booked_on: Option<Date>,
    merchant: Option<Text>,
    note: Option<Text>,
    postings: Vec<Posting>,
    origin: Option<Origin>,
    voided: Option<VoidCause>,
    brought_by: Option<ImportId>,
}

impl Transaction {
    /// The id; none before it was recorded.
    pub fn id(&self) -> Option<TransactionId> {
        self.id
    }

    /// The book that it belongs to.
    pub fn book(&self) -> Option<BookId> {
        self.book
    }

    /// The day it happened.
    pub fn booked_on(&self) -> Option<Date> {
        self.booked_on
    }

    /// Whom the money went to or came from.
    pub fn merchant(&self) -> Option<&Text> {
        self.merchant.as_ref()
    }

    /// What somebody wrote to it.
    pub fn note(&self) -> Option<&Text> {
        self.note.as_ref()
    }

    /// Its postings, in the order in which they were recorded.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// The posting of this id.
    pub fn posting(&self, id: PostingId) -> Option<&Posting> {
        self.postings.iter().find(|posting| posting.id == id)
    }

    /// What it was recorded from.
    pub fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// Whether it counts no longer.
    pub fn is_voided(&self) -> bool {
        self.voided.is_some()
    }

    /// Why it counts no longer.
    pub fn void_cause(&self) -> Option<VoidCause> {
        self.voided
    }

    /// The import that brought it, or brought it back: the one whose reversal voids it.
    pub fn brought_by(&self) -> Option<ImportId> {
        self.brought_by
    }

    /// What happens on this command.
    pub fn decide(&self, command: TransactionCommand) -> Result<Vec<TransactionEvent>, TransactionError> {
        let event = match command {
            TransactionCommand::Record {
                transaction,
                book,
                booked_on,
                merchant,
                note,
                postings,
                origin,
            } => {
                if self.id.is_some() {
                    return Err(TransactionError::AlreadyRecorded);
                }
                check_date(booked_on)?;
                check_merchant(merchant.as_ref())?;
                check_note(note.as_ref())?;
                check_postings(&postings)?;
                Some(TransactionEvent::Recorded {
                    transaction,
                    book,
                    booked_on,
                    merchant,
                    note,
                    postings,
                    origin,
                })
            }
            TransactionCommand::CorrectAmount { money } => self.correct_amount(money)?,
            TransactionCommand::CorrectAmounts { changes } => self.correct_amounts(changes)?,
            TransactionCommand::CorrectDate { booked_on } => {
                let from = self.counting()?;
                check_date(booked_on)?;
                (booked_on != from).then_some(TransactionEvent::DateCorrected { from, to: booked_on })
            }
            TransactionCommand::CorrectMerchant { merchant } => {
                self.counting()?;
                check_merchant(merchant.as_ref())?;
                let from = self.merchant.clone();
                (merchant != from).then_some(TransactionEvent::MerchantCorrected { from, to: merchant })
            }
            TransactionCommand::Categorise { posting, category } => self.categorise(posting, category)?,
            TransactionCommand::Note { note } => {
                self.counting()?;
                check_note(note.as_ref())?;
                let from = self.note.clone();
                (note != from).then_some(TransactionEvent::Noted { from, to: note })
            }
            TransactionCommand::Void => {
                self.recorded()?;
                self.voided.is_none().then_some(TransactionEvent::Voided {
                    cause: VoidCause::Person {},
                })
            }
            TransactionCommand::RevertImport { import } => {
                self.recorded()?;
                let brought = self.voided.is_none() && self.brought_by == Some(import);
                brought.then_some(TransactionEvent::Voided {
                    cause: VoidCause::ImportReverted { import },
                })
            }
            TransactionCommand::Restore => {
                self.recorded()?;
                self.voided
                    .is_some()
                    .then_some(TransactionEvent::Restored { import: None })
            }
            TransactionCommand::RestoreByImport { import } => {
                self.recorded()?;
                let reverted = matches!(self.voided, Some(VoidCause::ImportReverted { .. }));
                reverted.then_some(TransactionEvent::Restored { import: Some(import) })
            }
        };
        Ok(event.into_iter().collect())
    }

    /// The day of a recorded transaction.
    fn recorded(&self) -> Result<Date, TransactionError> {
        self.booked_on.ok_or(TransactionError::NotRecorded)
    }

    /// The day of a recorded transaction that is not voided.
    fn counting(&self) -> Result<Date, TransactionError> {
        let booked_on = self.recorded()?;
        if self.voided.is_some() {
            Err(TransactionError::Voided)
        } else {
            Ok(booked_on)
        }
    }

    fn correct_amount(&self, money: Money) -> Result<Option<TransactionEvent>, TransactionError> {
        self.counting()?;
        let [first, second] = self.postings.as_slice() else {
            return Err(TransactionError::NotSimple);
        };
        let expected = first.money.currency;
        if money.currency != expected {
            return Err(TransactionError::CurrencyMismatch { expected });
        }
        check_amount(money)?;
        let (account, other) = if is_account(first) {
            (first, second)
        } else {
            (second, first)
        };
        let change = |posting: &Posting, to_minor| AmountChange {
            posting: posting.id,
            from_minor: posting.money.minor,
            to_minor,
        };
        // The limit on amounts makes the negation safe.
        self.correct_amounts(vec![change(account, money.minor), change(other, -money.minor)])
    }

    fn correct_amounts(&self, mut changes: Vec<AmountChange>) -> Result<Option<TransactionEvent>, TransactionError> {
        self.counting()?;
        if changes.len() > POSTINGS_MAX {
            return Err(TransactionError::TooManyPostings);
        }
        let mut named = HashSet::new();
        for change in &changes {
            let posting = change.posting;
            let current = self
                .posting(posting)
                .ok_or(TransactionError::UnknownPosting { posting })?;
            if !named.insert(posting) {
                return Err(TransactionError::PostingTwice { posting });
            }
            if change.from_minor != current.money.minor {
                return Err(TransactionError::StaleAmount { posting });
            }
        }
        changes.retain(|change| change.from_minor != change.to_minor);
        if changes.is_empty() {
            return Ok(None);
        }
        check_postings(&with_amounts(self.postings.clone(), &changes))?;
        Ok(Some(TransactionEvent::AmountCorrected { changes }))
    }

    fn categorise(
        &self,
        posting: Option<PostingId>,
        to: CategoryId,
    ) -> Result<Option<TransactionEvent>, TransactionError> {
        self.counting()?;
        let categories = || {
            self.postings
                .iter()
                .filter_map(|posting| Some((posting.id, category_of(posting)?)))
        };
        let (posting, from) = match posting {
            Some(posting) => {
                let named = self
                    .posting(posting)
                    .ok_or(TransactionError::UnknownPosting { posting })?;
                (
                    posting,
                    category_of(named).ok_or(TransactionError::NotACategory { posting })?,
                )
            }
            None if categories().count() > 1 => return Err(TransactionError::SeveralCategories),
            None => categories().next().ok_or(TransactionError::NoCategory)?,
        };
        Ok((from != to).then_some(TransactionEvent::Categorised { posting, from, to }))
    }
}

impl Aggregate for Transaction {
    const TYPE: &'static str = "transaction";
    type Command = TransactionCommand;
    type Event = TransactionEvent;
    type Error = TransactionError;
    type Services = ();

    async fn handle(
        &mut self,
        command: TransactionCommand,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), TransactionError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TransactionEvent) {
        match event {
            TransactionEvent::Recorded {
                transaction,
                book,
                booked_on,
                merchant,
                note,
                postings,
                origin,
            } => {
                self.id = Some(transaction);
                self.book = Some(book);
                self.booked_on = Some(booked_on);
                self.merchant = merchant;
                self.note = note;
                self.postings = postings;
                self.origin = Some(origin);
                self.brought_by = import_of(origin);
            }
            TransactionEvent::AmountCorrected { changes } => {
                self.postings = with_amounts(std::mem::take(&mut self.postings), &changes);
            }
            TransactionEvent::DateCorrected { from: _, to } => self.booked_on = Some(to),
            TransactionEvent::MerchantCorrected { from: _, to } => self.merchant = to,
            TransactionEvent::Categorised { posting, from: _, to } => {
                for named in self.postings.iter_mut().filter(|named| named.id == posting) {
                    named.target = Target::Category(to);
                }
            }
            TransactionEvent::Noted { from: _, to } => self.note = to,
            TransactionEvent::Voided { cause } => self.voided = Some(cause),
            TransactionEvent::Restored { import } => {
                self.voided = None;
                self.brought_by = import.or(self.brought_by);
            }
        }
    }
}

fn is_account(posting: &Posting) -> bool {
    matches!(posting.target, Target::Account(_))
}

fn category_of(posting: &Posting) -> Option<CategoryId> {
    match posting.target {
        Target::Category(category) => Some(category),
        Target::Account(_) => None,
    }
}

fn import_of(origin: Origin) -> Option<ImportId> {
    match origin {
        Origin::Import { import, .. } => Some(import),
        Origin::Manual {} | Origin::Document { .. } => None,
    }
}

fn with_amounts(mut postings: Vec<Posting>, changes: &[AmountChange]) -> Vec<Posting> {
    for change in changes {
        for posting in postings.iter_mut().filter(|posting| posting.id == change.posting) {
            posting.money.minor = change.to_minor;
        }
    }
    postings
}

fn check_postings(postings: &[Posting]) -> Result<(), TransactionError> {
    match postings.len() {
        0 | 1 => return Err(TransactionError::TooFewPostings),
        2..=POSTINGS_MAX => {}
        _ => return Err(TransactionError::TooManyPostings),
    }
    if !postings.iter().any(is_account) {
        return Err(TransactionError::NoAccount);
    }
    let mut named = HashSet::new();
    let mut sums = BTreeMap::<Currency, i64>::new();
    for Posting { id, target: _, money } in postings {
        if !named.insert(*id) {
            return Err(TransactionError::PostingTwice { posting: *id });
        }
        check_amount(*money)?;
        let sum = sums.entry(money.currency).or_default();
        *sum = sum.checked_add(money.minor).ok_or(TransactionError::AmountOutOfRange)?;
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, _)) => Err(TransactionError::Unbalanced { currency }),
        None => Ok(()),
    }
}

fn check_amount(money: Money) -> Result<(), TransactionError> {
    if money.minor == 0 {
        return Err(TransactionError::ZeroAmount);
    }
    if money.is_within_limit() {
        Ok(())
    } else {
        Err(TransactionError::AmountOutOfRange)
    }
}

fn check_date(day: Date) -> Result<(), TransactionError> {
    if is_bookable(day) {
        Ok(())
    } else {
        Err(TransactionError::InvalidDate)
    }
}

fn check_merchant(merchant: Option<&Text>) -> Result<(), TransactionError> {
    let fits = merchant.is_none_or(|merchant| merchant.is_line(Text::MERCHANT_CHARS_MAX));
    if fits {
        Ok(())
    } else {
        Err(TransactionError::InvalidMerchant)
    }
}

fn check_note(note: Option<&Text>) -> Result<(), TransactionError> {
    let fits = note.is_none_or(|note| note.is_note(Text::NOTE_CHARS_MAX));
    if fits {
        Ok(())
    } else {
        Err(TransactionError::InvalidNote)
    }
}
