//! Two servers on one database: many writers who get in each other's way, and one server that goes on when the other is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use spendlog_e2e::{Answer, Person, TestApp, eventually, sample};
use sqlx::Row as _;
use tokio::task::JoinSet;

use crate::backup::number;

const WRITERS: usize = 16;
const ROUNDS: usize = 24;
/// The round in which the account is closed and the category merged.
const DOOM: usize = 12;
/// How long it may take until a document is read that was uploaded after the kill of the server that had read the others.
const TAKEN_OVER: Duration = Duration::from_secs(30);

/// What they all work on.
#[derive(Clone, Debug)]
struct Ground {
    account: String,
    doomed_account: String,
    doomed_category: String,
    other_category: String,
    shared: String,
}

/// What a writer asked for, and what came of it.
struct Asked {
    what: What,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Twice,
    Change,
    ChangeIfMatch,
    InDoomedAccount,
    InDoomedCategory,
    Close,
    Merge,
}

impl Ground {
    async fn prepare(person: &Person) -> Self {
        let account = person.account("Current account", "EUR").await;
        let doomed_account = person.account("Doomed", "EUR").await;
        let pets = person
            .post("/finance/categories", json!({"name": "Pets", "kind": "expense"}))
            .await
            .expect(201);
        let shared = person.spend(&account, "-1.00", "2026-09-01", "Shared").await;
        let path = format!("/finance/transactions/{}", shared.text("id"));
        person.get_at(&path, shared.position()).await.expect(200);
        Self {
            account,
            doomed_account,
            doomed_category: pets.text("id").to_owned(),
            other_category: person.category("Groceries").await,
            shared: path,
        }
    }

    /// What this writer does in this round.
    async fn act(&self, person: &Person, writer: usize, round: usize) -> Vec<Asked> {
        let mut asked = Vec::new();
        if round == DOOM && writer == 3 {
            let answer = person
                .post(&format!("/finance/accounts/{}/close", self.doomed_account), json!({}))
                .await;
            asked.push(Asked {
                what: What::Close,
                answer,
            });
        }
        if round == DOOM && writer == 4 {
            let path = format!("/finance/categories/{}/merge", self.doomed_category);
            let answer = person.post(&path, json!({"into": self.other_category})).await;
            asked.push(Asked {
                what: What::Merge,
                answer,
            });
        }
        // Writers 0 and 1, 2 and 3, … sit at different servers, and have the same turn.
        let pair = writer / 2;
        let note = format!("by {writer} in {round}");
        let (what, answer) = match (pair + round) % 5 {
            0 => {
                let key = format!("pair-{pair}-{round}");
                let body = self.expense(&self.account, "-1.00", None);
                (
                    What::Twice,
                    person
                        .post_with("/finance/transactions", ("idempotency-key", &key), body)
                        .await,
                )
            }
            1 => (What::Change, person.patch(&self.shared, json!({"note": note})).await),
            2 => {
                let seen = person.get(&self.shared).await.expect(200).etag();
                let body = json!({"note": note});
                (
                    What::ChangeIfMatch,
                    person.patch_with(&self.shared, ("if-match", &seen), body).await,
                )
            }
            3 => {
                let body = self.expense(&self.doomed_account, "-2.00", None);
                (What::InDoomedAccount, person.post("/finance/transactions", body).await)
            }
            _ => {
                let body = self.expense(&self.account, "-4.00", Some(&self.doomed_category));
                (What::InDoomedCategory, person.post("/finance/transactions", body).await)
            }
        };
        asked.push(Asked { what, answer });
        asked
    }

    fn expense(&self, account: &str, amount: &str, category: Option<&str>) -> Value {
        let mut body = json!({"account": account, "amount": amount, "booked_on": "2026-09-14"});
        if let Some(category) = category {
            body["category"] = category.into();
        }
        body
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_and_sixteen_writers_agree() {
    let first = TestApp::start().await;
    let second = first.beside().await;
    let person = first.person().await;
    let ground = Ground::prepare(&person).await;
    let mut writing = JoinSet::new();
    for writer in 0..WRITERS {
        let person = person.at(if writer % 2 == 0 { &first } else { &second });
        let ground = ground.clone();
        writing.spawn(async move {
            let mut asked = Vec::new();
            for round in 0..ROUNDS {
                asked.extend(ground.act(&person, writer, round).await);
            }
            asked
        });
    }
    let asked: Vec<Asked> = writing.join_all().await.into_iter().flatten().collect();
    let head = asked
        .iter()
        .filter_map(|a| a.answer.header("spendlog-position")?.parse::<i64>().ok())
        .max();
    let head = head.expect("something was written");
    let events = person.all("/audit/events?limit=100", head).await;

    answers_are_as_they_must_be(&asked);
    each_acknowledged_event_is_there_once(&asked, &events);
    nothing_passed_a_guard(&ground, &asked, &events);
    the_journal_is_dense(&first).await;
    // Either server shows the same afterwards.
    for app in [&first, &second] {
        let seen = person
            .at(app)
            .get_at(&format!("/finance/accounts/{}", ground.account), head)
            .await
            .expect(200);
        let cents: i64 = events
            .iter()
            .filter(|event| event["event"] == "transaction.recorded")
            .map(|e| amount(&ground.account, e))
            .sum();
        assert_eq!(seen.text("balance"), format!("-{}.{:02}", -cents / 100, -cents % 100));
    }
    second.finish().await;
    first.finish().await;
}

fn answers_are_as_they_must_be(asked: &[Asked]) {
    let mut counts: BTreeMap<(What, u16), usize> = BTreeMap::new();
    for Asked { what, answer } in asked {
        let (status, code) = (answer.status.as_u16(), answer.body["code"].as_str().unwrap_or_default());
        *counts.entry((*what, status)).or_default() += 1;
        let expected = match what {
            What::Twice => matches!((status, code), (201, _)),
            What::Change => matches!((status, code), (200, _) | (409, "conflict")),
            What::ChangeIfMatch => matches!((status, code), (200, _) | (412, "stale")),
            What::InDoomedAccount => matches!((status, code), (201, _) | (409, "account-closed" | "conflict")),
            What::InDoomedCategory => matches!((status, code), (201, _) | (409, "category-merged" | "conflict")),
            What::Close | What::Merge => matches!((status, code), (200, _) | (409, "conflict")),
        };
        assert!(expected, "{what:?} was answered {status}: {}", answer.body);
    }
    for what in [What::Close, What::Merge] {
        assert_eq!(counts.get(&(what, 200)), Some(&1), "{what:?} was done: {counts:?}");
    }
    for what in [What::InDoomedAccount, What::InDoomedCategory] {
        assert!(
            counts.contains_key(&(what, 201)) && counts.contains_key(&(what, 409)),
            "some before, some after: {counts:?}"
        );
    }
}

fn each_acknowledged_event_is_there_once(asked: &[Asked], events: &[Value]) {
    let mut recorded: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events.iter().filter(|event| event["event"] == "transaction.recorded") {
        *recorded
            .entry(event["subject"].as_str().expect("an event has a subject"))
            .or_default() += 1;
    }
    assert!(
        recorded.values().all(|count| *count == 1),
        "a transaction is recorded once"
    );
    let acknowledged: BTreeSet<&str> = asked
        .iter()
        .filter(|a| a.answer.status == 201)
        .map(|a| a.answer.text("id"))
        .collect();
    // One more was there before: the shared one.
    let recorded: BTreeSet<&str> = recorded.into_keys().collect();
    assert!(acknowledged.is_subset(&recorded), "what was acknowledged is there");
    assert_eq!(
        acknowledged.len() + 1,
        recorded.len(),
        "what was not acknowledged is not there"
    );
    let twice = asked
        .iter()
        .filter(|a| a.what == What::Twice)
        .map(|a| a.answer.text("id"));
    let (count, distinct) = (twice.clone().count(), twice.collect::<BTreeSet<_>>().len());
    assert_eq!(
        count,
        distinct * 2,
        "each pair of writers with one key recorded one transaction"
    );

    let changed = asked
        .iter()
        .filter(|a| matches!(a.what, What::Change | What::ChangeIfMatch) && a.answer.status == 200);
    let positions: BTreeSet<i64> = changed.clone().map(|a| a.answer.position()).collect();
    let noted: BTreeSet<i64> = events
        .iter()
        .filter(|event| event["event"] == "transaction.noted")
        .map(position)
        .collect();
    assert_eq!(
        changed.count(),
        positions.len(),
        "each change has a position of its own"
    );
    assert_eq!(positions, noted, "the changes are those that were acknowledged");
}

fn nothing_passed_a_guard(ground: &Ground, asked: &[Asked], events: &[Value]) {
    let done = |what: What| {
        asked
            .iter()
            .find(|a| a.what == what)
            .expect("it was asked for")
            .answer
            .position()
    };
    let (closed, merged) = (done(What::Close), done(What::Merge));
    for event in events.iter().filter(|event| event["event"] == "transaction.recorded") {
        let text = event["data"].to_string();
        if text.contains(&ground.doomed_account) {
            assert!(
                position(event) < closed,
                "recorded in an account that was closed at {closed}: {event}"
            );
        }
        if text.contains(&ground.doomed_category) {
            assert!(
                position(event) < merged,
                "recorded in a category that was merged at {merged}: {event}"
            );
        }
    }
}

/// What the recorded transaction moved in the account, in cents.
fn amount(account: &str, event: &Value) -> i64 {
    fn find<'a>(value: &'a Value, account: &str) -> Option<&'a Value> {
        match value {
            Value::Object(fields) if fields.contains_key("money") && value["target"].to_string().contains(account) => {
                Some(value)
            }
            Value::Object(fields) => fields.values().find_map(|field| find(field, account)),
            Value::Array(all) => all.iter().find_map(|one| find(one, account)),
            _ => None,
        }
    }
    find(&event["data"], account).map_or(0, |posting| posting["money"]["minor"].as_i64().expect("minor units"))
}

fn position(event: &Value) -> i64 {
    event["position"].as_i64().expect("an event has a position")
}

/// Positions are 1, 2, 3, …; so are the versions of each stream.
async fn the_journal_is_dense(app: &TestApp) {
    let pool = app.database().database().pool();
    let row = sqlx::query("SELECT min(position), max(position), count(*) FROM es.events")
        .fetch_one(pool)
        .await
        .expect("it can be read");
    let (first, last, count): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((first, last), (1, count), "positions are dense");
    let gaps: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM es.events GROUP BY aggregate_type, aggregate_id
         HAVING min(sequence) <> 1 OR max(sequence) <> count(*)) s",
    )
    .fetch_one(pool)
    .await
    .expect("it can be read");
    assert_eq!(gaps, 0, "versions are dense");
}

#[tokio::test]
async fn the_documents_of_a_server_that_is_killed_are_read_by_the_other() {
    let mut first = TestApp::start().await;
    let person = first.person().await;
    let account = person.account("Current account", "EUR").await;
    // While it is alone it gets all subscriptions, and who has one keeps it.
    let invoice = person
        .upload("invoice.pdf", sample("invoice.pdf"), &[("account", &account)])
        .await
        .expect(201);
    person.document_in(invoice.text("id"), &["in_review"]).await;
    let second = first.beside().await;
    // With Kafka nobody waits for a subscription: all have a share in it.
    if first.backstage().is_none() {
        eventually("the other one waits for both subscriptions", async || {
            const WAITING: &str = "SELECT count(*) FROM pg_stat_activity a
                WHERE datname = current_database() AND application_name = 'spendlog-subscription' AND NOT EXISTS
                    (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)";
            (number(first.database(), WAITING).await == 2).then_some(())
        })
        .await;
    }
    first.kill().await;
    let killed = Instant::now();
    let person = person.at(&second);
    let statement = person
        .upload("statement.ofx", sample("statement.ofx"), &[("account", &account)])
        .await
        .expect(201);
    person.document_in(statement.text("id"), &["in_review"]).await;
    let took = killed.elapsed();
    assert!(took < TAKEN_OVER, "it took {took:?}");
    first.restart().await;
    second.finish().await;
    first.finish().await;
}
