//! The scanner of both syntaxes.

/// A piece of the file. Names are in capitals, without a prefix.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `<NAME>` with no text after it.
    Open(String),
    /// `</NAME>`.
    Close(String),
    /// `<NAME>text`, closed or not.
    Value(String, String),
}

/// The pieces of the text, from its first tag on. What is no tag and follows none is left out.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (tag, after) = next_tag(rest)?;
            if let Some(name) = tag.strip_prefix('/') {
                rest = after;
                return Some(Token::Close(name_of(name)));
            }
            if tag.starts_with(['?', '!']) {
                rest = after;
                continue;
            }
            if let Some(tag) = tag.strip_suffix('/') {
                rest = after;
                return Some(Token::Value(name_of(tag), String::new()));
            }
            let (value, after) = value(after);
            rest = after;
            let name = name_of(tag);
            return Some(if value.is_empty() {
                Token::Open(name)
            } else {
                Token::Value(name, value)
            });
        }
    })
}

/// The inside of the next tag, and what follows it.
fn next_tag(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find('<')? + 1;
        let rest = &text[start..];
        if let Some(comment) = rest.strip_prefix("!--") {
            let (_, after) = comment.split_once("-->")?;
            return Some(("!", after));
        }
        if is_tag(rest) {
            return rest.split_once('>');
        }
        from = start;
    }
}

/// Whether a tag begins here, and not a bare `<` in some text.
fn is_tag(text: &str) -> bool {
    let name = text.strip_prefix('/').unwrap_or(text);
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '?' | '!' | '_'));
    begins && text.find('>').is_some_and(|end| !text[..end].contains('<'))
}

/// The name in a tag, without attributes and prefix.
fn name_of(tag: &str) -> String {
    let name = tag.split_whitespace().next().unwrap_or_default();
    name.rsplit(':').next().unwrap_or_default().to_ascii_uppercase()
}

/// The text up to the next tag.
fn value(text: &str) -> (String, &str) {
    let inside = text.trim_start();
    if let Some(data) = inside.strip_prefix("<![CDATA[") {
        let (value, after) = data.split_once("]]>").unwrap_or((data, ""));
        return (value.trim().to_owned(), after);
    }
    let mut from = 0;
    let end = loop {
        match text[from..].find('<') {
            None => break text.len(),
            Some(at) if is_tag(&text[from + at + 1..]) => break from + at,
            Some(at) => from += at + 1,
        }
    };
    (unescape(text[..end].trim()), &text[end..])
}

/// Replaces the entities of XML and numbers; every other `&` stands for itself.
fn unescape(text: &str) -> String {
    let mut clear = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        clear.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        match entity.and_then(|(name, after)| Some((letter(name)?, after))) {
            Some((letter, after)) => {
                clear.push(letter);
                rest = after;
            }
            None => {
                clear.push('&');
                rest = after;
            }
        }
    }
    clear.push_str(rest);
    clear
}

fn letter(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32).filter(|letter| !letter.is_control())
        }
    }
}
