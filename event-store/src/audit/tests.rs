//! Proofs made of what is stored, in journals with commits of all sizes.

mod tampering;

use super::*;
use crate::{
    Append, Expect, StreamAppend,
    merkle::Tree,
    sample::{OWNER, Sample, note, origin, stream, written},
};
use uuid::Uuid;

impl Audit {
    pub(super) fn of(sample: &Sample) -> Self {
        Self::on(&sample.journal)
    }
}

/// Appends so many events to one new stream, in one commit.
pub(super) async fn append(sample: &Sample, id: &str, events: usize) {
    let part = StreamAppend {
        stream: stream(id),
        owner: OWNER,
        expect: Expect::Version(0),
        events: (0..events).map(|n| written(id, &format!("text {n}"))).collect(),
    };
    let append = Append {
        command_id: Uuid::now_v7(),
        origin: origin(),
        streams: vec![part],
        guards: vec![],
    };
    sample.journal.append(append).await.unwrap();
}

#[tokio::test]
async fn every_event_is_proved_against_every_later_head() {
    let sample = Sample::new().await;
    let audit = Audit::of(&sample);
    assert_eq!(audit.head(None).await.unwrap(), None);
    let mut sizes = Vec::new();
    for (number, events) in [1, 1, 3, 1, 9, 2, 1, 1, 17, 1, 4, 1, 1].into_iter().enumerate() {
        append(&sample, &format!("s{number}"), events).await;
        sizes.push(*sample.journal.head().borrow());
    }
    let newest = audit.head(None).await.unwrap().unwrap();
    assert_eq!(Some(&newest.size), sizes.last());
    let mut tree = Tree::default();
    for position in 1..=newest.size {
        let event = audit.event(position).await.unwrap().unwrap();
        tree.push(event.leaf());
        for size in sizes.iter().filter(|size| **size >= position) {
            let head = audit.head(Some(*size)).await.unwrap().unwrap();
            let proof = audit.prove(event.clone(), head).await.unwrap();
            proof.check().unwrap();
            assert!(proof.path.len() <= 6, "{} nodes", proof.path.len());
        }
        let grown = audit.extend(position, newest.clone()).await.unwrap();
        grown.check(tree.root()).unwrap();
        assert_eq!(grown.check([1; 32]), Err(ProofError::Beginning));
    }
    assert_eq!(audit.event(newest.size + 1).await.unwrap(), None);
    assert_eq!(audit.head(Some(3)).await.unwrap(), None, "no commit ended there");
}

#[tokio::test]
async fn a_proof_of_what_was_changed_does_not_hold() {
    let sample = Sample::new().await;
    for id in ["a", "b", "c", "d", "e"] {
        sample.journal.append(note(id, 0)).await.unwrap();
    }
    let audit = Audit::of(&sample);
    let head = audit.head(None).await.unwrap().unwrap();
    let proof = audit.prove(audit.event(2).await.unwrap().unwrap(), head).await.unwrap();
    let altered: [fn(&mut EventProof); 8] = [
        |proof| proof.event.payload.push(' '),
        |proof| proof.event.owner = Uuid::nil(),
        |proof| proof.event.recorded_at_us += 1,
        |proof| proof.event.position = 3,
        |proof| proof.event.position = 0,
        |proof| proof.event.position = i64::MIN,
        |proof| proof.path[1][0] ^= 1,
        |proof| proof.path.truncate(1),
    ];
    for alter in altered {
        let mut proof = proof.clone();
        alter(&mut proof);
        assert_eq!(proof.check(), Err(ProofError::Event), "{proof:?}");
    }
    let altered: [fn(&mut SignedHead); 5] = [
        |head| head.size += 1,
        |head| head.root[0] ^= 1,
        |head| head.recorded_at += chrono::TimeDelta::microseconds(1),
        |head| head.public_key[0] ^= 1,
        |head| head.signature[0] ^= 1,
    ];
    for alter in altered {
        let mut proof = proof.clone();
        alter(&mut proof.head);
        assert_eq!(proof.check(), Err(ProofError::Signature), "{:?}", proof.head);
    }
}

#[tokio::test]
async fn heads_are_signed_by_one_key_that_is_kept_wrapped() {
    let sample = Sample::new().await;
    sample.journal.append(note("a", 0)).await.unwrap();
    let first = Audit::of(&sample).head(None).await.unwrap().unwrap();
    let another = crate::sample::another(&sample.database).await;
    let second = Audit::on(&another);
    assert_eq!(second.head(None).await.unwrap().unwrap(), first);
    let lines: Vec<_> = first.message().lines().map(str::to_owned).collect();
    assert_eq!(
        (lines[0].as_str(), lines[1].as_str(), lines[2].len()),
        ("spendlog head 1", "1", 64)
    );
    assert!(lines[3].ends_with('Z') && lines[3].len() == 27, "{lines:?}");
    let wrapped: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM es.keys WHERE scope = 'secret' AND name = $1")
        .bind(HEAD_KEY)
        .fetch_one(sample.journal.database().pool())
        .await
        .unwrap();
    assert!(wrapped.len() > 32, "it is wrapped");
}

#[tokio::test]
async fn no_proof_is_given_of_a_damaged_journal() {
    let sample = Sample::new().await;
    append(&sample, "a", 5).await;
    let audit = Audit::of(&sample);
    let head = audit.head(None).await.unwrap().unwrap();
    let before = audit.event(2).await.unwrap().unwrap();
    sqlx::query("UPDATE es.events SET event_version = '2' WHERE position = 2")
        .execute(sample.journal.database().pool())
        .await
        .unwrap();
    let changed = audit.event(2).await.unwrap().unwrap();
    assert!(audit.prove(changed, head.clone()).await.is_err());
    assert!(
        audit.prove(before, head.clone()).await.is_ok(),
        "the leaves beside it are as they were"
    );
    let other = audit.event(1).await.unwrap().unwrap();
    assert!(audit.prove(other, head).await.is_err(), "a leaf beside it is not");
}
