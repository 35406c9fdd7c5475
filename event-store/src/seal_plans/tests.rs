//! What is open, and what therefore is not.

use serde_json::json;

use super::*;

fn place(plans: &SealPlans, path: &[&str]) -> usize {
    let root = plans.root("e", "1").unwrap();
    path.iter().fold(root, |place, step| {
        if *step == "[]" {
            plans.items(place)
        } else {
            plans.property(place, step)
        }
    })
}

/// Checks which of the paths are open by this schema.
fn check(schema: Value, open: &[&[&str]], sealed: &[&[&str]]) {
    let plans = SealPlans::new([("e", "1", &schema)]).unwrap();
    for path in open {
        assert!(plans.open(place(&plans, path)), "{path:?} is sealed");
    }
    for path in sealed {
        assert!(!plans.open(place(&plans, path)), "{path:?} is open");
    }
}

#[test]
fn only_what_is_marked_is_open() {
    let schema = json!({"type": "object", "properties": {
        "id": {"type": "string", "x-open": true},
        "text": {"type": "string"},
        "code": {"type": "string", "enum": ["a", "b"]},
        "anything": true,
    }});
    check(
        schema,
        &[&["id"]],
        &[
            &["text"],
            &["code"],
            &["anything"],
            &["unknown"],
            &["id", "below"],
            &["unknown", "[]"],
        ],
    );
}

#[test]
fn a_mark_holds_for_the_alternatives_below_it_and_not_for_what_is_inside() {
    let schema = json!({"properties": {
        "date": {"$ref": "#/$defs/Date", "x-open": true},
        "maybe": {"anyOf": [{"$ref": "#/$defs/Id"}, {"type": "null"}]},
        "list": {"type": "array", "items": {"$ref": "#/$defs/Id"}},
        "mixed": {"oneOf": [{"$ref": "#/$defs/Id"}, {"type": "string"}]},
        "object": {"x-open": true, "properties": {"text": {"type": "string"}}},
    }, "$defs": {
        "Date": {"type": "string"},
        "Id": {"type": "string", "x-open": true},
    }});
    check(
        schema,
        &[&["date"], &["maybe"], &["list", "[]"]],
        &[&["mixed"], &["object", "text"], &["list"]],
    );
}

#[test]
fn variants_are_looked_through_each_by_its_key() {
    let schema = json!({"oneOf": [
        {"type": "object", "properties": {"a": {"properties": {"x": {"type": "string", "x-open": true}}}}},
        {"type": "object", "properties": {"b": {"properties": {"x": {"type": "string"}}}}},
    ]});
    check(schema, &[&["a", "x"]], &[&["b", "x"]]);
}

#[test]
fn one_key_in_two_variants_is_open_only_if_it_is_in_both() {
    let schema = json!({"oneOf": [
        {"properties": {"x": {"type": "string", "x-open": true}, "y": {"type": "string", "x-open": true}}},
        {"properties": {"x": {"type": "string"}, "y": {"type": "integer"}}},
    ]});
    check(schema, &[&["y"]], &[&["x"]]);
}

#[test]
fn a_schema_that_contains_itself_comes_to_an_end() {
    let schema = json!({"properties": {
        "id": {"type": "string", "x-open": true},
        "children": {"type": "array", "items": {"$ref": "#"}},
    }});
    check(
        schema,
        &[&["children", "[]", "children", "[]", "id"]],
        &[&["children", "[]", "name"]],
    );
}

#[test]
fn what_can_not_be_sealed_is_refused() {
    let keys = SealPlanError::Keys {
        event_type: "e".to_owned(),
    };
    let map = json!({"properties": {"map": {"additionalProperties": {"type": "string"}}}});
    assert_eq!(SealPlans::new([("e", "1", &map)]).unwrap_err(), keys);
    let nowhere = json!({"properties": {"x": {"$ref": "#/$defs/X"}}});
    assert!(matches!(
        SealPlans::new([("e", "1", &nowhere)]),
        Err(SealPlanError::Reference { .. })
    ));
    let closed = json!({"properties": {}, "additionalProperties": false});
    assert!(SealPlans::new([("e", "1", &closed)]).is_ok());
}
