//! From the map of where text is to boxes around lines, as differentiable binarisation wants it: regions of the map, the smallest rectangle
//! around each, its mean as the score, and widened, because the network was trained on regions shrunk at all sides.

use rten_imageproc::{Point, RetrievalMode, RotatedRect, find_contours, min_area_rect, simplify_polygon};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

/// A pixel is text from this probability on.
const PIXEL_MIN: f32 = 0.3;
/// A box is text from this mean probability on.
const BOX_MIN: f32 = 0.5;
/// How much a box is widened: this times its area over its perimeter, on each side.
const WIDENING: f32 = 1.6;
/// The shorter side of a region, in pixels of the map.
const SIDE_MIN_PX: f32 = 3.0;
/// No page has more lines.
const BOXES_MAX: usize = 3000;

/// A point of the page, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub(super) x: f32,
    pub(super) y: f32,
}

impl Spot {
    /// The point between this and `to`, `part` of the way.
    pub(super) fn towards(self, to: Self, part: f32) -> Self {
        Self {
            x: (to.x - self.x).mul_add(part, self.x),
            y: (to.y - self.y).mul_add(part, self.y),
        }
    }

    pub(super) fn distance(self, to: Self) -> f32 {
        (to.x - self.x).hypot(to.y - self.y)
    }
}

/// A rectangle around text: corners clockwise as the text is read, from where its first letter's top is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quad(pub(super) [Spot; 4]);

impl Quad {
    /// Along the text.
    pub(super) fn width(&self) -> f32 {
        self.0[0].distance(self.0[1])
    }

    /// Across it.
    pub(super) fn height(&self) -> f32 {
        self.0[0].distance(self.0[3])
    }

    pub(super) fn centre(&self) -> Spot {
        self.0[0].towards(self.0[2], 0.5)
    }

    /// The same rectangle, read after `quarters` quarter turns clockwise.
    pub(super) fn turned(mut self, quarters: usize) -> Self {
        self.0.rotate_left(quarters % 4);
        self
    }

    /// The part of it between two places along the text.
    pub(super) fn between(&self, from: f32, to: f32) -> Self {
        let [a, b, c, d] = self.0;
        Self([
            a.towards(b, from),
            a.towards(b, to),
            d.towards(c, to),
            d.towards(c, from),
        ])
    }
}

/// The boxes of a map, in pixels of a page of `width` × `height`.
pub(super) fn find(map: NdTensorView<'_, f32, 2>, width: u32, height: u32) -> Vec<Quad> {
    let [rows, columns] = map.shape();
    let scale = (width as f32 / columns as f32, height as f32 / rows as f32);
    // PP-OCR can fatten the regions before; found boxes then run together more often than letters hang together better.
    let mask = map.map(|probability| *probability > PIXEL_MIN);
    let mut found = Vec::new();
    for outline in find_contours(mask.view(), RetrievalMode::External)
        .iter()
        .take(BOXES_MAX)
    {
        let points: Vec<_> = outline.iter().map(|point| point.to_f32()).collect();
        let Some(mut rect) = min_area_rect(&simplify_polygon(&points, 1.0)) else {
            continue;
        };
        let (along, across) = (rect.width(), rect.height());
        if along.min(across) < SIDE_MIN_PX || score(map, &rect) < BOX_MIN {
            continue;
        }
        let widen = along * across * WIDENING / (along + across);
        rect.resize(along + widen, across + widen);
        // Pixels are counted from their corners on the page, from their middles in the map.
        let corners = rect.corners().map(|corner| Spot {
            x: ((corner.x + 0.5) * scale.0).clamp(0.0, width as f32),
            y: ((corner.y + 0.5) * scale.1).clamp(0.0, height as f32),
        });
        found.push(upright(corners));
    }
    found
}

/// The mean of the map inside a rectangle.
fn score(map: NdTensorView<'_, f32, 2>, rect: &RotatedRect) -> f32 {
    let [rows, columns] = map.shape();
    let corners = rect.corners();
    let span = |of: fn(&Point<f32>) -> f32, end: usize| {
        let (low, high) = corners
            .iter()
            .map(of)
            .fold((f32::MAX, f32::MIN), |(low, high), at| (low.min(at), high.max(at)));
        (low.floor().max(0.0) as usize)..((high.ceil().max(0.0) as usize) + 1).min(end)
    };
    let (mut sum, mut count) = (0.0, 0.0);
    for y in span(|point| point.y, rows) {
        for x in span(|point| point.x, columns) {
            if rect.contains(Point::from_yx(y as f32, x as f32)) {
                sum += map[[y, x]];
                count += 1.0;
            }
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Orders the corners so that the first is the upper left one of a rectangle that leans less than 45 degrees.
fn upright(mut corners: [Spot; 4]) -> Quad {
    corners.sort_by(|a, b| a.x.total_cmp(&b.x));
    let [mut left, mut right] = [[corners[0], corners[1]], [corners[2], corners[3]]];
    left.sort_by(|a, b| a.y.total_cmp(&b.y));
    right.sort_by(|a, b| a.y.total_cmp(&b.y));
    Quad([left[0], right[0], right[1], left[1]])
}
