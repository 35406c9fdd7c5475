//! Bank statements as pages of text.
//!
//! A movement begins where a row has a date at its start (or, beside a signed amount, anywhere) and ends before the
//! next; its amount stands in that row or in one of the rows that go on. Signs come, in this order, from a sign or a
//! letter at the amount, the column that it stands in, the steps of the running balance, the words.

use spendlog_domain::values::{Currency, Date};

use super::amounts::{Amount, Mark, absolute, amounts, mark_of, negated, tidy, units};
use super::dates::{DateHit, Order, dates, in_period};
use super::locale::Locale;
use super::page::{Row, Rows, around};
use super::pattern::regex;
use super::short_dates::{Short, short_date};
use super::statement::{Found, Stated};
use super::statement_heads::Heads;
use super::statement_order::order_of;
use super::statement_signs::{Around, Draft, Money, credits_marked, movement, settle, turn_card};
use super::statement_words::{self as words, stated};
use super::text::{Labelled, fold};

regex!(LETTER, r"^\s?([HS])(?:\s|$)");
regex!(REPEATED, r"^\s*(?:[A-Z0-9/-]{3,20}|\d{1,4})\s+");

/// All movements of the rows.
pub(crate) fn read(rows: &Rows, locale: &Locale, currency: Option<Currency>, today: Date) -> Found {
    let mark = mark_of(rows.rows.iter().map(|row| row.text.as_str()));
    let whole = whole_dates(rows);
    let rows = &whole;
    let all_dates: Vec<DateHit> = rows.rows.iter().flat_map(|row| dates(&row.text)).collect();
    let firsts: Vec<DateHit> = rows.rows.iter().filter_map(first_date).collect();
    let days: Vec<_> = firsts.iter().map(|hit| hit.day).collect();
    let (order, sure) = match order_of(&days, locale, currency, &firsts, today) {
        // Without days of its own that could be mistaken, other dates of the document show the order.
        (None, _) => (locale.order(&all_dates, currency), true),
        decided => decided,
    };
    let (from, to) = period(rows, &all_dates, order, today);
    let mut found = Found::default();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut heads: Vec<(usize, Heads)> = Vec::new();
    let mut open: Option<(Draft, usize)> = None;
    for (index, row) in rows.rows.iter().enumerate() {
        if let Some(head) = Heads::of(row) {
            heads.push((drafts.len(), head));
            close(&mut open, &mut drafts);
            continue;
        }
        let text = tidy(&row.text);
        let money = money_of(row, mark);
        let before = money.first().map_or(text.as_str(), |money| money.before.as_str());
        if let Some(which) = stated(&without_dates(before)).filter(|_| money.len() <= 2 && !words_first(before)) {
            close(&mut open, &mut drafts);
            note_balance(&mut found, which, row, &money, !drafts.is_empty());
            continue;
        }
        match start(&text, order, from, to, rows.rows.get(index + 1)) {
            Some((date, rest, date_sure)) if !money.is_empty() || rest.chars().any(char::is_alphabetic) => {
                close(&mut open, &mut drafts);
                let draft = Draft {
                    date,
                    description: rest,
                    page: row.page,
                    area: row.cells.iter().filter_map(|cell| cell.area).reduce(around),
                    confidence: row.confidence(),
                    sure: sure && date_sure,
                    money: money.clone(),
                };
                open = Some((draft, 0));
            }
            _ => {
                let Some((draft, gone_on)) = &mut open else { continue };
                *gone_on += 1;
                if *gone_on > 7 || ends_list(&text) {
                    close(&mut open, &mut drafts);
                    continue;
                }
                if draft.money.is_empty() && !money.is_empty() {
                    draft.money = money;
                    let words = draft
                        .money
                        .first()
                        .map_or(String::new(), |money| money.before.trim().to_owned());
                    push_words(&mut draft.description, &words);
                } else if money.is_empty() || !draft.money.is_empty() {
                    push_words(&mut draft.description, text.trim());
                }
                draft.area = draft
                    .area
                    .into_iter()
                    .chain(row.cells.iter().filter_map(|cell| cell.area))
                    .reduce(around);
            }
        }
    }
    close(&mut open, &mut drafts);
    let home = currency.map(|currency| currency.code().to_owned());
    let mut movements = Vec::new();
    let mut running = found.opening.as_ref().and_then(|stated| units(stated.value));
    let order_of_rows = newest_first(&drafts);
    if order_of_rows {
        running = None;
    }
    let marked = credits_marked(&drafts);
    for (at, draft) in drafts.iter().enumerate() {
        let head = heads.iter().rev().find(|(first, _)| *first <= at).map(|(_, head)| head);
        let next_balance = drafts
            .get(at + 1)
            .filter(|_| order_of_rows)
            .and_then(|next| next.money.last())
            .filter(|_| draft.money.len() >= 2)
            .and_then(|money| units(money.value));
        let before = if order_of_rows { next_balance } else { running };
        let around = Around {
            head,
            running: before,
            home: home.as_deref(),
            credits_marked: marked,
        };
        if let Some(movement) = movement(draft, &around) {
            running = movement
                .balance
                .and_then(units)
                .or_else(|| Some(running? + units(movement.amount)?));
            movements.push(movement);
        }
    }
    let (mut opening, mut closing) = (
        found.opening.as_ref().map(|s| s.value),
        found.closing.as_ref().map(|s| s.value),
    );
    let text = rows
        .rows
        .iter()
        .map(|row| row.text.as_str())
        .collect::<Vec<_>>()
        .join(" \n ");
    turn_card(&mut movements, &text, &mut opening, &mut closing);
    settle(&mut movements, opening, closing);
    for (stated, value) in [(&mut found.opening, opening), (&mut found.closing, closing)] {
        if let (Some(stated), Some(value)) = (stated.as_mut(), value) {
            stated.value = value;
        }
    }
    found.movements = movements;
    found
}

/// Rows in which nothing but a day and a month stand, put together with the next, which begins with the year.
fn whole_dates(rows: &Rows) -> Rows {
    regex!(DAY, r"^\d{1,2}\.?\s\p{L}{3,9}\.?$");
    regex!(YEAR, r"^20\d{2}\b");
    let mut joined: Vec<Row> = Vec::new();
    for row in &rows.rows {
        match joined
            .last_mut()
            .filter(|last| DAY.is_match(last.text.trim()) && YEAR.is_match(row.text.trim()))
        {
            Some(last) => *last = last.joined(row),
            None => joined.push(row.clone()),
        }
    }
    Rows {
        rows: joined,
        ..rows.clone()
    }
}

/// The date of a row that begins with one and has an amount.
fn first_date(row: &Row) -> Option<DateHit> {
    let hit = dates(&row.text)
        .into_iter()
        .next()
        .filter(|hit| hit.start <= 12 && !hit.compact)?;
    amounts(&row.text, None).iter().any(is_money).then_some(hit)
}

/// How many rows begin with a date and have an amount: a list of movements has many.
pub(crate) fn dated_rows(reading: &crate::reading::Reading) -> usize {
    let starts = |text: &str| {
        dates(text).first().is_some_and(|hit| hit.start <= 2 && !hit.compact) || short_date(text, 0).is_some()
    };
    let rows = Rows::of(reading);
    rows.rows
        .iter()
        .filter(|row| starts(&row.text) && amounts(&row.text, None).iter().any(is_money))
        .count()
}

/// Whether a page has a row of heads as lists of movements have: amounts in and out, or a balance.
pub(crate) fn has_heads(reading: &crate::reading::Reading) -> bool {
    let rows = Rows::of(reading);
    let money = |heads: &Heads| {
        heads.has(words::Role::Balance) || heads.has(words::Role::Debit) && heads.has(words::Role::Credit)
    };
    rows.rows.iter().filter_map(Heads::of).any(|heads| money(&heads))
}

fn push_words(description: &mut String, words: &str) {
    if !words.is_empty() && description.len() < 400 {
        description.push(' ');
        description.push_str(words);
    }
}

fn close(open: &mut Option<(Draft, usize)>, drafts: &mut Vec<Draft>) {
    drafts.extend(
        open.take()
            .map(|(draft, _)| draft)
            .filter(|draft| !draft.money.is_empty()),
    );
}

fn newest_first(drafts: &[Draft]) -> bool {
    let falling = drafts.windows(2).filter(|pair| pair[0].date > pair[1].date).count();
    let rising = drafts.windows(2).filter(|pair| pair[0].date < pair[1].date).count();
    falling > rising
}

/// Pages end with the bank's address, and lists with sums.
fn ends_list(text: &str) -> bool {
    let words = Labelled::of(text);
    text.len() > 120
        || words.any(&[
            "SEITE",
            "PAGE",
            "SUMME",
            "TOTAL",
            "GESAMT",
            "GESAMTUMSATZ",
            "WICHTIGE HINWEISE",
            "WICHTIGER HINWEIS",
            "ZUSAMMENFASSUNG",
            "SUMMARY",
            "CARRIED FORWARD",
            "UBERTRAG AUF BLATT",
            "VORSTAND",
            "HANDELSREGISTER",
        ])
}

/// Words that name a movement although they have a word for a balance in them: `Saldo transfer to …` has none before.
fn words_first(before: &str) -> bool {
    let words = Labelled::of(before);
    words.any(&["ABSCHLUSS"]) && !words.any(&["SALDO", "ABSCHLUSSSALDO", "RECHNUNGSABSCHLUSS"])
}

fn without_dates(text: &str) -> String {
    let mut text = text.to_owned();
    for hit in dates(&text.clone()).into_iter().rev() {
        text.replace_range(hit.start..hit.end, " ");
    }
    text
}

fn note_balance(found: &mut Found, which: words::Stated, row: &Row, money: &[Money], behind: bool) {
    let Some(money) = money.last() else { return };
    let value = match money.letter {
        Some(false) => negated(absolute(money.value)),
        _ => money.value,
    };
    let here = Stated {
        value,
        page: row.page,
        area: money.area.or(row.area()),
        score: 850,
        rule: "words of the balance",
        raw: row.text.clone(),
    };
    match which {
        words::Stated::Opening if found.opening.is_none() => found.opening = Some(here),
        words::Stated::Closing if found.closing.is_none() || behind => found.closing = Some(here),
        _ => {}
    }
}

/// The period of the statement: two dates in one row, else the last day that is named.
fn period(rows: &Rows, all: &[DateHit], order: Option<Order>, today: Date) -> (Option<Date>, Date) {
    let known = |hit: &DateHit| hit.day.by(order).filter(|date| *date <= today);
    for row in rows.rows.iter().take(80) {
        let days: Vec<Date> = dates(&row.text).iter().filter_map(known).collect();
        if let [from, to] = days[..]
            && from < to
            && (to - from).num_days() < 740
        {
            return (Some(from), to);
        }
    }
    (None, all.iter().filter_map(known).max().unwrap_or(today))
}

/// The date of a row, the words of its movement, and whether the date can be read in one way only.
///
/// A date at the start comes first, whole or without a year; then one inside the row, if an amount stands behind it.
fn start(
    text: &str,
    order: Option<Order>,
    from: Option<Date>,
    to: Date,
    next: Option<&Row>,
) -> Option<(Date, String, bool)> {
    let lead = REPEATED.find(text).map_or(0, |m| m.end());
    let hits = dates(text);
    let between = |first: &DateHit, second: &DateHit| text.get(first.end..second.start).unwrap_or_default();
    // Two dates with a word for a period between them are none of a movement.
    if let [first, second, ..] = &hits[..] {
        let gap = between(first, second);
        if matches!(fold(gap).trim(), "BIS" | "TO" | "UNTIL" | "AU" | "AL" | "A" | "TOT")
            || matches!(gap.trim(), "-" | "–")
        {
            return None;
        }
    }
    let whole = |hit: &DateHit| {
        let date = hit.day.by(order).or_else(|| hit.day.by(Some(Order::DayFirst)))?;
        Some((date, hit.day.by(None).is_some() || order.is_some()))
    };
    if let Some(hit) = hits.first().filter(|hit| hit.start <= lead.max(2)) {
        let (date, sure) = whole(hit)?;
        let value_date = hits
            .get(1)
            .filter(|second| between(hit, second).chars().filter(|c| c.is_alphabetic()).count() < 3);
        let rest = text.get(value_date.unwrap_or(hit).end..).unwrap_or_default();
        return Some((date, strip_money(rest), sure));
    }
    let at_start = short_date(text, 0).or_else(|| (lead > 0 && lead < 12).then(|| short_date(text, lead)).flatten());
    if let Some((short, end)) = at_start {
        let rest = short_date(text, end).map_or(end, |(_, second)| second);
        return Some((
            day_of(short, order, from, to, next)?,
            strip_money(text.get(rest..).unwrap_or_default()),
            true,
        ));
    }
    let behind = |end: usize| {
        let rest = text.get(end..).unwrap_or_default();
        if rest.trim_start().len() < 60 {
            amounts(rest, None)
        } else {
            Vec::new()
        }
    };
    if let Some(hit) = hits
        .first()
        .filter(|hit| hit.start < 80 && !hit.compact && behind(hit.end).iter().any(is_money))
    {
        let (date, sure) = whole(hit)?;
        return Some((date, text.get(..hit.start).unwrap_or_default().trim().to_owned(), sure));
    }
    // `LASTSCHRIFT 14.02. 7311 14.02. 22,40-`: only an amount with a sign makes that a movement.
    regex!(INSIDE, r"^(\p{L}[^\d]{3,40}?)\s+(\d{2}\.\d{2}\.)\s");
    let inside = INSIDE.captures(text)?;
    let (words, place) = (inside.get(1)?, inside.get(2)?);
    let (short, end) = short_date(text, place.start())?;
    let signed = behind(end)
        .last()
        .is_some_and(|amount| amount.signed && is_money(amount));
    let date = day_of(short, order, from, to, next).filter(|_| signed)?;
    Some((date, words.as_str().trim().to_owned(), true))
}

/// The whole date: the year may stand in the row below, else it is the period's.
fn day_of(short: Short, order: Option<Order>, from: Option<Date>, to: Date, next: Option<&Row>) -> Option<Date> {
    let (day, month) = match short {
        Short::Sure { day, month } => (day, month),
        Short::Open { first, second } => match order {
            Some(Order::MonthFirst) => (second, first),
            _ => (first, second),
        },
    };
    regex!(YEARS, r"^\s*(20\d{2})\s+20\d{2}\b");
    if let Some(year) = next
        .and_then(|row| YEARS.captures(&row.text))
        .and_then(|found| found.get(1)?.as_str().parse().ok())
    {
        return Date::from_ymd_opt(year, month, day);
    }
    in_period(day, month, from, to)
}

fn strip_money(text: &str) -> String {
    let first = amounts(text, None)
        .into_iter()
        .find(|amount| amount.value.scale == 2)
        .map_or(text.len(), |amount| amount.start);
    text.get(..first)
        .unwrap_or(text)
        .trim()
        .trim_end_matches(['+', '-'])
        .trim()
        .to_owned()
}

/// The amounts of a row that look like money.
fn money_of(row: &Row, mark: Option<Mark>) -> Vec<Money> {
    let mut found = Vec::new();
    let mut before = String::new();
    for cell in &row.cells {
        let text = tidy(&cell.text);
        let mut from = 0;
        // Where fractions follow a comma, `29.06` is a day.
        let is_day = |amount: &Amount| {
            let digits = text.get(amount.start..amount.end).unwrap_or_default();
            mark == Some(Mark::Comma) && digits.contains('.') && !digits.contains(',') && !amount.marked
        };
        for amount in amounts(&text, mark)
            .into_iter()
            .filter(|amount| is_money(amount) && !is_day(amount))
        {
            before.push_str(text.get(from..amount.start).unwrap_or_default());
            from = amount.end;
            let rest = text.get(amount.end..).unwrap_or_default();
            let around_it = text.get(amount.start..amount.end).unwrap_or_default();
            let own = around_it.trim_end().to_ascii_uppercase();
            let letter = LETTER.captures(rest).and_then(|m| m.get(1)).map(|m| m.as_str() == "H");
            let letter = letter
                .or_else(|| own.ends_with("CR").then_some(true))
                .or_else(|| (own.ends_with("DR") || own.ends_with("DB")).then_some(false));
            let currency = around_it
                .split(|c: char| !c.is_ascii_alphabetic())
                .find(|part| part.len() == 3 && part.chars().all(|c| c.is_ascii_uppercase()))
                .map(str::to_owned);
            found.push(Money {
                value: amount.value,
                signed: amount.signed,
                letter,
                area: cell.area,
                before: before.clone(),
                currency,
            });
        }
        before.push_str(text.get(from..).unwrap_or_default());
        before.push(' ');
    }
    // A letter in a cell of its own behind the last amount.
    if let Some(last) = found.last_mut()
        && last.letter.is_none()
        && let Some(cell) = row.cells.last().filter(|cell| matches!(cell.text.trim(), "H" | "S"))
    {
        last.letter = Some(cell.text.trim() == "H");
    }
    found
}

fn is_money(amount: &Amount) -> bool {
    amount.value.scale == 2 || amount.marked && amount.value.scale <= 2
}
