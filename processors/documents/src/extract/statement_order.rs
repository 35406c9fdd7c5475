//! Which comes first in the dates of a statement, the day or the month: decided by all of its dates together.

use spendlog_domain::values::{Currency, Date};

use super::dates::{DateHit, Day, Order};
use super::locale::Locale;

/// The order of day and month that the whole column shows; else the one under which the days run in order and close
/// together; else what the document's country says.
pub(crate) fn order_of(
    days: &[Day],
    locale: &Locale,
    currency: Option<Currency>,
    hits: &[DateHit],
    today: Date,
) -> (Option<Order>, bool) {
    if days.iter().all(|day| matches!(day, Day::Sure(_))) && !hits.iter().any(|hit| hit.shows.is_some()) {
        return (None, true);
    }
    let shown = |order: Order| hits.iter().any(|hit| hit.shows == Some(order));
    match (shown(Order::DayFirst), shown(Order::MonthFirst)) {
        (true, false) => return (Some(Order::DayFirst), true),
        (false, true) => return (Some(Order::MonthFirst), true),
        _ => {}
    }
    let quality = |order: Order| {
        let all: Vec<Date> = days.iter().filter_map(|day| day.by(Some(order))).collect();
        let rising = all.windows(2).filter(|pair| pair[0] <= pair[1]).count();
        let falling = all.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        let span = all
            .iter()
            .max()
            .zip(all.iter().min())
            .map_or(0, |(last, first)| (*last - *first).num_days());
        let future = all.iter().filter(|date| **date > today).count();
        (future, all.len() - rising.max(falling), span)
    };
    let (day, month) = (quality(Order::DayFirst), quality(Order::MonthFirst));
    if day.0 != month.0 || (day.1 != month.1 && days.len() > 2) {
        return (
            Some(if (day.0, day.1) < (month.0, month.1) {
                Order::DayFirst
            } else {
                Order::MonthFirst
            }),
            true,
        );
    }
    if let Some(order) = locale.order(hits, currency) {
        return (Some(order), true);
    }
    // Days of one statement lie close together.
    if day.2 * 3 < month.2 {
        return (Some(Order::DayFirst), true);
    }
    if month.2 * 3 < day.2 {
        return (Some(Order::MonthFirst), true);
    }
    (Some(Order::DayFirst), false)
}
