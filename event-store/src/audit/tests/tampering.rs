//! Whatever is changed by hand is found, and named as exactly as it can be known.

use std::sync::Arc;

use object_store::{ObjectStoreExt as _, memory::InMemory};

use super::*;
use crate::{
    Files,
    sample::{another, plans},
};

/// A journal with commits of 1, 1, 4, 1, 1, 3, 1 events; what is done to it can be undone.
struct Crime {
    sample: Sample,
    audit: Audit,
    files: Files,
}

impl Crime {
    async fn new() -> Self {
        let sample = Sample::new().await;
        for (id, events) in [("a", 1), ("b", 1), ("c", 4), ("d", 1), ("e", 1), ("f", 3)] {
            append(&sample, id, events).await;
        }
        sample.journal.append(note("a", 1)).await.unwrap();
        let audit = Audit::of(&sample);
        let crime = Self {
            sample,
            audit,
            files: Files::new(Arc::new(InMemory::new())),
        };
        crime
            .execute("CREATE TABLE kept_events AS TABLE es.events; CREATE TABLE kept_commits AS TABLE es.commits")
            .await;
        assert_eq!(crime.found().await, [], "nothing is wrong at first");
        crime
    }

    async fn execute(&self, sql: &str) {
        let pool = self.sample.journal.database().pool();
        sqlx::raw_sql(sql)
            .execute(pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn undo(&self) {
        self.execute(
            "TRUNCATE es.events, es.commits; INSERT INTO es.events TABLE kept_events; INSERT INTO es.commits TABLE kept_commits",
        )
        .await;
    }

    async fn verify(&self) -> Verified {
        self.audit.verify(plans(), None, |_, _| ()).await.unwrap()
    }

    async fn found(&self) -> Vec<Broken> {
        self.verify().await.broken
    }

    /// What is found after this was done, in short: position, stream, column.
    async fn after(&self, sql: &str) -> Vec<(i64, String, String)> {
        self.execute(sql).await;
        let found = self.found().await;
        self.undo().await;
        let short = |broken: Broken| {
            let (stream, column) = (broken.stream.unwrap_or_default(), broken.column.unwrap_or_default());
            (broken.position, stream, column)
        };
        found.into_iter().map(short).collect()
    }

    async fn check(&self, sql: &str, expected: &[(i64, &str, &str)]) {
        let found = self.after(sql).await;
        let found: Vec<_> = found.iter().map(|(p, s, c)| (*p, s.as_str(), c.as_str())).collect();
        assert_eq!(found, expected, "{sql}");
    }
}

/// `UPDATE` of one column at one position.
fn set(position: i64, column: &str, value: &str) -> String {
    format!("UPDATE es.events SET {column} = {value} WHERE position = {position}")
}

/// The payload with one letter changed that it has within the seventh last of its bytes: in the last sealed string.
const FLIPPED: &str = "overlay(payload::text placing CASE substr(payload::text, length(payload::text) - 7, 1) WHEN 'A' THEN 'B' ELSE 'A' END
    from length(payload::text) - 7 for 1)::json";

#[tokio::test]
async fn a_changed_byte_is_found_and_named() {
    let crime = Crime::new().await;
    // In a commit of its own, at the start and end, and in the midst of a commit of several.
    for (position, stream) in [
        (1, "note a"),
        (4, "note c"),
        (7, "note d"),
        (11, "note f"),
        (12, "note a"),
    ] {
        for (column, value) in [
            ("payload", FLIPPED),
            ("metadata", "replace(metadata::text, 'usr_test', 'usr_tesT')::json"),
            ("event_version", "'2'"),
            ("event_type", "'note.writteN'"),
            ("owner_id", "'00000000-0000-0000-0000-00000000000b'"),
            ("recorded_at", "recorded_at + interval '1 microsecond'"),
            ("recorded_at", "recorded_at - interval '400 days'"),
            ("sequence", "sequence + 100"),
        ] {
            crime
                .check(&set(position, column, value), &[(position, stream, column)])
                .await;
        }
    }
    crime
        .check(&set(8, "aggregate_id", "'E'"), &[(8, "note E", "aggregate_id")])
        .await;
    crime
        .check(&set(8, "aggregate_type", "'notE'"), &[(8, "notE e", "aggregate_type")])
        .await;
    crime
        .check(
            "UPDATE es.events SET command_id = overlay(command_id::text placing 'ff' from 35)::uuid WHERE position = 8",
            &[(8, "note e", "command_id")],
        )
        .await;
}

#[tokio::test]
async fn a_changed_column_is_named_where_it_can_be_known() {
    let crime = Crime::new().await;
    // Somebody else's id that is known, all of it.
    let other = Uuid::now_v7();
    crime.audit.keyring.owner(other).await.unwrap();
    crime
        .check(&set(4, "owner_id", &format!("'{other}'")), &[(4, "note c", "owner_id")])
        .await;
    // Someone who was never there: it was put in the place of one who was.
    let stranger = format!("'{}'", Uuid::now_v7());
    crime
        .check(&set(7, "owner_id", &stranger), &[(7, "note d", "owner_id")])
        .await;
    // All of the metadata, in a commit with neighbours that have the same.
    let forged = r#"'{"actor":"usr_nobody","correlation":"00000000-0000-0000-0000-000000000009"}'"#;
    crime
        .check(&set(5, "metadata", forged), &[(5, "note c", "metadata")])
        .await;
    let first = r#"'{"actor":"usr_nobody","correlation":"00000000-0000-0000-0000-000000000009","events":"4"}'"#;
    crime
        .check(&set(3, "metadata", first), &[(3, "note c", "metadata")])
        .await;
    crime
        .check(&set(3, "event_type", "'note.forged'"), &[(3, "note c", "event_type")])
        .await;
    // Much of a payload: its strings no longer open. That can be known, but not proved.
    let forged = r#"replace(payload::text, 'sealed:', 'sealed:AAAA')::json"#;
    crime
        .check(&set(8, "payload", forged), &[(8, "note e", "payload")])
        .await;
    crime
        .check(&set(8, "metadata", "'{}'"), &[(8, "note e", "metadata")])
        .await;
    // Two events of one commit, in what has no form: one can't be told from the other, nor what of it.
    let both = "UPDATE es.events SET payload = '{\"note.written\":{}}' WHERE position IN (3, 5)";
    assert_eq!(crime.after(both).await, [(3, String::new(), String::new())]);
    crime.execute(both).await;
    let found = crime.found().await;
    assert_eq!((found[0].position, found[0].until), (3, 6), "the commit is known");
    assert!(
        found[0]
            .to_string()
            .starts_with("positions 3 to 6, stream unknown, column unknown: "),
        "{}",
        found[0]
    );
}

#[tokio::test]
async fn what_is_gone_is_found() {
    let crime = Crime::new().await;
    let delete = |position: i64| format!("DELETE FROM es.events WHERE position = {position}");
    // The newest, which is the second of its stream.
    crime.check(&delete(12), &[(12, "", "position")]).await;
    // One in the middle: nobody knows of which stream, if it was its last.
    crime.check(&delete(8), &[(8, "", "position")]).await;
    // One that its stream went on after.
    crime
        .check(&delete(4), &[(4, "", "position"), (5, "note c", "sequence")])
        .await;
    crime
        .check(&delete(1), &[(1, "", "position"), (12, "note a", "sequence")])
        .await;
    // A whole commit, with its row; all that came after is still there.
    let whole = "DELETE FROM es.events WHERE position = 8; DELETE FROM es.commits WHERE size = 8";
    crime.check(whole, &[(8, "", "position")]).await;
    // Everything.
    crime
        .check(
            "TRUNCATE es.events",
            &[
                (1, "", "position"),
                (2, "", "position"),
                (3, "", "position"),
                (7, "", "position"),
                (8, "", "position"),
                (9, "", "position"),
                (12, "", "position"),
            ],
        )
        .await;
    // Rows of commits: the newest, one in the middle, all.
    crime
        .check("DELETE FROM es.commits WHERE size = 12", &[(12, "", "commits.size")])
        .await;
    crime
        .check(
            "DELETE FROM es.commits WHERE size = 7",
            &[(8, "", "commits.recorded_at")],
        )
        .await;
    crime.check("TRUNCATE es.commits", &[(1, "", "commits.size")]).await;
}

#[tokio::test]
async fn what_was_moved_or_added_is_found() {
    let crime = Crime::new().await;
    let swap = |one: i64, other: i64| {
        format!(
            "{}; {}; {}",
            set(one, "position", "-1"),
            set(other, "position", &one.to_string()),
            set(-1, "position", &other.to_string())
        )
    };
    // Of different commits, and of one.
    crime
        .check(&swap(2, 7), &[(2, "note d", "position"), (7, "note b", "position")])
        .await;
    crime.check(&swap(4, 5), &[(4, "note c", "position")]).await;
    crime
        .check(&swap(4, 10), &[(4, "note f", "position"), (10, "note c", "position")])
        .await;
    crime
        .check(&set(7, "position", "0"), &[(0, "", "position"), (7, "", "position")])
        .await;
    let add = |position: i64, sequence: i64| {
        format!("INSERT INTO es.events SELECT aggregate_type, aggregate_id, {sequence}, event_type, event_version, payload, metadata,
            {position}, owner_id, NULL, recorded_at FROM es.events WHERE position = 12")
    };
    crime.check(&add(13, 3), &[(13, "", "commits.size")]).await;
    crime.check(&add(0, 3), &[(0, "", "position")]).await;
}

#[tokio::test]
async fn a_changed_commit_is_found_and_the_events_are_not_blamed() {
    let crime = Crime::new().await;
    for size in [1, 6, 12] {
        for (column, value) in [
            ("root", "set_byte(root, 3, (get_byte(root, 3) + 1) % 256)"),
            ("frontier", "set_byte(frontier, 3, (get_byte(frontier, 3) + 1) % 256)"),
            ("frontier", "''"),
            ("recorded_at", "recorded_at + interval '1 microsecond'"),
        ] {
            let sql = format!("UPDATE es.commits SET {column} = {value} WHERE size = {size}");
            crime.check(&sql, &[(size, "", &format!("commits.{column}"))]).await;
        }
    }
    // Root and frontier of another tree, which is one in itself.
    let sql = "UPDATE es.commits SET root = o.root, frontier = o.root FROM es.commits o WHERE es.commits.size = 8 AND o.size = 7";
    crime.check(sql, &[(8, "", "commits.root")]).await;
}

#[tokio::test]
async fn a_rewritten_past_is_found_by_an_older_head_alone() {
    let crime = Crime::new().await;
    let (older, newest) = (
        crime.audit.head(Some(7)).await.unwrap().unwrap(),
        crime.audit.head(None).await.unwrap().unwrap(),
    );
    for head in [&older, &newest] {
        assert_eq!(crime.audit.check_against(head).await.unwrap(), Ok(()));
    }
    // The newest event is taken away with its commit: what is left is whole.
    crime
        .execute("DELETE FROM es.events WHERE position = 12; DELETE FROM es.commits WHERE size = 12")
        .await;
    assert_eq!(crime.found().await, []);
    assert_eq!(
        crime.audit.check_against(&newest).await.unwrap(),
        Err(Against::Shorter { size: 11 })
    );
    assert_eq!(crime.audit.check_against(&older).await.unwrap(), Ok(()));
    // … unless a subscription has seen it.
    crime
        .execute("INSERT INTO es.subscriptions (name, position) VALUES ('reader', 12)")
        .await;
    let found = crime.found().await;
    assert_eq!(
        (found.len(), found[0].position, found[0].column.as_deref()),
        (1, 12, Some("position"))
    );
    crime.execute("DELETE FROM es.subscriptions").await;
    crime.undo().await;

    // From position 4 on everything is written anew, with all hashes as they must be.
    crime.execute(&set(4, "event_version", "'1 '")).await;
    rewrite(&crime).await;
    assert_eq!(crime.found().await, [], "in itself it is whole");
    let another = another(&crime.sample.database).await;
    assert_eq!(*another.head().borrow(), 12, "a server would go on with it");
    for head in [&older, &newest] {
        assert_eq!(crime.audit.check_against(head).await.unwrap(), Err(Against::Rewritten));
    }
    assert_eq!(crime.audit.head(None).await.unwrap().unwrap().size, 12);
    crime.undo().await;

    // Heads that were tampered with, or are somebody else's.
    let mut forged = older.clone();
    forged.root = newest.root;
    assert_eq!(
        crime.audit.check_against(&forged).await.unwrap(),
        Err(Against::Signature)
    );
    let other = SignedHead::sign(&[7; 32], older.size, older.root, older.recorded_at).unwrap();
    assert_eq!(crime.audit.check_against(&other).await.unwrap(), Err(Against::OtherKey));
}

/// Computes all commits anew from the events.
async fn rewrite(crime: &Crime) {
    let pool = crime.sample.journal.database().pool();
    let sizes: Vec<i64> = sqlx::query_scalar("SELECT size FROM es.commits ORDER BY size")
        .fetch_all(pool)
        .await
        .unwrap();
    let mut tree = Tree::default();
    for size in sizes {
        while tree.size() < size {
            tree.push(crime.audit.event(tree.size() + 1).await.unwrap().unwrap().leaf());
        }
        sqlx::query("UPDATE es.commits SET root = $1, frontier = $2 WHERE size = $3")
            .bind(&tree.root()[..])
            .bind(tree.frontier())
            .bind(size)
            .execute(pool)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn files_are_compared_with_their_names() {
    let crime = Crime::new().await;
    let keys = crime.audit.keyring.owner(OWNER).await.unwrap();
    let stored = crime.files.put_bytes(&keys, OWNER, b"bread and butter").await.unwrap();
    // The event at position 7 names it.
    fn names(_: &str, payload: &str) -> Option<NamedFile> {
        let object = payload
            .split('"')
            .find(|part| part.len() == 64 && !part.contains(':'))?;
        Some(NamedFile {
            object: object.to_owned(),
            bytes: 16,
        })
    }
    let append = Append {
        streams: vec![StreamAppend {
            stream: stream("file"),
            owner: OWNER,
            expect: Expect::Version(0),
            events: vec![written(&stored.object, "text")],
        }],
        ..note("file", 0)
    };
    let position = crime.sample.journal.append(append).await.unwrap().position;
    let verify = async || {
        crime
            .audit
            .verify(plans(), Some((crime.files.clone(), names)), |_, _| ())
            .await
            .unwrap()
    };
    let verified = verify().await;
    assert_eq!((verified.broken, verified.files, verified.size), (vec![], 1, position));

    // Another content under the name, of the same owner and as large.
    let other = crime.files.put_bytes(&keys, OWNER, b"bread and honey!").await.unwrap();
    let store = crime.files.store();
    let path = |object: &str| object_store::path::Path::from(format!("{OWNER}/{object}"));
    store.copy(&path(&other.object), &path(&stored.object)).await.unwrap();
    let found = verify().await.broken;
    assert_eq!((found.len(), found[0].position), (1, position));
    assert_eq!(found[0].column, Some(format!("file {}", stored.object)));
    store.delete(&path(&stored.object)).await.unwrap();
    let found = verify().await.broken;
    assert!(found[0].why.contains("gone"), "{}", found[0]);
    // Of somebody forgotten nothing can be read, and nothing is missed.
    crime
        .execute(&format!("UPDATE es.keys SET wrapped = NULL WHERE name = '{OWNER}'"))
        .await;
    let another = another(&crime.sample.database).await;
    let audit = Audit::on(&another);
    let verified = audit
        .verify(plans(), Some((crime.files.clone(), names)), |_, _| ())
        .await
        .unwrap();
    assert_eq!((verified.broken, verified.files, verified.forgotten), (vec![], 0, 1));
}

/// A journal of many ranges: the same is found in whichever range it lies, and by whichever core.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_prove_together_what_one_pass_would() {
    let sample = Sample::new().await;
    for number in 0..30 {
        append(&sample, &format!("s{number}"), 997).await;
        append(&sample, &format!("t{number}"), 1).await;
    }
    let audit = Audit::of(&sample);
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let progress = Arc::clone(&told);
    let verified = audit
        .verify(plans(), None, move |seen, of| progress.lock().unwrap().push((seen, of)))
        .await
        .unwrap();
    assert_eq!((verified.broken, verified.size), (vec![], 30 * 998));
    assert_eq!(told.lock().unwrap().iter().max(), Some(&(verified.size, verified.size)));
    let pool = sample.journal.database().pool();
    for (position, commit) in [
        (998, 998),
        (8_983, 8_983),
        (8_982, 8_982),
        (20_000, 20_957),
        (29_940, 29_940),
    ] {
        let flip = |column: &str| format!("UPDATE es.events SET {column} = '2' WHERE position = {position}");
        sqlx::raw_sql(&flip("event_version")).execute(pool).await.unwrap();
        let verified = audit.verify(plans(), None, |_, _| ()).await.unwrap();
        let found: Vec<_> = verified
            .broken
            .iter()
            .map(|broken| (broken.position, broken.column.as_deref()))
            .collect();
        assert_eq!(
            found,
            [(position, Some("event_version"))],
            "in the commit of size {commit}"
        );
        sqlx::query("UPDATE es.events SET event_version = '1' WHERE position = $1")
            .bind(position)
            .execute(pool)
            .await
            .unwrap();
    }
    // A row of es.commits that ranges begin and end with: the events on neither side are blamed.
    let boundary: i64 = sqlx::query_scalar("SELECT min(size) FROM es.commits WHERE size >= 8192")
        .fetch_one(pool)
        .await
        .unwrap();
    sqlx::query("UPDATE es.commits SET frontier = '' WHERE size = $1")
        .bind(boundary)
        .execute(pool)
        .await
        .unwrap();
    let verified = audit.verify(plans(), None, |_, _| ()).await.unwrap();
    let found: Vec<_> = verified
        .broken
        .iter()
        .map(|broken| (broken.position, broken.column.as_deref()))
        .collect();
    assert_eq!(found, [(boundary, Some("commits.frontier"))]);
}
