//! Tests of the reader of both syntaxes.

use super::statements;
use crate::reading::Statement;

fn read(text: &str) -> Vec<Statement> {
    statements(text.as_bytes()).unwrap().0
}

const SGML: &str = "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nENCODING:USASCII\r\nCHARSET:1252\r\n\r\n\
<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261101</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>12345<ACCTID>DE02 1203<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261001<DTEND>20261031
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261005220000[-5:EST]<TRNAMT>-12.50<FITID>A1<NAME>Bakery & Sons<MEMO>Bakery & Sons card 4</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261006<TRNAMT>+1.234,56<FITID>A2<NAME><MEMO>R\u{e9}fund &amp; &#233;t&eacute; <b
</BANKTRANLIST><LEDGERBAL><BALAMT>4321.00<DTASOF>20261031</LEDGERBAL><AVAILBAL><BALAMT>9999.00<DTASOF>20261031</AVAILBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>";

#[test]
fn reads_tags_that_are_never_closed() {
    let statements = read(SGML);
    let [statement] = statements.as_slice() else {
        panic!("{statements:?}")
    };
    assert_eq!(statement.account_number.as_deref(), Some("DE02 1203"));
    assert_eq!(statement.currency.map(|currency| currency.code()), Some("EUR"));
    assert_eq!(
        statement.closing_balance.map(|amount| amount.to_string()).as_deref(),
        Some("4321.00")
    );
    assert_eq!(statement.opening_balance, None);
    let [first, second] = statement.movements.as_slice() else {
        panic!("{statement:?}")
    };
    assert_eq!(
        (first.date.to_string(), first.amount.to_string()),
        ("2026-10-05".to_owned(), "-12.50".to_owned())
    );
    assert_eq!(
        (first.description.as_str(), first.reference.as_deref()),
        ("Bakery & Sons card 4", Some("A1"))
    );
    assert_eq!(second.amount.to_string(), "1234.56");
    assert_eq!(second.description, "R\u{e9}fund & \u{e9}t&eacute; <b");
}

#[test]
fn reads_xml_with_several_accounts_and_a_card() {
    let account = |number: &str, movements: &str| {
        format!(
            "<STMTTRNRS><STMTRS><CURDEF>USD</CURDEF><BANKACCTFROM><ACCTID>{number}</ACCTID></BANKACCTFROM>\
             <BANKTRANLIST>{movements}</BANKTRANLIST></STMTRS></STMTTRNRS>"
        )
    };
    let transfer = "<STMTTRN><TRNTYPE>XFER</TRNTYPE><DTPOSTED>20260101120000</DTPOSTED><TRNAMT>-5</TRNAMT><FITID>1</FITID>\
         <NAME>To savings</NAME><BANKACCTTO><ACCTID>other</ACCTID></BANKACCTTO></STMTTRN>";
    let abroad = "<STMTTRN><DTPOSTED>20260102</DTPOSTED><TRNAMT>-7.00</TRNAMT><FITID>2</FITID><PAYEE><NAME>Hotel</NAME></PAYEE>\
         <CURRENCY><CURRATE>1.1</CURRATE><CURSYM>GBP</CURSYM></CURRENCY></STMTTRN>\
         <STMTTRN><DTPOSTED>20260103</DTPOSTED><TRNAMT>-8.00</TRNAMT><FITID>3</FITID>\
         <ORIGCURRENCY><CURRATE>1.1</CURRATE><CURSYM>GBP</CURSYM></ORIGCURRENCY></STMTTRN>";
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><?OFX OFXHEADER=\"200\" VERSION=\"202\"?><!-- <STMTTRN> -->\
         <OFX><BANKMSGSRSV1>{}{}</BANKMSGSRSV1><CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>USD</CURDEF>\
         <CCACCTFROM><ACCTID>4111</ACCTID></CCACCTFROM><BANKTRANLIST>{abroad}</BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS>\
         </CREDITCARDMSGSRSV1></OFX>",
        account("one", transfer),
        account("two", ""),
    );
    let statements = read(&text);
    let accounts: Vec<_> = statements
        .iter()
        .map(|statement| statement.account_number.as_deref().unwrap())
        .collect();
    assert_eq!(accounts, ["one", "two", "4111"]);
    assert_eq!(statements[0].movements[0].description, "To savings");
    let currencies: Vec<_> = statements[2]
        .movements
        .iter()
        .map(|movement| movement.currency.map(|currency| currency.code()))
        .collect();
    assert_eq!(currencies, [Some("GBP"), None]);
    assert_eq!(statements[2].movements[0].description, "Hotel");
}

#[test]
fn expands_no_entities() {
    let text = "<?xml version=\"1.0\"?><!DOCTYPE OFX [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
        <OFX><BANKMSGSRSV1><STMTRS><BANKTRANLIST><STMTTRN><DTPOSTED>20260101</DTPOSTED><TRNAMT>1.00</TRNAMT>\
        <NAME>&b;</NAME></STMTTRN></BANKTRANLIST></STMTRS></BANKMSGSRSV1></OFX>";
    assert_eq!(read(text)[0].movements[0].description, "&b;");
}

#[test]
fn leaves_out_movements_without_day_or_amount_and_counts_them() {
    let text = "<OFX><BANKMSGSRSV1><STMTRS><BANKTRANLIST><STMTTRN><DTPOSTED>20261399<TRNAMT>1.00</STMTTRN>\
        <STMTTRN><DTPOSTED>2026-1-6<TRNAMT>1.00</STMTTRN><STMTTRN><DTPOSTED>20260101<TRNAMT>-3.0E+3</STMTTRN>\
        <STMTTRN><DTPOSTED>20260101<TRNAMT>one</STMTTRN><STMTTRN><DTPOSTED>20260101<TRNAMT>2</STMTTRN></BANKTRANLIST></STMTRS>\
        </BANKMSGSRSV1></OFX>";
    let (statements, left_out) = statements(text.as_bytes()).unwrap();
    assert_eq!((statements[0].movements.len(), left_out), (1, 4));
}

#[test]
fn decodes_what_the_header_says() {
    let text = SGML.replace("Bakery", "B\u{e4}cker").replace("R\u{e9}", "Re");
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    let (statements, _) = statements(&bytes).unwrap();
    assert_eq!(statements[0].movements[0].description, "B\u{e4}cker & Sons card 4");
}

#[test]
fn tells_a_damaged_file() {
    assert!(statements(b"OFXHEADER:100\n\nnothing").is_err());
    assert!(statements(b"<OFX><SIGNON").is_err());
    assert!(statements(b"<OFX><STMTTRN><TRNAMT>1</OFX>").is_err());
    assert_eq!(read("<OFX></OFX>"), [Statement::default()]);
}

#[test]
fn reads_amounts_as_banks_write_them() {
    let amount = |text: &str| super::values::amount(text).map(|amount| amount.to_string());
    for (text, is) in [
        ("1.00", "1.00"),
        ("-1,50", "-1.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("- 3", "-3"),
        ("(7.5)", "-7.5"),
        ("7.5-", "-7.5"),
        (".5", "0.5"),
        ("1,23,456.50", "123456.50"),
        ("1.234.567", "1234567"),
        ("100.0000000000", "100.000000000"),
        ("-64.40565000049999", "-64.405650000"),
        ("0.99999999996", "1.000000000"),
    ] {
        assert_eq!(amount(text).as_deref(), Some(is), "{text}");
    }
    for text in ["", "-", "abc", "1..2.", "12e3"] {
        assert_eq!(amount(text), None, "{text}");
    }
}
