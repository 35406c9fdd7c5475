//! Sealing and unsealing together.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::unsealing::{Damaged, Opener, Treatment, has_sealed};

const OWNER: Uuid = Uuid::from_u128(1);

fn keys() -> OwnerKeys {
    OwnerKeys::derive(&[7; 32]).unwrap()
}

fn plans() -> SealPlans {
    let schema = json!({"properties": {
        "id": {"type": "string", "x-open": true},
        "list": {"items": {"properties": {"text": {"type": "string"}}}},
    }});
    SealPlans::new([("e", "1", &schema)]).unwrap()
}

fn seal(payload: &Value) -> String {
    let plans = plans();
    let place = plans.root("e", "1").unwrap();
    Sealer::new(&plans)
        .seal(Some(&keys()), (OWNER, "note", "a", 1), place, payload)
        .unwrap()
}

fn open(stored: &str, stream: &str, sequence: i64) -> Result<Value, Damaged> {
    let mut bound = Vec::new();
    associated(OWNER, "note", stream, sequence, &mut bound);
    let opened = Opener::default().open(Treatment::Open(&keys()), &mut bound, stored)?;
    Ok(serde_json::from_str(&opened).unwrap())
}

#[test]
fn what_is_not_open_can_not_be_read() {
    let payload = json!({"id": "note_1", "list": [{"text": "milk"}, {"text": "bread \"fresh\"\n"}], "n": -1.5, "other": ["eggs", null]});
    let stored = seal(&payload);
    assert!(stored.contains("note_1"));
    for secret in ["milk", "bread", "fresh", "eggs"] {
        assert!(!stored.contains(secret), "{stored}");
    }
    assert_eq!(open(&stored, "a", 1), Ok(payload));
}

#[test]
fn a_sealed_string_opens_nowhere_else() {
    let stored = seal(&json!({"list": [{"text": "milk"}, {"text": "bread"}]}));
    assert_eq!(open(&stored, "b", 1), Err(Damaged));
    assert_eq!(open(&stored, "a", 2), Err(Damaged));
    let value: Value = serde_json::from_str(&stored).unwrap();
    let swapped = json!({"list": [value["list"][1], value["list"][0]]});
    assert_eq!(open(&swapped.to_string(), "a", 1), Err(Damaged));
    let renamed = stored.replace("text", "note");
    assert_eq!(open(&renamed, "a", 1), Err(Damaged));
    let sealed = value["list"][0]["text"].as_str().unwrap();
    let flipped = stored.replace(sealed, &format!("{}A", &sealed[..sealed.len() - 1]));
    assert!(flipped == stored || open(&flipped, "a", 1) == Err(Damaged));
}

#[test]
fn the_same_text_never_looks_the_same() {
    let payload = json!({"list": [{"text": "milk"}, {"text": "milk"}]});
    let stored = seal(&payload);
    let value: Value = serde_json::from_str(&stored).unwrap();
    assert_ne!(value["list"][0]["text"], value["list"][1]["text"]);
    assert_ne!(stored, seal(&payload));
}

#[test]
fn what_only_looks_sealed_is_sealed() {
    let payload = json!({"id": "sealed:nonsense"});
    let stored = seal(&payload);
    assert!(!stored.contains("nonsense"));
    assert_eq!(open(&stored, "a", 1), Ok(payload));
}

#[test]
fn without_the_key_a_string_reads_as_forgotten() {
    let stored = seal(&json!({"id": "note_1", "list": [{"text": "milk"}]}));
    let opened = Opener::default()
        .open(Treatment::Forgotten, &mut Vec::new(), &stored)
        .unwrap();
    assert_eq!(opened, r#"{"id":"note_1","list":[{"text":{"forgotten":true}}]}"#);
}

#[test]
fn what_is_open_needs_no_opening() {
    assert!(!has_sealed(&seal(&json!({"id": "note_1", "n": 1}))));
    assert!(has_sealed(&seal(&json!({"other": "x"}))));
}

fn json_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        Just("sealed:".to_owned()),
        Just("\\\"".to_owned()),
        Just("a/b~c".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop_oneof![
            any::<String>(),
            Just("id".to_owned()),
            Just("list".to_owned()),
            Just("text".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_sealed_opens_to_what_it_was(payload in json_value()) {
        let stored = seal(&payload);
        prop_assert_eq!(open(&stored, "a", 1), Ok(payload));
    }
}
