//! From a file to a ledger entry: each of the samples through the public doors.

use std::time::Instant;

use serde_json::{Value, json};
use spendlog_e2e::{Options, Person, TestApp, eventually, field, has_models, sample, truth, value};

/// Somebody whose book confirms what passes every check.
async fn trusting(app: &TestApp) -> (Person, String) {
    let person = app.person().await;
    let policy = json!({"policy": "when_checks_hold"});
    person
        .patch(&format!("/finance/books/{}", person.book), policy)
        .await
        .expect(200);
    let account = person.account("Current account", "EUR").await;
    (person, account)
}

/// Takes a sample to where the pipeline leaves it.
async fn process(person: &Person, name: &str, parts: &[(&'static str, &str)]) -> Value {
    let uploaded = person.upload(name, sample(name), parts).await.expect(201);
    let document = person
        .document_in(
            uploaded.text("id"),
            &["in_review", "confirmed", "failed", "password_required"],
        )
        .await;
    settled(person, document).await
}

/// In review is also where a policy is just about to confirm: what stands there is looked at once the history says so.
async fn settled(person: &Person, document: Value) -> Value {
    if document["status"] != "in_review" {
        return document;
    }
    let id = document["id"].as_str().expect("an id").to_owned();
    let holds = |check: &Value| check["outcome"] != "fails";
    let all_hold = document["checks"]
        .as_array()
        .is_some_and(|checks| !checks.is_empty() && checks.iter().all(holds));
    if all_hold {
        person.document_in(&id, &["confirmed"]).await
    } else {
        document
    }
}

/// Compares these fields with the truth. Of a name that stands in capitals the letters are compared, not their case.
fn agrees(document: &Value, name: &str, fields: &[&str]) {
    let truth = truth(name);
    assert_eq!(document["kind"], truth["kind"], "kind of {name}: {document}");
    for field in fields {
        let (found, expected) = (value(document, field), truth[*field].as_str());
        let same = match (found, expected) {
            (Some(found), Some(expected)) => shortest(found).eq_ignore_ascii_case(shortest(expected)),
            (found, expected) => found == expected,
        };
        assert!(
            same,
            "{field} of {name} is {found:?}, not {expected:?}: {}",
            document["fields"]
        );
    }
}

/// An amount without the zeroes at its end: a spreadsheet knows of none.
fn shortest(text: &str) -> &str {
    let amount = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
    if amount {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[tokio::test]
async fn the_receipt() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let document = process(&person, "receipt.jpg", &[("account", &account)]).await;
    agrees(&document, "receipt.jpg", &["total", "date"]);
    if has_models() {
        agrees(&document, "receipt.jpg", &["merchant", "tax", "currency"]);
    }
    let total = field(&document, "total").expect("a total");
    assert_eq!((&total["source"], &total["page"]), (&json!("ocr"), &json!(1)));
    assert!(total["area"]["y1"].as_u64() > total["area"]["y0"].as_u64(), "{total}");
    app.finish().await;
}

#[tokio::test]
async fn the_scanned_invoice() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let document = process(&person, "invoice-scan.pdf", &[("account", &account)]).await;
    agrees(&document, "invoice-scan.pdf", &["total", "date"]);
    if has_models() {
        agrees(
            &document,
            "invoice-scan.pdf",
            &["merchant", "invoice_number", "tax", "currency"],
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn the_digital_invoice_confirms_itself() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let document = process(&person, "invoice.pdf", &[("account", &account)]).await;
    let fields = [
        "merchant",
        "invoice_number",
        "date",
        "due_date",
        "currency",
        "net_total",
        "tax",
        "total",
    ];
    agrees(&document, "invoice.pdf", &fields);
    assert_eq!(document["status"], "confirmed", "{}", document["checks"]);
    // The list may learn of it after the document did.
    let transactions = eventually("the invoice is recorded", async || {
        let listed = person.all("/finance/transactions", 0).await;
        (!listed.is_empty()).then_some(listed)
    });
    let transactions = transactions.await;
    assert_eq!((transactions.len(), &transactions[0]["amount"]), (1, &json!("-98.54")));
    let lines = person
        .all(
            &format!("/finance/documents/{}/lines", document["id"].as_str().expect("an id")),
            0,
        )
        .await;
    let totals: Vec<&Value> = lines.iter().map(|line| &line["amount"]).collect();
    assert_eq!(totals, ["74.88", "10.50", "4.20"], "{lines:?}");
    app.finish().await;
}

#[tokio::test]
async fn the_spreadsheet_and_the_word_file() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    for name in ["expenses.xlsx", "expenses.docx"] {
        let document = process(&person, name, &[("account", &account)]).await;
        agrees(&document, name, &["total", "date", "currency"]);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_statements() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    for name in ["statement.csv", "statement.ofx"] {
        let document = process(&person, name, &[("account", &account)]).await;
        let truth = truth(name);
        agrees(&document, name, &["account_number"]);
        let path = format!("/finance/documents/{}/lines", document["id"].as_str().expect("an id"));
        let lines = person.all(&path, 0).await;
        let expected = truth["lines"].as_array().expect("lines");
        assert_eq!(lines.len(), expected.len(), "{name}: {lines:?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert_eq!(
                (&line["date"], &line["amount"]),
                (&expected["date"], &expected["amount"]),
                "{name}"
            );
            assert_eq!(line["description"], expected["description"], "{name}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_statement_of_which_a_line_is_left_out_waits_for_a_person() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let whole = String::from_utf8(sample("statement.ofx")).expect("text");
    let damaged = whole.replacen("<TRNAMT>-9.10", "<TRNAMT>EUR -9.10", 1).into_bytes();
    let uploaded = person.upload("damaged.ofx", damaged, &[("account", &account)]).await;
    let id = uploaded.expect(201).text("id").to_owned();
    let document = person.document_in(&id, &["in_review", "confirmed", "failed"]).await;
    let mut checks = document["checks"].as_array().expect("checks").iter();
    let check = checks
        .find(|check| check["name"] == "lines_sum")
        .expect("a check of the lines");
    assert_eq!(check["outcome"], "fails");
    let finding = &check["findings"][0];
    assert_eq!((&finding["kind"], &finding["count"]), (&json!("left_out"), &json!(1)));
    app.finish().await;
}

#[tokio::test]
async fn the_locked_statement_waits_for_its_password() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let document = process(&person, "statement-locked.pdf", &[("account", &account)]).await;
    assert_eq!(document["status"], "password_required");
    let path = format!("/finance/documents/{}", document["id"].as_str().expect("an id"));
    let unlock = format!("{path}/unlock");
    person
        .post(&unlock, json!({"password": ""}))
        .await
        .expect_problem(422, "invalid-value")
        .of_field("/password");
    person
        .post(&format!("{path}/confirm"), json!({}))
        .await
        .expect_problem(409, "document-not-ready");
    person
        .post(&unlock, json!({"password": "not this one"}))
        .await
        .expect(200);
    spendlog_e2e::eventually("the wrong password is told", async || {
        let seen = person.get(&path).await.expect(200);
        (seen.text("status") == "password_required" && seen.body["password_tried"] == true).then_some(())
    })
    .await;
    let truth = truth("statement-locked.pdf");
    let password = truth["password"].as_str().expect("a password");
    let unlocked = person.post(&unlock, json!({"password": password})).await.expect(200);
    assert!(!unlocked.body.to_string().contains(password));
    let id = document["id"].as_str().expect("an id");
    let document = person.document_in(id, &["in_review", "confirmed", "failed"]).await;
    let document = settled(&person, document).await;
    agrees(
        &document,
        "statement-locked.pdf",
        &["account_number", "opening_balance", "closing_balance"],
    );
    let lines = person.all(&format!("{path}/lines"), 0).await;
    let amounts: Vec<&Value> = lines.iter().map(|line| &line["amount"]).collect();
    let expected: Vec<&Value> = truth["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| &line["amount"])
        .collect();
    assert_eq!(amounts, expected);
    // The password is in no answer, whoever looks.
    for path in [
        path.clone(),
        format!("{path}/history"),
        "/audit/events?limit=100".to_owned(),
    ] {
        let answer = person.get(&path).await.expect(200);
        assert!(!answer.body.to_string().contains(password), "{path} tells the password");
    }
    app.finish().await;
}

#[tokio::test]
async fn progress_can_be_watched() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let uploaded = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[("account", &account)])
        .await
        .expect(201);
    let path = format!("/finance/documents/{}/events", uploaded.text("id"));
    let steps = person.follow(&path, None).await.to_end().await;
    let names: Vec<&str> = steps.iter().map(|step| step.event.as_str()).collect();
    let expected = [
        "document.uploaded",
        "document.text_recognised",
        "document.classified",
        "document.fields_extracted",
        "document.validated",
        "document.confirmed",
    ];
    assert_eq!(
        names, expected,
        "each step once, in order, and the stream ends with the last"
    );
    for step in &steps[1..5] {
        let text = step.data.to_string();
        assert!(text.contains("engine") && text.contains("took_ms"), "{text}");
    }
    // Who comes later gets what they missed, and no more.
    let from = steps[2].id.clone().expect("an event has an id");
    let rest = person.follow(&path, Some(&from)).await.to_end().await;
    assert_eq!(rest, steps[3..]);
    app.finish().await;
}

/// A PDF of these objects.
fn pdf(objects: &[String]) -> Vec<u8> {
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let table = pdf.len();
    pdf.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for place in places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    let size = objects.len() + 1;
    pdf.push_str(&format!(
        "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"
    ));
    pdf.into_bytes()
}

fn stream(dictionary: &str, content: &str) -> String {
    format!(
        "<< {dictionary} /Length {} >>\nstream\n{content}\nendstream",
        content.len()
    )
}

/// A PDF whose page is its own grandfather: whoever looks for what the page inherits goes round for ever.
fn circular_pdf() -> Vec<u8> {
    pdf(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 4 0 R >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>".to_owned(),
        stream("", "BT /F1 12 Tf 10 10 Td (Total 1.00) Tj ET"),
    ])
}

/// A PDF of forms that each draw the next one twice: at the end there are more drawings than anybody has time for.
fn endless_pdf() -> Vec<u8> {
    const DEPTH: usize = 40;
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>"
            .to_owned(),
        stream("", "/X Do"),
    ];
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 200 200]";
    for next in 6..6 + DEPTH {
        objects.push(stream(
            &format!("{form} /Resources << /XObject << /X {next} 0 R >> >>"),
            "/X Do /X Do",
        ));
    }
    let font = "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>";
    objects.push(stream(
        &format!("{form} {font}"),
        "BT /F1 12 Tf 10 10 Td (Total 1.00) Tj ET",
    ));
    pdf(&objects)
}

#[tokio::test]
async fn a_hostile_file_costs_its_own_extraction_and_nothing_else() {
    const LIMIT_SECONDS: u64 = 10;
    let limit = Options::default().with("SPENDLOG_READ_TIME_LIMIT_S", LIMIT_SECONDS.to_string());
    let app = TestApp::start_with(limit).await;
    let (person, account) = trusting(&app).await;
    let circular = person.upload("circular.pdf", circular_pdf(), &[]).await.expect(201);
    let endless = person
        .upload("endless.pdf", endless_pdf(), &[("account", &account)])
        .await
        .expect(201);
    let began = Instant::now();
    let next = process(&person, "invoice.pdf", &[("account", &account)]).await;
    assert_eq!(next["status"], "confirmed");
    assert!(
        began.elapsed().as_secs() < LIMIT_SECONDS * 3,
        "the next document was not kept waiting"
    );

    let failed = person.document_in(endless.text("id"), &["failed"]).await;
    assert_eq!(
        (&failed["failure"]["step"], &failed["failure"]["reason"]),
        (&json!("recognise"), &json!("time_limit"))
    );
    let path = format!("/finance/documents/{}", endless.text("id"));
    let history = person.get(&format!("{path}/history")).await.expect(200);
    assert!(history.body.to_string().contains("document.failed"));
    // What failed can be rejected, and nothing else.
    person
        .post(&format!("{path}/confirm"), json!({}))
        .await
        .expect_problem(409, "document-finished");
    person.post(&format!("{path}/reject"), json!({})).await.expect(200);
    // Whether anything can be read of the other one is up to the reader; that it comes to an end is not.
    person.document_in(circular.text("id"), &["failed", "in_review"]).await;
    app.finish().await;
}

#[tokio::test]
async fn an_engine_can_be_chosen() {
    let app = TestApp::start().await;
    let (person, account) = trusting(&app).await;
    let document = process(
        &person,
        "receipt.jpg",
        &[("account", &account), ("engine", "tesseract")],
    )
    .await;
    let history = person
        .get(&format!(
            "/finance/documents/{}/history",
            document["id"].as_str().expect("an id")
        ))
        .await;
    let entries = history.expect(200).body["data"].as_array().expect("entries").clone();
    let recognised = entries
        .iter()
        .find(|entry| entry["event"] == "document.text_recognised")
        .expect("a step");
    assert!(recognised.to_string().contains("tesseract"), "{recognised}");
    app.finish().await;
}

#[tokio::test]
async fn a_chosen_engine_can_be_configured() {
    let app = TestApp::start_with(Options::default().with("SPENDLOG_OCR_ENGINE", "tesseract")).await;
    let (person, account) = trusting(&app).await;
    let document = process(&person, "receipt.jpg", &[("account", &account)]).await;
    agrees(&document, "receipt.jpg", &["total", "date"]);
    let total = field(&document, "total").expect("a total");
    assert!(
        total["engine"]
            .as_str()
            .is_some_and(|engine| engine.contains("tesseract")),
        "{total}"
    );
    app.finish().await;
}
