//! Tests of the command line and of what it prints.

use clap::{CommandFactory as _, Parser as _};

use crate::{
    cli::{Cli, Command, Kafka, Parked, Replay, When, Who},
    serve::api,
};

fn parse(arguments: &[&str]) -> Result<Command, clap::Error> {
    let cli = Cli::try_parse_from(std::iter::once(&"spendlog").chain(arguments))?;
    Ok(cli.command.unwrap_or(Command::Migrate))
}

fn replay(at: &str) -> Result<Replay, clap::Error> {
    match parse(&["replay", "--user", "ada@example.org", "--at", at])? {
        Command::Replay(replay) => Ok(replay),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_moment_is_a_position_a_day_or_a_time() {
    assert_eq!(replay("17").unwrap().at, When::Position(17));
    let When::Time(time) = replay("2026-10-03").unwrap().at else {
        panic!("a time")
    };
    assert_eq!(time.to_rfc3339(), "2026-10-03T23:59:59.999999+00:00");
    let When::Time(time) = replay("2026-10-03T12:00:00+02:00").unwrap().at else {
        panic!("a time")
    };
    assert_eq!(time.to_rfc3339(), "2026-10-03T10:00:00+00:00");
    for wrong in ["", "soon", "2026-13-01", "1.5"] {
        assert!(replay(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_user_is_an_address_or_an_id() {
    assert_eq!("ada@example.org".parse(), Ok(Who::Email("ada@example.org".to_owned())));
    assert!(matches!("usr_0197a2c4e1b87d3c9f0a5b6c7d8e9f00".parse(), Ok(Who::Id(_))));
    assert!("ada".parse::<Who>().is_err());
}

#[test]
fn a_topic_has_at_least_one_partition() {
    assert!(parse(&["kafka", "switch", "--partitions", "0"]).is_err());
    let Command::Kafka(Kafka::Switch { partitions, now }) = parse(&["kafka", "switch"]).unwrap() else {
        panic!()
    };
    assert_eq!((partitions, now), (None, false));
}

#[test]
fn parked_events_are_named_or_all_are_meant() {
    assert!(parse(&["parked", "drop"]).is_err());
    assert!(parse(&["parked", "drop", "1", "--all"]).is_err());
    let Command::Parked(Parked::Replay(which)) = parse(&["parked", "replay", "1", "2"]).unwrap() else {
        panic!()
    };
    assert_eq!(which.ids(), Some([1, 2].as_slice()));
    let Command::Parked(Parked::Drop(which)) = parse(&["parked", "drop", "--all"]).unwrap() else {
        panic!()
    };
    assert_eq!(which.ids(), None);
}

#[test]
fn the_description_of_the_api_is_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/openapi.json");
    let (written, made) = (std::fs::read_to_string(path).unwrap(), api::printed().unwrap());
    let differs = written
        .lines()
        .zip(made.lines())
        .enumerate()
        .find(|(_, (old, new))| old != new);
    assert_eq!(
        differs, None,
        "the first line that differs; write it anew: make openapi"
    );
    assert_eq!(
        written.len(),
        made.len(),
        "one goes on after the other ends; write it anew: make openapi"
    );
}

#[test]
fn every_operation_has_a_name_and_a_place() {
    let description = serde_json::to_value(api::description()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path} has no name"));
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
            assert!(
                operation["responses"]["default"].is_object(),
                "{method} {path} names no problem"
            );
        }
    }
    assert!(names.len() > 40, "{}", names.len());
}
