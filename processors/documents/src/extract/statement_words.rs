//! Words of bank statements: column heads, signs, balances.

use spendlog_domain::values::Currency;

use super::months::month;
use super::text::{Labelled, fold};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The day of booking.
    Date,
    /// The day from which it counts.
    ValueDate,
    /// A signed amount, or one whose sign stands elsewhere.
    Amount,
    /// What leaves the account.
    Debit,
    /// What comes in.
    Credit,
    /// The balance afterwards.
    Balance,
    /// Whether it is a debit or a credit.
    Flag,
    /// Words about it.
    Description,
    /// The other party.
    Party,
    /// The currency.
    Currency,
    /// The bank's id of the movement.
    Reference,
    /// The account.
    Account,
    /// Something else; an amount that is none of ours, for example.
    Other,
}

/// Heads of columns. The first list with a hit decides, so what is special stands before what is general.
#[rustfmt::skip]
const HEADS: &[(Role, &[&str])] = &[
    (Role::Balance, &[
        "BALANCE", "RUNNING BALANCE", "RUNNINGBALANCE", "SALDO", "SALDO NACH BUCHUNG", "KONTOSTAND", "SOLDE",
        "SALDO DISPONIBLE", "BAKI", "BALANCE AMOUNT", "CASH BALANCE", "SALDO CONTABILE", "BAL", "STAND", "EGYENLEG",
        "ZUSTATEK",
    ]),
    (Role::Flag, &[
        "AF BIJ", "DEBIT CREDIT", "DEBET CREDIT", "CREDIT DEBIT", "CR DR", "DR CR", "D C", "C D", "SOLL HABEN",
        "S H", "SOLL HABEN KENNZEICHEN", "SENS", "DEBITCREDIT", "CREDITDEBIT", "CDTDBTIND", "TRANSACTION TYPE",
        "TYPE OF TRANSACTION", "SH", "DC", "UMSATZART", "DEBIT OR CREDIT",
    ]),
    (Role::Currency, &[
        "CURRENCY", "WAHRUNG", "DEVISE", "MONEDA", "DIVISA", "VALUTA CODE", "MUNT", "VALUTACODE", "CCY", "MUNTSOORT",
        "WALUTA", "MENA", "TRANSACTION CURRENCY", "MATA WANG", "ACCOUNT CURRENCY",
    ]),
    (Role::ValueDate, &[
        "VALUE DATE", "VALUTA", "VALUTADATUM", "WERTSTELLUNG", "WERTSTELLUNGSDATUM", "VALUTAGE", "DATE VALEUR",
        "DATE DE VALEUR", "FECHA VALOR", "DATA VALUTA", "RENTEDATUM", "VALUTA DATUM", "WERT", "EFFECTIVE DATE",
        "SETTLEMENT DATE", "EXECUTION DATE", "DATUM VERREKENING", "INTEREST DATE",
    ]),
    (Role::Date, &[
        "DATE", "BOOKING DATE", "POSTING DATE", "POSTED DATE", "POST DATE", "TRANSACTION DATE", "TRANS DATE",
        "DATE PROCESSED", "BUCHUNG", "BUCHUNGSTAG", "BUCHUNGSDATUM", "BU TAG", "DATUM", "DATE OPERATION",
        "DATE D OPERATION", "DATE DE COMPTABILISATION", "DATE COMPTABLE", "FECHA", "FECHA OPERACION",
        "FECHA CONTABLE", "F OPERATIVA", "DATA", "DATA OPERAZIONE", "DATA CONTABILE", "BOEKDATUM",
        "DATUM VERRICHTING", "TRANSACTIEDATUM", "TARIKH", "BELEGDATUM", "VERBUCHUNGSDATUM", "DATUM ZAUCTOVANI",
        "DATA TRANSAKCJI", "DATA OPERACJI", "BOGFORINGSDATO", "BOKFORINGSDATUM", "BOKFORT", "CREATED", "CREATED UTC",
        "COMPLETED DATE", "STARTED DATE", "TIMESTAMP", "TIME", "BUCHUNGSDA", "DATE OF TRANSACTION", "BOOKED", "DATO",
        "PVM", "TXN DATE", "TRAN DATE", "DATE TIME",
    ]),
    (Role::Debit, &[
        "DEBIT", "DEBITS", "WITHDRAWAL", "WITHDRAWALS", "WITHDRAWN", "MONEY OUT", "PAID OUT", "OUT", "OUTFLOW",
        "PAYMENTS", "SPENT", "DEBET", "SOLL", "BELASTUNG", "LASTSCHRIFT", "LASTSCHRIFTEN", "AUSGANG", "AUSZAHLUNG",
        "AUSZAHLUNGEN", "ZAHLUNGSAUSGANG", "ZAHLUNGSAUSGA", "AUSGABEN", "DEBITO", "CARGO", "CARGOS", "ADEUDO",
        "DARE", "USCITE", "ADDEBITI", "AF", "UITGAVEN", "DEBIT AMOUNT", "AMOUNT DEBIT", "DEBITED", "PAYMENTS OUT",
        "OUTGOING", "SENT AMOUNT", "UITGAAND", "WITHDRAWAL AMOUNT", "DEBIT AMT", "KELUAR", "UT", "PAYMENT",
        "MONTANT DEBIT", "PAYMENT AMOUNT",
    ]),
    (Role::Credit, &[
        "CREDIT", "CREDITS", "DEPOSIT", "DEPOSITS", "MONEY IN", "PAID IN", "IN", "INFLOW", "RECEIPTS", "RECEIVED",
        "HABEN", "GUTSCHRIFT", "GUTSCHRIFTEN", "EINGANG", "EINZAHLUNG", "EINZAHLUNGEN", "ZAHLUNGSEINGANG",
        "ZAHLUNGSEINGA", "EINNAHMEN", "CREDITO", "ABONO", "ABONOS", "AVERE", "ENTRATE", "ACCREDITI", "BIJ",
        "INKOMSTEN", "CREDIT AMOUNT", "AMOUNT CREDIT", "CREDITED", "PAYMENTS IN", "INCOMING", "RECEIVED AMOUNT",
        "DEPOSIT AMOUNT", "CREDIT AMT", "MASUK", "INSATT", "MONTANT CREDIT",
    ]),
    (Role::Other, &[
        "FEE", "FEES", "TAX", "EXCHANGE RATE", "RATE", "KURS", "WECHSELKURS", "ORIGINAL AMOUNT", "ORIGINALBETRAG",
        "FREMDWAHRUNG", "LOCAL AMOUNT", "SHARES", "PRICE", "UNITS", "CONVERTED AMOUNT", "SPLIT AMOUNT",
        "CHECK NUMBER", "CHECK", "CHECK #", "QUANTITY", "BETRAG URSPRUNGSWAHRUNG", "KOSTEN OP VERRICHTING", "KOERS",
        "TOTAL VALUE", "GROSS", "FOREIGN AMOUNT", "AVAILABLE BALANCE",
    ]),
    (Role::Amount, &[
        "AMOUNT", "TRANSACTION AMOUNT", "BETRAG", "UMSATZ", "MONTANT", "IMPORTE", "IMPORTO", "BEDRAG", "AMT", "NET",
        "NET AMOUNT", "BELOP", "BELOEB", "KWOTA", "CASTKA", "VALUE", "VALOR", "JUMLAH", "SUMME", "SUMMA",
        "AMOUNT EUR", "BETRAG EUR", "QUANTIA", "OSSZEG", "SUMA", "OBJEM",
    ]),
    (Role::Party, &[
        "PAYEE", "NAME", "COUNTERPARTY", "BENEFICIARY", "EMPFANGER", "AUFTRAGGEBER", "ZAHLUNGSPFLICHTIGER",
        "BEGUNSTIGTER", "NAAM", "NAME DESCRIPTION", "TEGENPARTIJ", "MERCHANT", "HANDELAAR", "COUNTERACCOUNT NAME",
        "OMSCHRIJVING TEGENREKENING", "NAAM TEGENPARTIJ", "TIERS", "BENEFICIARIO", "PARTNER", "NAMN", "MOTTAKER",
        "ODBIORCA",
    ]),
    (Role::Reference, &[
        "REFERENCE", "TRANSACTION ID", "TXHASH", "REFERENZ", "REFERENCIA", "REF", "ID", "REF NR",
        "TRANSACTION REFERENCE NUMBER", "BALANCE TRANSACTION ID", "KUNDENREFERENZ", "FITID", "TRANSAKTIONS ID",
        "REFERENCE NUMBER",
    ]),
    (Role::Account, &[
        "ACCOUNT", "ACCOUNT NUMBER", "REKENINGNUMMER", "KONTO", "KONTONUMMER", "AUFTRAGSKONTO", "IBAN", "COMPTE",
        "CUENTA", "CONTO", "REKENING", "ACCOUNT NO", "NUMERO DE COMPTE",
    ]),
    (Role::Description, &[
        "DESCRIPTION", "DETAILS", "MEMO", "NARRATIVE", "NARRATION", "PARTICULARS", "TRANSACTION", "BESCHREIBUNG",
        "VERWENDUNGSZWECK", "BUCHUNGSTEXT", "TEXT", "VORGANG", "INFORMATIONEN", "LIBELLE", "LIBELLE OPERATION",
        "CONCEPTO", "DESCRIPCION", "DESCRIZIONE", "CAUSALE", "OMSCHRIJVING", "MEDEDELINGEN", "NOTE", "NOTES",
        "POPIS", "OPIS", "TEKST", "KETERANGAN", "TRANSAKTIONSINFORMATION", "BUCHUNGSHINWEISE", "TRANSACTION DETAILS",
        "TRANSACTION DESCRIPTION", "REMARKS", "ITEM", "VRIJE MEDEDELING", "MESSAGE", "MESSAGE FOR PAYEE",
        "PAYMENT TYPE", "CATEGORY", "ERLAUTERUNG",
    ]),
];

/// What a column with this head holds; nothing where the head is none.
pub(crate) fn role(head: &str) -> Option<Role> {
    let words = Labelled::of(head);
    if words.letters() == 0 && !matches!(head.trim(), "+/-" | "+ / -") {
        return None;
    }
    if matches!(head.trim(), "+/-" | "+ / -") {
        return Some(Role::Flag);
    }
    // The whole head first, without brackets and currencies; then any of its words.
    let bare = fold(head.split(['(', '[']).next().unwrap_or(head));
    let bare = bare.trim();
    let bare = CURRENCIES.iter().fold(bare.to_owned(), |bare, code| {
        bare.strip_suffix(code)
            .map_or(bare.clone(), |rest| rest.trim().to_owned())
    });
    if let Some((role, _)) = HEADS.iter().find(|(_, names)| names.contains(&bare.as_str())) {
        return Some(*role);
    }
    // `Betrag (Fremdwährung)` is no amount of ours.
    if words.any(&["FREMDWAHRUNG", "ORIGINAL", "FOREIGN", "EXCHANGE", "SPLIT"]) {
        return Some(Role::Other);
    }
    HEADS
        .iter()
        .find(|(_, names)| {
            names
                .iter()
                .any(|name| (name.len() > 3 || name.contains(' ')) && words.has(name))
        })
        .map(|(role, _)| *role)
}

const CURRENCIES: &[&str] = &[
    " EUR", " USD", " GBP", " CHF", " CZK", " SGD", " MYR", " SEK", " NOK", " DKK", " PLN", " AUD", " CAD", " IN EUR",
    " IN USD", " IN CHF",
];

/// A mark of debit or credit in a cell of its own.
pub(crate) fn flag(text: &str) -> Option<bool> {
    let text = fold(text);
    match text.as_str() {
        "D" | "DR" | "DEBIT" | "DEBET" | "DB" | "DBIT" | "AF" | "S" | "SOLL" | "OUT" | "WITHDRAWAL" | "BELASTUNG"
        | "LASTSCHRIFT" | "ABBUCHUNG" | "DEBITO" | "CARGO" | "ADDEBITO" | "AFSCHRIJVING" | "EXPENSE" | "PAYMENT"
        | "PURCHASE" | "SALE" | "CHARGE" | "SPEND" => Some(false),
        "C" | "CR" | "CREDIT" | "BIJ" | "H" | "HABEN" | "CRDT" | "IN" | "DEPOSIT" | "GUTSCHRIFT" | "CREDITO"
        | "ABONO" | "ACCREDITO" | "BIJSCHRIJVING" | "INCOME" | "REFUND" => Some(true),
        _ => None,
    }
}

#[rustfmt::skip]
const OUTGOING: &[&str] = &[
    "ZAHLUNG AN", "UBERWEISUNG AN", "AUSZAHLUNG", "RUCKZAHLUNG DES", "ZINSAUSZAHLUNG", "LASTSCHRIFT",
    "BASISLASTSCHRIFT", "LASTSCHRIFTEINZUG", "ABBUCHUNG", "DAUERAUFTRAG AN", "KARTENZAHLUNG", "BARGELDAUSZAHLUNG",
    "BELASTUNG", "ENTGELT", "GEBUHR", "GEBUHREN", "SPESEN", "STEUER", "STEUERN", "SOLIDARITATSZUSCHLAG",
    "KIRCHENSTEUER", "KAPITALERTRAGSTEUER", "KEST", "UBERWEISUNGSAUFTRAG", "KAUF", "WITHDRAWAL", "PURCHASE",
    "PAYMENT TO", "TRANSFER TO", "DIRECT DEBIT", "DEBIT", "CHARGE", "FEE", "FEES", "ATM", "CARD PAYMENT",
    "STANDING ORDER", "BILL PAYMENT", "CHECK", "CHEQUE", "POS", "TAX", "TRANSFER OUT", "VIREMENT EMIS",
    "PRELEVEMENT", "RETRAIT", "PAIEMENT", "ACHAT", "FRAIS", "COTISATION", "CARTE", "TRANSFERENCIA A", "RECIBO",
    "COMPRA", "PAGO", "COMISION", "BONIFICO A", "PRELIEVO", "PAGAMENTO", "ADDEBITO", "COMMISSIONI", "AFSCHRIJVING",
    "BETALING", "INCASSO", "OPNAME", "UBERTRAG DES", "INTERNE BELASTUNG", "KREDITKARTE", "ABSCHLUSS",
    "ZU IHREN LASTEN", "SOLLZINSEN",
];
#[rustfmt::skip]
const INCOMING: &[&str] = &[
    "GUTSCHRIFT", "EINZAHLUNG", "ZINSEN", "HABENZINSEN", "ZINSERTRAG", "ZINSBUCHUNG", "ZINSGUTSCHRIFT",
    "ZAHLUNG VON", "BEZAHLUNG VON", "UBERWEISUNG VON", "LOHN", "GEHALT", "RENTE", "ERSTATTUNG", "DIVIDENDE",
    "DANKEND ERHALTEN", "ZU IHREN GUNSTEN", "ZAHLUNGSEINGANG", "GELDEINGANG", "DEPOSIT", "SALARY", "INTEREST",
    "CREDIT", "REFUND", "DIVIDEND", "PAYMENT RECEIVED", "PAYMENT FROM", "TRANSFER FROM", "RECEIVED", "TOP UP",
    "TOPUP", "BONUS", "PAYROLL", "REVENUE", "PROFIT", "RETURNS", "CASHBACK", "VIREMENT RECU", "VERSEMENT",
    "REMBOURSEMENT", "SALAIRE", "INTERETS", "ABONO", "INGRESO", "NOMINA", "INTERESES", "DEVOLUCION", "ACCREDITO",
    "STIPENDIO", "INTERESSI", "VERSAMENTO", "BIJSCHRIJVING", "SALARIS", "STORTING", "TERUGBETALING",
    "DAUERAUFTRAG GUTSCHRIFT", "BONUSZAHLUNG", "PRAMIE",
];

/// Whether these words speak of money that comes in (true) or leaves (false).
pub(crate) fn direction(text: &str) -> Option<bool> {
    let words = Labelled::of(text);
    match (words.any(INCOMING), words.any(OUTGOING)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (true, true) => {
            // The word that stands first says it: `Gutschrift einer Lastschrift`.
            let folded = fold(text);
            let first = |list: &[&str]| {
                list.iter()
                    .filter_map(|word| folded.find(word))
                    .min()
                    .unwrap_or(usize::MAX)
            };
            Some(first(INCOMING) <= first(OUTGOING))
        }
        (false, false) if words.starts(&["AN", "TO", "NACH", "NAAR", "VERS"]) => Some(false),
        (false, false) if words.starts(&["VON", "FROM", "VAN"]) => Some(true),
        (false, false) => None,
    }
}

/// The balance that a row states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// Before the first movement.
    Opening,
    /// After the last movement.
    Closing,
    /// On the way, or a sum of movements.
    Between,
}

#[rustfmt::skip]
const OPENING: &[&str] = &[
    "OPENING BALANCE", "OPENING", "BALANCE BROUGHT FORWARD", "BROUGHT FORWARD", "PREVIOUS BALANCE",
    "BEGINNING BALANCE", "STARTING BALANCE", "BALANCE B F", "BAL B F", "START BALANCE", "ALTER SALDO",
    "ALTER KONTOSTAND", "ANFANGSSALDO", "STARTSALDO", "VORTRAG", "SALDOVORTRAG", "EROFFNUNGSSALDO", "ANFANGSBESTAND",
    "VORIGER SALDO", "ZU BEGINN", "LETZTER KONTOSTAND", "LETZTER SALDO", "SALDO VORTRAG", "ALT", "ANCIEN SOLDE",
    "SOLDE INITIAL", "SOLDE PRECEDENT", "SALDO INICIAL", "SALDO ANTERIOR", "SALDO INIZIALE", "SALDO PRECEDENTE",
    "BEGINSALDO", "VORIG SALDO", "OUD SALDO", "BAKI AWAL", "INGAENDE SALDO", "INGAENDE BALANCE", "SALDO POCZATKOWE",
];
#[rustfmt::skip]
const CLOSING: &[&str] = &[
    "CLOSING BALANCE", "CLOSING", "ENDING BALANCE", "NEW BALANCE", "BALANCE CARRIED FORWARD", "CARRIED FORWARD",
    "END BALANCE", "BALANCE C F", "FINAL BALANCE", "STATEMENT BALANCE", "NEUER SALDO", "NEUER KONTOSTAND",
    "ENDSALDO", "SCHLUSSSALDO", "SCHLUSSSTAND", "ABSCHLUSSSALDO", "NEU", "ERGEBNIS", "NOUVEAU SOLDE", "SOLDE FINAL",
    "NUEVO SALDO", "SALDO FINAL", "SALDO FINALE", "NUOVO SALDO", "EINDSALDO", "NIEUW SALDO", "BAKI AKHIR",
    "UTGAENDE SALDO", "UTGAENDE BALANCE", "SALDO KONCOWE", "KONTOSTAND AM", "SALDO ZU IHREN GUNSTEN",
];
#[rustfmt::skip]
const BETWEEN: &[&str] = &[
    "TOTAL", "SUBTOTAL", "SUMME", "GESAMT", "GESAMTUMSATZ", "UBERTRAG AUF", "ZWISCHENSALDO", "AKTUELLER SALDO",
    "KONTOBELASTUNGEN", "KONTOGUTSCHRIFTEN", "INCOMING TRANSACTIONS", "OUTGOING TRANSACTIONS", "PAYMENTS IN",
    "PAYMENTS OUT", "TOTAL DEBITS", "TOTAL CREDITS", "CREDIT LIMIT", "KREDITRAHMEN", "VERFUGUNGSRAHMEN",
    "DISPOKREDIT", "AVAILABLE", "MINIMUM PAYMENT", "KREDITLINIE", "FREISTELLUNGSAUFTRAG", "SALDO", "KONTOSTAND",
    "SOLDE", "BALANCE", "AUSGEHENDE TRANSAKTIONEN", "EINKOMMENDE TRANSAKTIONEN", "TOTALE", "TOTAL DES",
    "DURCHSCHNITT", "ZINSSATZ", "ZINSSATZES", "INTEREST RATE", "JAHRESZINS", "RECHNUNGSABSCHLUSS",
];

/// Whether the words before an amount make it a balance or a sum, and which.
pub(crate) fn stated(text: &str) -> Option<Stated> {
    let words = Labelled::of(text);
    if words.any(OPENING) {
        Some(Stated::Opening)
    } else if words.any(CLOSING) {
        Some(Stated::Closing)
    } else if words.starts(BETWEEN) || words.letters() < 30 && words.any(&["KONTOSTAND", "SALDO", "BALANCE"]) {
        Some(Stated::Between)
    } else {
        None
    }
}

/// The balance or sum that these words name if they name nothing else: `New balance on 31 May`, but no shop of that
/// name in London. Nothing is taken to be misread.
pub(crate) fn only_stated(text: &str) -> Option<Stated> {
    let folded = fold(text);
    let mut rest = folded.as_str();
    let mut named = Vec::new();
    while !rest.is_empty() {
        rest = match leading_label(rest) {
            Some((which, behind)) => {
                named.push(which);
                behind
            }
            None => {
                let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
                if !says_nothing(word) {
                    return None;
                }
                behind
            }
        };
        rest = rest.trim_start();
    }
    [Stated::Opening, Stated::Closing, Stated::Between]
        .into_iter()
        .find(|which| named.contains(which))
}

/// Whether these words name a balance or a sum, or begin with one: what stands below the movements, or between them.
pub(crate) fn sums_up(text: &str) -> bool {
    only_stated(text).is_some() || Labelled::of(text).starts(BETWEEN)
}

/// The longest label that a folded text begins with, and what stands behind it.
fn leading_label(text: &str) -> Option<(Stated, &str)> {
    let lists = [
        (Stated::Opening, OPENING),
        (Stated::Closing, CLOSING),
        (Stated::Between, BETWEEN),
    ];
    let behind = |label: &str| {
        let rest = text.strip_prefix(label)?;
        (rest.is_empty() || rest.starts_with(' ')).then_some(rest)
    };
    lists
        .into_iter()
        .flat_map(|(which, labels)| labels.iter().map(move |label| (which, *label)))
        .filter_map(|(which, label)| Some((which, behind(label)?)))
        .min_by_key(|(_, rest)| rest.len())
}

/// Words that may stand beside the label of a balance.
#[rustfmt::skip]
const SMALL: &[&str] = &[
    "A", "ACCOUNT", "ACCT", "AL", "AM", "AS", "AT", "AU", "AUF", "AUSZUG", "BIS", "BOOK", "COMPTE", "CONTO", "CR",
    "CUENTA", "DATE", "DATUM", "DAY", "DE", "DEL", "DEM", "DER", "DES", "DI", "DR", "DU", "EL", "EN", "EURO",
    "EUROS", "FOR", "FROM", "H", "IHR", "IHRES", "IL", "IN", "KONTO", "KONTOAUSZUG", "LAST", "LE", "LEDGER",
    "MONTH", "OF", "ON", "OP", "PER", "PERIOD", "PREVIOUS", "REKENING", "S", "STATEMENT", "THE", "TO", "UHR", "VAN",
    "VOM", "VON", "YOUR", "ZUM",
];

/// Whether a folded word says nothing more about a balance: a figure, a part of a day, a currency, a small word.
fn says_nothing(word: &str) -> bool {
    word.contains(|letter: char| letter.is_ascii_digit())
        || SMALL.contains(&word)
        || month(word).is_some()
        || word.parse::<Currency>().is_ok()
}
