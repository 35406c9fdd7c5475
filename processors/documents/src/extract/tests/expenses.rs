//! Expense reports.

use spendlog_domain::documents::{DocumentKind, FieldName};

use super::{extract, field, hints, items, table};

#[test]
fn lines_and_a_total_that_they_make() {
    let reading = table(&[
        &["Expense report", "", ""],
        &["Date", "Description", "Amount EUR"],
        &["2024-05-02", "Train to Lyon", "86.00"],
        &["2024-05-03", "Hotel", "120.50"],
        &["", "Total", "206.50"],
    ]);
    let read = extract(&reading, DocumentKind::ExpenseReport, &hints());
    assert_eq!(field(&read, FieldName::Total), "206.50");
    assert_eq!(field(&read, FieldName::Date), "2024-05-03");
    assert_eq!(field(&read, FieldName::Currency), "EUR");
    let items = items(&read);
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].description, "Train to Lyon");
    assert_eq!(
        items[0].date.map(|date| date.to_string()).as_deref(),
        Some("2024-05-02")
    );
}
