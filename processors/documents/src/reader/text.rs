//! Plain text: a page of lines without places.

use std::io::Write;

use spendlog_domain::documents::{Box2, Confidence, Source};

use super::child::{Answer, Stop, end};
use super::encoding::decode;
use super::failure::Failure;
use super::limits::TEXT_BYTES;
use super::protocol::End;
use crate::reading::{Line, Page, Word};

/// Nowhere: text documents have no places.
const NOWHERE: Box2 = Box2 {
    x0: 0,
    y0: 0,
    x1: 0,
    y1: 0,
};

pub(super) fn read(file: &[u8], answer: &mut Answer<impl Write>) -> Result<End, Stop> {
    let text = decode(file).ok_or_else(|| Failure::malformed("it is no text"))?;
    // A form feed begins a new page.
    let pages: Vec<&str> = text.split('\x0c').collect();
    let last = pages.len() - 1;
    for (index, page) in pages.into_iter().enumerate() {
        if index == last && index > 0 && page.trim().is_empty() {
            break;
        }
        answer.page(page_of(index, page.lines()))?;
    }
    Ok(end("text", Source::Words))
}

/// A page of these lines, numbered from 1 by its index. Lines without words are left out.
pub(super) fn page_of<'a>(index: usize, lines: impl Iterator<Item = &'a str>) -> Page {
    let lines = lines.map(line_of).filter(|line| !line.words.is_empty()).collect();
    Page {
        number: u32::try_from(index + 1).unwrap_or(u32::MAX),
        width: 0,
        height: 0,
        lines,
    }
}

fn line_of(line: &str) -> Line {
    let words = line.split_whitespace().map(|word| Word {
        text: cut(word).to_owned(),
        area: NOWHERE,
        confidence: Confidence(1000),
    });
    Line { words: words.collect() }
}

/// At most as much as one value may have.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES)]
}
