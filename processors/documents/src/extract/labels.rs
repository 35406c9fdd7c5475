//! What the words beside an amount say about it, in the languages of Europe and Malay.

use super::text::Labelled;

/// What an amount is, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Label {
    /// What must be paid in the end: `grand total`, `amount due`, `total after rounding`.
    Grand,
    /// A total with taxes in it.
    TotalIncluding,
    /// Just `total`.
    Total,
    /// A total before taxes.
    TotalExcluding,
    /// `net total`: before taxes on invoices, the last word on many receipts.
    Net,
    /// A sum on the way.
    Subtotal,
    /// Taxes.
    Tax,
    /// A service charge, delivery, a tip: added after the subtotal.
    Service,
    /// A discount.
    Discount,
    /// The rounding to the smallest coin.
    Rounding,
    /// What was handed over, or charged to a card.
    Paid,
    /// What was given back.
    Change,
    /// Already paid, before this document.
    Prepaid,
    /// A count of something, or points: no money.
    Count,
    /// Just `amount`: the sum on a card's slip, a head of a column elsewhere.
    Amount,
    /// A balance of an account or a card.
    Balance,
}

#[rustfmt::skip]
const CHANGE: &[&str] = &[
    "CHANGE", "CHANGE DUE", "CHANGE AMT", "RUCKGELD", "WECHSELGELD", "ZURUCK", "RENDU", "MONNAIE RENDUE", "CAMBIO",
    "RESTO", "WISSELGELD", "TERUG", "BAKI", "KEMBALI", "KEMBALIAN", "VAXEL", "RESZTA", "TROCO", "RETOUR",
];
#[rustfmt::skip]
const ROUNDED: &[&str] = &[
    "TOTAL ROUNDED", "ROUNDED TOTAL", "AMT ROUNDED", "AMOUNT ROUNDED", "TOTAL AFTER", "AFTER ROUNDING", "AFTER ADJ",
    "AFTER ROUND", "ROUNDED AMOUNT", "ROUND D TOTAL", "ROUND TOTAL", "ROUNDED TTL", "TOTAL WITH ROUNDING",
    "TOTAL INCL ROUNDING",
];
#[rustfmt::skip]
const ROUNDING: &[&str] = &[
    "ROUNDING", "ROUND ADJ", "ROUND AMT", "ROUND OFF", "ROUNDOFF", "ROUND", "RND ADJ", "ROUNDED", "PEMBULATAN",
    "PELARASAN", "RUNDUNG", "ARRONDI", "AFRONDING", "REDONDEO", "ARROTONDAMENTO", "ZAOKRAGLENIE", "ORESAVRUNDNING",
    "ROUNDIND", "ADJUSTMENT",
];
#[rustfmt::skip]
const DISCOUNT: &[&str] = &[
    "DISCOUNT", "DISC", "COUPON", "VOUCHER", "SAVINGS", "YOU SAVE", "YOU SAVED", "REBATE", "RABATT", "NACHLASS",
    "SKONTO", "REMISE", "REDUCTION", "DESCUENTO", "DTO", "SCONTO", "KORTING", "DISKAUN", "DISKON", "PROMO",
    "GUTSCHEIN", "RABAT", "DESCONTO", "LESS",
];
/// A discount, even where it is called a total.
#[rustfmt::skip]
const SAVED: &[&str] = &[
    "TOTAL SAVING", "TOTAL SAVINGS", "TOTAL DISCOUNT", "DISCOUNT TOTAL", "YOU SAVE", "YOU SAVED", "SIE SPAREN",
    "GESPART",
];
#[rustfmt::skip]
const COUNT: &[&str] = &[
    "TOTAL QTY", "TOTAL ITEM", "TOTAL ITEMS", "TOTAL PCS", "TOTAL UNIT", "QTY", "QUANTITY", "ITEMS", "ITEM COUNT",
    "NO OF ITEM", "NO OF ITEMS", "ITEM S", "POINT", "POINTS", "PUNKTE", "PTS", "PAX", "PCS", "KUANTITI", "BIL",
    "UNITS", "ANZAHL", "ARTIKEL", "ARTICLES", "ARTICULOS", "ARTICOLI", "AANTAL", "WEIGHT", "KM", "LITRE", "LITER",
    "ODOMETER", "TERMINAL", "CASHIER", "TABLE", "INVOICE NO", "RECEIPT NO", "BATCH", "TRACE", "APPROVAL", "HOURS",
    "DAYS",
];
#[rustfmt::skip]
const PAID: &[&str] = &[
    "CASH RECEIVED", "CASH TENDER", "CASH PAID", "CREDIT CARD SALES", "CASH", "TENDER", "TENDERED", "VISA",
    "MASTERCARD", "MASTER", "MAESTRO", "AMEX", "DEBIT CARD", "CREDIT CARD", "DEBIT", "CREDIT", "CARD", "PAID",
    "PAYMENT", "RECEIVED", "AMOUNT RECEIVED", "BAR", "GEGEBEN", "BARGELD", "EC KARTE", "KARTENZAHLUNG", "GIROCARD",
    "KREDITKARTE", "ESPECES", "CARTE", "CB", "EFECTIVO", "TARJETA", "ENTREGADO", "CONTANTI", "CONTANTE", "BANCOMAT",
    "CARTA", "PAGATO", "PIN", "CONTANT", "BETAALD", "TUNAI", "BAYARAN", "DIBAYAR", "E WALLET", "EWALLET", "GRABPAY",
    "APPLE PAY", "PAYPAL", "NETS", "GOTOWKA", "KARTA", "KONTANT", "DINHEIRO",
];
#[rustfmt::skip]
const PREPAID: &[&str] = &[
    "DEPOSIT", "ALREADY PAID", "ERHALTENE ANZAHLUNGEN", "BEREITS ERHALTEN", "PREPAID", "ADVANCE", "ANZAHLUNG",
    "ACOMPTE", "VORAUSZAHLUNG", "BEREITS GEZAHLT", "BEREITS BEZAHLT", "ACCONTO", "ANTICIPO", "VOORSCHOT",
];
#[rustfmt::skip]
pub(crate) const TAX: &[&str] = &[
    "TOTAL GST", "TOTAL VAT", "GST AMT", "TAX AMT", "GST", "SST", "VAT", "TAX", "TAXES", "HST", "PST", "QST", "MWST",
    "UST", "MEHRWERTSTEUER", "UMSATZSTEUER", "STEUER", "STEUERN", "STEUERBETRAG", "TVA", "TAXE", "IVA", "IMPUESTO",
    "IMPUESTOS", "IMPOSTA", "BTW", "MOMS", "DPH", "PTU", "CUKAI", "SERVICE TAX", "SALES TAX", "TTL TAX", "TOTAL TAX",
    "AFA", "KDV",
];
#[rustfmt::skip]
const SERVICE: &[&str] = &[
    "SERVICE CHARGE", "SERV CHARGE", "SVC CHARGE", "SVC CHG", "SERVICE CHG", "SERVICE CHRG", "SERVICE", "SVC",
    "DELIVERY", "SHIPPING", "POSTAGE", "TIP", "GRATUITY", "TRINKGELD", "VERSAND", "VERSANDKOSTEN", "LIEFERUNG",
    "PORTO", "FRAIS DE PORT", "LIVRAISON", "ENVIO", "SPEDIZIONE", "VERZENDKOSTEN", "CAJ PERKHIDMATAN", "TRANSPORT",
    "FREIGHT", "HANDLING",
];
#[rustfmt::skip]
const SUBTOTAL: &[&str] = &[
    "SUBTOTAL", "SUB TOTAL", "SUB TTL", "SUBTTL", "ZWISCHENSUMME", "SOUS TOTAL", "SUBTOTALE", "SUBTOTAAL",
    "DELSUMMA", "SUMME NETTO", "POSITIONSSUMME", "ITEMS TOTAL", "JUMLAH KECIL", "WARENWERT", "POSITIONSSUMME",
    "PARTIAL", "PARZIALE",
];
#[rustfmt::skip]
const EXCLUDING: &[&str] = &[
    "TOTAL EXCL", "EXCL GST", "EXCL OF GST", "EXCL TAX", "TOTAL BEFORE", "EXCLUDING", "EXCL", "EXCLUSIEF",
    "OHNE UST", "OHNE MWST", "OHNE STEUER", "OHNE STEUERN", "EXCLUSIVE", "EXCLUDED", "BEFORE TAX", "BEFORE GST",
    "BEFORE VAT", "PRE TAX", "WITHOUT TAX", "EX VAT", "EX GST", "EX TAX", "TAXABLE", "ZZGL", "TOTAL HT",
    "MONTANT HT", "SOUS TOTAL HT", "BASE HT", "HORS TAXE", "HORS TVA", "SIN IVA", "BASE IMPONIBLE", "IMPONIBILE",
    "EXCL BTW", "EX BTW", "NETTOBETRAG", "GESAMT NETTO", "NETTO", "NETTOSUMME", "NETTOWERT", "STEUERBASIS",
    "NET AMOUNT", "TAX BASE", "NETTO INSGESAMT", "GESAMTNETTO", "NETTOGESAMT", "TOTAL NETTO", "GRUNDLAG",
];
#[rustfmt::skip]
const INCLUDING: &[&str] = &[
    "TOTAL INCL", "INCL OF GST", "WITH GST", "WITH VAT", "INCLUS", "INCLUSIVE", "INCL", "INC", "INCLUDING", "INKL",
    "INKLUSIVE", "WITH TAX", "AFTER TAX", "TTC", "IVA INCLUIDO", "IVA INCL", "IVA INCLUSA", "IVA COMPRESA", "BRUTTO",
    "MIT MWST", "TAX INCL", "GST INCL",
];
#[rustfmt::skip]
const INCLUDED: &[&str] = &[
    "INCLUDES", "INCLUDED IN TOTAL", "INCLUDED IN", "GST INCLUDED", "VAT INCLUDED", "TAX INCLUDED", "ENTHALTENE",
    "ENTHALTEN", "DARIN ENTHALTEN", "DONT TVA", "DI CUI IVA", "WAARVAN BTW", "DAVON", "IN TOTAL SALES",
];
#[rustfmt::skip]
const GRAND: &[&str] = &[
    "GRAND TOTAL", "TOTAL PAYABLE", "AMOUNT PAYABLE", "AMT PAYABLE", "PAYABLE", "TOTAL DUE", "AMOUNT DUE", "AMT DUE",
    "BALANCE DUE", "DUE PAYABLE", "FINAL TOTAL", "NETT TOTAL", "NETT AMOUNT", "NETT", "TOTAL TO PAY", "TO PAY",
    "PLEASE PAY", "PAY THIS AMOUNT", "BILL TOTAL", "TOTAL BILL", "BILL AMOUNT", "INVOICE TOTAL", "TOTAL INVOICE",
    "INVOICE AMOUNT", "ORDER TOTAL", "TOTAL ORDER", "TOTAL CHARGE", "GROSS TOTAL", "TOTAL GROSS", "GROSS AMOUNT",
    "GESAMTBETRAG", "GESAMTSUMME", "ENDBETRAG", "ENDSUMME", "RECHNUNGSBETRAG", "RECHNUNGSSUMME", "ZAHLBETRAG",
    "ZU ZAHLEN", "ZU BEZAHLEN", "ZAHLUNGSBETRAG", "FALLIGER BETRAG", "BRUTTOBETRAG", "BRUTTOSUMME", "GESAMT BRUTTO",
    "BRUTTOGESAMT", "BRUTTO GESAMT", "GESAMTBRUTTO", "OFFENER BETRAG", "TOTAL TTC", "MONTANT TTC", "NET A PAYER",
    "A PAYER", "MONTANT DU", "TOTAL GENERAL", "TOTAL A PAGAR", "A PAGAR", "IMPORTE TOTAL", "TOTAL FACTURA",
    "TOTALE COMPLESSIVO", "TOTALE DA PAGARE", "DA PAGARE", "IMPORTO TOTALE", "TOTALE FATTURA", "TOTALE DOCUMENTO",
    "TOTALE EURO", "TE BETALEN", "TOTAAL TE BETALEN", "EINDTOTAAL", "EINDBEDRAG", "FACTUURBEDRAG", "TOTAALBEDRAG",
    "ATT BETALA", "AT BETALE", "A BETALE", "DO ZAPLATY", "RAZEM", "CELKEM", "K UHRADE", "JUMLAH BESAR",
    "JUMLAH PERLU DIBAYAR", "JUMLAH BAYARAN", "JUMLAH KESELURUHAN", "VALOR TOTAL", "TOTAL AMOUNT DUE", "LOPPUSUMMA",
    "MAKSETTAVA", "FIZETENDO",
];
#[rustfmt::skip]
const NET: &[&str] = &["NET TOTAL", "NET AMT", "NET SALES", "TOTAL NET"];
const TOTAL: &[&str] = &[
    "TOTAL AMOUNT",
    "TOTAL AMT",
    "TOTAL SALES",
    "TOTAL RM",
    "TOTAL BAYARAN",
    "TOTAL",
    "TTL",
    "TOTALS",
    "TOTALE",
    "TOTAAL",
    "SUMME",
    "GESAMT",
    "GESAMTPREIS",
    "JUMLAH",
    "SUMA",
    "SUMMA",
    "SUM",
    "IMPORTE",
    "MONTANT",
    "TOT",
    "YHTEENSA",
    "OSSZESEN",
    "I ALT",
    "TOPLAM",
    "TOTALT",
    "INSGESAMT",
];
#[rustfmt::skip]
const BALANCE: &[&str] = &[
    "ACCOUNT BALANCE", "CARD BALANCE", "BALANCE", "OUTSTANDING", "CREDIT LIMIT", "GUTHABEN", "SALDO",
];

/// What the words say; nothing where they say nothing of money.
pub(crate) fn label_of(text: &Labelled) -> Option<Label> {
    if text.letters() < 2 {
        return None;
    }
    let total = text.any(TOTAL);
    if text.any(CHANGE) && !text.has("EXCHANGE") {
        return Some(Label::Change);
    }
    if text.any(ROUNDED) {
        return Some(Label::Grand);
    }
    if text.any(ROUNDING) && !(total && text.any(INCLUDING)) {
        return Some(Label::Rounding);
    }
    if text.any(SAVED) {
        return Some(Label::Discount);
    }
    if text.any(COUNT) && !text.any(GRAND) {
        return Some(Label::Count);
    }
    if text.any(SUBTOTAL) {
        return Some(Label::Subtotal);
    }
    if text.any(INCLUDED) {
        return Some(Label::Tax);
    }
    if text.any(EXCLUDING) && !text.any(INCLUDING) {
        return Some(Label::TotalExcluding);
    }
    if text.any(DISCOUNT) && !total {
        return Some(Label::Discount);
    }
    let sum = total || text.any(GRAND) || text.any(&["AMOUNT", "AMT", "BETRAG", "SALES"]);
    if text.any(INCLUDING) && (sum || text.any(TAX)) {
        return Some(Label::TotalIncluding);
    }
    if text.any(&["TOTAL PAID", "AMOUNT PAID"]) {
        return Some(Label::Paid);
    }
    if text.any(GRAND) && !text.any(&["TOTAL GST", "GST PAYABLE", "TAX PAYABLE", "VAT PAYABLE", "TAX TOTAL"]) {
        return Some(Label::Grand);
    }
    if text.any(TAX) && !text.starts(&["TOTAL AMOUNT", "TOTAL SALES", "GST TAXABLE"]) {
        return Some(Label::Tax);
    }
    // Nothing but `net`: with more words it is a thing that is sold.
    if text.any(NET) || text.starts(&["NET"]) && text.letters() == 3 {
        return Some(Label::Net);
    }
    if text.any(PREPAID) {
        return Some(Label::Prepaid);
    }
    if text.any(SERVICE) {
        return Some(Label::Service);
    }
    if total && !text.starts(&["CASH"]) {
        return Some(Label::Total);
    }
    if text.any(PAID) {
        return Some(Label::Paid);
    }
    if text.any(DISCOUNT) {
        return Some(Label::Discount);
    }
    if text.any(BALANCE) {
        return Some(Label::Balance);
    }
    if text.starts(&["AMOUNT", "AMT", "BETRAG", "MONTANT", "BEDRAG", "IMPORTO"]) {
        return Some(Label::Amount);
    }
    None
}

/// Whether a row opens the table of tax classes at a receipt's end, whose totals are not the receipt's.
pub(crate) fn opens_tax_summary(text: &Labelled) -> bool {
    text.any(&[
        "SUMMARY",
        "GST SUMMARY",
        "TAX SUMMARY",
        "TAX CODE",
        "GST CODE",
        "GST ANALYSIS",
        "TAX ANALYSIS",
        "VAT SUMMARY",
        "VAT ANALYSIS",
        "GST RATE",
        "VAT RATE",
        "TAX RATE",
        "TAX BREAKDOWN",
        "STEUERSATZ",
        "MWST SATZ",
        "TAUX TVA",
        "TIPO IVA",
        "ALIQUOTA",
        "SUMMARY OF",
    ])
}

/// Whether a total is that of one tax class and not of the whole: `total 6% supplies`.
pub(crate) fn of_one_class(text: &Labelled) -> bool {
    text.any(&[
        "SUPPLIES",
        "ZERO RATED",
        "STANDARD RATED",
        "ZERO RATE",
        "STD RATED",
        "EXEMPT",
        "NON TAXABLE",
        "TAXABLE ITEMS",
    ])
}
