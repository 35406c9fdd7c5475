//! The server killed at the worst moments.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use spendlog_e2e::{Options, Person, TestApp, eventually, sample, truth};

use crate::gate::{Gate, Write};

/// The policy of a book whose documents confirm themselves, and of one whose documents wait for their owner.
const TRUSTING: &str = "when_checks_hold";
const CAREFUL: &str = "manual";

/// What the owner of a document does for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// Uploads it.
    Upload,
    /// Gives its password.
    Unlock,
    /// Corrects its total to one that the other amounts do not come to.
    Correct,
    /// Confirms it.
    Confirm,
}

/// A part of a document's way: something that its owner does, and the pipeline after it.
#[derive(Debug)]
pub(crate) struct Part {
    deed: Deed,
    /// The events at which the server is killed.
    steps: &'static [&'static str],
    /// The state that the part ends in.
    state: &'static str,
}

/// The way of a document from the upload to its end.
#[derive(Debug)]
pub(crate) struct Way {
    file: &'static str,
    policy: &'static str,
    parts: &'static [Part],
}

/// Each step of the pipeline, by the event that it ends in.
const INVOICE: Way = Way {
    file: "invoice.pdf",
    policy: TRUSTING,
    parts: &[Part {
        deed: Deed::Upload,
        steps: &[
            "document.uploaded",
            "document.text_recognised",
            "document.classified",
            "document.fields_extracted",
            "document.validated",
            "document.confirmed",
        ],
        state: "confirmed",
    }],
};

/// One step amid the pipeline, and the one that records the transaction.
pub(crate) const SHORT: Way = Way {
    file: "invoice.pdf",
    policy: TRUSTING,
    parts: &[Part {
        deed: Deed::Upload,
        steps: &["document.fields_extracted", "document.confirmed"],
        state: "confirmed",
    }],
};

/// What a statement has besides.
const STATEMENT: Way = Way {
    file: "statement.ofx",
    policy: TRUSTING,
    parts: &[Part {
        deed: Deed::Upload,
        steps: &[
            "document.validated",
            "import.read",
            "import.accepted",
            "transaction.recorded",
        ],
        state: "confirmed",
    }],
};

const LOCKED: Way = Way {
    file: "statement-locked.pdf",
    policy: CAREFUL,
    parts: &[
        Part {
            deed: Deed::Upload,
            steps: &["document.password_required"],
            state: "password_required",
        },
        Part {
            deed: Deed::Unlock,
            steps: &["document.unlocked", "document.text_recognised", "import.read"],
            state: "in_review",
        },
        Part {
            deed: Deed::Confirm,
            steps: &["document.confirmed"],
            state: "confirmed",
        },
    ],
};

const CORRECTED: Way = Way {
    file: "invoice.pdf",
    policy: CAREFUL,
    parts: &[
        Part {
            deed: Deed::Upload,
            steps: &[],
            state: "in_review",
        },
        Part {
            deed: Deed::Correct,
            steps: &["document.field_corrected", "document.validated"],
            state: "in_review",
        },
        // What is recorded is what was corrected.
        Part {
            deed: Deed::Confirm,
            steps: &[],
            state: "confirmed",
        },
    ],
};

const BROKEN: Way = Way {
    file: "broken.pdf",
    policy: TRUSTING,
    parts: &[Part {
        deed: Deed::Upload,
        steps: &["document.failed"],
        state: "failed",
    }],
};

/// An engine has to read it, which takes its time: it is enough that what it has read is lost once, and kept once.
const PHOTOGRAPHED: Way = Way {
    file: "receipt.jpg",
    policy: CAREFUL,
    parts: &[Part {
        deed: Deed::Upload,
        steps: &["document.text_recognised"],
        state: "in_review",
    }],
};

fn id(document: &Value) -> &str {
    document["id"].as_str().expect("a document has an id")
}

impl Way {
    /// A sample, or what is not even a PDF inside.
    fn content(&self) -> Vec<u8> {
        if self.file == BROKEN.file {
            b"%PDF-1.7\nnothing of the kind".to_vec()
        } else {
            sample(self.file)
        }
    }

    /// Goes so many parts of it, leaves out what is done already, and gives the document as it is then.
    async fn go(&self, parts: usize, person: &Person, account: &str) -> Value {
        let mut document = Value::Null;
        for (number, part) in self.parts.iter().enumerate().take(parts) {
            if number == 0 || document["status"] == self.parts[number - 1].state {
                document = self.act(part.deed, person, account, &document).await;
            }
            // It may be further already, where the server was killed on the way.
            let states: Vec<&str> = self.parts[number..].iter().map(|part| part.state).collect();
            document = person.document_in(id(&document), &states).await;
        }
        document
    }

    /// Goes it to its end, and gives what the document came to.
    async fn to_end(&self, person: &Person, account: &str) -> Value {
        let document = self.go(self.parts.len(), person, account).await;
        outcome(person, id(&document)).await
    }

    /// Does what the owner does, and gives the document as it is after that.
    async fn act(&self, deed: Deed, person: &Person, account: &str, document: &Value) -> Value {
        let path = |what: &str| format!("/finance/documents/{}{what}", id(document));
        let done = match deed {
            Deed::Upload => {
                let for_account = [("account", account)];
                person.upload(self.file, self.content(), &for_account).await
            }
            Deed::Unlock => {
                let password = json!({"password": truth(self.file)["password"]});
                person.post(&path("/unlock"), password).await.expect(200)
            }
            Deed::Correct => {
                let corrected = person
                    .patch(&path("/fields"), json!({"total": "99.00"}))
                    .await
                    .expect(200);
                // Its state does not tell: it was in review before.
                eventually("it is checked again", async || {
                    let seen = person.get(&path("")).await.expect(200).body;
                    let mut checks = seen["checks"].as_array()?.iter();
                    checks.any(|check| check["outcome"] == "fails").then_some(())
                })
                .await;
                corrected
            }
            Deed::Confirm => {
                // The lines of a statement may not be ready yet.
                let confirmed = eventually("it can be confirmed", async || {
                    let answer = person.post(&path("/confirm"), json!({})).await;
                    (answer.body["code"] != "document-not-ready").then_some(answer)
                });
                confirmed.await.expect(200)
            }
        };
        assert!(done.status.is_success(), "{deed:?}: {}", done.body);
        // Nothing is done twice because the read tables were behind.
        let path = format!("/finance/documents/{}", done.text("id"));
        person.get_at(&path, done.position()).await.expect(200).body
    }
}

/// Somebody whose book has this policy, with an account.
async fn prepare(app: &TestApp, policy: &str) -> (Person, String) {
    let person = app.person().await;
    let book = format!("/finance/books/{}", person.book);
    person.patch(&book, json!({"policy": policy})).await.expect(200);
    let account = person.account("Current account", "EUR").await;
    (person, account)
}

/// Goes the way without any kill.
async fn undisturbed(app: &TestApp, way: &Way) -> Value {
    let (person, account) = prepare(app, way.policy).await;
    way.to_end(&person, &account).await
}

/// All that a document came to, without ids and times: the same for whoever uploads it, whatever happens on the way.
async fn outcome(person: &Person, document: &str) -> Value {
    let events = person.all("/audit/events?limit=100", 0).await;
    let mut types: BTreeMap<String, usize> = BTreeMap::new();
    for event in &events {
        *types
            .entry(event["event"].as_str().expect("an event has a type").to_owned())
            .or_default() += 1;
    }
    let head = events
        .iter()
        .filter_map(|event| event["position"].as_i64())
        .max()
        .expect("there are events");
    let seen = person
        .get_at(&format!("/finance/documents/{document}"), head)
        .await
        .expect(200)
        .body;
    let fields = seen["fields"].as_array().expect("a document has fields").iter();
    let fields: Vec<Value> = fields.map(|field| json!([field["name"], field["value"]])).collect();
    let mut transactions: Vec<Value> = Vec::new();
    for transaction in person.all("/finance/transactions?order=amount", head).await {
        transactions.push(json!([
            transaction["booked_on"],
            transaction["amount"],
            transaction["merchant"]
        ]));
    }
    let accounts = person.all("/finance/accounts", head).await;
    let balances: Vec<&Value> = accounts.iter().map(|account| &account["balance"]).collect();
    json!({
        "events": types, "status": seen["status"], "kind": seen["kind"], "checks": seen["checks"], "fields": fields,
        "failure": seen["failure"], "transactions": transactions, "balances": balances,
    })
}

/// Goes these parts undisturbed, then kills the server while it writes this step, starts it again, and gives what the
/// document came to.
async fn disturbed(app: &mut TestApp, gate: &mut Gate, way: &Way, before: usize, step: &str, write: Write) -> Value {
    let (person, account) = prepare(app, way.policy).await;
    way.go(before, &person, &account).await;
    gate.close_for(step).await;
    tokio::select! {
        _ = way.to_end(&person, &account) => panic!("nothing held {step} back"),
        // Whoever waits for an answer now gets none.
        () = gate.reached() => {}
    }
    app.kill().await;
    gate.open(write).await;
    app.restart().await;
    // Who got no answer asks again; it is the same document.
    way.to_end(&person.at(app), &account).await
}

/// Kills the server while it writes each of these steps, once so that the step is lost and once so that it is kept.
pub(crate) async fn at_each_step(options: Options, way: &Way) {
    let mut app = TestApp::start_with(options).await;
    let expected = undisturbed(&app, way).await;
    let mut gate = Gate::build(&app).await;
    for (before, part) in way.parts.iter().enumerate() {
        for step in part.steps {
            assert!(
                expected["events"][step].is_number(),
                "{} passes {step}: {expected}",
                way.file
            );
            for write in [Write::Lost, Write::Committed] {
                let came = disturbed(&mut app, &mut gate, way, before, step, write).await;
                assert_eq!(came, expected, "killed while {step} was written ({write:?})");
            }
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn an_invoice_survives_a_kill_at_each_step() {
    at_each_step(Options::default(), &INVOICE).await;
}

#[tokio::test]
async fn a_statement_survives_a_kill_at_each_step() {
    at_each_step(Options::default(), &STATEMENT).await;
}

#[tokio::test]
async fn a_locked_statement_survives_a_kill_before_and_after_its_password() {
    at_each_step(Options::default(), &LOCKED).await;
}

#[tokio::test]
async fn a_correction_survives_a_kill_before_it_is_checked() {
    at_each_step(Options::default(), &CORRECTED).await;
}

#[tokio::test]
async fn a_document_that_fails_fails_once_whenever_the_server_is_killed() {
    at_each_step(Options::default(), &BROKEN).await;
}

#[tokio::test]
async fn a_photographed_receipt_survives_a_kill_when_it_has_been_read() {
    at_each_step(Options::default(), &PHOTOGRAPHED).await;
}

#[tokio::test]
async fn a_kill_right_after_each_step_changes_nothing_either() {
    let mut app = TestApp::start().await;
    let expected = undisturbed(&app, &INVOICE).await;
    for step in INVOICE.parts[0].steps {
        let (person, account) = prepare(&app, INVOICE.policy).await;
        let uploaded = person
            .upload(INVOICE.file, INVOICE.content(), &[("account", &account)])
            .await
            .expect(201);
        let document = uploaded.text("id");
        let mut steps = person
            .follow(&format!("/finance/documents/{document}/events"), None)
            .await;
        while steps.next().await.is_some_and(|sent| sent.event != *step) {}
        app.kill().await;
        app.restart().await;
        let person = person.at(&app);
        person.document_in(document, &["confirmed"]).await;
        assert_eq!(outcome(&person, document).await, expected, "killed after {step}");
    }
    app.finish().await;
}

/// The process of the private PostgreSQL, as its own file says.
fn postmaster(app: &TestApp) -> Option<u32> {
    let file: PathBuf = app.data().join("postgres/cluster/postmaster.pid");
    fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
}

fn alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[tokio::test]
async fn after_a_kill_the_private_postgres_is_taken_over() {
    let mut app = TestApp::start_with(Options::private_postgres()).await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let before = person.spend(&account, "-1.00", "2026-09-14", "Before").await;
    let first = postmaster(&app).expect("there is a private PostgreSQL");
    for _ in 0..2 {
        app.kill().await;
        assert!(
            alive(postmaster(&app).expect("its file is still there")),
            "PostgreSQL outlives the server"
        );
        app.restart().await;
        let person = person.at(&app);
        let seen = person
            .get_at("/finance/transactions", before.position())
            .await
            .expect(200);
        let listed = seen.body["data"].as_array().expect("a page");
        assert!(
            listed.iter().any(|transaction| transaction["id"] == before.text("id")),
            "what was acknowledged is there"
        );
        person.spend(&account, "-1.00", "2026-09-15", "After").await;
    }
    let last = postmaster(&app).expect("there is a private PostgreSQL");
    assert!(last == first || !alive(first), "there is one PostgreSQL, not two");
    app.finish().await;
    assert!(!alive(last), "PostgreSQL stops with its server");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let app = TestApp::start_with(Options::private_postgres()).await;
    let person = app.person().await;
    let refused = app.command(&["serve"]).await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("another spendlog is running on"), "{said}");
    assert!(said.lines().count() < 10, "in plain words: {said}");
    // The first one has not noticed.
    person.get("/users/me").await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn who_finds_data_and_port_taken_is_told_of_the_data() {
    // Below the ports that the system gives away, so that no other test has it.
    let address = format!("127.0.0.1:{}", 20_000 + std::process::id() % 10_000);
    let options = Options::private_postgres().with("SPENDLOG_LISTEN", address.as_str());
    let mut app = TestApp::start_with(options).await;
    let refused = app.command(&["serve"]).await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("another spendlog is running on"), "{said}");
    app.stop().await;
    let stranger = std::net::TcpListener::bind(&address).expect("the port is free again");
    let refused = app.command(&["serve"]).await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(&format!("{address} can't be listened on")), "{said}");
    drop(stranger);
    app.restart().await;
    app.finish().await;
}

#[tokio::test]
async fn what_was_stopped_goes_on_where_it_was() {
    let mut app = TestApp::start_with(Options::private_postgres()).await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let last = person.spend(&account, "-1.00", "2026-09-14", "Before").await;
    app.stop().await;
    assert!(
        postmaster(&app).is_none_or(|pid| !alive(pid)),
        "PostgreSQL stops with its server"
    );
    app.restart().await;
    let person = person.at(&app);
    let seen = person
        .get_at(&format!("/finance/accounts/{account}"), last.position())
        .await
        .expect(200);
    assert_eq!(seen.text("balance"), "-1.00");
    app.finish().await;
}
