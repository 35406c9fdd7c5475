//! From bytes to text, where nobody says in which encoding.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text, or `None` if these bytes are no text. A mark at the beginning decides; else UTF-16 is known by its zeros,
/// UTF-8 by being valid, and the rest is taken for Windows-1252, which holds Latin-1.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    decode_as(bytes, None)
}

/// The same, with what the file itself says of its encoding where it is not UTF-8.
pub(crate) fn decode_as(bytes: &[u8], said: Option<&'static Encoding>) -> Option<String> {
    let text = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned()
    } else if let Some(encoding) = wide(bytes) {
        encoding.decode_without_bom_handling(bytes).0.into_owned()
    } else if let Some(text) = utf8(bytes) {
        text.to_owned()
    } else {
        said.unwrap_or(WINDOWS_1252)
            .decode_without_bom_handling(bytes)
            .0
            .into_owned()
    };
    is_text(&text).then_some(text)
}

/// Valid UTF-8, but for a letter that the end of a file's head may have cut.
fn utf8(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// UTF-16 without a mark: every second byte of what is mostly Latin text is zero.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(1024)];
    let pairs = start.len() / 2;
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    if pairs < 4 {
        None
    } else if zeros(1) * 10 >= pairs * 8 && zeros(0) * 10 < pairs {
        Some(UTF_16LE)
    } else if zeros(0) * 10 >= pairs * 8 && zeros(1) * 10 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Whether it is text and not something else that happens to decode: no zeros, hardly any control characters.
fn is_text(text: &str) -> bool {
    let (mut all, mut control) = (0_usize, 0_usize);
    for letter in text.chars().take(64 << 10) {
        all += 1;
        if letter == '\0' {
            return false;
        }
        control += usize::from(letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\x0c' | '\x1a'));
    }
    control * 50 <= all
}
