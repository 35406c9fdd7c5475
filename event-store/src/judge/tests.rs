//! Judging without a database.

use super::*;
use crate::sample::stream;

fn command(id: u128, parts: &[(&str, Expect, usize)], guards: &[(&str, i64)]) -> Command {
    let row = || Row {
        event_type: "note.written".to_owned(),
        version: "1".to_owned(),
        payload: "{}".to_owned(),
    };
    let parts = parts.iter().map(|(id, expect, rows)| Part {
        stream: stream(id),
        owner: Uuid::nil(),
        expect: *expect,
        rows: (0..*rows).map(|_| row()).collect(),
    });
    let guards = guards.iter().map(|(id, version)| Guard {
        stream: stream(id),
        version: *version,
    });
    let metadata = "{\"actor\":\"a\"}".to_owned();
    Command {
        id: Uuid::from_u128(id),
        metadata,
        parts: parts.collect(),
        guards: guards.collect(),
        bytes: 0,
    }
}

/// What became of each command, as words, and the numbers of the events to be written.
fn check(batch: &[Command], stored: &[(&str, i64)], used: &[u128], answers: &[&str], lines: &[(&str, i64)]) {
    let mentions = Mentions::of(batch.iter());
    let version = |id: &&str| {
        stored
            .iter()
            .find(|(name, _)| name == id)
            .map_or(0, |(_, version)| *version)
    };
    let versions = mentions.ids.iter().map(version).collect();
    let verdict = judge(
        batch.iter(),
        &mentions,
        versions,
        used.iter().map(|id| Uuid::from_u128(*id)).collect(),
        10,
    );
    let words = verdict.answers.iter().map(|answer| match answer {
        Ok(Accepted { position, skipped }) if skipped.is_empty() => format!("at {position}"),
        Ok(Accepted { position, skipped }) => format!("at {position}, {} skipped", skipped.len()),
        Err(AppendError::Conflict {
            stream,
            expected,
            actual,
        }) => format!("{} is {actual}, not {expected}", stream.id),
        Err(error) => error.to_string(),
    });
    assert_eq!(words.collect::<Vec<_>>(), answers);
    let line = |line: &Line| (batch[line.command].parts[line.part].stream.id.clone(), line.sequence);
    let found: Vec<_> = verdict.lines.iter().map(line).collect();
    assert_eq!(
        found
            .iter()
            .map(|(id, sequence)| (id.as_str(), *sequence))
            .collect::<Vec<_>>(),
        lines
    );
}

use Expect::{AbsentElseSkip, Version};

#[test]
fn each_command_sees_those_before_it() {
    let batch = [
        command(1, &[("a", Version(0), 2)], &[]),
        command(2, &[("a", Version(2), 1)], &[("a", 2)]),
    ];
    check(&batch, &[], &[], &["at 12", "at 13"], &[("a", 1), ("a", 2), ("a", 3)]);
}

#[test]
fn a_conflict_leaves_no_trace() {
    let batch = [
        command(1, &[("a", Version(0), 1), ("b", Version(4), 1)], &[]),
        command(2, &[("a", Version(0), 1)], &[]),
        command(1, &[("c", Version(0), 1)], &[]),
    ];
    check(
        &batch,
        &[("b", 5)],
        &[],
        &["b is 5, not 4", "at 11", "at 12"],
        &[("a", 1), ("c", 1)],
    );
}

#[test]
fn a_command_is_carried_out_once() {
    let batch = [
        command(1, &[("a", Version(0), 1)], &[]),
        command(1, &[("b", Version(0), 1)], &[]),
        command(9, &[("c", Version(0), 1)], &[]),
    ];
    let known = "the command is in the journal already";
    check(&batch, &[], &[9], &["at 11", known, known], &[("a", 1)]);
}

#[test]
fn a_guard_that_closed_lets_nothing_pass() {
    let batch = [
        command(1, &[("a", Version(0), 1)], &[("account", 1)]),
        command(2, &[("account", Version(1), 1)], &[]),
        command(3, &[("b", Version(0), 1)], &[("account", 1)]),
    ];
    check(
        &batch,
        &[("account", 1)],
        &[],
        &["at 11", "at 12", "account is 2, not 1"],
        &[("a", 1), ("account", 2)],
    );
}

#[test]
fn streams_that_are_there_are_skipped_and_the_rest_holds() {
    let batch = [
        command(
            1,
            &[
                ("a", AbsentElseSkip, 1),
                ("b", AbsentElseSkip, 2),
                ("b", AbsentElseSkip, 1),
            ],
            &[],
        ),
        command(2, &[("a", AbsentElseSkip, 1), ("b", AbsentElseSkip, 1)], &[]),
    ];
    check(
        &batch,
        &[("a", 3)],
        &[],
        &["at 12, 2 skipped", "at 12, 2 skipped"],
        &[("b", 1), ("b", 2)],
    );
}

#[test]
fn the_first_event_tells_how_many_there_are() {
    let batch = [command(1, &[("a", Version(0), 2), ("b", Version(0), 1)], &[])];
    let mentions = Mentions::of(batch.iter());
    let verdict = judge(batch.iter(), &mentions, vec![0, 0], HashSet::new(), 0);
    let first: Vec<_> = verdict.lines.iter().map(|line| line.first.as_deref()).collect();
    assert_eq!(first, [Some("{\"actor\":\"a\",\"events\":\"3\"}"), None, None]);
}

#[test]
fn what_the_index_does_not_check_is_claimed() {
    let batch = [
        command(
            1,
            &[
                ("new", Version(0), 1),
                ("old", Version(2), 1),
                ("maybe", AbsentElseSkip, 1),
            ],
            &[("none", 0)],
        ),
        command(2, &[("other", Version(0), 1)], &[("new", 5)]),
    ];
    let mentions = Mentions::of(batch.iter());
    let verdict = judge(batch.iter(), &mentions, mentions.guesses.clone(), HashSet::new(), 0);
    // `other` was not written, since its command did not hold: that it does not exist is not checked by writing it.
    assert_eq!(
        mentions.claims(&verdict.versions).ids,
        ["none", "old", "maybe", "other"]
    );
}
