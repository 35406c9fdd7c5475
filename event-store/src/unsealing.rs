//! Opening the sealed strings of a stored payload, in one pass over its text: nothing is parsed but where strings stand.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    OwnerKeys,
    sealing::{MARK, decimal},
};

/// How a forgotten string reads.
const FORGOTTEN: &str = r#"{"forgotten":true}"#;
/// How a sealed string reads that was not to be opened.
const WITHHELD: &str = r#"{"withheld":true}"#;

/// What is to become of the sealed strings of a payload.
#[derive(Clone, Copy)]
pub(crate) enum Treatment<'a> {
    /// They are opened.
    Open(&'a OwnerKeys),
    /// Their owner was forgotten: they can't be opened any more.
    Forgotten,
    /// They are left out.
    Withheld,
}

/// A sealed string is not what was sealed there, or the payload is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Whether there is anything to open.
pub(crate) fn has_sealed(payload: &str) -> bool {
    payload.contains("\"sealed:")
}

/// One step of the path from the payload's root to where the scan stands.
enum Step {
    /// In an object, behind the key that stands here in the text.
    Key(Range<usize>),
    /// In an array, at this element.
    Index(usize),
}

/// Opens payloads; kept for many of them, so that its buffers are used again.
#[derive(Default)]
pub(crate) struct Opener {
    steps: Vec<Step>,
    scratch: Vec<u8>,
}

impl Opener {
    /// The payload in clear. `associated` is what the strings are bound to besides their path.
    pub(crate) fn open(
        &mut self,
        treatment: Treatment<'_>,
        associated: &mut Vec<u8>,
        payload: &str,
    ) -> Result<String, Damaged> {
        let text = payload.as_bytes();
        let mut out = String::with_capacity(text.len());
        let (mut at, mut copied, mut at_key) = (0, 0, false);
        self.steps.clear();
        while let Some(&byte) = text.get(at) {
            match byte {
                b'{' => {
                    self.steps.push(Step::Key(0..0));
                    at_key = true;
                }
                b'[' => {
                    self.steps.push(Step::Index(0));
                    at_key = false;
                }
                b'}' | b']' => drop(self.steps.pop()),
                b',' => match self.steps.last_mut() {
                    Some(Step::Index(index)) => *index += 1,
                    _ => at_key = true,
                },
                b'"' => {
                    let inside = at + 1..string_end(text, at + 1).ok_or(Damaged)?;
                    if let (true, Some(Step::Key(key))) = (at_key, self.steps.last_mut()) {
                        *key = inside.clone();
                        at_key = false;
                    } else if let Some(sealed) = text[inside.clone()].strip_prefix(MARK.as_bytes()) {
                        out.push_str(payload.get(copied..at).ok_or(Damaged)?);
                        self.string(treatment, associated, text, sealed, &mut out)?;
                        copied = inside.end + 1;
                    }
                    at = inside.end;
                }
                _ => {}
            }
            at += 1;
        }
        out.push_str(payload.get(copied..).ok_or(Damaged)?);
        Ok(out)
    }

    fn string(
        &mut self,
        treatment: Treatment<'_>,
        associated: &mut Vec<u8>,
        text: &[u8],
        sealed: &[u8],
        out: &mut String,
    ) -> Result<(), Damaged> {
        let keys = match treatment {
            Treatment::Open(keys) => keys,
            Treatment::Forgotten => {
                out.push_str(FORGOTTEN);
                return Ok(());
            }
            Treatment::Withheld => {
                out.push_str(WITHHELD);
                return Ok(());
            }
        };
        let bound = associated.len();
        for step in &self.steps {
            associated.push(b'/');
            match step {
                Step::Key(key) => associated.extend_from_slice(&text[key.clone()]),
                Step::Index(index) => decimal(*index, associated),
            }
        }
        self.scratch.resize(base64::decoded_len_estimate(sealed.len()), 0);
        let length = URL_SAFE_NO_PAD
            .decode_slice(sealed, &mut self.scratch)
            .map_err(|_| Damaged)?;
        let opened = keys.open(associated, &mut self.scratch[..length]).ok_or(Damaged);
        associated.truncate(bound);
        let opened = std::str::from_utf8(opened?).map_err(|_| Damaged)?;
        if opened.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            out.push_str(&serde_json::to_string(opened).map_err(|_| Damaged)?);
        } else {
            out.extend(["\"", opened, "\""]);
        }
        Ok(())
    }
}

/// Where the string that begins here ends: at its closing quote.
fn string_end(text: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        match text[at] {
            b'"' => return Some(at),
            _ => at += 2,
        }
    }
}
