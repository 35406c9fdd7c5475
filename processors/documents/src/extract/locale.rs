//! What a document says, without meaning to, about where it was written.
//!
//! It decides what is open otherwise: whether the day comes before the month, and which dollar is meant.

use super::dates::{DateHit, Order};
use super::pattern::regex;
use super::text::Labelled;
use spendlog_domain::values::Currency;

/// A country, with what gives it away.
struct Place {
    /// Its currency.
    currency: &'static str,
    /// Whether its people write the month first.
    month_first: bool,
    /// Words that are found there and hardly anywhere else.
    words: &'static [&'static str],
    /// How its telephone numbers begin from abroad.
    phone: &'static str,
}

#[rustfmt::skip]
const PLACES: &[Place] = &[
    Place {
        currency: "MYR",
        month_first: false,
        phone: "60",
        words: &[
            "SDN BHD", "SDN", "BHD", "S/B", "MALAYSIA", "KUALA LUMPUR", "SELANGOR", "JOHOR", "JALAN", "JLN", "TAMAN",
            "PULAU PINANG", "RINGGIT", "LHDN", "SST",
        ],
    },
    Place {
        currency: "SGD",
        month_first: false,
        phone: "65",
        words: &["SINGAPORE", "PTE LTD", "PTE"],
    },
    Place {
        currency: "AUD",
        month_first: false,
        phone: "61",
        words: &["AUSTRALIA", "ABN", "A B N", "PTY LTD", "PTY", "NSW", "QLD", "VICTORIA"],
    },
    Place {
        currency: "NZD",
        month_first: false,
        phone: "64",
        words: &["NEW ZEALAND", "AUCKLAND", "WELLINGTON", "NZBN"],
    },
    Place {
        currency: "GBP",
        month_first: false,
        phone: "44",
        words: &["UNITED KINGDOM", "ENGLAND", "SCOTLAND", "LONDON", "PLC", "VAT REG NO"],
    },
    Place {
        currency: "EUR",
        month_first: false,
        phone: "49",
        words: &[
            "GMBH", "DEUTSCHLAND", "GERMANY", "MWST", "UST ID", "USTID", "RECHNUNG", "STEUERNUMMER", "FRANCE", "TVA",
            "FACTURE", "SIRET", "ESPANA", "FACTURA", "ITALIA", "FATTURA", "P IVA", "PARTITA IVA", "NEDERLAND", "BTW",
            "FACTUUR", "KVK", "BELGIUM", "OSTERREICH", "AUSTRIA", "IRELAND",
        ],
    },
    Place {
        currency: "CHF",
        month_first: false,
        phone: "41",
        words: &["SCHWEIZ", "SUISSE", "SVIZZERA", "SWITZERLAND"],
    },
    Place {
        currency: "INR",
        month_first: false,
        phone: "91",
        words: &["INDIA", "GSTIN", "CGST", "SGST", "PVT LTD", "RUPEES"],
    },
    Place {
        currency: "HKD",
        month_first: false,
        phone: "852",
        words: &["HONG KONG", "KOWLOON"],
    },
    Place {
        currency: "USD",
        month_first: true,
        phone: "1",
        words: &[
            "USA", "UNITED STATES", "LLC", "SALES TAX", "ZIP", "CALIFORNIA", "NEW YORK", "TEXAS", "FLORIDA",
            "ILLINOIS", "NEVADA", "WASHINGTON", "SEATTLE WA",
        ],
    },
    Place {
        currency: "CAD",
        month_first: false,
        phone: "",
        words: &["CANADA", "HST", "PST", "QST", "TVQ", "TPS", "ONTARIO", "QUEBEC", "BRITISH COLUMBIA"],
    },
    Place {
        currency: "BRL",
        month_first: false,
        phone: "55",
        words: &["BRASIL", "CNPJ", "LTDA"],
    },
    Place {
        currency: "MXN",
        month_first: false,
        phone: "52",
        words: &["MEXICO", "RFC"],
    },
    Place {
        currency: "PHP",
        month_first: true,
        phone: "63",
        words: &["PHILIPPINES", "MANILA", "VATABLE"],
    },
];

/// Dollars, pesos and crowns of more than one country.
const DOLLARS: &[&str] = &["USD", "SGD", "AUD", "NZD", "HKD", "CAD", "MXN"];

regex!(PHONE, r"\+\s?\(?(\d{1,3})");
regex!(
    STATE_ZIP,
    r"\b(?:A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])[ ,]+\d{5}(?:-\d{4})?\b"
);

/// Where a document seems to come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locale {
    /// Currencies of the countries that it names, the likeliest first, with points.
    countries: Vec<(&'static str, u32, bool)>,
    /// Whether it speaks of a tax that is levied where the day comes first.
    taxed: bool,
}

impl Locale {
    /// Looks at all the text.
    pub(crate) fn of(text: &str) -> Self {
        let words = Labelled::of(text);
        let phones: Vec<&str> = PHONE
            .captures_iter(text)
            .filter_map(|found| found.get(1))
            .map(|m| m.as_str())
            .collect();
        let mut countries: Vec<(&'static str, u32, bool)> = Vec::new();
        for place in PLACES {
            let named = place
                .words
                .iter()
                .filter(|word| words.has(&word.replace('/', " ")))
                .count();
            let called = phones
                .iter()
                .filter(|phone| {
                    !place.phone.is_empty() && phone.starts_with(place.phone) && (place.phone != "1" || **phone == "1")
                })
                .count();
            let zip = if place.currency == "USD" {
                STATE_ZIP.find_iter(text).count()
            } else {
                0
            };
            let points = u32::try_from(named * 2 + called.min(2) * 2 + zip.min(2) * 3).unwrap_or(0);
            if points > 0 {
                countries.push((place.currency, points, place.month_first));
            }
        }
        countries.sort_by_key(|(_, points, _)| std::cmp::Reverse(*points));
        let taxed = words.any(&["GST", "VAT", "MWST", "TVA", "IVA", "BTW", "MOMS"]);
        Self { countries, taxed }
    }

    /// The dollar that is meant here, if the document leaves no doubt.
    pub(crate) fn dollar(&self) -> Option<Currency> {
        let mut dollars = self.countries.iter().filter(|(code, ..)| DOLLARS.contains(code));
        let first = dollars.next()?;
        let clear = dollars.next().is_none_or(|second| second.1 < first.1);
        // A country without dollars that is named more often makes `$` a till's habit and no currency.
        let strongest = self.countries.first().is_some_and(|strongest| strongest.1 <= first.1);
        if clear && strongest { first.0.parse().ok() } else { None }
    }

    /// The currency of the country that is named most, if it is clearly one.
    pub(crate) fn home(&self) -> Option<Currency> {
        match self.countries[..] {
            [(code, points, _)] if points >= 4 => code.parse().ok(),
            [(code, points, _), (_, second, _), ..] if points >= 4 && points >= second * 2 => code.parse().ok(),
            _ => None,
        }
    }

    /// The order of day and month: what dates in the document show by themselves, else what is written where it
    /// comes from; nothing where neither is clear.
    pub(crate) fn order(&self, dates: &[DateHit], currency: Option<Currency>) -> Option<Order> {
        let shown = |order: Order| dates.iter().filter(|hit| hit.shows == Some(order)).count();
        match (shown(Order::DayFirst), shown(Order::MonthFirst)) {
            (0, 0) => {}
            (day, 0) if day > 0 => return Some(Order::DayFirst),
            (0, _) => return Some(Order::MonthFirst),
            _ => return None,
        }
        let points = |month_first: bool| {
            self.countries
                .iter()
                .filter(|c| c.2 == month_first)
                .map(|c| c.1)
                .sum::<u32>()
        };
        let (day, month) = (points(false) + u32::from(self.taxed), points(true));
        if day != month {
            return Some(if day > month {
                Order::DayFirst
            } else {
                Order::MonthFirst
            });
        }
        // A currency other than the dollar is evidence enough: its people write the day first.
        currency
            .filter(|currency| !matches!(currency.code(), "USD" | "CAD" | "PHP"))
            .map(|_| Order::DayFirst)
    }
}
