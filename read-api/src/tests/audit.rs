//! One's own events: in pages, and as a stream that goes on where it was left.

use std::time::Duration;

use actix_web::http::StatusCode;
use serde_json::json;
use spendlog_projections::Group;
use spendlog_schemas::audit::EventProof;

use crate::proof;

use super::house::{House, book, user};

#[actix_web::test]
async fn events_are_ones_own_and_hold_no_password() {
    let house = House::new().await;
    let position = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    house.spend(2, 2, 1250, "2026-09-14", "Planted").await;
    let mut path = "/audit/events?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = house.get(1, &path, position).await;
        let page = answer.json();
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["next"].is_null() {
            break;
        }
        path = answer.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    }
    let names: Vec<_> = seen.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "user.registered",
            "book.opened",
            "account.opened",
            "category.created",
            "transaction.recorded"
        ]
    );
    assert_eq!(
        (&seen[0]["owner"], &seen[1]["owner"]),
        (&json!(user(1).to_string()), &json!(book(1).to_string()))
    );
    assert_eq!(seen[0]["data"]["password_hash"], "withheld");
    assert_eq!(seen[4]["data"]["merchant"], "Café");
    let text = json!(seen).to_string();
    assert!(!text.contains("argon2") && !text.contains("Planted"));
    let of_user = house
        .get(1, &format!("/audit/events?owner={}", user(1)), position)
        .await
        .json();
    assert_eq!(of_user["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_stream_goes_on_with_what_happens_and_with_new_books() {
    let house = House::new().await;
    let accept = ("accept", "text/event-stream");
    let happening = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        house.spend(2, 2, 1, "2026-09-14", "Planted").await;
        let opened = json!({"book": book(7), "user": user(1), "name": "Second", "policy": "manual"});
        house
            .happen("book", &book(7).to_string(), book(7).uuid(), 0, "book.opened", opened)
            .await
    };
    let headers = [accept];
    let (pieces, last) = tokio::join!(house.stream(1, "/audit/events", &headers, 5), happening);
    assert!(
        pieces[4].starts_with(&format!("id: {last}\nevent: book.opened\n")),
        "{pieces:?}"
    );
    assert!(!pieces.concat().contains("Planted"));
    let left = pieces[2].lines().next().unwrap().trim_start_matches("id: ").to_owned();
    let rest = house
        .stream(1, "/audit/events", &[accept, ("last-event-id", &left)], 2)
        .await;
    assert_eq!(rest, pieces[3..]);
}

#[actix_web::test]
async fn the_stream_goes_as_far_as_the_read_tables_while_these_are_behind() {
    let house = House::new().await;
    let position = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    let ledger = Group::Ledger;
    house
        .api
        .projections
        .wait(ledger, position, Duration::from_secs(30))
        .await
        .unwrap();
    house.api.projections.pause(ledger).await.unwrap();
    let later = house.spend(1, 2, 1250, "2026-09-15", "Bakery").await;
    let accept = ("accept", "text/event-stream");
    let known = house.stream(1, "/audit/events", &[accept], 5).await;
    assert!(known[4].starts_with(&format!("id: {position}\n")), "{known:?}");
    house.api.projections.resume(ledger).await.unwrap();
    let all = house.stream(1, "/audit/events", &[accept], 6).await;
    assert_eq!(all[..5], known);
    assert!(all[5].starts_with(&format!("id: {later}\n")), "{all:?}");
}

#[actix_web::test]
async fn pages_go_as_far_as_the_read_tables_while_these_are_behind() {
    let house = House::new().await;
    let position = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    let projections = &house.api.projections;
    projections
        .wait(Group::Ledger, position, Duration::from_secs(30))
        .await
        .unwrap();
    projections.pause(Group::Ledger).await.unwrap();
    let opened = json!({"book": book(7), "user": user(1), "name": "Second", "policy": "manual"});
    let opened = house
        .happen("book", &book(7).to_string(), book(7).uuid(), 0, "book.opened", opened)
        .await;
    let later = house.spend(1, 2, 1250, "2026-09-15", "Bakery").await;
    // Were the later event told now, who goes on after it would never hear of the book.
    let path = format!("/audit/events?after={position}");
    let known = house.get_with(1, &path, &[]).await.json();
    assert_eq!(known, json!({"data": [], "next": null}));
    projections.resume(Group::Ledger).await.unwrap();
    let all = house.get(1, &path, later).await.json();
    let positions: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["position"])
        .collect();
    assert_eq!(positions, [opened, later]);
}

#[actix_web::test]
async fn a_proof_is_of_ones_own_events_alone() {
    let house = House::new().await;
    let position = house.spend(1, 1, 1250, "2026-09-14", "Café").await;
    let last = house.spend(2, 2, 1250, "2026-09-14", "Planted").await;
    let path = |position: i64| format!("/audit/events/{position}/proof");
    let told = house.get(1, &path(position), last).await;
    let text = String::from_utf8(told.bytes.clone()).unwrap();
    for of_other in [user(2).to_string(), book(2).to_string(), "Planted".to_owned()] {
        assert!(
            !text.contains(&of_other) && !text.contains(&of_other.replace('-', "")),
            "{text}"
        );
    }
    let proof: EventProof = serde_json::from_slice(&told.bytes).unwrap();
    assert_eq!((proof.event.position, proof.head.size), (position, last));
    let heard = proof::heard_proof(proof.clone()).unwrap();
    heard.check().unwrap();
    assert_eq!(proof::told_head(&heard.head), proof.head);
    let mut wrong = proof;
    wrong.path[0].push('0');
    assert_eq!(proof::heard_proof(wrong), None);
    let (stranger, absent) = (
        house.get(2, &path(position), last).await,
        house.get(2, &path(last + 1), last).await,
    );
    assert_eq!(
        (stranger.status, absent.status),
        (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND)
    );
    assert_eq!(stranger.json()["detail"], absent.json()["detail"]);
    let early = house
        .get(1, &format!("{}?size={}", path(position), position - 1), last)
        .await;
    assert_eq!(early.status, StatusCode::BAD_REQUEST);
}
