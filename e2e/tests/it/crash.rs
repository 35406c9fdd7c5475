//! The server killed at the worst moments.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use spendlog_e2e::{Answer, Options, Person, TestApp, eventually, sample as content};
use sqlx::{Connection as _, PgConnection};

/// Each step of the pipeline, by the event that it ends in: those of an invoice, then those of a statement.
const INVOICE: &[&str] = &[
    "document.uploaded",
    "document.text_recognised",
    "document.classified",
    "document.fields_extracted",
    "document.validated",
    "document.confirmed",
];
const STATEMENT: &[&str] = &[
    "document.validated",
    "import.read",
    "import.accepted",
    "transaction.recorded",
];

/// What becomes of the step that was being written when the server was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// It did not reach the database: the step has to be taken again.
    Lost,
    /// The database finished it, though nobody heard: the step must not be taken again.
    Committed,
}

/// Holds the database back just before it writes an event of some type, so that a kill comes exactly there.
pub(crate) struct Gate(PgConnection);

impl Gate {
    pub(crate) async fn build(app: &TestApp) -> Self {
        let mut connection = PgConnection::connect(app.database().url())
            .await
            .expect("the database answers");
        let sql = "CREATE TABLE gate (event_type text);
            CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF EXISTS (SELECT FROM public.gate g WHERE g.event_type = NEW.event_type) THEN
                    PERFORM pg_advisory_xact_lock(77);
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER gate BEFORE INSERT ON es.events FOR EACH ROW EXECUTE FUNCTION gate()";
        sqlx::raw_sql(sql)
            .execute(&mut connection)
            .await
            .expect("the gate can be built");
        Self(connection)
    }

    pub(crate) async fn close_for(&mut self, event_type: &str) {
        let sql = format!("SELECT pg_advisory_lock(77); INSERT INTO gate VALUES ('{event_type}')");
        sqlx::raw_sql(&sql).execute(&mut self.0).await.expect("the gate closes");
    }

    /// The backends that stand before it.
    async fn waiting(&mut self) -> Vec<i32> {
        let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        sqlx::query_scalar(sql)
            .fetch_all(&mut self.0)
            .await
            .expect("locks can be listed")
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn reached(&mut self) {
        eventually("the step is being written", async || {
            (!self.waiting().await.is_empty()).then_some(())
        })
        .await;
    }

    /// Sends those who stand before it away, or lets them through, and waits until they are gone.
    pub(crate) async fn open(&mut self, write: Write) {
        let waiting = self.waiting().await;
        if write == Write::Lost {
            let sql = "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid";
            sqlx::query(sql)
                .bind(&waiting)
                .execute(&mut self.0)
                .await
                .expect("backends can be ended");
            self.gone(&waiting).await;
        }
        self.release().await;
        self.gone(&waiting).await;
    }

    /// Lets those who stand before it go on.
    pub(crate) async fn release(&mut self) {
        let sql = "DELETE FROM gate; SELECT pg_advisory_unlock(77)";
        sqlx::raw_sql(sql).execute(&mut self.0).await.expect("the gate opens");
    }

    async fn gone(&mut self, backends: &[i32]) {
        eventually("the backends of the killed server are gone", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1)";
            let left: i64 = sqlx::query_scalar(sql)
                .bind(backends)
                .fetch_one(&mut self.0)
                .await
                .expect("a count");
            (left == 0).then_some(())
        })
        .await;
    }
}

/// Somebody whose documents confirm themselves, with an account.
async fn prepare(app: &TestApp) -> (Person, String) {
    let person = app.person().await;
    let policy = json!({"policy": "when_checks_hold"});
    person
        .patch(&format!("/finance/books/{}", person.book), policy)
        .await
        .expect(200);
    let account = person.account("Current account", "EUR").await;
    (person, account)
}

async fn upload(person: &Person, sample: &str, account: &str) -> Answer {
    person.upload(sample, content(sample), &[("account", account)]).await
}

/// Uploads the sample and waits for its end, without any kill.
async fn undisturbed(app: &TestApp, sample: &str) -> Value {
    let (person, account) = prepare(app).await;
    let document = upload(&person, sample, &account)
        .await
        .expect(201)
        .text("id")
        .to_owned();
    person.document_in(&document, &["confirmed"]).await;
    outcome(&person, &document).await
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
        "transactions": transactions, "balances": balances,
    })
}

/// Kills the server while it writes this step, starts it again, and gives what the document came to.
async fn disturbed(app: &mut TestApp, gate: &mut Gate, sample: &str, step: &str, write: Write) -> Value {
    let (person, account) = prepare(app).await;
    gate.close_for(step).await;
    let uploading = {
        let (person, account, sample) = (person.clone(), account.clone(), sample.to_owned());
        // Where the upload's own event is held back, it gets no answer.
        tokio::spawn(async move {
            let part = reqwest::multipart::Part::bytes(content(&sample)).file_name(sample);
            let form = reqwest::multipart::Form::new()
                .text("account", account)
                .part("file", part);
            let _answer = person
                .request(reqwest::Method::POST, "/finance/documents")
                .multipart(form)
                .send()
                .await;
        })
    };
    gate.reached().await;
    app.kill().await;
    uploading.await.expect("the upload ends with the server");
    gate.open(write).await;
    app.restart().await;
    let person = person.at(app);
    // Who got no answer asks again; it is the same document.
    let again = upload(&person, sample, &account).await;
    let expected = if step == "document.uploaded" && write == Write::Lost {
        201
    } else {
        200
    };
    let document = again.expect(expected).text("id").to_owned();
    person.document_in(&document, &["confirmed"]).await;
    outcome(&person, &document).await
}

/// Kills the server while it writes each of these steps of a sample, once so that the step is lost and once so that it is kept.
pub(crate) async fn at_each_step(options: Options, sample: &str, steps: &[&str]) {
    let mut app = TestApp::start_with(options).await;
    let expected = undisturbed(&app, sample).await;
    let mut gate = Gate::build(&app).await;
    for step in steps {
        assert!(
            expected["events"][step].is_number(),
            "{sample} passes {step}: {expected}"
        );
        for write in [Write::Lost, Write::Committed] {
            let came = disturbed(&mut app, &mut gate, sample, step, write).await;
            assert_eq!(came, expected, "killed while {step} was written ({write:?})");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn an_invoice_survives_a_kill_at_each_step() {
    at_each_step(Options::default(), "invoice.pdf", INVOICE).await;
}

#[tokio::test]
async fn a_statement_survives_a_kill_at_each_step() {
    at_each_step(Options::default(), "statement.ofx", STATEMENT).await;
}

#[tokio::test]
async fn a_kill_right_after_each_step_changes_nothing_either() {
    let mut app = TestApp::start().await;
    let expected = undisturbed(&app, "invoice.pdf").await;
    for step in INVOICE {
        let (person, account) = prepare(&app).await;
        let document = upload(&person, "invoice.pdf", &account)
            .await
            .expect(201)
            .text("id")
            .to_owned();
        let mut steps = person
            .follow(&format!("/finance/documents/{document}/events"), None)
            .await;
        while steps.next().await.is_some_and(|sent| sent.event != *step) {}
        app.kill().await;
        app.restart().await;
        let person = person.at(&app);
        person.document_in(&document, &["confirmed"]).await;
        assert_eq!(outcome(&person, &document).await, expected, "killed after {step}");
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
