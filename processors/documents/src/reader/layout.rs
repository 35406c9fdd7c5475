//! From glyphs at places to words in rows.
//!
//! The order in which a PDF draws its glyphs says little: columns come before rows, totals before items. Places decide:
//! glyphs on one baseline make a row, a gap makes a word, rows go from top to bottom.
#![expect(clippy::float_arithmetic, reason = "places on a page, in points; no money")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before each cast"
)]

use spendlog_domain::documents::{Box2, Confidence};

use crate::reading::{Line, Word};

#[cfg(test)]
mod tests;

/// A glyph as it is drawn, in points on the page as it is shown: x to the right, y downwards.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// What it stands for: one letter, seldom more (ligatures), or white space.
    pub(super) text: String,
    /// The beginning of its baseline.
    pub(super) x: f64,
    pub(super) y: f64,
    /// From there to the beginning of the next one.
    pub(super) advance: (f64, f64),
    /// Height of the font.
    pub(super) size: f64,
}

/// The area that is shown of a page, in the page's own coordinates (y upwards), and how it is turned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) x0: f64,
    pub(super) y0: f64,
    pub(super) x1: f64,
    pub(super) y1: f64,
    /// Clockwise, in quarters.
    pub(super) quarters: u8,
}

impl Frame {
    /// Where a point of the page is shown.
    pub(super) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        match self.quarters % 4 {
            0 => (x - self.x0, self.y1 - y),
            1 => (y - self.y0, x - self.x0),
            2 => (self.x1 - x, y - self.y0),
            _ => (self.y1 - y, self.x1 - x),
        }
    }

    /// Width and height as shown.
    pub(super) fn size(&self) -> (f64, f64) {
        let (width, height) = (self.x1 - self.x0, self.y1 - self.y0);
        if self.quarters.is_multiple_of(2) {
            (width, height)
        } else {
            (height, width)
        }
    }
}

/// The rows of a page of this size. Text that runs in other directions than most comes after the rest.
pub(super) fn lines(glyphs: Vec<Glyph>, width: f64, height: f64) -> Vec<Line> {
    let mut directions: [Vec<Glyph>; 4] = Default::default();
    for glyph in glyphs {
        let outside = glyph.x < -1.0 || glyph.y < -1.0 || glyph.x > width + 1.0 || glyph.y > height + 1.0;
        if !outside && glyph.size.is_finite() && glyph.x.is_finite() && glyph.y.is_finite() {
            directions[direction(glyph.advance)].push(glyph);
        }
    }
    let mut order = [0, 1, 2, 3];
    order.sort_by_key(|direction| std::cmp::Reverse(directions[*direction].len()));
    let mut lines = Vec::new();
    for direction in order {
        let glyphs = std::mem::take(&mut directions[direction]);
        let turned = glyphs.into_iter().map(|glyph| Turned::new(glyph, direction)).collect();
        lines.extend(rows(turned).into_iter().map(|row| row.line(direction, width, height)));
    }
    lines.retain(|line| !line.words.is_empty());
    lines
}

/// 0 to the right, 1 downwards, 2 to the left, 3 upwards.
fn direction((x, y): (f64, f64)) -> usize {
    if x.abs() >= y.abs() {
        if x >= 0.0 { 0 } else { 2 }
    } else if y > 0.0 {
        1
    } else {
        3
    }
}

/// A glyph on a page that was turned so that its text runs to the right.
struct Turned {
    text: String,
    x: f64,
    y: f64,
    advance: f64,
    size: f64,
}

impl Turned {
    fn new(glyph: Glyph, direction: usize) -> Self {
        let (x, y) = match direction {
            0 => (glyph.x, glyph.y),
            1 => (glyph.y, -glyph.x),
            2 => (-glyph.x, -glyph.y),
            _ => (-glyph.y, glyph.x),
        };
        let advance = glyph.advance.0.hypot(glyph.advance.1);
        Self {
            text: glyph.text,
            x,
            y,
            advance,
            size: glyph.size.clamp(0.5, 2000.0),
        }
    }
}

struct Row {
    glyphs: Vec<Turned>,
    /// Mean baseline.
    y: f64,
    size: f64,
}

fn rows(mut glyphs: Vec<Turned>) -> Vec<Row> {
    glyphs.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut rows: Vec<Row> = Vec::new();
    for glyph in glyphs {
        // White space says nothing by its place, and often stands where no text is.
        let blank = glyph.text.trim().is_empty();
        // Small letters beside large ones share a row when their baselines are close for the smaller of the two.
        let fits = |row: &Row| (glyph.y - row.y).abs() <= 0.45 * glyph.size.min(row.size).max(1.0);
        match rows.last_mut().filter(|row| fits(row)) {
            Some(row) => {
                #[expect(clippy::cast_precision_loss, reason = "far fewer glyphs than a float can count")]
                let count = row.glyphs.len() as f64;
                row.y = (row.y * count + glyph.y) / (count + 1.0);
                row.size = row.size.max(glyph.size);
                row.glyphs.push(glyph);
            }
            None if blank => (),
            None => rows.push(Row {
                y: glyph.y,
                size: glyph.size,
                glyphs: vec![glyph],
            }),
        }
    }
    rows
}

impl Row {
    fn line(mut self, direction: usize, width: f64, height: f64) -> Line {
        self.glyphs.sort_by(|a, b| a.x.total_cmp(&b.x));
        // A space is a quarter of the height or more. Where spaces are drawn, a smaller gap is kerning; where none are,
        // a gap is all that tells.
        let spaced = self.glyphs.iter().any(|glyph| glyph.text.trim().is_empty());
        let gap = if spaced { 0.28 } else { 0.17 };
        let mut words = Vec::new();
        let mut word: Option<Pending> = None;
        let mut end = |word: Option<Pending>| words.extend(word.and_then(|word| word.finish(direction, width, height)));
        for glyph in self.glyphs {
            if glyph.text.trim().is_empty() {
                end(word.take());
                continue;
            }
            if let Some(pending) = &mut word {
                if pending.is_doubled(&glyph) {
                    continue;
                }
                if glyph.x - pending.x1 > gap * glyph.size.min(pending.last_size) {
                    end(word.take());
                } else {
                    pending.push(glyph);
                    continue;
                }
            }
            word = Some(Pending::new(glyph));
        }
        end(word);
        Line { words }
    }
}

struct Pending {
    text: String,
    last: String,
    last_x: f64,
    last_size: f64,
    x0: f64,
    x1: f64,
    top: f64,
    bottom: f64,
}

impl Pending {
    fn new(glyph: Turned) -> Self {
        let mut pending = Self {
            text: String::new(),
            last: String::new(),
            last_x: glyph.x,
            last_size: glyph.size,
            x0: glyph.x,
            x1: glyph.x,
            top: f64::INFINITY,
            bottom: f64::NEG_INFINITY,
        };
        pending.push(glyph);
        pending
    }

    /// Bold letters are sometimes made by drawing them twice, a hair apart.
    fn is_doubled(&self, glyph: &Turned) -> bool {
        glyph.text == self.last
            && (glyph.x - self.last_x).abs() < 0.12 * glyph.size
            && glyph.advance > 0.15 * glyph.size
    }

    fn push(&mut self, glyph: Turned) {
        self.text.push_str(&glyph.text);
        self.x1 = self.x1.max(glyph.x + glyph.advance);
        self.top = self.top.min(glyph.y - 0.8 * glyph.size);
        self.bottom = self.bottom.max(glyph.y + 0.2 * glyph.size);
        self.last_x = glyph.x;
        self.last_size = glyph.size;
        self.last = glyph.text;
    }

    fn finish(self, direction: usize, width: f64, height: f64) -> Option<Word> {
        let text: String = self.text.chars().filter(|letter| !letter.is_control()).collect();
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let (x0, y0, x1, y1) = match direction {
            0 => (self.x0, self.top, self.x1, self.bottom),
            1 => (-self.bottom, self.x0, -self.top, self.x1),
            2 => (-self.x1, -self.bottom, -self.x0, -self.top),
            _ => (self.top, -self.x1, self.bottom, -self.x0),
        };
        let area = Box2 {
            x0: part(x0, width),
            y0: part(y0, height),
            x1: part(x1, width),
            y1: part(y1, height),
        };
        Some(Word {
            text: text.to_owned(),
            area,
            confidence: Confidence(1000),
        })
    }
}

/// Ten-thousandths of the whole.
fn part(place: f64, whole: f64) -> u16 {
    if whole <= 0.0 {
        0
    } else {
        (place / whole * 10_000.0).round().clamp(0.0, 10_000.0) as u16
    }
}
