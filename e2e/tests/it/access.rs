//! Every operation of the API tried as nobody, and as somebody whose it is not.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use spendlog_e2e::{Person, TestApp, eventually, sample};

/// Operations that anybody may ask for. This list may only shrink.
const PUBLIC: &[&str] = &["users.register", "users.sign_in", "users.refresh"];

/// What the owner has, and the stranger asks for.
struct Property {
    book: String,
    account: String,
    category: String,
    transaction: String,
    document: String,
    import: String,
    /// The position of an event.
    event: String,
}

/// How the stranger asks.
enum Ask {
    /// For the thing in the path, with this body where the operation takes one: there is no such thing.
    ForIt(Value),
    /// With these queries or bodies, each naming something of the owner's: there is no such thing.
    Naming(Vec<(String, Value)>),
    /// For what only those may do who run the system.
    ForAdmins,
    /// For what is the caller's: nothing of the owner's is in the answer.
    ForOwn(Value),
}

impl Property {
    async fn of(owner: &Person) -> Self {
        let account = owner.account("Wallet", "EUR").await;
        let transaction = owner.spend(&account, "-1.00", "2026-09-14", "Shop").await;
        let document = owner
            .upload("statement.ofx", sample("statement.ofx"), &[("account", &account)])
            .await
            .expect(201);
        let document = document.text("id").to_owned();
        owner.document_in(&document, &["in_review", "confirmed"]).await;
        let import = eventually("an import", async || {
            let listed = owner.get("/finance/imports").await.expect(200);
            Some(listed.body["data"][0]["id"].as_str()?.to_owned())
        })
        .await;
        Self {
            book: owner.book.clone(),
            account,
            category: owner.category("Groceries").await,
            event: transaction.position().to_string(),
            transaction: transaction.text("id").to_owned(),
            document,
            import,
        }
    }

    fn ids(&self) -> [&str; 6] {
        [
            &self.book,
            &self.account,
            &self.category,
            &self.transaction,
            &self.document,
            &self.import,
        ]
    }

    /// The id that stands in a path.
    fn in_path(&self, path: &str) -> &str {
        match path.split('/').nth(2) {
            Some("books") => &self.book,
            Some("accounts") => &self.account,
            Some("categories") => &self.category,
            Some("transactions") => &self.transaction,
            Some("documents") => &self.document,
            Some("imports") => &self.import,
            Some("events") => &self.event,
            _ => panic!("{path} has an id of a feature that this test does not know"),
        }
    }

    /// How each operation is asked. Who adds an operation adds a line.
    fn asked(&self, stranger: &Mine) -> BTreeMap<&'static str, Ask> {
        use Ask::{ForAdmins, ForIt, ForOwn, Naming};
        let Self {
            book,
            account,
            category,
            ..
        } = self;
        let nothing = || Value::Null;
        let query = |path: &str| (path.to_owned(), Value::Null);
        let body = |body: Value| (String::new(), body);
        let expense = |account: &str, category: Value| json!({"account": account, "amount": "-1.00", "booked_on": "2026-09-14", "category": category});
        let posting = |target: &str, id: &str, amount: &str| json!({target: id, "amount": amount, "currency": "EUR"});
        let split = json!({"booked_on": "2026-09-14",
            "postings": [posting("account", &stranger.account, "-1.00"), posting("category", category, "1.00")]});
        let of_book = query(&format!("?book={book}"));
        BTreeMap::from([
            ("users.me", ForOwn(nothing())),
            ("users.change", ForOwn(json!({"name": "Stranger"}))),
            (
                "users.change_password",
                ForOwn(json!({"old_password": "wrong password", "new_password": "another password"})),
            ),
            ("users.forget", ForOwn(json!({"password": "wrong password"}))),
            ("books.list", ForOwn(nothing())),
            ("books.open", ForOwn(json!({"name": "Mine"}))),
            ("books.one", ForIt(nothing())),
            ("books.change", ForIt(json!({"name": "Taken"}))),
            ("accounts.list", Naming(vec![of_book.clone()])),
            (
                "accounts.open",
                Naming(vec![body(
                    json!({"name": "A", "kind": "cash", "currency": "EUR", "book": book}),
                )]),
            ),
            ("accounts.one", ForIt(nothing())),
            ("accounts.change", ForIt(json!({"name": "Taken"}))),
            ("accounts.close", ForIt(nothing())),
            ("accounts.transactions", ForIt(nothing())),
            ("categories.list", Naming(vec![of_book.clone()])),
            (
                "categories.create",
                Naming(vec![body(json!({"name": "C", "kind": "expense", "book": book}))]),
            ),
            ("categories.one", ForIt(nothing())),
            ("categories.change", ForIt(json!({"name": "Taken"}))),
            ("categories.merge", ForIt(json!({"into": stranger.category}))),
            ("transactions.list", Naming(vec![of_book.clone()])),
            (
                "transactions.record",
                Naming(vec![
                    body(expense(account, Value::Null)),
                    body(expense(&stranger.account, json!(category))),
                    body(split),
                ]),
            ),
            (
                "transactions.record_many",
                Naming(vec![body(json!({"transactions": [expense(account, Value::Null)]}))]),
            ),
            ("transactions.one", ForIt(nothing())),
            ("transactions.correct", ForIt(json!({"note": "taken"}))),
            ("transactions.void", ForIt(nothing())),
            ("transactions.restore", ForIt(nothing())),
            ("transactions.history", ForIt(nothing())),
            ("summary.summary", Naming(vec![of_book.clone()])),
            ("documents.list", Naming(vec![of_book.clone()])),
            ("documents.upload", ForOwn(nothing())),
            ("documents.one", ForIt(nothing())),
            ("documents.original", ForIt(nothing())),
            ("documents.text", ForIt(nothing())),
            ("documents.lines", ForIt(nothing())),
            ("documents.events", ForIt(nothing())),
            ("documents.history", ForIt(nothing())),
            ("documents.unlock", ForIt(json!({"password": "x"}))),
            ("documents.correct", ForIt(json!({"merchant": "Taken"}))),
            ("documents.confirm", ForIt(json!({}))),
            ("documents.reject", ForIt(json!({}))),
            ("imports.list", Naming(vec![of_book.clone()])),
            ("imports.one", ForIt(nothing())),
            ("imports.lines", ForIt(nothing())),
            ("imports.accept", ForIt(json!({}))),
            ("imports.revert", ForIt(nothing())),
            ("analytics.projections", ForOwn(nothing())),
            ("analytics.rows", ForOwn(nothing())),
            ("audit.replay", Naming(vec![query(&format!("?at=1&book={book}"))])),
            ("audit.proof", ForIt(nothing())),
            ("audit.head", ForOwn(nothing())),
            ("audit.consistency", ForOwn(nothing())),
            ("audit.events", Naming(vec![query(&format!("?owner={book}"))])),
            ("projections.list", ForAdmins),
            ("projections.pause", ForAdmins),
            ("projections.resume", ForAdmins),
            ("projections.rebuild", ForAdmins),
        ])
    }
}

/// What the stranger has.
struct Mine {
    account: String,
    category: String,
}

/// Every operation: its id, method and path.
async fn operations(app: &TestApp) -> Vec<(String, Method, String)> {
    let description = Person::nobody(app).get("/openapi.json").await.expect(200).body;
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().expect("there are paths") {
        for (method, operation) in item.as_object().expect("a path has operations") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let id = operation["operationId"].as_str().expect("an operation has an id");
            operations.push((id.to_owned(), method, path.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn nobody_and_strangers_get_nothing() {
    let app = TestApp::start().await;
    let (owner, stranger, nobody) = (app.person().await, app.person().await, Person::nobody(&app));
    let property = Property::of(&owner).await;
    // Which the owner has rows in, and the stranger none.
    let spending = app.data().join("spending.sql");
    let statement = "SELECT book_id, transaction_id, account_id, amount_minor FROM transactions";
    std::fs::write(&spending, statement).expect("a file");
    let added = app
        .command(&["projections", "add", &spending.display().to_string()])
        .await;
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let position = property.event.parse().expect("a position");
    let of_owner = owner
        .get_at("/analytics/projections/spending", position)
        .await
        .expect(200);
    assert_eq!(
        of_owner.body["data"][0]["transaction_id"],
        property.transaction.as_str()
    );
    let mine = Mine {
        account: stranger.account("Mine", "EUR").await,
        category: stranger.category("Groceries").await,
    };
    let asked = property.asked(&mine);
    let operations = operations(&app).await;

    let described: BTreeSet<&str> = operations.iter().map(|(id, _, _)| id.as_str()).collect();
    let covered: BTreeSet<&str> = asked.keys().chain(PUBLIC).copied().collect();
    let uncovered: Vec<_> = described.difference(&covered).collect();
    assert!(
        uncovered.is_empty(),
        "operations that nobody tries as a stranger: {uncovered:?}"
    );
    let gone: Vec<_> = covered.difference(&described).collect();
    assert!(gone.is_empty(), "there are no such operations: {gone:?}");

    for (id, method, path) in &operations {
        let Some(ask) = asked.get(id.as_str()) else { continue };
        let path = if let Ask::ForAdmins = ask {
            path.replace("{name}", "ledger")
        } else if path.contains("{name}") {
            path.replace("{name}", "spending")
        } else if path.contains('{') {
            path.replace("{id}", property.in_path(path))
                .replace("{position}", property.in_path(path))
        } else {
            path.clone()
        };
        assert!(
            !path.contains('{'),
            "{path} has a parameter that this test does not know"
        );
        let send = async |person: &Person, path: &str, body: &Value| {
            let request = person.request(method.clone(), path);
            person
                .send(if body.is_null() { request } else { request.json(body) })
                .await
        };
        match ask {
            Ask::ForIt(body) => {
                send(&nobody, &path, body).await.expect_problem(401, "unauthenticated");
                let refused = send(&stranger, &path, body).await.expect_problem(404, "not-found");
                // It must not be told from what is not there at all.
                let elsewhere = path.replace(property.in_path(&path), &absent(property.in_path(&path)));
                let absent = send(&stranger, &elsewhere, body).await.expect_problem(404, "not-found");
                assert_eq!(refused.body["detail"], absent.body["detail"], "{id}");
            }
            Ask::Naming(each) => {
                for (query, body) in each {
                    let path = format!("{path}{query}");
                    send(&nobody, &path, body).await.expect_problem(401, "unauthenticated");
                    send(&stranger, &path, body).await.expect_problem(404, "not-found");
                }
            }
            Ask::ForAdmins => {
                for path in [&path, &path.replace("ledger", "no-such-thing")] {
                    send(&nobody, path, &Value::Null)
                        .await
                        .expect_problem(401, "unauthenticated");
                    send(&stranger, path, &Value::Null)
                        .await
                        .expect_problem(403, "forbidden");
                }
            }
            Ask::ForOwn(body) => {
                send(&nobody, &path, body).await.expect_problem(401, "unauthenticated");
                let answer = send(&stranger, &path, body).await;
                let text = String::from_utf8_lossy(&answer.bytes).into_owned();
                assert!(
                    property.ids().iter().all(|of_owner| !text.contains(of_owner)),
                    "{id} tells: {text}"
                );
                assert!(!text.contains(&owner.email), "{id} tells: {text}");
            }
        }
    }
    nothing_has_changed(&owner, &property).await;
    app.finish().await;
}

/// An id of the same form that nobody has.
fn absent(id: &str) -> String {
    match id.split_once('_') {
        Some((prefix, _)) => format!("{prefix}_{}", "0197a2c4e1b87d3c9f0a5b6c7d8e9f00"),
        None => "999999999".to_owned(),
    }
}

async fn nothing_has_changed(owner: &Person, property: &Property) {
    let events = owner.all("/audit/events?limit=100", 0).await;
    let actors: BTreeSet<&str> = events.iter().filter_map(|event| event["by"].as_str()).collect();
    assert!(
        actors
            .iter()
            .all(|actor| *actor == owner.user || actor.starts_with("processor:")),
        "{actors:?}"
    );
    let seen = owner
        .get(&format!("/finance/transactions/{}", property.transaction))
        .await
        .expect(200);
    assert_eq!(
        (seen.text("status"), seen.body["version"].as_i64()),
        ("recorded", Some(1))
    );
}

#[tokio::test]
async fn a_filter_finds_nothing_of_anybody_else() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.person().await, app.person().await);
    let account = owner.account("Wallet", "EUR").await;
    let head = owner.spend(&account, "-1.00", "2026-09-14", "Shop").await.position();
    let category = owner.category("Uncategorised").await;
    for filter in [
        format!("account={account}"),
        format!("category={category}"),
        "text=shop".to_owned(),
    ] {
        assert!(
            stranger
                .all(&format!("/finance/transactions?{filter}"), head)
                .await
                .is_empty(),
            "{filter}"
        );
    }
    let summary = stranger
        .get_at(&format!("/finance/summary?account={account}"), head)
        .await
        .expect(200);
    assert_eq!(summary.body["lines"], json!([]));
    app.finish().await;
}

#[tokio::test]
async fn uploads_name_only_what_is_ones_own() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.person().await, app.person().await);
    let account = owner.account("Wallet", "EUR").await;
    let content = b"date,amount,description\n2026-07-01,-1.00,One\n".to_vec();
    for part in [("account", account.as_str()), ("book", owner.book.as_str())] {
        stranger
            .upload("a.csv", content.clone(), &[part])
            .await
            .expect_problem(404, "not-found");
    }
    assert_eq!(
        owner.get("/finance/documents").await.expect(200).body["data"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    app.finish().await;
}
