//! Statements: their lines are told apart, accepted, reverted.

use serde_json::{Value, json};
use spendlog_commands::{documents, imports};
use spendlog_domain::{
    documents::{DocumentCommand, DocumentKind, Lines},
    values::{BookId, DocumentId, FileRef},
};
use spendlog_event_store::StoredFile;

use crate::{
    documents::{by_pipeline, steps},
    fixture::{App, Person, id},
};

/// Day of September, amount, text, the bank's own id.
type Movement<'a> = (u32, &'a str, &'a str, Option<&'a str>);

/// A statement whose lines are ready to be accepted: the document and the import.
async fn statement(
    ada: &Person<'_>,
    name: &str,
    account: Option<&str>,
    movements: &[Movement<'_>],
) -> (DocumentId, String) {
    let app = ada.app;
    let content = format!("%PDF statement {name}");
    let parts: Vec<(&str, &str)> = account.iter().map(|account| ("account", *account)).collect();
    let document: DocumentId = id(&ada.upload(&parts, content.as_bytes(), &[]).await.with(201))
        .parse()
        .unwrap();
    let lines = movements.iter().map(|(day, amount, text, reference)| {
        let amount: spendlog_domain::values::Decimal = amount.parse().unwrap();
        json!({"movement": {
            "date": format!("2026-09-{day:02}"), "amount": amount, "description": text, "reference": reference,
            "balance": null, "currency": null, "page": 1, "area": null, "confidence": 1000,
        }})
    });
    let lines: Value = lines.collect();
    let book: BookId = ada.book.parse().unwrap();
    let keys = app.journal.keyring().owner(book.uuid()).await.unwrap();
    let stored = app
        .commands
        .files()
        .put_bytes(&keys, book.uuid(), lines.to_string().as_bytes())
        .await
        .unwrap();
    let StoredFile { object, bytes, .. } = stored;
    let (file, count) = (FileRef { object, bytes }, u32::try_from(movements.len()).unwrap());
    for mut step in steps(DocumentKind::BankStatement) {
        if let DocumentCommand::ExtractFields { lines, .. } = &mut step {
            *lines = Some(Lines {
                file: file.clone(),
                count,
                left_out: 0,
            });
        }
        documents::advance(&app.commands, &by_pipeline(), document, step)
            .await
            .unwrap();
    }
    let currency = Some("EUR".parse().unwrap());
    let read = imports::ReadStatement {
        document,
        number: 0,
        account: None,
        currency,
        lines: file,
        lines_count: count,
    };
    let done = app.commands.run(&by_pipeline(), &read).await.unwrap();
    let again = app.commands.run(&by_pipeline(), &read).await.unwrap();
    assert_eq!((again.version, &again.id), (1, &done.id));
    (document, done.id)
}

async fn accept(ada: &Person<'_>, import: &str, account: &str) -> (u64, u64, u64) {
    let accepted = ada
        .post(
            &format!("/finance/imports/{import}/accept"),
            json!({"account": account}),
        )
        .await
        .with(200);
    let count = |name: &str| accepted[name].as_u64().unwrap();
    (count("new"), count("there"), count("restored"))
}

async fn revert(ada: &Person<'_>, import: &str) -> u64 {
    ada.post(&format!("/finance/imports/{import}/revert"), json!({}))
        .await
        .with(200)["voided"]
        .as_u64()
        .unwrap()
}

#[actix_web::test]
async fn lines_are_accepted_once_and_two_equal_purchases_stay_two() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let coffee = (1, "-2.50", "Coffee", None);
    let movements = [
        coffee,
        (1, "-2.5", "Coffee ", None),
        (2, "1000", "Salary", Some("REF 1")),
        (3, "0", "Note", None),
    ];
    let (_, import) = statement(&ada, "a", None, &movements).await;
    let before = *app.journal.head().borrow();
    assert_eq!(accept(&ada, &import, &account).await, (3, 0, 0));
    assert_eq!(*app.journal.head().borrow(), before + 4);
    assert_eq!(
        accept(&ada, &import, &account).await,
        (3, 0, 0),
        "said twice, it is as it was"
    );
    assert_eq!(*app.journal.head().borrow(), before + 4);
    let other = ada.account().await;
    ada.post(&format!("/finance/imports/{import}/accept"), json!({"account": other}))
        .await
        .problem(409, "import-accepted");
}

#[actix_web::test]
async fn overlapping_statements_meet_in_the_same_transactions() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let (coffee, salary, rent) = (
        (1, "-2.50", "Coffee", None),
        (2, "1000", "Salary", Some("R1")),
        (3, "-500", "Rent", Some("R2")),
    );
    let (_, first) = statement(&ada, "a", None, &[coffee, coffee, salary]).await;
    let (_, second) = statement(&ada, "b", None, &[coffee, salary, rent]).await;
    assert_eq!(accept(&ada, &first, &account).await, (3, 0, 0));
    assert_eq!(accept(&ada, &second, &account).await, (1, 2, 0));
    // Only what it brought is taken back …
    assert_eq!(revert(&ada, &second).await, 1);
    ada.post(&format!("/finance/imports/{second}/revert"), json!({}))
        .await
        .problem(409, "import-not-accepted");
    // … and comes back with it.
    assert_eq!(accept(&ada, &second, &account).await, (0, 2, 1));
    assert_eq!(revert(&ada, &first).await, 3);
    assert_eq!(revert(&ada, &second).await, 1);
    // Brought back by the other one, they are the other one's.
    assert_eq!(accept(&ada, &second, &account).await, (0, 0, 3));
    assert_eq!(accept(&ada, &first, &account).await, (0, 2, 1));
    assert_eq!(revert(&ada, &first).await, 1);
}

#[actix_web::test]
async fn a_reference_that_many_movements_bear_makes_none_of_them_another() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    // A customer's number: the same every month, and twice on one day.
    let january = [
        (3, "-500", "Rent", Some("K-4711")),
        (9, "-20", "Parking", Some("K-4711")),
        (9, "-20", "Parking", Some("K-4711")),
    ];
    let february = [
        (13, "-500", "Rent", Some("K-4711")),
        (9, "-20", "Parking", Some("K-4711")),
    ];
    let (_, first) = statement(&ada, "a", None, &january).await;
    let (_, second) = statement(&ada, "b", None, &february).await;
    assert_eq!(accept(&ada, &first, &account).await, (3, 0, 0));
    assert_eq!(accept(&ada, &second, &account).await, (1, 1, 0));
    // Said to be none: two equal purchases stay two.
    let coffee = (1, "-2.50", "Coffee", Some("NOTPROVIDED"));
    let tea = (1, "-2.50", "Tea", Some("000"));
    let (_, third) = statement(&ada, "c", None, &[coffee, coffee, tea]).await;
    assert_eq!(accept(&ada, &third, &account).await, (3, 0, 0));
    // The bank's own id, written twice: one movement.
    let salary = (2, "1000", "Salary", Some("R1"));
    let (_, fourth) = statement(&ada, "d", None, &[salary, salary]).await;
    assert_eq!(accept(&ada, &fourth, &account).await, (1, 1, 0));
}

#[actix_web::test]
async fn each_line_is_told_what_came_of_it() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let salary = (2, "1000", "Salary", Some("R1"));
    let movements = [(1, "0", "Note", None), salary, salary, (3, "-2.50", "Coffee", None)];
    let (_, import) = statement(&ada, "a", None, &movements).await;
    let path = format!("/finance/imports/{import}/accept");
    let told = async || {
        let accepted = ada.post(&path, json!({"account": account})).await.with(200);
        accepted["lines"].clone()
    };
    let lines = told().await;
    let (movement, other) = (&lines[0]["transaction"], &lines[2]["transaction"]);
    assert_ne!(movement, other);
    let expected = json!([
        {"number": 1, "transaction": movement, "outcome": "new"},
        {"number": 2, "transaction": movement, "outcome": "there"},
        {"number": 3, "transaction": other, "outcome": "new"},
    ]);
    assert_eq!(
        lines, expected,
        "a line without an amount is none, one written twice is one movement"
    );
    assert_eq!(told().await, lines, "said twice, it is as it was");
}

#[actix_web::test]
async fn what_a_person_voided_stays_void() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let (_, import) = statement(&ada, "a", None, &[(1, "-2.50", "Coffee", None), (2, "-3", "Tea", None)]).await;
    accept(&ada, &import, &account).await;
    let mut voided = None;
    for event in app
        .journal
        .read(&spendlog_event_store::Query {
            limit: 1000,
            ..Default::default()
        })
        .await
        .unwrap()
    {
        if event.event_type == "transaction.recorded" {
            voided = Some(event.stream);
        }
    }
    ada.post(&format!("/finance/transactions/{}/void", voided.unwrap()), json!({}))
        .await
        .with(200);
    assert_eq!(revert(&ada, &import).await, 1);
    assert_eq!(accept(&ada, &import, &account).await, (0, 1, 1));
}

#[actix_web::test]
async fn confirming_a_statement_accepts_its_lines_in_the_same_append() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let (document, import) = statement(&ada, "a", Some(&account), &[(1, "-2.50", "Coffee", None)]).await;
    let before = *app.journal.head().borrow();
    let path = format!("/finance/documents/{document}/confirm");
    let category = id(&ada
        .post("/finance/categories", json!({"name": "Pets", "kind": "expense"}))
        .await
        .with(201));
    ada.post(&path, json!({"category": category}))
        .await
        .problem(422, "invalid-value");
    let confirmed = ada.post(&path, json!({})).await.with(200);
    assert_eq!(confirmed["position"], before + 1 + 3);
    assert!(confirmed["transaction"].is_null());
    assert_eq!(confirmed["imports"][0]["lines"][0]["outcome"], "new");
    let again = ada.post(&path, json!({})).await.with(200);
    assert_eq!(again["imports"][0]["lines"], confirmed["imports"][0]["lines"]);
    assert_eq!(accept(&ada, &import, &account).await, (1, 0, 0));
    assert_eq!(*app.journal.head().borrow(), before + 1 + 3);
}

#[actix_web::test]
async fn another_currency_is_refused_whole() {
    let app = App::new().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let (_, import) = statement(&ada, "a", None, &[(1, "-2.50", "Coffee", None)]).await;
    let dollars = id(&ada
        .post(
            "/finance/accounts",
            json!({"name": "D", "kind": "cash", "currency": "USD"}),
        )
        .await
        .with(201));
    let path = format!("/finance/imports/{import}/accept");
    ada.post(&path, json!({"account": dollars}))
        .await
        .problem(422, "currency-mismatch");
    ada.post(&path, json!({})).await.problem(409, "account-unknown");
    let account = ada.account().await;
    eve.post(&path, json!({"account": account}))
        .await
        .problem(404, "not-found");
    ada.post(&format!("/finance/accounts/{account}/close"), json!({}))
        .await
        .with(200);
    ada.post(&path, json!({"account": account}))
        .await
        .problem(409, "account-closed");
}

#[actix_web::test]
async fn a_stranger_is_refused_before_lines_are_read() {
    let app = App::new().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let (document, import) = statement(&ada, "a", None, &[(1, "-2.50", "Coffee", None)]).await;
    let paths = [
        format!("/finance/imports/{import}/accept"),
        format!("/finance/imports/{import}/revert"),
        format!("/finance/documents/{document}/confirm"),
    ];
    // Without its files, whoever reads the lines fails.
    let book: BookId = ada.book.parse().unwrap();
    app.commands.files().erase(book.uuid()).await.unwrap();
    for path in &paths {
        ada.post(path, json!({})).await.problem(500, "internal");
        eve.post(path, json!({})).await.problem(404, "not-found");
    }
    // Nor do they learn that the book's owner is forgotten.
    app.journal.forget(&[book.uuid()]).await.unwrap();
    for path in &paths {
        eve.post(path, json!({})).await.problem(404, "not-found");
    }
}

#[actix_web::test]
async fn five_thousand_lines_are_one_append() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    let account = ada.account().await;
    let texts: Vec<String> = (0..5000).map(|number| format!("Purchase {number}")).collect();
    let movements: Vec<Movement<'_>> = (0_u32..)
        .zip(&texts)
        .map(|(n, text)| (1 + n % 28, "-1.23", &**text, None))
        .collect();
    let (_, import) = statement(&ada, "a", None, &movements).await;
    let before = *app.journal.head().borrow();
    assert_eq!(accept(&ada, &import, &account).await, (5000, 0, 0));
    assert_eq!(*app.journal.head().borrow(), before + 5001);
    assert_eq!(revert(&ada, &import).await, 5000);
    assert_eq!(accept(&ada, &import, &account).await, (0, 0, 5000));
}
