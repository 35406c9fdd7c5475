//! Events that a processor could not handle: listed, handled again once their cause is mended, or given up.

use serde_json::{Value, json};
use spendlog_e2e::{Answer, Person, TestApp, eventually, sample, succeed};

use crate::proofs::execute;

/// From now on the journal lacks the book of whoever uploads a document, as if its rows had been lost: the next step is
/// refused, and trying again does not help.
const LOSE: &str = "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE es.events SET aggregate_id = 'lost ' || aggregate_id
            WHERE aggregate_type = 'book' AND owner_id = NEW.owner_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER lose AFTER INSERT ON es.events FOR EACH ROW WHEN (NEW.event_type = 'document.uploaded')
        EXECUTE FUNCTION lose()";

/// The rows are put back.
const FIND: &str = "DROP TRIGGER lose ON es.events;
    UPDATE es.events SET aggregate_id = substr(aggregate_id, 6) WHERE aggregate_id LIKE 'lost %'";

async fn parked(app: &TestApp, arguments: &[&str]) -> String {
    succeed(app.command(&[&["parked"], arguments].concat()).await)
}

async fn listed(app: &TestApp) -> Vec<Value> {
    let list = parked(app, &["list", "--json"]).await;
    serde_json::from_str(&list).expect("the list is a JSON array")
}

/// What stands there of an upload.
async fn of_upload(app: &TestApp, uploaded: &Answer) -> Option<Value> {
    let listed = listed(app).await;
    listed.into_iter().find(|one| one["position"] == uploaded.position())
}

/// Somebody uploads an invoice of which the journal then lacks the book.
async fn upload(app: &TestApp) -> (Person, Answer) {
    let person = app.person().await;
    // The read tables know the book; they are not what is tested here.
    person.get_at("/finance/books", person.position).await.expect(200);
    let uploaded = person.upload("invoice.pdf", sample("invoice.pdf"), &[]).await;
    (person, uploaded.expect(201))
}

#[tokio::test]
async fn what_could_not_be_handled_is_listed_and_replayed_or_dropped() {
    let app = TestApp::start().await;
    execute(&app, LOSE).await;
    let (first, one) = upload(&app).await;
    let (second, other) = upload(&app).await;
    let mut ids = Vec::new();
    for uploaded in [&one, &other] {
        let found = eventually("the event is parked", async || of_upload(&app, uploaded).await).await;
        assert_eq!(
            (&found["subscription"], &found["reason"], &found["replay_at"]),
            (&json!("documents"), &json!("refused: not-found"), &Value::Null)
        );
        ids.push(found["id"].to_string());
    }
    let told = parked(&app, &["list"]).await;
    for (id, uploaded) in ids.iter().zip([&one, &other]) {
        let at = format!(" documents at position {}, after ", uploaded.position());
        let line = told.lines().find(|line| line.contains(&at));
        let line = line.unwrap_or_else(|| panic!("nothing at position {} in {told}", uploaded.position()));
        assert!(
            line.trim_start().starts_with(&format!("{id} ")) && line.ends_with("refused: not-found"),
            "{line}"
        );
    }
    let others = parked(&app, &["list", "--subscription", "forgetting"]).await;
    assert_eq!(others.trim(), "Nothing is parked.");
    let state = async |person: &Person, uploaded: &Answer| {
        let path = format!("/finance/documents/{}", uploaded.text("id"));
        person.get(&path).await.expect(200).text("status").to_owned()
    };
    assert_eq!(state(&first, &one).await, "processing");

    // As long as the cause is there, it is tried in vain.
    let replay = async |which: &str| parked(&app, &["replay", which]).await;
    let tries = of_upload(&app, &one).await.expect("it is parked")["attempts"].as_i64();
    assert!(replay(&ids[0]).await.starts_with("1 will be handled again"));
    eventually("it is parked again", async || {
        let again = of_upload(&app, &one).await.expect("it is parked");
        (again["attempts"].as_i64() > tries && again["replay_at"].is_null()).then_some(())
    })
    .await;

    // With its cause mended the document goes on. The other event, which nobody asked for, stays where it is.
    execute(&app, FIND).await;
    assert!(replay(&ids[0]).await.starts_with("1 will be handled again"));
    first.document_in(one.text("id"), &["in_review"]).await;
    eventually("it is parked no longer", async || {
        of_upload(&app, &one).await.is_none().then_some(())
    })
    .await;
    assert_eq!(listed(&app).await.len(), 1);

    // What is dropped is given up for good.
    assert_eq!(parked(&app, &["drop", &ids[1]]).await.trim(), "1 dropped.");
    assert_eq!(parked(&app, &["drop", &ids[1]]).await.trim(), "0 dropped.");
    assert!(replay("--all").await.starts_with("0 will be handled again"));
    assert_eq!(state(&second, &other).await, "processing");
    app.finish().await;
}
