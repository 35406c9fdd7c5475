//! The document's own number: behind or below its label.

use super::beside::{Beside, beside};
use super::dates::dates;
use super::page::Rows;
use super::pattern::regex;
use super::text::Labelled;

regex!(
    LABEL,
    r"(?ix)
    (?: tax\s?)? (?:invoice|inv|bill|receipt|rcpt|doc(?:ument)?|check|chk|slip|cash\s?(?:inv|bill)|credit\s?note) \s?\.? \s*
        (?: n(?:umber|o|um|r|°|º)\b | \# | id\b | ref\b | n[°º] )
  | (?:rechnungs?|beleg|bon|quittungs?|gutschrifts?)[\s-]*(?:nummer|nr|no|\#)\b
  | (?:rechnung|gutschrift)\s*(?:\(\d+\)\s*)?(?:(?:nr|no)\b|\#)
  | rechnung\b[^|:]{1,40}\snr\b
  | (?:facture|ticket|avoir)\s*(?:n[°ºo.]|num[ée]ro|no\b|\#)
  | (?:n[°º.]|num[ée]ro)\s*(?:de\s)?(?:facture|ticket)
  | factura\s*(?:n[°ºo.]|num(?:ero|\.)?|n[úu]mero|\#)
  | (?:n[°º.]|n[úu]mero|n[úu]m\.?)\s*(?:de\s)?factura
  | fattura\s*(?:n[°ºo.]|numero|nr)
  | (?:n[°º.]|numero|nr\.?)\s*(?:della\s|di\s)?(?:fattura|documento|doc)
  | factuur(?:nummer|nr)\b | factuur\s?(?:nr|no)\b | bonnummer
  | faktura\s*(?:nr|vat\snr|č[ií]slo|nummer) | fakturanummer | kvitteringsnr
  | no\.?\s?(?:resit|invois|bil)
  | inv(?:oice)?\s?\#? \s?: | invoice\s?n\b | tax\s?inv(?:oice)?\s?: | bill\s?\#"
);
regex!(
    VALUE,
    r"^[\s:.#\[\]()№-]*((?:[A-Z]{1,6}[\s]?)?[A-Z0-9][A-Z0-9./_\\|-]*\d[A-Z0-9./_\\|-]*(?:\s\d{3,})?)"
);
regex!(
    BARE_TITLE,
    r"(?i)^\W*(?:tax\s)?invoice\s+(?:no\.?|nr\.?|number|#)?\s*[:#]?\s*([A-Z]{0,4}[-/]?\d[\dA-Z/-]{2,})\b|^#\s?(\d{4,})$|^\s*(?:no|nr)\s?\.?\s?[:.]\s*([A-Z]{1,5}[-\s]?\d[\dA-Z/-]{3,})\b|^(?:rechnung|facture|factura|fattura|factuur)\s+(?:nr\.?|n[°º.]|no\.?)?\s*:?\s*([A-Z]{0,4}[-/]?\d[\dA-Z/-]{2,})\b"
);

/// The number, where it stands, and how sure the rule is.
pub(crate) fn invoice_number(rows: &Rows) -> Option<(Beside, u16, &'static str)> {
    let mut best: Option<(i32, Beside, &'static str)> = None;
    let count = i32::try_from(rows.rows.len()).unwrap_or(i32::MAX).max(1);
    for (index, row) in rows.rows.iter().enumerate() {
        let place = i32::try_from(index).unwrap_or(0) * 20 / count;
        let mut add = |points: i32, found: Beside, rule: &'static str| {
            if best.as_ref().is_none_or(|(most, ..)| points > *most) {
                best = Some((points, found, rule));
            }
        };
        if LABEL.is_match(&row.text) {
            for found in beside(rows, index, |words| LABEL.is_match(words.text())) {
                let behind = LABEL
                    .find(&found.text)
                    .map_or(found.text.as_str(), |label| &found.text[label.end()..]);
                let is_own = LABEL.is_match(&found.text);
                let Some(value) = value(behind) else { continue };
                let strength =
                    60 + strength(&row.text) - if found.below { 12 } else { 0 } + i32::from(is_own) * 6 - place;
                add(strength, Beside { text: value, ..found }, "label of the number");
            }
            // The label may run over cells: `INV | NO : CS-001`.
            if let Some(label) = LABEL.find(&row.text)
                && let Some(value) = value(&row.text[label.end()..])
            {
                add(
                    58 + strength(&row.text) - place,
                    of_row(rows, index, value),
                    "label of the number",
                );
            }
        } else if let Some(found) = BARE_TITLE.captures(row.text.trim()) {
            let text = (1..=4)
                .find_map(|group| found.get(group))
                .and_then(|m| value(m.as_str()));
            if let Some(text) = text {
                add(35 - place, of_row(rows, index, text), "number behind the title");
            }
        }
    }
    best.filter(|(points, ..)| *points >= 15).map(|(points, found, rule)| {
        (
            found,
            u16::try_from((500 + points * 6).clamp(0, 950)).unwrap_or(0),
            rule,
        )
    })
}

fn of_row(rows: &Rows, index: usize, text: String) -> Beside {
    let row = &rows.rows[index];
    Beside {
        text,
        page: row.page,
        area: row.area(),
        confidence: row.confidence(),
        below: false,
    }
}

/// An invoice's own number counts more than one of the till or of the paper.
fn strength(text: &str) -> i32 {
    let words = Labelled::of(text);
    if words.any(&[
        "INVOICE",
        "INV",
        "RECHNUNG",
        "RECHNUNGSNUMMER",
        "RECHNUNGSNR",
        "FACTURE",
        "FACTURA",
        "FATTURA",
        "FACTUUR",
        "FACTUURNUMMER",
        "FAKTURA",
        "INVOIS",
    ]) {
        20
    } else if words.any(&["RECEIPT", "BILL", "DOC", "RCPT", "BELEG", "TICKET", "RESIT"]) {
        10
    } else {
        0
    }
}

/// The number at the begin of a text: letters and digits, no date, no amount.
fn value(text: &str) -> Option<String> {
    let upper = text.to_uppercase();
    let found = VALUE.captures(&upper)?.get(1)?;
    let value = found.as_str().trim_end_matches(['.', '-', '/', '|', '\\']).trim();
    let is_date = dates(value)
        .first()
        .is_some_and(|hit| !hit.compact && hit.end - hit.start + 2 >= value.len());
    let is_amount = value.len() <= 9
        && value.contains(['.', ','])
        && value.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let original = text
        .get(found.start()..found.start() + value.len())
        .filter(|original| original.to_uppercase() == value);
    (!is_date && !is_amount && digits >= 1 && (2..=36).contains(&value.len()))
        .then(|| original.unwrap_or(value).to_owned())
}
