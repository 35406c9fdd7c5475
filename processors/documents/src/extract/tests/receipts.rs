//! Receipts: merchant, address, date, sums, currency, items.

use spendlog_domain::documents::{DocumentKind, FieldName, Source};

use super::{extract, field, hints, items, page, receipt};

const CORNER_SHOP: &[&str] = &[
    "          PERNIAGAAN BUNGA RAYA SDN BHD",
    "                 (123456-X)",
    "          12, JALAN MAWAR 3/1, TAMAN INDAH,",
    "          43000 KAJANG, SELANGOR.",
    "          TEL: 03-8733 1234",
    "          GST ID NO: 001122334455",
    "                TAX INVOICE",
    "INV NO: A-00271      DATE: 04/05/2018 14:22",
    "ITEM              QTY     PRICE      AMOUNT",
    "SABUN MANDI         2      3.50        7.00",
    "BERAS 5KG           1     21.40       21.40",
    "SUB TOTAL                             28.40",
    "GST 6%                                 1.70",
    "ROUNDING ADJ                           0.00",
    "TOTAL RM                              30.10",
    "CASH                                  50.00",
    "CHANGE                                19.90",
    "GST SUMMARY    AMOUNT(RM)   TAX(RM)",
    "SR 6%               28.40      1.70",
    "        THANK YOU, PLEASE COME AGAIN",
];

#[test]
fn a_receipt_from_top_to_bottom() {
    let read = receipt(CORNER_SHOP);
    assert_eq!(field(&read, FieldName::Merchant), "PERNIAGAAN BUNGA RAYA SDN BHD");
    assert_eq!(
        field(&read, FieldName::MerchantAddress),
        "12, JALAN MAWAR 3/1, TAMAN INDAH, 43000 KAJANG, SELANGOR."
    );
    assert_eq!(field(&read, FieldName::MerchantTaxId), "001122334455");
    assert_eq!(field(&read, FieldName::InvoiceNumber), "A-00271");
    assert_eq!(field(&read, FieldName::Date), "2018-05-04");
    assert_eq!(field(&read, FieldName::Total), "30.10");
    assert_eq!(field(&read, FieldName::NetTotal), "28.40");
    assert_eq!(field(&read, FieldName::Tax), "1.70");
    assert_eq!(field(&read, FieldName::Currency), "MYR");
    let items = items(&read);
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].description, "SABUN MANDI");
    assert_eq!(items[0].quantity.map(|v| v.to_string()).as_deref(), Some("2"));
    assert_eq!(items[0].unit_price.map(|v| v.to_string()).as_deref(), Some("3.50"));
    assert_eq!(items[0].total.map(|v| v.to_string()).as_deref(), Some("7.00"));
}

#[test]
fn every_value_says_where_it_was_read() {
    let read = receipt(CORNER_SHOP);
    let total = read.fields.iter().find(|field| field.name == FieldName::Total).unwrap();
    let source = &total.provenance;
    assert_eq!(
        (source.page, source.source, source.engine.as_str()),
        (Some(1), Source::Ocr, "test")
    );
    assert!(source.area.is_some_and(|area| area.y0 > 6000));
    assert!(source.confidence.0 > 850 && source.confidence.0 <= 960);
    assert!(!source.rule.is_empty());
}

#[test]
fn cash_less_change_speaks_louder_than_a_label() {
    let read = receipt(&[
        "Blue Kiosk",
        "TOTAL             19.99",
        "ROUNDING ADJ       0.01",
        "ROUNDED           20.00",
        "CASH              50.00",
        "CHANGE            30.00",
    ]);
    assert_eq!(field(&read, FieldName::Total), "20.00");
}

#[test]
fn the_total_of_a_tax_class_is_not_the_total() {
    let read = receipt(&[
        "HILLTOP BAKERIES SDN BHD",
        "Bread                14.00",
        "Total 0% supplies:   14.00",
        "Cake                  5.00",
        "Total 6% supplies (Incl. GST):   5.30",
        "Total 0% supplies:   14.00",
        "Total Payable:       19.30",
    ]);
    assert_eq!(field(&read, FieldName::Total), "19.30");
}

#[test]
fn totals_in_other_languages() {
    for (lines, total, currency) in [
        (
            &[
                "Gasthof zum Adler",
                "Schnitzel   18,90",
                "Zwischensumme  18,90",
                "SUMME EUR   18,90",
                "enthaltene MwSt 19%   3,02",
                "Bar   20,00",
                "Rückgeld   1,10",
            ][..],
            "18.90",
            "EUR",
        ),
        (
            &[
                "Boulangerie Duval",
                "Pain   2,40 €",
                "Sous-total   2,40 €",
                "TOTAL TTC   2,40 €",
                "dont TVA 5,5%   0,13 €",
                "Espèces   5,00 €",
                "Rendu   2,60 €",
            ][..],
            "2.40",
            "EUR",
        ),
        (
            &[
                "Panadería Sol",
                "Pan   1,20",
                "Base imponible   1,09",
                "IVA 10%   0,11",
                "TOTAL A PAGAR   1,20 €",
                "Efectivo   2,00",
                "Cambio   0,80",
            ][..],
            "1.20",
            "EUR",
        ),
        (
            &[
                "Bakkerij Jansen",
                "Brood   3,10",
                "Subtotaal   3,10",
                "Totaal te betalen   € 3,10",
                "PIN   3,10",
            ][..],
            "3.10",
            "EUR",
        ),
        (
            &[
                "Bar Centrale",
                "Caffè   1,30",
                "Subtotale   1,30",
                "TOTALE COMPLESSIVO €   1,30",
                "di cui IVA   0,12",
                "Contanti   5,00",
                "Resto   3,70",
            ][..],
            "1.30",
            "EUR",
        ),
    ] {
        let read = receipt(lines);
        assert_eq!(field(&read, FieldName::Total), total, "{lines:?}");
        assert_eq!(field(&read, FieldName::Currency), currency, "{lines:?}");
    }
}

#[test]
fn a_name_that_runs_over_rows_is_put_together() {
    let read = receipt(&[
        "RIVERSIDE HARDWARE",
        "ENTERPRISE (BUKIT",
        "TINGGI) SDN BHD",
        "765432-K",
        "NO. 5, JALAN SATU,",
        "53000 KUALA LUMPUR",
        "TOTAL    4.00",
    ]);
    assert_eq!(
        field(&read, FieldName::Merchant),
        "RIVERSIDE HARDWARE ENTERPRISE (BUKIT TINGGI) SDN BHD"
    );
    assert_eq!(
        field(&read, FieldName::MerchantAddress),
        "NO. 5, JALAN SATU, 53000 KUALA LUMPUR"
    );
}

#[test]
fn what_stands_above_the_letterhead_is_not_the_name() {
    let read = receipt(&[
        "THANK YOU, PLEASE COME AGAIN",
        "0.00",
        "PASAR MINI SERI SDN BHD",
        "(998877-W)",
        "LOT 3, JALAN DUA,",
        "40000 SHAH ALAM",
        "TOTAL 8.00",
    ]);
    assert_eq!(field(&read, FieldName::Merchant), "PASAR MINI SERI SDN BHD");
}

#[test]
fn the_owner_and_the_customer_are_not_the_merchant() {
    let read = receipt(&[
        "STATIONERY CORNER SHOP",
        "OWNED BY :",
        "PAPER HOLDINGS SDN BHD (1122334-K)",
        "BILL TO:",
        "OTHER COMPANY SDN BHD",
        "TOTAL 8.00",
    ]);
    assert_eq!(field(&read, FieldName::Merchant), "STATIONERY CORNER SHOP");
    assert_eq!(field(&read, FieldName::Customer), "OTHER COMPANY SDN BHD");
}

#[test]
fn numbers_of_companies_are_cut_off_their_names() {
    let read = receipt(&["SEVEN SEAS TRADING SDN BHD (1234567-W)", "TOTAL 8.00"]);
    assert_eq!(field(&read, FieldName::Merchant), "SEVEN SEAS TRADING SDN BHD");
}

#[test]
fn nothing_is_guessed() {
    let read = receipt(&["Kiosk am Eck", "04/05/2024", "Cola 2", "hello"]);
    assert_eq!(
        field(&read, FieldName::Date),
        "",
        "either the fourth of May or the fifth of April"
    );
    assert_eq!(field(&read, FieldName::Total), "");
    assert_eq!(field(&read, FieldName::Currency), "");
}

#[test]
fn a_dollar_sign_alone_names_no_currency() {
    let lines = ["Snack Bar", "Burger  $9.20", "Total  $9.20"];
    assert_eq!(field(&receipt(&lines), FieldName::Currency), "");
    let read = receipt(&["Snack Bar LLC", "Austin, TX 78701", "Burger  $9.20", "Total  $9.20"]);
    assert_eq!(field(&read, FieldName::Currency), "USD");
}

#[test]
fn the_accounts_currency_is_marked_as_such() {
    let hints = super::Hints {
        account_currency: Some("SEK".parse().unwrap()),
        ..hints()
    };
    let read = extract(
        &page(Source::Ocr, &["Kiosk", "Total 8.00"]),
        DocumentKind::Receipt,
        &hints,
    );
    let currency = read
        .fields
        .iter()
        .find(|field| field.name == FieldName::Currency)
        .unwrap();
    assert_eq!(currency.provenance.source, Source::Account);
    let read = extract(
        &page(Source::Ocr, &["Kiosk", "Total 8.00 EUR"]),
        DocumentKind::Receipt,
        &hints,
    );
    assert_eq!(field(&read, FieldName::Currency), "EUR");
}

#[test]
fn amounts_that_hang_a_row_below_their_labels_find_them() {
    let read = receipt(&[
        "LITTLE SHOP SDN BHD",
        "Pen   1 X 5.00   5.00",
        "TOTAL INCL. GST",
        "CASH          RM 5.00",
        "RM 50.00",
        "CHANGE",
        "RM 45.00",
    ]);
    assert_eq!(field(&read, FieldName::Total), "5.00");
}

#[test]
fn a_day_that_is_also_written_in_words_decides() {
    let read = receipt(&[
        "Kiosk",
        "DATE 08/07/2017",
        "PRINTED SATURDAY, 8 JULY 2017",
        "Total 8.00",
    ]);
    assert_eq!(field(&read, FieldName::Date), "2017-07-08");
}

#[test]
fn net_alone_is_a_sum_and_no_item() {
    let read = receipt(&[
        "THE CORNER BAKERY",
        "RYE LOAF                 4.20",
        "NET BAG                  1.80",
        "NET                      6.00",
        "VAT 20%                  1.20",
        "TOTAL EUR                7.20",
    ]);
    let items: Vec<_> = items(&read).into_iter().map(|item| item.description.as_str()).collect();
    assert_eq!(items, ["RYE LOAF", "NET BAG"]);
    assert_eq!(field(&read, FieldName::NetTotal), "6.00");
    assert_eq!(field(&read, FieldName::Total), "7.20");
}
