//! Tests of the graphs that are adapted.

use super::*;

/// A network with two letters, one of them Latin, and one layer of two rows over the four classes blank, 字, A, space.
fn network() -> Vec<u8> {
    let mut layer = Vec::new();
    put_number(&mut layer, TENSOR_DIMS, 2);
    put_number(&mut layer, TENSOR_DIMS, 4);
    put_number(&mut layer, 2, 1);
    put_bytes(&mut layer, 8, b"weights");
    put_bytes(
        &mut layer,
        TENSOR_RAW_DATA,
        &floats(&[0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0]),
    );
    let mut bias = Vec::new();
    put_bytes(&mut bias, TENSOR_DIMS, &[4]); // packed
    put_bytes(&mut bias, TENSOR_RAW_DATA, &floats(&[0.0, 1.0, 2.0, 3.0]));
    let mut graph = Vec::new();
    put_bytes(&mut graph, GRAPH_NODE, &node("MatMul", &["x", "weights"], "y", None));
    put_bytes(&mut graph, GRAPH_INITIALIZER, &layer);
    put_bytes(&mut graph, GRAPH_INITIALIZER, &bias);
    put_bytes(&mut graph, GRAPH_INPUT, &value_info("x", &[1, 3, 48, 320]));
    put_bytes(&mut graph, GRAPH_OUTPUT, &value_info("y", &[1, 40, 4]));
    put_bytes(&mut graph, GRAPH_VALUE_INFO, &value_info("between", &[4]));
    let mut alphabet = Vec::new();
    put_bytes(&mut alphabet, 1, b"character");
    put_bytes(&mut alphabet, 2, "字\nA\n".as_bytes());
    let mut model = Vec::new();
    put_number(&mut model, 1, 10);
    put_bytes(&mut model, MODEL_GRAPH, &graph);
    put_bytes(&mut model, MODEL_METADATA, &alphabet);
    model
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The bodies of all fields of that number.
fn bodies(message: &[u8], wanted: u64) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    walk(message, |field, _, value| {
        if let (true, Value::Bytes(bytes)) = (field == wanted, value) {
            found.push(bytes.to_vec());
        }
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn keeps_only_latin_columns() {
    let cut = latin(&network()).unwrap();
    assert_eq!(cut.letters, ["", "A", " "]);
    let graph = &bodies(&cut.model, MODEL_GRAPH)[0];
    let layers = bodies(graph, GRAPH_INITIALIZER);
    assert_eq!(
        bodies(&layers[0], TENSOR_RAW_DATA)[0],
        floats(&[0.0, 2.0, 3.0, 10.0, 12.0, 13.0])
    );
    assert_eq!(bodies(&layers[1], TENSOR_RAW_DATA)[0], floats(&[0.0, 2.0, 3.0]));
    assert!(bodies(graph, GRAPH_VALUE_INFO).is_empty());
    assert_eq!(
        bodies(graph, GRAPH_NODE),
        bodies(&bodies(&network(), MODEL_GRAPH)[0], GRAPH_NODE)
    );
}

#[test]
fn takes_grey_of_a_fixed_size() {
    let changed = grey(&network(), 64, 32).unwrap();
    let graph = &bodies(&changed, MODEL_GRAPH)[0];
    let inputs = bodies(graph, GRAPH_INPUT);
    assert_eq!(inputs, [value_info("grey", &[1, 1, 64, 32])]);
    let nodes = bodies(graph, GRAPH_NODE);
    assert_eq!(nodes.len(), 3);
    assert_eq!(string_field(&nodes[1], 2).unwrap().as_deref(), Some("x"));
}

#[test]
fn refuses_what_is_no_network() {
    assert!(latin(b"").is_err());
    assert!(grey(b"\x3a\xff\xff\xff\xff\x0f", 32, 32).is_err());
    for cut in 1..network().len() {
        let _ = latin(&network()[..cut]);
        let _ = grey(&network()[..cut], 32, 32);
    }
}
