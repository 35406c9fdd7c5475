//! Puts what was read into rows. A receipt says `TOTAL` at the left and `12.50` at the right, found as two boxes, and only their row says that they
//! belong together; and the paper lies askew, or is bent. So: everything is turned by the lean of the whole page, and a box joins the row whose
//! nearest box, carried on along its own lean, meets it.

use spendlog_domain::documents::{Box2, Confidence};

use super::boxes::{Quad, Spot};
use super::decode::Piece;
use crate::reading::{Line, Word};

/// Two boxes are in one row when their middles are nearer than this much of the smaller one's height.
const OFFSET_MAX: f32 = 0.5;
/// … and one doesn't lie over the other by more than this much of its width.
const OVERLAP_MAX: f32 = 0.3;

/// A box and the words in it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) quad: Quad,
    pub(super) words: Vec<Piece>,
}

/// A box in the page's own directions: along its lines, and across.
struct Laid<'a> {
    placed: &'a Placed,
    from: f32,
    to: f32,
    across: f32,
    height: f32,
    /// How much it climbs beyond the page's lean, for each pixel along.
    slope: f32,
}

/// Rows from top to bottom, as the text lies, of words from left to right.
pub(super) fn group(placed: &[Placed], width: u32, height: u32) -> Vec<Line> {
    let lean = lean(placed);
    let mut laid: Vec<_> = placed.iter().map(|placed| lay(placed, lean)).collect();
    laid.sort_by(|a, b| a.across.total_cmp(&b.across));
    let mut rows: Vec<Vec<&Laid<'_>>> = Vec::new();
    for piece in &laid {
        let nearest = rows
            .iter_mut()
            .filter_map(|row| distance(row, piece).map(|distance| (distance, row)))
            .min_by(|(a, _), (b, _)| a.total_cmp(b));
        match nearest {
            Some((_, row)) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    let middle = |row: &[&Laid<'_>]| row.iter().map(|piece| piece.across).sum::<f32>() / row.len().max(1) as f32;
    rows.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    rows.into_iter()
        .map(|mut row| {
            row.sort_by(|a, b| a.from.total_cmp(&b.from));
            Line {
                words: row
                    .iter()
                    .flat_map(|piece| words(piece.placed, width, height))
                    .collect(),
            }
        })
        .collect()
}

/// How far a piece is from a row, as part of its height; nothing where it can't be in it.
fn distance(row: &[&Laid<'_>], piece: &Laid<'_>) -> Option<f32> {
    let gap = |other: &&&Laid<'_>| (piece.from - other.to).max(other.from - piece.to);
    let overlaps = row.iter().any(|other| {
        let shared = piece.to.min(other.to) - piece.from.max(other.from);
        shared > OVERLAP_MAX * (piece.to - piece.from).min(other.to - other.from)
    });
    if overlaps {
        return None;
    }
    let nearest = row.iter().min_by(|a, b| gap(a).total_cmp(&gap(b)))?;
    let middle = |piece: &Laid<'_>| (piece.from + piece.to) / 2.0;
    // The longer of the two knows better where the line goes.
    let slope = if nearest.to - nearest.from >= piece.to - piece.from {
        nearest.slope
    } else {
        piece.slope
    };
    let expected = (middle(piece) - middle(nearest)).mul_add(slope, nearest.across);
    let smaller = piece.height.min(nearest.height);
    let direct = (piece.across - nearest.across).abs() / smaller;
    let carried = (piece.across - expected).abs() / smaller;
    let off = direct.min(carried);
    (off < OFFSET_MAX).then_some(off)
}

/// The direction of the lines of the page, in radians: the mean over all boxes, then the median of what is left.
fn lean(placed: &[Placed]) -> f32 {
    let wide: Vec<_> = placed
        .iter()
        .filter(|placed| placed.quad.width() > placed.quad.height() * 2.0)
        .collect();
    let used = if wide.is_empty() { placed.iter().collect() } else { wide };
    let (x, y) = used.iter().fold((0.0, 0.0), |(x, y), placed| {
        let [a, b, ..] = placed.quad.0;
        (x + b.x - a.x, y + b.y - a.y)
    });
    let base = f32::atan2(y, x);
    let mut off: Vec<_> = used
        .iter()
        .map(|placed| (turn(&placed.quad, base), placed.quad.width()))
        .collect();
    off.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = off.iter().map(|(_, weight)| weight).sum::<f32>() / 2.0;
    let mut passed = 0.0;
    let median = off.iter().find(|(_, weight)| {
        passed += weight;
        passed >= half
    });
    base + median.map_or(0.0, |(angle, _)| *angle)
}

/// How much a box leans beyond `base`, from -π to π.
fn turn(quad: &Quad, base: f32) -> f32 {
    let [a, b, ..] = quad.0;
    let angle = f32::atan2(b.y - a.y, b.x - a.x) - base;
    f32::atan2(angle.sin(), angle.cos())
}

fn lay(placed: &Placed, lean: f32) -> Laid<'_> {
    let (sin, cos) = lean.sin_cos();
    let along = |spot: Spot| spot.x.mul_add(cos, spot.y * sin);
    let ends = placed.quad.0.map(along);
    let centre = placed.quad.centre();
    let (width, height) = (placed.quad.width(), placed.quad.height());
    // Short boxes say nothing of where the line goes.
    let slope = if width > height * 3.0 {
        turn(&placed.quad, lean).clamp(-0.3, 0.3).tan()
    } else {
        0.0
    };
    Laid {
        placed,
        from: ends.into_iter().fold(f32::MAX, f32::min),
        to: ends.into_iter().fold(f32::MIN, f32::max),
        across: centre.y.mul_add(cos, -centre.x * sin),
        height,
        slope,
    }
}

fn words(placed: &Placed, width: u32, height: u32) -> impl Iterator<Item = Word> + '_ {
    placed.words.iter().map(move |piece| Word {
        text: piece.text.clone(),
        area: area(&placed.quad.between(piece.from, piece.to), width, height),
        confidence: Confidence((piece.score * 1000.0).round().clamp(0.0, 1000.0) as u16),
    })
}

/// The upright box around a rectangle, in ten-thousandths of the page.
fn area(quad: &Quad, width: u32, height: u32) -> Box2 {
    let part = |value: f32, whole: u32| (value / whole.max(1) as f32 * 10_000.0).clamp(0.0, 10_000.0);
    let ends = |of: fn(&Spot) -> f32| {
        quad.0
            .iter()
            .map(of)
            .fold((f32::MAX, f32::MIN), |(low, high), at| (low.min(at), high.max(at)))
    };
    let ((x0, x1), (y0, y1)) = (ends(|spot| spot.x), ends(|spot| spot.y));
    Box2 {
        x0: part(x0, width).floor() as u16,
        y0: part(y0, height).floor() as u16,
        x1: part(x1, width).ceil() as u16,
        y1: part(y1, height).ceil() as u16,
    }
}
