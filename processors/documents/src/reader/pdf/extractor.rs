//! The text layer by `pdf-extract`: it tells each glyph's place and width, words and rows are made of them here.
#![expect(clippy::float_arithmetic, reason = "places on a page, in points; no money")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before each cast"
)]

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use lopdf::{Dictionary, Document, Object, ObjectId};
use pdf_extract::{MediaBox, OutputDev, OutputError, Transform, output_doc_page};

use super::super::layout::{self, Frame, Glyph};
use super::super::limits::PAGE_GLYPHS;
use super::TextPage;

/// How far up the tree of pages something inherited is looked for.
const TREE_DEPTH: usize = 64;
/// How deep forms may stand in forms, and how many may be drawn on a page.
const FORM_DEPTH: usize = 12;
const FORM_DRAWINGS: usize = 2_000;

/// A page's number and object.
pub(super) type PageId = (u32, ObjectId);

pub(super) struct Extracted {
    pub(super) text: TextPage,
    pub(super) displaced: bool,
}

/// The pages in their order.
pub(super) fn pages(document: &Document) -> Vec<PageId> {
    catch_unwind(AssertUnwindSafe(|| document.get_pages().into_iter().collect())).unwrap_or_default()
}

/// The page's text, or `None` where the extractor can't read it or would not come to an end. Forms are drawn elsewhere
/// than the extractor says, so the text of a page that has some is marked as `displaced`.
pub(super) fn read(document: &Document, (number, id): PageId) -> Option<Extracted> {
    let page = document.get_dictionary(id).ok()?;
    let frame = frame(document, page)?;
    let resources = inherited(document, page, b"Resources")?.and_then(|object| object.as_dict().ok());
    let forms = count_forms(document, resources)?;
    let (width, height) = frame.size();
    let mut collector = Collector {
        frame,
        glyphs: Vec::new(),
    };
    let done = catch_unwind(AssertUnwindSafe(|| output_doc_page(document, &mut collector, number)));
    // What was drawn before it failed may be a part of the page only: the other reader shall try.
    done.ok()?.ok()?;
    let lines = layout::lines(collector.glyphs, width, height);
    let text = TextPage {
        width: points(width),
        height: points(height),
        lines,
    };
    Some(Extracted {
        text,
        displaced: forms > 0,
    })
}

fn points(length: f64) -> u32 {
    length.round().clamp(1.0, 100_000.0) as u32
}

/// The value of the page or of what is above it. The outer `None`: the way up goes round in a circle, on which the
/// extractor would go for ever.
#[expect(clippy::option_option, reason = "no end and no value are different answers")]
fn inherited<'a>(document: &'a Document, page: &'a Dictionary, key: &[u8]) -> Option<Option<&'a Object>> {
    let mut node = page;
    for _ in 0..TREE_DEPTH {
        if let Ok(value) = node.get(key) {
            return Some(document.dereference(value).ok().map(|(_, value)| value));
        }
        match node
            .get(b"Parent")
            .ok()
            .and_then(|parent| document.dereference(parent).ok())
        {
            Some((_, parent)) => node = parent.as_dict().ok()?,
            None => return Some(None),
        }
    }
    None
}

fn frame(document: &Document, page: &Dictionary) -> Option<Frame> {
    let rectangle = |key: &[u8]| -> Option<Option<[f64; 4]>> {
        let Some(value) = inherited(document, page, key)? else {
            return Some(None);
        };
        let numbers: Vec<f64> = value
            .as_array()
            .ok()?
            .iter()
            .filter_map(|value| number(document, value))
            .collect();
        Some(<[f64; 4]>::try_from(numbers).ok())
    };
    let [ax, ay, bx, by] = rectangle(b"MediaBox")??;
    let media = [ax.min(bx), ay.min(by), ax.max(bx), ay.max(by)];
    let shown = rectangle(b"CropBox")?.map_or(media, |[ax, ay, bx, by]| {
        [
            ax.min(bx).max(media[0]),
            ay.min(by).max(media[1]),
            ax.max(bx).min(media[2]),
            ay.max(by).min(media[3]),
        ]
    });
    let [x0, y0, x1, y1] = if shown[2] > shown[0] && shown[3] > shown[1] {
        shown
    } else {
        media
    };
    let turn = inherited(document, page, b"Rotate")?
        .and_then(|turn| turn.as_i64().ok())
        .unwrap_or(0);
    let quarters = u8::try_from(turn.rem_euclid(360) / 90).unwrap_or(0);
    (x1 > x0 && y1 > y0).then_some(Frame {
        x0,
        y0,
        x1,
        y1,
        quarters,
    })
}

fn number(document: &Document, value: &Object) -> Option<f64> {
    let (_, value) = document.dereference(value).ok()?;
    value.as_float().ok().map(f64::from)
}

/// How many forms these resources name, or `None` where drawing them may not come to an end: one contains itself, they
/// are too deep, or too many when each draws others.
fn count_forms(document: &Document, resources: Option<&Dictionary>) -> Option<usize> {
    let mut left = FORM_DRAWINGS;
    walk(document, resources, &mut HashSet::new(), 0, &mut left).then_some(FORM_DRAWINGS - left)
}

fn walk(
    document: &Document,
    resources: Option<&Dictionary>,
    above: &mut HashSet<ObjectId>,
    depth: usize,
    left: &mut usize,
) -> bool {
    let objects = resources
        .and_then(|resources| resources.get(b"XObject").ok())
        .and_then(|objects| document.dereference(objects).ok());
    let Some(Ok(objects)) = objects.map(|(_, objects)| objects.as_dict()) else {
        return true;
    };
    for (_, object) in objects {
        let Ok(id) = object.as_reference() else { continue };
        let Ok(form) = document.get_object(id).and_then(Object::as_stream) else {
            continue;
        };
        if form
            .dict
            .get(b"Subtype")
            .and_then(Object::as_name)
            .is_ok_and(|kind| kind == b"Image")
        {
            continue;
        }
        // A form without resources of its own draws with those of the page: it could name itself.
        let own = form
            .dict
            .get(b"Resources")
            .ok()
            .and_then(|own| document.dereference(own).ok());
        let own = own.and_then(|(_, own)| own.as_dict().ok());
        if depth >= FORM_DEPTH || *left == 0 || !above.insert(id) {
            return false;
        }
        *left -= 1;
        let ends = match own {
            Some(own) => walk(document, Some(own), above, depth + 1, left),
            None => !draws(form),
        };
        if !ends {
            return false;
        }
        above.remove(&id);
    }
    true
}

/// Whether a form's content could draw another object.
fn draws(form: &lopdf::Stream) -> bool {
    if form.filters().is_ok_and(|filters| !filters.is_empty()) {
        // Not unpacked only for this: what is rare is left to the other reader.
        return true;
    }
    form.content
        .windows(3)
        .any(|part| part[0].is_ascii_whitespace() && &part[1..] == b"Do")
}

struct Collector {
    frame: Frame,
    glyphs: Vec<Glyph>,
}

impl OutputDev for Collector {
    fn begin_page(&mut self, _: u32, _: &MediaBox, _: Option<(f64, f64, f64, f64)>) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        trm: &Transform,
        width: f64,
        spacing: f64,
        size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        if self.glyphs.len() >= PAGE_GLYPHS {
            return Err(OutputError::FormatError(std::fmt::Error));
        }
        let place = |x: f64, y: f64| {
            let (x, y) = (x * trm.m11 + y * trm.m21 + trm.m31, x * trm.m12 + y * trm.m22 + trm.m32);
            self.frame.place(x, y)
        };
        // Letters set apart by the font's spacing still make one word; columns set apart by it do not.
        let spacing = if spacing.abs() <= 0.4 * size.abs() {
            spacing
        } else {
            0.0
        };
        let (start, after, above) = (place(0.0, 0.0), place(width * size + spacing, 0.0), place(0.0, size));
        self.glyphs.push(Glyph {
            text: text.to_owned(),
            x: start.0,
            y: start.1,
            advance: (after.0 - start.0, after.1 - start.1),
            size: (above.0 - start.0).hypot(above.1 - start.1),
        });
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}
