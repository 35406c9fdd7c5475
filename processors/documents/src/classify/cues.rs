//! The cues: words that stand on one kind of document and hardly on the others, and the shape of pages and tables.

use spendlog_domain::documents::{Confidence, DocumentKind, Source};

use crate::extract::{Labelled, dated_rows, has_heads, looks_like_statement};
use crate::reading::{Reading, Table};

/// Words with points.
type Cues = &'static [(i32, &'static [&'static str])];

#[rustfmt::skip]
const STATEMENT: Cues = &[
    (40, &[
        "KONTOAUSZUG", "ACCOUNT STATEMENT", "BANK STATEMENT", "STATEMENT OF ACCOUNT", "CREDIT CARD STATEMENT",
        "CARD STATEMENT", "STATEMENT PERIOD", "RELEVE DE COMPTE", "EXTRACTO DE CUENTA", "EXTRACTO BANCARIO",
        "ESTRATTO CONTO", "REKENINGAFSCHRIFT", "REKENINGUITTREKSEL", "PENYATA AKAUN", "KONTOUTDRAG", "KONTOUDSKRIFT",
        "UMSATZUBERSICHT", "KREDITKARTENABRECHNUNG", "TRANSAKTIONSUBERSICHT", "VYPIS Z UCTU", "WYCIAG",
        "KONTOUBERSICHT", "TRANSACTION HISTORY", "CASH MOVEMENTS", "ACCOUNT ACTIVITY", "STATEMENT DATE",
        "KONTOBEWEGUNGEN",
    ]),
    (30, &[
        "OPENING BALANCE", "BALANCE BROUGHT FORWARD", "PREVIOUS BALANCE", "BEGINNING BALANCE", "ALTER SALDO",
        "ALTER KONTOSTAND", "ANFANGSSALDO", "STARTSALDO", "VORIGER SALDO", "ANCIEN SOLDE", "SOLDE PRECEDENT",
        "SALDO ANTERIOR", "SALDO INICIAL", "SALDO INIZIALE", "BEGINSALDO", "VORIG SALDO",
    ]),
    (30, &[
        "CLOSING BALANCE", "ENDING BALANCE", "NEW BALANCE", "NEUER SALDO", "NEUER KONTOSTAND", "ENDSALDO",
        "SCHLUSSSALDO", "NOUVEAU SOLDE", "NUEVO SALDO", "SALDO FINAL", "NUOVO SALDO", "EINDSALDO", "NIEUW SALDO",
    ]),
    (12, &[
        "KONTOSTAND", "RUNNING BALANCE", "WERTSTELLUNG", "VALUTA", "BUCHUNGSTAG", "BUCHUNGSTEXT", "BUCHUNGSDATUM",
        "VALUE DATE", "DATE VALEUR", "FECHA VALOR", "MONEY IN", "PAID OUT", "GUTSCHRIFTEN", "LASTSCHRIFTEN",
        "DEPOSITS", "WITHDRAWALS", "KONTOINHABER", "SORT CODE", "ZAHLUNGSEINGANG",
    ]),
];
#[rustfmt::skip]
const INVOICE: Cues = &[
    (35, &[
        "INVOICE NUMBER", "RECHNUNGSNUMMER", "RECHNUNG NR", "RECHNUNGS NR", "HANDELSRECHNUNG", "NUMERO DE FACTURE",
        "FACTURE N", "NUMERO DE FACTURA", "FACTURA N", "NUMERO FATTURA", "FATTURA N", "FACTUURNUMMER",
        "FAKTURANUMMER", "GUTSCHRIFT", "CREDIT NOTE", "RECHNUNGSDATUM", "INVOICE DATE", "FACTUURDATUM",
        "DATE DE FACTURATION",
    ]),
    (25, &[
        "INVOICE", "RECHNUNG", "FACTURE", "FACTURA", "FATTURA", "FACTUUR", "FAKTURA", "RECHNUNGSBETRAG", "PROFORMA",
    ]),
    (20, &[
        "BILL TO", "BILLED TO", "BILLING ADDRESS", "INVOICE TO", "RECHNUNGSEMPFANGER", "RECHNUNGSADRESSE", "KAUFER",
        "LEISTUNGSEMPFANGER", "FACTURE A", "FACTUURADRES", "SOLD TO", "SHIP TO",
    ]),
    (20, &[
        "DUE DATE", "PAYMENT TERMS", "ZAHLBAR", "ZAHLUNGSZIEL", "ZAHLUNGSBEDINGUNGEN", "FALLIG", "FALLIGKEIT",
        "ECHEANCE", "VENCIMIENTO", "SCADENZA", "VERVALDATUM", "BETALINGSTERMIJN", "NET 30", "AMOUNT DUE", "REMIT TO",
        "PLEASE PAY",
    ]),
    (10, &[
        "LIEFERDATUM", "LEISTUNGSDATUM", "LEISTUNGSZEITRAUM", "KUNDENNUMMER", "CUSTOMER NUMBER", "PURCHASE ORDER",
        "BESTELLNUMMER", "STEUERNUMMER", "UST IDNR", "USTID", "VAT NUMBER", "NETTOBETRAG", "UNIT PRICE",
        "EINZELPREIS", "BIC", "IBAN",
    ]),
];
#[rustfmt::skip]
const RECEIPT: Cues = &[
    (25, &[
        "CASHIER", "KASSIERER", "CAJERO", "CASSIERE", "CAISSIER", "SERVED BY", "CASH TENDERED", "ES BEDIENTE SIE",
        "BEDIENER", "KASSE",
    ]),
    (25, &["CHANGE", "CHANGE DUE", "RUCKGELD", "WECHSELGELD", "RENDU", "CAMBIO", "RESTO", "WISSELGELD", "BAKI"]),
    (20, &[
        "RECEIPT", "CASH BILL", "CASH SALE", "CASH SALES", "KASSENBON", "KASSENBELEG", "KUNDENBELEG", "BON",
        "TICKET", "RECU", "RECIBO", "SCONTRINO", "RICEVUTA", "KASSABON", "QUITTUNG", "RESIT",
        "SIMPLIFIED TAX INVOICE", "TAX INVOICE", "FACTURA SIMPLIFICADA",
    ]),
    (15, &[
        "CASH", "TUNAI", "BAR", "ESPECES", "EFECTIVO", "CONTANTI", "CONTANT", "VISA", "MASTERCARD", "GIROCARD",
        "DEBIT CARD", "EC KARTE", "KARTENZAHLUNG",
    ]),
    (15, &[
        "THANK YOU", "PLEASE COME AGAIN", "GOODS SOLD", "VIELEN DANK", "MERCI", "GRACIAS", "GRAZIE", "BEDANKT",
        "TERIMA KASIH", "GST SUMMARY", "ROUNDING", "ITEMS", "QTY",
    ]),
    (10, &[
        "TABLE", "PAX", "TAKE AWAY", "DINE IN", "TILL", "TERMINAL", "POS", "COUNTER", "TISCH", "COVERS", "OPERATOR",
    ]),
];
#[rustfmt::skip]
const EXPENSES: Cues = &[
    (50, &[
        "EXPENSE REPORT", "EXPENSE CLAIM", "EXPENSES CLAIM", "TRAVEL EXPENSES", "TRAVEL EXPENSE", "EXPENSE FORM",
        "EXPENSE SHEET", "REIMBURSEMENT", "REISEKOSTEN", "REISEKOSTENABRECHNUNG", "SPESENABRECHNUNG", "AUSLAGEN",
        "NOTE DE FRAIS", "NOTES DE FRAIS", "INFORME DE GASTOS", "HOJA DE GASTOS", "NOTA SPESE", "RIMBORSO SPESE",
        "ONKOSTENDECLARATIE", "DECLARATIE",
    ]),
    (20, &[
        "EXPENSES", "EXPENSE", "SPESEN", "GASTOS", "FRAIS", "SPESE", "ONKOSTEN", "MILEAGE", "PER DIEM", "CLAIMANT",
        "EMPLOYEE",
    ]),
];

fn points(words: &Labelled, cues: Cues) -> i32 {
    cues.iter()
        .map(|(points, labels)| if words.any(labels) { *points } else { 0 })
        .sum()
}

/// The kind with the most points, and how far it is ahead.
pub(super) fn decide(reading: &Reading) -> (DocumentKind, Confidence) {
    if !reading.statements.is_empty() {
        return (DocumentKind::BankStatement, Confidence(1000));
    }
    let text = text_of(reading);
    let words = Labelled::of(&text);
    let dated = dated_rows(reading);
    let tabular = reading.source == Source::Cell || reading.pages.is_empty();
    let mut statement = points(&words, STATEMENT) + i32::try_from(dated.min(8)).unwrap_or(0) * 6;
    statement += if dated > 0 && has_heads(reading) { 25 } else { 0 };
    let mut invoice = points(&words, INVOICE);
    let mut receipt = points(&words, RECEIPT);
    let mut expenses = points(&words, EXPENSES);
    if tabular {
        let tables = reading
            .tables
            .iter()
            .filter(|table| looks_like_statement(table))
            .count();
        if tables > 0 {
            statement += 60;
        }
        if expenses > 0 && reading.tables.iter().any(|table| !table.rows.is_empty()) {
            expenses += 30;
        }
        receipt -= 30;
    }
    if let Some(page) = reading.pages.first() {
        let lines: usize = reading.pages.iter().map(|page| page.lines.len()).sum();
        // A till's paper is narrow, a letter is not; and nobody photographs a text layer.
        let narrow = page.height * 10 > page.width * 17;
        receipt += if narrow { 15 } else { 0 };
        receipt += if reading.source == Source::Ocr { 15 } else { -20 };
        invoice += if reading.source == Source::TextLayer { 10 } else { 0 };
        receipt += if words.any(&["TOTAL", "SUBTOTAL", "SUMME", "TOTALE", "JUMLAH"]) && lines < 90 {
            10
        } else {
            0
        };
    }
    let mut ranked = [
        (statement, DocumentKind::BankStatement),
        (invoice, DocumentKind::Invoice),
        (receipt, DocumentKind::Receipt),
        (expenses, DocumentKind::ExpenseReport),
    ];
    ranked.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
    let [(first, kind), (second, _), ..] = ranked;
    if first < 25 {
        return (
            DocumentKind::Other,
            Confidence(u16::try_from((600 - first * 10).clamp(300, 800)).unwrap_or(300)),
        );
    }
    let lead = (first - second).clamp(0, 60);
    (
        kind,
        Confidence(u16::try_from((450 + first.min(100) * 2 + lead * 5).clamp(0, 980)).unwrap_or(450)),
    )
}

/// The words of all pages and the first rows of all tables: enough to tell the kind.
fn text_of(reading: &Reading) -> String {
    let lines = reading.pages.iter().flat_map(|page| &page.lines).take(400);
    let mut text: Vec<String> = lines
        .map(|line| {
            line.words
                .iter()
                .map(|word| word.text.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let rows = |table: &Table| table.rows.iter().take(40).map(|row| row.join(" ")).collect::<Vec<_>>();
    text.extend(
        reading
            .tables
            .iter()
            .take(20)
            .flat_map(|table| std::iter::once(table.name.clone()).chain(rows(table))),
    );
    text.join(" \n ")
}
