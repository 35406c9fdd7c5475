//! Small changes to the ONNX files, made on their bytes when they are loaded.
//!
//! An ONNX file is one protobuf message; only the few fields that are changed are looked into, everything else is copied as it stands.
//! Two changes are made: the recognition network is cut down to the letters that we want (its last layer is half of its weights and a quarter of
//! its time), and the detection network is made to take what `ocrs` feeds (grey in [-0.5, 0.5], of a fixed size).

#[cfg(test)]
mod tests;

use super::OcrError;

/// Signs that are kept beside the Latin letters.
const SIGNS: &str = "€£¥₹₩₽₫₺₱‘’“”„–—…•™‰′″←→×÷−≤≥✓●■□★☆ẞﬁﬂ";

// Field numbers of onnx.proto.
const MODEL_GRAPH: u64 = 7;
const MODEL_METADATA: u64 = 14;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE_INFO: u64 = 13;
const TENSOR_DIMS: u64 = 1;
const TENSOR_RAW_DATA: u64 = 9;

/// The recognition network for fewer letters.
pub(super) struct Recogniser {
    /// The changed file.
    pub(super) model: Vec<u8>,
    /// What each class stands for; the first, the blank, for nothing.
    pub(super) letters: Vec<String>,
}

/// Cuts the recognition network down to Latin letters, digits and signs.
pub(super) fn latin(model: &[u8]) -> Result<Recogniser, OcrError> {
    let alphabet = metadata(model, "character")?.ok_or(OcrError::Graph("the alphabet is missing"))?;
    let all: Vec<&str> = alphabet.split('\n').filter(|letter| !letter.is_empty()).collect();
    // The blank comes first, the space last; neither is in the list.
    let classes = all.len() + 2;
    let (mut columns, mut letters) = (vec![0], vec![String::new()]);
    for (index, letter) in all.iter().enumerate().filter(|(_, letter)| wanted(letter)) {
        columns.push(index + 1);
        letters.push((*letter).to_owned());
    }
    columns.push(classes - 1);
    letters.push(" ".to_owned());
    let mut cut = 0;
    let model = rewrite(model, |field, body, out| match field {
        MODEL_GRAPH => {
            let graph = rewrite(body, |field, body, out| match field {
                GRAPH_INITIALIZER => {
                    if let Some(tensor) = cut_columns(body, classes, &columns)? {
                        cut += 1;
                        put_bytes(out, GRAPH_INITIALIZER, &tensor);
                        return Ok(true);
                    }
                    Ok(false)
                }
                // They tell shapes that are no longer true.
                GRAPH_VALUE_INFO => Ok(true),
                GRAPH_OUTPUT => {
                    let name = string_field(body, 1)?.ok_or(OcrError::Graph("an output without a name"))?;
                    put_bytes(out, GRAPH_OUTPUT, &value_info(&name, &[]));
                    Ok(true)
                }
                _ => Ok(false),
            })?;
            put_bytes(out, MODEL_GRAPH, &graph);
            Ok(true)
        }
        _ => Ok(false),
    })?;
    if cut == 2 {
        Ok(Recogniser { model, letters })
    } else {
        Err(OcrError::Graph("the last layer was not found"))
    }
}

fn wanted(letter: &str) -> bool {
    letter.chars().next().is_some_and(|first| {
        let code = u32::from(first);
        code < 0x250 || (0x1E00..=0x1EFF).contains(&code) || SIGNS.contains(first)
    })
}

/// Makes the detection network take one grey channel in [-0.5, 0.5] of a fixed size instead of three in [-1, 1] of any.
pub(super) fn grey(model: &[u8], height: usize, width: usize) -> Result<Vec<u8>, OcrError> {
    rewrite(model, |field, body, out| {
        if field != MODEL_GRAPH {
            return Ok(false);
        }
        let mut input = None;
        let rest = rewrite(body, |field, body, _| {
            if field == GRAPH_INPUT {
                input = string_field(body, 1)?;
            }
            Ok(field == GRAPH_INPUT || field == GRAPH_VALUE_INFO)
        })?;
        let input = input.ok_or(OcrError::Graph("an input without a name"))?;
        let mut graph = Vec::with_capacity(rest.len() + 256);
        put_bytes(
            &mut graph,
            GRAPH_INPUT,
            &value_info("grey", &[1, 1, height as u64, width as u64]),
        );
        // grey + grey is the doubling.
        put_bytes(
            &mut graph,
            GRAPH_NODE,
            &node("Add", &["grey", "grey"], "grey_doubled", None),
        );
        put_bytes(
            &mut graph,
            GRAPH_NODE,
            &node("Concat", &["grey_doubled"; 3], &input, Some(("axis", 1))),
        );
        graph.extend_from_slice(&rest);
        put_bytes(out, MODEL_GRAPH, &graph);
        Ok(true)
    })
}

/// A tensor of floats of which only some columns of the last dimension are left, if that dimension has `classes` columns.
fn cut_columns(tensor: &[u8], classes: usize, columns: &[usize]) -> Result<Option<Vec<u8>>, OcrError> {
    let (mut dims, mut data) = (Vec::new(), None);
    walk(tensor, |field, _, value| {
        match (field, value) {
            (TENSOR_DIMS, Value::Number(dim)) => dims.push(dim),
            (TENSOR_DIMS, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    dims.push(varint(&mut packed)?);
                }
            }
            (TENSOR_RAW_DATA, Value::Bytes(bytes)) => data = Some(bytes),
            _ => {}
        }
        Ok(())
    })?;
    if dims.last() != Some(&(classes as u64)) {
        return Ok(None);
    }
    let data = data.ok_or(OcrError::Graph("a layer without data"))?;
    let rows: usize = dims[..dims.len() - 1]
        .iter()
        .map(|dim| usize::try_from(*dim).unwrap_or(usize::MAX))
        .product();
    if rows.checked_mul(classes).and_then(|floats| floats.checked_mul(4)) != Some(data.len()) {
        return Err(OcrError::Graph("a layer that is not of 32 bit floats"));
    }
    let mut kept = Vec::with_capacity(rows * columns.len() * 4);
    for row in data.chunks_exact(classes * 4) {
        for column in columns {
            kept.extend_from_slice(&row[column * 4..column * 4 + 4]);
        }
    }
    let mut cut = rewrite(tensor, |field, _, _| {
        Ok(field == TENSOR_DIMS || field == TENSOR_RAW_DATA)
    })?;
    let last = dims.len() - 1;
    for dim in &dims[..last] {
        put_number(&mut cut, TENSOR_DIMS, *dim);
    }
    put_number(&mut cut, TENSOR_DIMS, columns.len() as u64);
    put_bytes(&mut cut, TENSOR_RAW_DATA, &kept);
    Ok(Some(cut))
}

/// A value of the model's metadata.
fn metadata(model: &[u8], key: &str) -> Result<Option<String>, OcrError> {
    let mut found = None;
    walk(model, |field, _, value| {
        if let (MODEL_METADATA, Value::Bytes(entry)) = (field, value)
            && string_field(entry, 1)?.as_deref() == Some(key)
        {
            found = string_field(entry, 2)?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn node(operator: &str, inputs: &[&str], output: &str, attribute: Option<(&str, u64)>) -> Vec<u8> {
    let mut node = Vec::new();
    for input in inputs {
        put_bytes(&mut node, 1, input.as_bytes());
    }
    put_bytes(&mut node, 2, output.as_bytes());
    put_bytes(&mut node, 4, operator.as_bytes());
    if let Some((name, value)) = attribute {
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 1, name.as_bytes());
        put_number(&mut attribute, 3, value);
        put_number(&mut attribute, 20, 2); // an integer
        put_bytes(&mut node, 5, &attribute);
    }
    node
}

/// A named tensor of floats; of any shape where there are no dimensions.
fn value_info(name: &str, dims: &[u64]) -> Vec<u8> {
    let mut tensor = Vec::new();
    put_number(&mut tensor, 1, 1); // 32 bit floats
    if !dims.is_empty() {
        let mut shape = Vec::new();
        for dim in dims {
            let mut dimension = Vec::new();
            put_number(&mut dimension, 1, *dim);
            put_bytes(&mut shape, 1, &dimension);
        }
        put_bytes(&mut tensor, 2, &shape);
    }
    let mut kind = Vec::new();
    put_bytes(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    put_bytes(&mut info, 1, name.as_bytes());
    put_bytes(&mut info, 2, &kind);
    info
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// Calls `visit` with each field's number, its bytes as they stand, and its value.
fn walk<'a>(
    mut message: &'a [u8],
    mut visit: impl FnMut(u64, &'a [u8], Value<'a>) -> Result<(), OcrError>,
) -> Result<(), OcrError> {
    while !message.is_empty() {
        let start = message;
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => take(&mut message, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).map_err(|_| BROKEN)?;
                Value::Bytes(take(&mut message, length)?)
            }
            5 => take(&mut message, 4).map(|_| Value::Fixed)?,
            _ => return Err(BROKEN),
        };
        visit(tag >> 3, &start[..start.len() - message.len()], value)?;
    }
    Ok(())
}

/// A copy of a message in which `change` has replaced fields: it writes what it wants instead and says true, or says false to keep the field.
fn rewrite(
    message: &[u8],
    mut change: impl FnMut(u64, &[u8], &mut Vec<u8>) -> Result<bool, OcrError>,
) -> Result<Vec<u8>, OcrError> {
    let mut out = Vec::with_capacity(message.len());
    walk(message, |field, whole, value| {
        let body = if let Value::Bytes(body) = value { body } else { &[] };
        if !change(field, body, &mut out)? {
            out.extend_from_slice(whole);
        }
        Ok(())
    })?;
    Ok(out)
}

fn string_field(message: &[u8], wanted: u64) -> Result<Option<String>, OcrError> {
    let mut found = None;
    walk(message, |field, _, value| {
        if let (true, Value::Bytes(bytes)) = (field == wanted, value) {
            found = Some(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

const BROKEN: OcrError = OcrError::Graph("not a protobuf message");

fn take<'a>(message: &mut &'a [u8], length: usize) -> Result<&'a [u8], OcrError> {
    let (taken, rest) = message.split_at_checked(length).ok_or(BROKEN)?;
    *message = rest;
    Ok(taken)
}

fn varint(message: &mut &[u8]) -> Result<u64, OcrError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().ok_or(BROKEN)?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BROKEN)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
