//! Fields of receipts and invoices.

use spendlog_domain::documents::{Box2, Confidence, DocumentKind, Field, FieldName, FieldValue, Provenance, Source};
use spendlog_domain::values::Currency;

use super::currency::{self, currency};
use super::customer::{addressee, customer};
use super::days::{Chosen, days};
use super::entries::Entries;
use super::invoice_number::invoice_number;
use super::items::{adjustments, body, items};
use super::locale::Locale;
use super::merchant::{Found, Letterhead};
use super::page::Rows;
use super::tax_id::tax_id;
use super::total::{Sum, sums};
use super::{Extraction, Hints, amounts};
use crate::reading::DocumentLine;

/// Makes fields with the provenance of these rows.
pub(crate) struct Maker<'a> {
    /// The rows.
    pub rows: &'a Rows,
}

/// Where a value stood, and how sure reading and rule are.
pub(crate) struct At<'a> {
    /// The page.
    pub page: u32,
    /// The place.
    pub area: Option<Box2>,
    /// How sure the reading was.
    pub read: Confidence,
    /// How sure the rule is.
    pub score: u16,
    /// The rule.
    pub rule: &'a str,
    /// The words.
    pub raw: &'a str,
}

impl Maker<'_> {
    /// A field of these rows. Its confidence is the rule's, and no more than the reading's.
    pub(crate) fn field(&self, name: FieldName, value: FieldValue, at: &At<'_>) -> Field {
        Field {
            name,
            value,
            provenance: Provenance {
                source: self.rows.source,
                engine: self.rows.engine.clone(),
                // Rules are called by phrases here; as codes they are written with hyphens.
                rule: at.rule.replace(' ', "-"),
                page: Some(at.page),
                area: at.area,
                confidence: Confidence(at.score.min(at.read.0)),
                raw: Some(at.raw.into()),
            },
        }
    }

    fn text(&self, name: FieldName, found: &Found) -> Field {
        let at = At {
            page: found.page,
            area: found.area,
            read: found.confidence,
            score: found.score,
            rule: found.rule,
            raw: &found.raw,
        };
        self.field(name, FieldValue::Text(found.text.as_str().into()), &at)
    }

    fn sum(&self, name: FieldName, sum: &Sum) -> Field {
        let entry = &sum.entry;
        let at = At {
            page: entry.page,
            area: entry.area,
            read: entry.confidence,
            score: sum.score,
            rule: sum.rule,
            raw: &entry.raw,
        };
        self.field(name, FieldValue::Amount(sum.value), &at)
    }

    fn day(&self, name: FieldName, chosen: &Chosen) -> Field {
        let page = self.rows.rows.get(chosen.row).map_or(1, |row| row.page);
        let at = At {
            page,
            area: chosen.cell.area,
            read: chosen.cell.confidence,
            score: chosen.score,
            rule: chosen.rule,
            raw: &chosen.cell.text,
        };
        self.field(name, FieldValue::Date(chosen.date), &at)
    }

    /// The currency: the document's own, else the account's.
    pub(crate) fn currency(&self, found: Option<&currency::Found>, account: Option<Currency>) -> Option<Field> {
        if let Some(found) = found {
            let at = At {
                page: found.page,
                area: found.area,
                read: found.confidence,
                score: found.score,
                rule: found.rule,
                raw: &found.raw,
            };
            return Some(self.field(FieldName::Currency, FieldValue::Currency(found.currency), &at));
        }
        account.map(|currency| Field {
            name: FieldName::Currency,
            value: FieldValue::Currency(currency),
            provenance: Provenance {
                source: Source::Account,
                engine: "account".to_owned(),
                rule: "currency-of-the-account".to_owned(),
                page: None,
                area: None,
                confidence: Confidence(700),
                raw: None,
            },
        })
    }
}

/// The currency of the document. Where only a dollar sign stands and the account is in one of the dollars, the sign
/// and the account agree, and the account is what decides.
pub(crate) fn currency_of(rows: &Rows, locale: &Locale) -> Option<currency::Found> {
    currency(rows, locale)
}

/// Everything that a receipt or an invoice says.
pub(crate) fn sale(rows: &Rows, kind: DocumentKind, hints: &Hints) -> Extraction {
    let text = rows
        .rows
        .iter()
        .map(|row| row.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let locale = Locale::of(&text);
    let entries = Entries::of(rows);
    let mut items = items(rows, &entries);
    let (start, _) = body(rows, &entries);
    let letterhead = Letterhead::of(rows, start);
    let item_sum = items
        .iter()
        .map(|item| item.total.and_then(amounts::units))
        .collect::<Option<Vec<i64>>>()
        .filter(|all| !all.is_empty());
    let sums = sums(&entries, item_sum.map(|all| all.iter().sum()));
    let stated: Vec<i64> = [&sums.net, &sums.total]
        .into_iter()
        .flatten()
        .filter_map(|sum| amounts::units(sum.value))
        .collect();
    items.extend(adjustments(rows, &entries, &items, &stated));
    let found_currency = currency_of(rows, &locale);
    let days = days(
        rows,
        &locale,
        found_currency.as_ref().map(|found| found.currency).or(locale.home()),
        hints.today,
    );
    let customer = customer(rows, &letterhead);
    let merchant = match kind {
        DocumentKind::Invoice => letterhead.seller().or_else(|| letterhead.name()),
        _ => letterhead.name(),
    };
    let customer = match kind {
        DocumentKind::Invoice => customer.or_else(|| addressee(rows, merchant.as_ref())),
        _ => customer,
    };
    let merchant = merchant.filter(|merchant| customer.as_ref().is_none_or(|customer| customer.row != merchant.row));
    let maker = Maker { rows };
    let mut fields = Vec::new();
    if let Some(merchant) = &merchant {
        fields.push(maker.text(FieldName::Merchant, merchant));
        fields.extend(
            letterhead
                .address(merchant)
                .map(|found| maker.text(FieldName::MerchantAddress, &found)),
        );
    }
    if let Some((number, row, rule)) = tax_id(
        rows,
        &letterhead,
        customer.as_ref().map(|customer| (customer.row, customer.last)),
    ) && let Some(place) = rows.rows.get(row)
    {
        let at = At {
            page: place.page,
            area: place.area(),
            read: place.confidence(),
            score: 850,
            rule,
            raw: &place.text,
        };
        fields.push(maker.field(FieldName::MerchantTaxId, FieldValue::Text(number.into()), &at));
    }
    fields.extend(customer.as_ref().map(|found| maker.text(FieldName::Customer, found)));
    fields.extend(days.issued.as_ref().map(|chosen| maker.day(FieldName::Date, chosen)));
    fields.extend(days.due.as_ref().map(|chosen| maker.day(FieldName::DueDate, chosen)));
    if let Some((found, score, rule)) = invoice_number(rows) {
        let at = At {
            page: found.page,
            area: found.area,
            read: found.confidence,
            score,
            rule,
            raw: &found.text,
        };
        fields.push(maker.field(
            FieldName::InvoiceNumber,
            FieldValue::Text(found.text.as_str().into()),
            &at,
        ));
    }
    fields.extend(sums.total.as_ref().map(|sum| maker.sum(FieldName::Total, sum)));
    fields.extend(sums.net.as_ref().map(|sum| maker.sum(FieldName::NetTotal, sum)));
    fields.extend(sums.tax.as_ref().map(|sum| maker.sum(FieldName::Tax, sum)));
    fields.extend(maker.currency(found_currency.as_ref(), hints.account_currency));
    Extraction::of(fields, items.into_iter().map(DocumentLine::Item).collect())
}
