//! From the amounts of a row to a movement: which of them it is, and whether it comes in or leaves.

use spendlog_domain::documents::{Box2, Confidence};
use spendlog_domain::values::{Date, Decimal};

use super::amounts::{absolute, negated, units};
use super::statement_heads::Heads;
use super::statement_words::{Role, direction};
use super::text::Labelled;
use crate::reading::Movement;

/// An amount of a row, and where it ends on the page.
#[derive(Clone, Debug)]
pub(super) struct Money {
    pub(super) value: Decimal,
    pub(super) signed: bool,
    /// The sign by a letter behind it: `H` and `S`, for what German banks call Haben and Soll.
    pub(super) letter: Option<bool>,
    pub(super) area: Option<Box2>,
    /// The words before it in its row.
    pub(super) before: String,
    /// Whether the account is not kept in the currency that stands beside it.
    pub(super) currency: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) date: Date,
    pub(super) description: String,
    pub(super) money: Vec<Money>,
    pub(super) page: u32,
    pub(super) area: Option<Box2>,
    pub(super) confidence: Confidence,
    pub(super) sure: bool,
}

/// What is known of the rows around a movement.
pub(super) struct Around<'a> {
    /// The heads of its columns.
    pub(super) head: Option<&'a Heads>,
    /// The balance before it, in ten-thousandths.
    pub(super) running: Option<i64>,
    /// The account's currency.
    pub(super) home: Option<&'a str>,
    /// Whether only what comes in is marked in this statement.
    pub(super) credits_marked: bool,
}

/// Whether letters mark what comes in, and nothing marks what leaves.
pub(super) fn credits_marked(drafts: &[Draft]) -> bool {
    let all = || drafts.iter().filter_map(|draft| draft.money.last());
    all().any(|money| money.letter == Some(true))
        && all().any(|money| money.letter.is_none())
        && all().all(|money| money.letter != Some(false) && (!money.signed || money.letter.is_some()))
}

/// The movement of a row.
pub(super) fn movement(draft: &Draft, around: &Around<'_>) -> Option<Movement> {
    let Around {
        head,
        running,
        home,
        credits_marked,
    } = *around;
    let balanced = head.is_some_and(|head| head.has(Role::Balance));
    let columns: Vec<Option<Role>> = draft
        .money
        .iter()
        .map(|money| head.and_then(|head| head.column(money.area)))
        .collect();
    let by_column = columns
        .iter()
        .position(|role| matches!(role, Some(Role::Debit | Role::Credit | Role::Amount)));
    let mut at = by_column.unwrap_or(0);
    let mut balance_at = columns
        .iter()
        .position(|role| *role == Some(Role::Balance))
        .filter(|balance| *balance != at);
    if balance_at.is_none() && draft.money.len() >= 2 && (balanced || steps(draft, running)) {
        balance_at = Some(draft.money.len() - 1);
        if at == draft.money.len() - 1 {
            at = draft.money.len() - 2;
        }
    }
    // The amount before the balance is the movement's; what stands before it is a rate or an amount in the text.
    if by_column.is_none()
        && let Some(balance) = balance_at
        && balance > 0
    {
        at = balance - 1;
    } else if by_column.is_none() && balance_at.is_none() {
        at = draft.money.len() - 1;
    }
    let money = draft.money.get(at)?;
    if money
        .currency
        .as_deref()
        .zip(home)
        .is_some_and(|(own, home)| own != home)
        && draft.money.iter().any(|other| other.currency.as_deref() == home)
        && balance_at.is_none()
    {
        return None;
    }
    let balance = balance_at
        .and_then(|at| draft.money.get(at))
        .map(|money| match money.letter {
            Some(false) => negated(absolute(money.value)),
            _ => money.value,
        });
    let size = absolute(money.value);
    let stepped = || {
        let step = units(balance?)? - running?;
        (step.abs() == units(size)? && step != 0).then_some(step > 0)
    };
    let in_column = match columns.get(at).copied().flatten() {
        Some(Role::Debit) => Some(false),
        Some(Role::Credit) => Some(true),
        _ => None,
    };
    let (amount, certain) = if let Some(credit) = money.letter {
        (if credit { size } else { negated(size) }, true)
    } else if money.signed {
        (money.value, true)
    } else if let Some(credit) = in_column.or_else(stepped) {
        (if credit { size } else { negated(size) }, true)
    } else if credits_marked {
        (negated(size), true)
    } else {
        match direction(&draft.description) {
            Some(credit) => (if credit { size } else { negated(size) }, false),
            None => (money.value, false),
        }
    };
    let rule = if certain && draft.sure {
        900
    } else if certain {
        500
    } else {
        600
    };
    Some(Movement {
        date: draft.date,
        amount,
        description: draft.description.split_whitespace().collect::<Vec<_>>().join(" "),
        balance,
        reference: None,
        currency: None,
        page: Some(draft.page),
        area: draft.area,
        confidence: Confidence(rule.min(draft.confidence.0)),
    })
}

/// Whether the last amount is the balance before plus or minus the one at its left.
fn steps(draft: &Draft, running: Option<i64>) -> bool {
    let last = draft.money.len() - 1;
    let all = || {
        let (before, after, size) = (
            running?,
            units(draft.money[last].value)?,
            units(draft.money[last - 1].value)?,
        );
        Some((after - before).abs() == size.abs() && size != 0)
    };
    all().unwrap_or(false)
}

/// Below this confidence a sign was only told by words, or not at all.
const UNSURE: Confidence = Confidence(700);

/// Where both balances are known and the movements do not make their difference, but would if one, two or three of
/// the doubtful signs were the other way round, and in one way only, they are turned.
pub(super) fn settle(movements: &mut [Movement], opening: Option<Decimal>, closing: Option<Decimal>) {
    let (Some(opening), Some(closing)) = (opening.and_then(units), closing.and_then(units)) else {
        return;
    };
    let Some(amounts) = movements
        .iter()
        .map(|movement| units(movement.amount))
        .collect::<Option<Vec<i64>>>()
    else {
        return;
    };
    let off = opening + amounts.iter().sum::<i64>() - closing;
    if off == 0 {
        // What adds up is certain.
        for movement in movements.iter_mut().filter(|movement| movement.confidence < UNSURE) {
            movement.confidence = Confidence(movement.confidence.0.max(880));
        }
        return;
    }
    let doubtful: Vec<usize> = (0..movements.len())
        .filter(|at| movements[*at].confidence < UNSURE)
        .take(40)
        .collect();
    let mut ways: Vec<Vec<usize>> = Vec::new();
    for (i, a) in doubtful.iter().enumerate() {
        if amounts[*a] * 2 == off {
            ways.push(vec![*a]);
        }
        for (j, b) in doubtful.iter().enumerate().skip(i + 1) {
            if (amounts[*a] + amounts[*b]) * 2 == off {
                ways.push(vec![*a, *b]);
            }
            for c in doubtful.iter().skip(j + 1) {
                if (amounts[*a] + amounts[*b] + amounts[*c]) * 2 == off {
                    ways.push(vec![*a, *b, *c]);
                }
            }
        }
    }
    let fewest = ways.iter().map(Vec::len).min();
    let mut best = ways.iter().filter(|way| Some(way.len()) == fewest);
    if let (Some(way), None) = (best.next(), best.next()) {
        for at in way {
            movements[*at].amount = negated(movements[*at].amount);
        }
        for movement in movements.iter_mut().filter(|movement| movement.confidence < UNSURE) {
            movement.confidence = Confidence(800);
        }
    }
}

/// Cards state what is owed: purchases are written without a sign, payments with a minus. Where the balances or the
/// words of the payments show that, all signs are turned, so that what is bought leaves the account.
pub(super) fn turn_card(
    movements: &mut [Movement],
    text: &str,
    opening: &mut Option<Decimal>,
    closing: &mut Option<Decimal>,
) {
    let words = Labelled::of(text);
    if CARD.iter().filter(|cue| words.has(cue)).count() < 2 {
        return;
    }
    let paid = |movement: &&Movement| Labelled::of(&movement.description).any(PAYMENTS);
    let negative: Vec<&Movement> = movements
        .iter()
        .filter(|movement| movement.amount.unscaled < 0)
        .collect();
    let positive = movements.len() - negative.len();
    let payments = negative.iter().copied().filter(|movement| paid(movement)).count();
    let sum: Option<i64> = movements.iter().map(|movement| units(movement.amount)).sum();
    let owed = |balance: Option<Decimal>| balance.and_then(units).filter(|balance| *balance >= 0);
    let adds_up = owed(*opening)
        .zip(owed(*closing))
        .zip(sum)
        .is_some_and(|((opening, closing), sum)| opening + sum == closing && sum != 0);
    let by_words = !negative.is_empty()
        && payments * 2 > negative.len()
        && positive > negative.len()
        && !movements.iter().filter(|m| m.amount.unscaled > 0).any(|m| paid(&m));
    if !adds_up && !by_words {
        return;
    }
    for movement in movements.iter_mut() {
        movement.amount = negated(movement.amount);
        movement.balance = movement.balance.map(negated);
    }
    *opening = opening.map(negated);
    *closing = closing.map(negated);
}

#[rustfmt::skip]
const CARD: &[&str] = &[
    "CREDIT CARD", "CREDIT LIMIT", "MINIMUM PAYMENT", "PAYMENT DUE DATE", "CARD STATEMENT", "AVAILABLE CREDIT",
    "CASH ADVANCES", "NEW BALANCE", "PREVIOUS BALANCE", "PURCHASES", "KREDITKARTE", "KREDITRAHMEN", "VISA",
    "MASTERCARD", "CARTE DE CREDIT", "CARD NUMBER", "CARD ENDING",
];
#[rustfmt::skip]
const PAYMENTS: &[&str] = &["PAYMENT", "PAYMENTS", "THANK YOU", "AUTOPAY", "AUTOMATIC PAYMENT", "REFUND", "CREDIT", "REVERSAL", "RETURN", "ZAHLUNG", "GUTSCHRIFT", "REMBOURSEMENT", "BETALING"];
