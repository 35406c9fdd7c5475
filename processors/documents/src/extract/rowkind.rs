//! What the rows of a letterhead are: title, address, telephone, register number, greeting …

use super::dates::dates;
use super::page::Row;
use super::pattern::regex;
use super::text::Labelled;

/// What a row above or below the list of items is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The name of the kind of document: `TAX INVOICE`.
    Title,
    /// Thanks, opening hours, conditions of return.
    Talk,
    /// Telephone and fax.
    Phone,
    /// A number with the tax office.
    TaxId,
    /// A number in the register of companies.
    Registration,
    /// Web and mail addresses.
    Web,
    /// A date or a time, with or without a label.
    Moment,
    /// A postal address.
    Address,
    /// A label with a value: cashier, table, invoice number.
    Labelled,
    /// Begins the block of the one who pays.
    Recipient,
    /// Tells who owns or runs the shop: what follows is not its name.
    Owner,
    /// Digits and signs, nothing to read.
    Noise,
    /// Anything else: may be a name.
    Name,
}

regex!(
    PHONE_NUMBER,
    r"^\W*(?:\(?\+?\d{1,3}\)?[\s-]?)?(?:\(?\d{1,4}\)?[\s/.-]{0,3})?\d{3,4}[\s.-]?\d{3,4}(?:\s?[/,]\s?[\d\s-]+)?\W*$"
);
regex!(
    REGISTER,
    r"^\W*(?i:\(?(?:co(?:mpany)?\.?\s*)?(?:reg(?:istration|istered)?\.?\s*)?(?:no\.?|#)?\s*:?\s*)?\(?\s*(?:[A-Z]{1,3}[-\s]?)?\d{5,12}\s?[-–]?\s?[A-Z]{1,2}\s*\)?\W*$|^\W*\d{12}\s?\([\dA-Z-]{6,12}\)\W*$"
);
regex!(
    WEB,
    r"(?i)www[.,]|https?:|@[a-z0-9-]+\.|\b[a-z0-9-]{3,}\.(?:com|net|org|de|fr|es|it|nl|my|co\.uk|sg|eu|at|ch|be|io)\b(?:\.\w{2})?"
);
regex!(
    pub(crate) POSTCODE,
    r"(?:^|[\s,])(?:[A-Z]{1,2}[- ])?\d{5}(?:-\d{4})?(?:[\s,]+\p{L}{2,}|\p{Lu}\p{Ll}+)|(?:^|[\s,])\d{4}\s?[A-Z]{2}[\s,]+\p{L}{2,}|(?:^|[,\s](?:A|CH|B|DK|NL)-)\d{4}\s+\p{Lu}\p{L}{2,}|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b|\b[A-Z]{2}[ ,]+\d{5}(?:-\d{4})?\b|\d{2}-\d{3}\s+\p{L}{2,}|^\d{4}\s+\p{Lu}\p{L}{2,}$|^\d{2}\s?\d{3}\s+[A-Z]{2,}|[\s,]\d{5}\.?$"
);
regex!(
    pub(crate) HOUSE,
    r"(?i)^\W*(?:no|lot|unit|block|blk|suite|shop|g|pt|d|a)[\s.:-]{0,3}(?:[a-z]{1,2}[-.]?){0,2}\d+[a-z]?\b|^\W*\d{1,4}\s?[a-z]?\s?(?:-\s?\d{1,4}\s?[a-z]?)?\s?[,&]\s?\S|(?:str|straße|strasse|weg|platz|allee|gasse|damm|ring|straat|laan|plein|gracht|vej|gatan)\.?\s+\d{1,4}\s?[a-z]?\b|\b\d{1,4},?\s(?:rue|avenue|av\.|bd|boulevard|place|chemin|quai)\b|\b(?:via|viale|piazza|corso|calle|c/|avenida|avda|rua)\.?\s\S"
);

#[rustfmt::skip]
const TITLES: &[&str] = &[
    "TAX INVOICE", "INVOICE", "RECEIPT", "OFFICIAL RECEIPT", "CASH RECEIPT", "CASH SALE", "CASH SALES", "CASH BILL",
    "SIMPLIFIED TAX INVOICE", "SALES RECEIPT", "BILL", "CASH", "RESIT", "INVOIS CUKAI", "INVOICE CASH",
    "TAX INVOICE ADJUSTMENT NOTE", "RECHNUNG", "QUITTUNG", "BELEG", "KASSENBON", "KASSENBELEG", "KUNDENBELEG", "BON",
    "FACTURE", "TICKET", "TICKET DE CAISSE", "RECU", "FACTURA", "FACTURA SIMPLIFICADA", "RECIBO", "FATTURA",
    "SCONTRINO", "RICEVUTA", "DOCUMENTO COMMERCIALE", "FACTUUR", "KASSABON", "KVITTERING", "KVITTO", "FAKTURA",
    "PARAGON FISKALNY", "POSTED", "PAID", "COPY", "DUPLICATE", "REPRINT", "ORIGINAL", "CUSTOMER COPY",
    "MERCHANT COPY", "GUEST CHECK", "ORDER", "TAKE AWAY", "DINE IN", "TAX INV", "SALES INVOICE", "CREDIT NOTE",
    "GUTSCHRIFT", "STATEMENT", "ORIGINAL INVOICE", "VAT INVOICE", "PROFORMA INVOICE", "CASH INVOICE", "BILL OF SALE",
    "COUNTER SALE",
];
#[rustfmt::skip]
const TALK: &[&str] = &[
    "THANK YOU", "THANKYOU", "THANK", "THANKS", "WELCOME", "COME AGAIN", "VISIT US", "SEE YOU", "HAVE A NICE",
    "NOT RETURNABLE", "RETURNABLE", "REFUNDABLE", "NO REFUND", "EXCHANGE", "TERIMA KASIH", "SELAMAT DATANG",
    "SILA DATANG", "VIELEN DANK", "DANKE", "AUF WIEDERSEHEN", "WILLKOMMEN", "MERCI", "BIENVENUE", "GRACIAS",
    "GRAZIE", "BEDANKT", "TOT ZIENS", "GOODS SOLD", "FEEDBACK", "COMPLAINT", "BUSINESS HOURS", "SHOPPING HOURS",
    "OPENING HOURS", "OPERATION HOURS", "OFFNUNGSZEITEN", "FOLLOW US", "LIKE US", "VOUCHER", "REDEEM", "HOTLINE",
    "CUSTOMER SERVICE", "CUSTOMER CARE", "CARELINE", "SIGNATURE", "SIGN", "WARRANTY", "PLEASE", "HTTP", "KEEP THIS",
    "FREE", "PROMOTION", "SURVEY", "DEAR", "SEHR GEEHRTE",
];
#[rustfmt::skip]
const LABELS: &[&str] = &[
    "CASHIER", "TABLE", "SERVER", "WAITER", "WAITRESS", "SALESPERSON", "SALESMAN", "SALES PERSON", "COUNTER",
    "TERMINAL", "INVOICE NO", "INV NO", "INVOICE #", "RECEIPT NO", "RECEIPT #", "RECEIPT", "BILL NO", "BILL #",
    "DOC NO", "ORDER NO", "ORDER #", "ORDER NUMBER", "TRANS", "POS", "TRANSACTION", "REF", "REF NO", "REFERENCE",
    "ITEM", "ITEMS", "DESCRIPTION", "DESC", "QTY", "QUANTITY", "PRICE", "AMOUNT", "U PRICE", "CODE", "PAX",
    "OPERATOR", "MACHINE", "SHIFT", "STAFF", "TERM", "TERMS", "ACCOUNT NO", "A C NO", "MEMBER", "KASSE", "KASSIERER",
    "BEDIENER", "TISCH", "BELEG NR", "BON NR", "RECHNUNGSNUMMER", "RECHNUNGS NR", "RECHNUNG NR", "KUNDENNUMMER",
    "KUNDEN NR", "BESTELLNUMMER", "ARTIKEL", "MENGE", "EINZELPREIS", "SERVED BY", "PAGE", "SEITE", "TOTAL",
    "SUBTOTAL", "CHANGE", "CUSTOMER NO", "CUSTOMER ID", "PURCHASE ORDER", "PO NO", "IBAN", "BIC", "SWIFT", "BANK",
    "VEHICLE", "PUMP",
];
#[rustfmt::skip]
const STREETS: &[&str] = &[
    "JALAN", "JLN", "LOT", "LORONG", "TAMAN", "TMN", "BANDAR", "SEKSYEN", "KAMPUNG", "KG", "PERSIARAN", "LEBUH",
    "LEBUHRAYA", "KAWASAN", "PERINDUSTRIAN", "SELANGOR", "JOHOR", "KUALA LUMPUR", "PETALING JAYA", "SHAH ALAM",
    "PERAK", "PENANG", "PULAU PINANG", "KEDAH", "MELAKA", "SABAH", "SARAWAK", "PAHANG", "W P", "WILAYAH", "MALAYSIA",
    "SINGAPORE", "STREET", "ROAD", "RD", "AVENUE", "AVE", "LANE", "BLVD", "BOULEVARD", "DRIVE", "HIGHWAY", "FLOOR",
    "FLR", "GROUND FLOOR", "LEVEL", "SUITE", "UNIT", "BLOCK", "BLK", "BUILDING", "P O BOX", "PO BOX", "POSTFACH",
    "POSTBUS", "BP", "CEDEX", "STRASSE", "STR", "PLATZ", "ALLEE", "GASSE", "RUE", "CHEMIN", "QUAI", "CALLE",
    "AVENIDA", "AVDA", "VIALE", "PIAZZA", "CORSO", "STRAAT", "LAAN", "PLEIN", "MALL", "SHOPPING CENTRE",
    "SHOPPING CENTER", "PLAZA", "DARUL EHSAN", "DARUL TAKZIM", "OFF", "MUKIM", "BATU", "KM", "DESA", "PUSAT",
    "INDUSTRIAL PARK", "TOWER", "MENARA", "WISMA", "KOMPLEKS", "BANGUNAN", "SQUARE", "GERMANY", "DEUTSCHLAND",
    "FRANCE", "UNITED KINGDOM", "USA", "UNITED STATES", "NETHERLANDS", "ITALIA", "ESPANA",
];
#[rustfmt::skip]
const OWNERS: &[&str] = &[
    "OWNED BY", "FORMERLY KNOWN AS", "FORMERLY", "OPERATED BY", "MANAGED BY", "A DIVISION OF", "LICENSEE", "INHABER",
    "GESCHAFTSFUHRER", "BETREIBER", "AN AFFILIATE OF", "POWERED BY", "SUBSIDIARY OF",
];
#[rustfmt::skip]
const RECIPIENTS: &[&str] = &[
    "BILL TO", "BILLED TO", "BILLING ADDRESS", "SHIP TO", "SOLD TO", "INVOICE TO", "DELIVER TO", "CUSTOMER",
    "CUSTOMER NAME", "ATTN", "ATTENTION", "RECHNUNGSADRESSE", "RECHNUNG AN", "LIEFERADRESSE", "LIEFERANSCHRIFT",
    "RECHNUNGSEMPFANGER", "KAUFER", "KUNDE", "FACTURE A", "ADRESSE DE FACTURATION", "CLIENT", "CLIENTE",
    "DESTINATARIO", "SPETT LE", "SPETTLE", "FACTUURADRES", "KLANT", "TO", "NAME", "HERRN", "HERR", "FRAU", "FIRMA",
    "BUYER", "RECIPIENT", "FACTURAR A", "INVOICED TO", "ABONNE", "DEBITEUR",
];
#[rustfmt::skip]
const TAX: &[&str] = &[
    "GST ID", "GST REG", "GST NO", "GST", "SST NO", "SST ID", "SST REG", "VAT REG", "VAT NO", "VAT ID", "VAT NUMBER",
    "UST ID", "USTID", "UST IDNR", "STEUERNUMMER", "STEUER NR", "ST NR", "TVA", "N TVA", "BTW", "BTW NR",
    "BTW NUMMER", "P IVA", "PARTITA IVA", "NIF", "CIF", "ABN", "EIN", "TIN", "GSTIN", "UID", "TAX ID", "TAX REG",
    "COD FISC", "C F", "SIRET", "SIREN", "RCS",
];
#[rustfmt::skip]
const REGISTERS: &[&str] = &[
    "CO REG", "COMPANY REG", "COMPANY NO", "CO NO", "REG NO", "REGISTRATION NO", "ROC", "ROB", "BRN", "HRB",
    "HANDELSREGISTER", "KVK", "COMPANY REGISTRATION", "BUSINESS REG", "UEN", "CRN", "BUSINESS NO",
];

/// How much a row looks like a line of a postal address: 3 and more does.
pub(crate) fn address_points(row: &Row, words: &Labelled) -> u32 {
    let mut points = 0;
    points += 2 * STREETS.iter().filter(|street| words.has(street)).count().min(2);
    points += 3 * usize::from(POSTCODE.is_match(&row.text));
    points += 3 * usize::from(HOUSE.is_match(&row.text));
    points += usize::from(row.text.matches(',').count() >= 2);
    points += usize::from(row.text.trim_end().ends_with(','));
    u32::try_from(points).unwrap_or(0)
}

/// What a row is.
pub(crate) fn kind(row: &Row, words: &Labelled) -> Kind {
    let text = row.text.trim();
    let folded = row.folded.trim();
    if words.letters() < 2 && !PHONE_NUMBER.is_match(text) && !REGISTER.is_match(text) && dates(text).is_empty() {
        return Kind::Noise;
    }
    let long = words.letters() > 40;
    if words.any(OWNERS) {
        return Kind::Owner;
    }
    if TITLES.contains(&folded) {
        return Kind::Title;
    }
    if WEB.is_match(text) || words.any(&["E MAIL", "EMAIL", "WEBSITE"]) {
        return Kind::Web;
    }
    if REGISTER.is_match(text)
        || words.starts(REGISTERS)
        || (words.any(REGISTERS) && !long && text.contains(|c: char| c.is_ascii_digit()))
    {
        return if words.any(TAX) {
            Kind::TaxId
        } else {
            Kind::Registration
        };
    }
    if words.starts(TAX) && text.contains(|c: char| c.is_ascii_digit()) {
        return Kind::TaxId;
    }
    if PHONE_NUMBER.is_match(text)
        || words.starts(&[
            "TEL",
            "PHONE",
            "FAX",
            "TELEFON",
            "TELEFAX",
            "H P",
            "HP",
            "MOBILE",
            "CONTACT",
            "TELP",
            "T",
            "TELEPHONE",
            "WHATSAPP",
            "HOTLINE",
        ]) && text.contains(|c: char| c.is_ascii_digit())
    {
        return Kind::Phone;
    }
    let has_title = words.any(&["TAX INVOICE", "OFFICIAL RECEIPT", "CASH RECEIPT"]) && words.letters() < 26;
    if has_title {
        return Kind::Title;
    }
    if words.any(TALK) && !words.any(super::merchant::LEGAL_FORMS) {
        return Kind::Talk;
    }
    if words.starts(RECIPIENTS)
        && (words.letters() < 20 || text.contains(':'))
        && !words.any(super::merchant::LEGAL_FORMS)
    {
        return Kind::Recipient;
    }
    if !dates(text).is_empty()
        || words.starts(&[
            "DATE", "TIME", "DATUM", "UHRZEIT", "FECHA", "HORA", "DATA", "TARIKH", "MASA",
        ])
    {
        return Kind::Moment;
    }
    // Shops are named after streets and quarters: beside the word of a trade it takes a number or a postcode as well.
    let enough = if words.any(super::merchant::TRADES) { 5 } else { 3 };
    if address_points(row, words) >= enough {
        return Kind::Address;
    }
    if words.starts(LABELS)
        && (text.contains(|c: char| c.is_ascii_digit() || c == ':' || c == '#') || words.letters() < 12)
    {
        return Kind::Labelled;
    }
    Kind::Name
}
