//! Sealing the strings of a payload, one by one, on the way into the journal.
//!
//! A sealed string stands in the stored JSON as `"sealed:<base64url(nonce || text || tag)>"` without padding, by AES-256-GCM
//! under its owner's key. It is bound to where it stands, by its associated data: the owner's 16 bytes, kind and id of the
//! stream after their lengths (4 bytes, big-endian), the event's sequence (8 bytes), and the path to the string in the stored
//! JSON (`/transaction.recorded/postings/0/id`; keys as they stand between their quotes). An open string that looks sealed is sealed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::NONCE_LEN,
    rand::{SecureRandom as _, SystemRandom},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{KeyError, OwnerKeys, SealPlans};

/// What a sealed string begins with.
pub(crate) const MARK: &str = "sealed:";

/// So many nonces are drawn at a time, once more than a few are needed.
const NONCES: usize = 128;

/// What every sealed string of an event is bound to; the path of the string follows it.
pub(crate) fn associated(owner: Uuid, kind: &str, stream: &str, sequence: i64, into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(owner.as_bytes());
    for text in [kind, stream] {
        into.extend_from_slice(&(text.len() as u64).to_be_bytes()[4..]);
        into.extend_from_slice(text.as_bytes());
    }
    into.extend_from_slice(&sequence.to_be_bytes());
}

/// Random nonces, drawn many at a time: each draw is a call of the system's.
struct Nonces {
    drawn: Vec<[u8; NONCE_LEN]>,
    next_draw: usize,
}

impl Nonces {
    fn next(&mut self) -> Result<[u8; NONCE_LEN], KeyError> {
        if let Some(nonce) = self.drawn.pop() {
            return Ok(nonce);
        }
        self.drawn.resize(self.next_draw, [0; NONCE_LEN]);
        SystemRandom::new()
            .fill(self.drawn.as_flattened_mut())
            .map_err(|_| KeyError::Crypto)?;
        self.next_draw = NONCES;
        self.drawn.pop().ok_or(KeyError::Crypto)
    }
}

/// Seals payloads. Made for one append, so that its buffers and nonces are shared by the append's events.
pub(crate) struct Sealer<'a> {
    plans: &'a SealPlans,
    nonces: Nonces,
    associated: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'a> Sealer<'a> {
    pub(crate) fn new(plans: &'a SealPlans) -> Self {
        Self {
            plans,
            nonces: Nonces {
                drawn: Vec::new(),
                next_draw: 4,
            },
            associated: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The payload as it is stored, by the plan that begins at `place`, for the event with this number in the stream. Without
    /// keys, what has a string to be sealed is refused.
    pub(crate) fn seal(
        &mut self,
        keys: Option<&OwnerKeys>,
        (owner, kind, stream, sequence): (Uuid, &str, &str, i64),
        place: usize,
        payload: &Value,
    ) -> Result<String, KeyError> {
        associated(owner, kind, stream, sequence, &mut self.associated);
        let mut out = Vec::with_capacity(1024);
        self.value(keys, payload, place, &mut out)?;
        String::from_utf8(out).map_err(|_| KeyError::Crypto)
    }

    fn value(
        &mut self,
        keys: Option<&OwnerKeys>,
        value: &Value,
        place: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), KeyError> {
        let parent = self.associated.len();
        match value {
            Value::String(text) if self.plans.open(place) && !text.starts_with(MARK) => json(text, out)?,
            Value::String(text) => self.string(keys, text, out)?,
            Value::Array(items) => {
                let place = self.plans.items(place);
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.associated.push(b'/');
                    decimal(index, &mut self.associated);
                    self.value(keys, item, place, out)?;
                    self.associated.truncate(parent);
                }
                out.push(b']');
            }
            Value::Object(fields) => {
                out.push(b'{');
                for (index, (key, field)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    let quote = out.len();
                    json(key, out)?;
                    self.associated.push(b'/');
                    self.associated.extend_from_slice(&out[quote + 1..out.len() - 1]);
                    out.push(b':');
                    self.value(keys, field, self.plans.property(place, key), out)?;
                    self.associated.truncate(parent);
                }
                out.push(b'}');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                serde_json::to_writer(out, value).map_err(|_| KeyError::Crypto)?;
            }
        }
        Ok(())
    }

    fn string(&mut self, keys: Option<&OwnerKeys>, text: &str, out: &mut Vec<u8>) -> Result<(), KeyError> {
        let keys = keys.ok_or(KeyError::Forgotten)?;
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.nonces.next()?);
        self.scratch.extend_from_slice(text.as_bytes());
        keys.seal(&self.associated, &mut self.scratch)?;
        out.push(b'"');
        out.extend_from_slice(MARK.as_bytes());
        let begin = out.len();
        let length = base64::encoded_len(self.scratch.len(), false).ok_or(KeyError::Crypto)?;
        out.resize(begin + length, 0);
        URL_SAFE_NO_PAD
            .encode_slice(&self.scratch, &mut out[begin..])
            .map_err(|_| KeyError::Crypto)?;
        out.push(b'"');
        Ok(())
    }
}

fn json(text: &str, out: &mut Vec<u8>) -> Result<(), KeyError> {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        // Writing a string into memory does not fail.
        return serde_json::to_writer(out, text).map_err(|_| KeyError::Crypto);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

/// The number as digits, without an allocation for the few that most arrays need.
pub(crate) fn decimal(number: usize, out: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(digit @ 0..10) => out.push(b'0' + digit),
        _ => out.extend_from_slice(number.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests;
