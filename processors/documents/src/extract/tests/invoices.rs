//! Invoices: parties, numbers, days, sums.

use spendlog_domain::documents::FieldName;

use super::{field, invoice, items};

#[test]
fn a_letter_with_a_line_of_the_sender() {
    let read = invoice(&[
        "Holzwerk Tanne GmbH · Sägegasse 4 · 79098 Freiburg",
        "Frau",
        "Erika Beispiel",
        "Hauptstraße 7",
        "10115 Berlin",
        "",
        "Rechnung Nr. 2024-0815 vom 03.05.2024",
        "Fällig bis zum 17.05.2024",
        "Pos   Bezeichnung              Menge   Einzelpreis     Betrag",
        "1     Regalbrett Eiche             2         45,00      90,00",
        "2     Winkel                       4          2,50      10,00",
        "Nettobetrag                                            100,00",
        "MwSt 19 %                                               19,00",
        "Gesamtbetrag                                           119,00 €",
        "USt-IdNr.: DE123456789     www.holzwerk-tanne.de",
    ]);
    assert_eq!(field(&read, FieldName::Merchant), "Holzwerk Tanne GmbH");
    assert_eq!(field(&read, FieldName::Customer), "Erika Beispiel");
    assert_eq!(field(&read, FieldName::InvoiceNumber), "2024-0815");
    assert_eq!(field(&read, FieldName::Date), "2024-05-03");
    assert_eq!(field(&read, FieldName::DueDate), "2024-05-17");
    assert_eq!(field(&read, FieldName::NetTotal), "100.00");
    assert_eq!(field(&read, FieldName::Tax), "19.00");
    assert_eq!(field(&read, FieldName::Total), "119.00");
    assert_eq!(field(&read, FieldName::Currency), "EUR");
    assert_eq!(field(&read, FieldName::MerchantTaxId), "DE123456789");
    let items = items(&read);
    assert_eq!(
        items.iter().map(|item| item.description.as_str()).collect::<Vec<_>>(),
        ["Regalbrett Eiche", "Winkel"]
    );
}

#[test]
fn labels_in_one_row_and_values_in_the_next() {
    let read = invoice(&[
        "Northwind Supplies Ltd.",
        "1 Harbour Road, London SW1A 1AA",
        "Invoice Number      Invoice Date      Due Date",
        "NW-77410            21/02/2024        22/03/2024",
        "Bill To:",
        "Greenfield School",
        "Chairs                                £400.00",
        "Subtotal                              £400.00",
        "VAT 20%                                £80.00",
        "Amount Due                            £480.00",
    ]);
    assert_eq!(field(&read, FieldName::Merchant), "Northwind Supplies Ltd.");
    assert_eq!(field(&read, FieldName::Customer), "Greenfield School");
    assert_eq!(field(&read, FieldName::InvoiceNumber), "NW-77410");
    assert_eq!(field(&read, FieldName::Date), "2024-02-21");
    assert_eq!(field(&read, FieldName::DueDate), "2024-03-22");
    assert_eq!(field(&read, FieldName::Total), "480.00");
    assert_eq!(field(&read, FieldName::Tax), "80.00");
    assert_eq!(field(&read, FieldName::Currency), "GBP");
}

#[test]
fn parties_under_headings() {
    let read = invoice(&[
        "Rechnung (380) Nr. 88123 vom 05.03.2024",
        "Verkäufer",
        "Name:          Papierhaus Linde KG",
        "Anschrift:     Lindenweg 3",
        "Käufer",
        "Name:          Schule am Bach",
        "Rechnungssumme ohne USt.     50,00",
        "Steuerbetrag                  9,50",
        "Bruttosumme                  59,50",
        "Währung: EUR",
    ]);
    assert_eq!(field(&read, FieldName::Merchant), "Papierhaus Linde KG");
    assert_eq!(field(&read, FieldName::Customer), "Schule am Bach");
    assert_eq!(field(&read, FieldName::InvoiceNumber), "88123");
    assert_eq!(field(&read, FieldName::NetTotal), "50.00");
    assert_eq!(field(&read, FieldName::Total), "59.50");
}

#[test]
fn taxes_of_several_classes_are_added_up() {
    let read = invoice(&[
        "Feinkost Adler GmbH",
        "Rechnungssumme netto                    300,00",
        "zzgl. Umsatzsteuer 7%      100,00         7,00",
        "zzgl. Umsatzsteuer 19%     200,00        38,00",
        "Rechnungssumme brutto                   345,00 EUR",
    ]);
    assert_eq!(field(&read, FieldName::NetTotal), "300.00");
    assert_eq!(field(&read, FieldName::Tax), "45.00");
    assert_eq!(field(&read, FieldName::Total), "345.00");
}

#[test]
fn what_was_paid_before_does_not_lessen_the_total() {
    let read = invoice(&[
        "Malerbetrieb Weiß GmbH",
        "Nettosumme               200,00",
        "MwSt 19%                  38,00",
        "Bruttosumme              238,00 €",
        "Bereits bezahlt          100,00",
        "Offener Betrag           138,00",
    ]);
    assert_eq!(field(&read, FieldName::Total), "238.00");
}

#[test]
fn a_customer_in_a_list_of_names_and_values() {
    let read = invoice(&[
        "                    Brightwater Energy Co-operative",
        "Invoice",
        "   Invoice number     BW-40921",
        "   Invoice date       6 May 2026",
        "   Customer           Alex Sample",
        "Description                   Quantity    Unit price    Amount",
        "Electricity, kWh                   312          0.24     74.88",
        "Net total                                                74.88",
        "VAT 10%                                                   7.49",
        "Total due                                            EUR 82.37",
    ]);
    assert_eq!(field(&read, FieldName::Customer), "Alex Sample");
    assert_eq!(field(&read, FieldName::Total), "82.37");
}
