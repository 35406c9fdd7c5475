//! The merchant's number with the tax office.

use super::merchant::Letterhead;
use super::page::Rows;
use super::pattern::regex;
use super::rowkind::Kind;

regex!(
    LABELLED,
    r"(?i)(?:gst|sst|vat|btw|tva|iva|ust|mwst|tax|abn|uid|nif|cif|ein|tin)[\s.:-]*(?:id|identnr|idnr|reg(?:istration|ister|\.)?|ref|no|nr|number|nummer|numéro|n°|code|intra(?:communautaire|com)?|ident)?(?:[\s.:#/()-]|id|ident|nr|no|n°|number|nummer|reg|ref|gst)*\W{0,4}((?:[A-Z]{2}\s?[A-Z]?)?\s?\d[\dA-Z .\-/]{6,18}[\dA-Z])"
);
regex!(
    EUROPEAN,
    r"\b(ATU\d{8}|BE\s?0?\d{3}[ .]?\d{3}[ .]?\d{3}|DE\s?\d{3}\s?\d{3}\s?\d{3}|ES[A-Z0-9]\d{7}[A-Z0-9]|FR\s?[A-Z0-9]{2}\s?\d{3}\s?\d{3}\s?\d{3}|GB\s?\d{3}\s?\d{4}\s?\d{2}|IE\d[A-Z0-9+*]\d{5}[A-Z]{1,2}|IT\d{11}|LU\d{8}|NL\s?\d{9}\s?B\s?\d{2}|PL\d{10}|SE\d{12}|DK\d{8}|FI\d{8}|CZ\d{8,10}|CHE[-\s]?\d{3}[.\s]?\d{3}[.\s]?\d{3})\b"
);

/// The number, and the row that it stands in.
pub(crate) fn tax_id(
    rows: &Rows,
    letterhead: &Letterhead<'_>,
    customer: Option<(usize, usize)>,
) -> Option<(String, usize, &'static str)> {
    let of_customer = |row: usize| customer.is_some_and(|(first, last)| (first..=last + 4).contains(&row));
    let mut labelled = None;
    for (index, row) in rows.rows.iter().enumerate() {
        if of_customer(index) {
            continue;
        }
        if let Some(found) = EUROPEAN.captures(&row.text).and_then(|found| found.get(1)) {
            return Some((found.as_str().to_owned(), index, "number of a VAT register"));
        }
        if labelled.is_none()
            && (letterhead.kind(index) == Some(Kind::TaxId)
                || letterhead
                    .words(index)
                    .is_some_and(|words| words.any(&["GST", "VAT", "SST", "ABN", "TAX"])))
            && let Some(found) = LABELLED.captures(&row.text).and_then(|found| found.get(1))
        {
            let digits = found.as_str().chars().filter(char::is_ascii_digit).count();
            if digits >= 7 && digits * 2 >= found.as_str().len() {
                labelled = Some((found.as_str().trim().to_owned(), index, "label of a tax number"));
            }
        }
    }
    labelled
}
