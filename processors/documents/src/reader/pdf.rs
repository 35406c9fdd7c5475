//! PDFs: the text layer where there is one, page images for recognition where there is none.
//!
//! Two readers of text layers, because either fails where the other does not: `pdf-extract`, and the interpreter that
//! also renders pages (`hayro`). The first one loops, overflows its stack or panics on some damaged files; a panic is
//! caught here, the rest ends the process, and the parent asks again without it.

use std::{
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use lopdf::{Document, LoadOptions};
use spendlog_domain::documents::Source;

use super::child::{Answer, Stop, end};
use super::failure::Failure;
use super::limits::PAGES;
use super::protocol::End;
use crate::reading::{Line, Page};

mod extractor;
mod interpreter;
mod quality;
mod render;
mod unlock;

use extractor::Extracted;
use quality::Quality;

/// The page as text, in points.
struct TextPage {
    width: u32,
    height: u32,
    lines: Vec<Line>,
}

/// A PDF as both readers see it; either may not be able to open it.
struct Opened {
    rendered: Option<Pdf>,
    extracted: Option<Document>,
}

pub(super) fn read(
    file: Vec<u8>,
    password: Option<&str>,
    careful: bool,
    answer: &mut Answer<impl Write>,
) -> Result<End, Stop> {
    let opened = open(file, password, careful)?;
    let extracted_pages = opened.extracted.as_ref().map(extractor::pages).unwrap_or_default();
    let rendered_pages = opened.rendered.as_ref().map_or(0, |pdf| pdf.pages().len());
    let count = extracted_pages.len().max(rendered_pages);
    if count == 0 {
        return Err(Failure::malformed("it has no pages").into());
    }
    if count > PAGES {
        return Err(Failure::too_large("it has too many pages").into());
    }
    let interpreter = opened.rendered.as_ref().map(interpreter::Interpreter::new);
    let (mut by_extractor, mut by_interpreter) = (0_usize, 0_usize);
    for index in 0..count {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let page = interpreter.as_ref().and_then(|interpreter| interpreter.page(index));
        let document = opened.extracted.as_ref();
        let extracted = document
            .zip(extracted_pages.get(index))
            .and_then(|(document, page)| extractor::read(document, *page));
        let seen = page.as_ref().and_then(|page| page.read());
        let images = seen.as_ref().map_or(0, |seen| seen.image_percent);
        let (text, from_extractor) = better(extracted, seen.map(|seen| seen.text));
        let quality = text.as_ref().map_or(Quality::NONE, |text| Quality::of(&text.lines));
        if !quality.is_enough(images)
            && let Some(raster) = page.as_ref().and_then(|page| page.raster())
        {
            if raster.is_blank() {
                answer.page(empty(number, text))?;
            } else {
                let lines = text
                    .filter(|_| quality.is_readable())
                    .map(|text| text.lines)
                    .unwrap_or_default();
                answer.raster(raster.into_frame(number, lines))?;
            }
            continue;
        }
        if from_extractor {
            by_extractor += 1
        } else {
            by_interpreter += 1
        }
        answer.page(match text {
            Some(TextPage { width, height, lines }) if quality.is_readable() => Page {
                number,
                width,
                height,
                lines,
            },
            text => empty(number, text),
        })?;
    }
    let by_interpreter = by_interpreter > by_extractor || opened.extracted.is_none();
    Ok(end(
        if by_interpreter { "hayro" } else { "pdf-extract" },
        Source::TextLayer,
    ))
}

fn empty(number: u32, text: Option<TextPage>) -> Page {
    let (width, height) = text.map_or((0, 0), |text| (text.width, text.height));
    Page {
        number,
        width,
        height,
        lines: Vec::new(),
    }
}

/// The reading with more in it, and whether it is the extractor's. Equal ones are taken from the extractor, unless its
/// places are wrong.
fn better(extracted: Option<Extracted>, seen: Option<TextPage>) -> (Option<TextPage>, bool) {
    let score = |text: &TextPage| Quality::of(&text.lines).score();
    match (extracted, seen) {
        (Some(extracted), Some(seen)) => {
            let (first, second) = (score(&extracted.text), score(&seen));
            let keep = if extracted.displaced {
                first * 9 > second * 10
            } else {
                first >= second
            };
            if keep {
                (Some(extracted.text), true)
            } else {
                (Some(seen), false)
            }
        }
        (Some(extracted), None) => (Some(extracted.text), true),
        (None, seen) => (seen, false),
    }
}

fn open(file: Vec<u8>, password: Option<&str>, careful: bool) -> Result<Opened, Failure> {
    let file = Arc::new(file);
    match open_as_it_is(&file, password, careful) {
        Err(_) if unlock::only_attachments_are_locked(&file) => {
            open_as_it_is(&Arc::new(unlock::without_lock(&file)), password, careful)
        }
        opened => opened,
    }
}

fn open_as_it_is(data: &Arc<Vec<u8>>, password: Option<&str>, careful: bool) -> Result<Opened, Failure> {
    let mut rendered = render_open(data, password.unwrap_or_default());
    let mut extracted = if careful {
        None
    } else {
        Some(extract_open(data, password))
    };
    if let (Err(LoadPdfError::Decryption(_)), Some(owner)) = (&rendered, password)
        && let Some(user) = unlock::user_password(data, owner)
    {
        // It is the owner's password: the old ciphers use it only to keep the user's, which opens the file.
        rendered = render_open(data, &user);
        extracted = extracted.map(|_| extract_open(data, Some(&user)));
    }
    let locked = matches!(
        rendered,
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected))
    ) || matches!(extracted, Some(Err(lopdf::Error::InvalidPassword)));
    // With a damaged directory the readers no longer say that it is the password that they lack.
    let locked = locked || (matches!(rendered, Err(LoadPdfError::Invalid)) && unlock::is_locked(data));
    let encrypted = matches!(rendered, Err(LoadPdfError::Decryption(_)));
    let extracted = extracted
        .and_then(Result::ok)
        .filter(|document| !(document.is_encrypted() && document.encryption_state.is_none()));
    match (rendered.ok(), extracted) {
        (None, None) if locked && password.is_some() => Err(Failure::WrongPassword),
        (None, None) if locked => Err(Failure::PasswordRequired),
        (None, None) if encrypted => Err(Failure::malformed(
            "its encryption is damaged or of a kind that is not known",
        )),
        (None, None) => Err(Failure::malformed("it is damaged beyond reading")),
        (rendered, extracted) => Ok(Opened { rendered, extracted }),
    }
}

fn render_open(data: &Arc<Vec<u8>>, password: &str) -> Result<Pdf, LoadPdfError> {
    let data = Arc::clone(data);
    catch_unwind(AssertUnwindSafe(|| Pdf::new_with_password(data, password))).unwrap_or(Err(LoadPdfError::Invalid))
}

fn extract_open(data: &[u8], password: Option<&str>) -> lopdf::Result<Document> {
    let password = password.map(str::to_owned);
    let load = || {
        Document::load_mem_with_options(
            data,
            LoadOptions {
                password,
                ..LoadOptions::default()
            },
        )
    };
    // What panics is damaged.
    catch_unwind(AssertUnwindSafe(load)).unwrap_or(Err(lopdf::Error::Syntax(String::new())))
}
