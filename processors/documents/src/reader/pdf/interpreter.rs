//! The text layer by the interpreter that also renders: it knows forms, layers and rotations, and survives damage.
#![expect(clippy::float_arithmetic, reason = "places on a page, in points; no money")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before each cast"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro::hayro_interpret::font::{Glyph as FontGlyph, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, TransformExt, interpret_page,
};
use hayro::hayro_syntax::{Pdf, page};
use hayro::kurbo::{Affine, BezPath, Point, Rect};

use super::super::layout::{self, Glyph};
use super::super::limits::PAGE_GLYPHS;
use super::TextPage;
use super::render::{self, Rendered};

/// Reads pages of one document.
pub(super) struct Interpreter<'a> {
    pdf: &'a Pdf,
    settings: InterpreterSettings,
}

/// What is on a page.
pub(super) struct Seen {
    pub(super) text: TextPage,
    /// How much of the page images cover, at most 100.
    pub(super) image_percent: u32,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(pdf: &'a Pdf) -> Self {
        Self {
            pdf,
            settings: InterpreterSettings::default(),
        }
    }

    /// The page of this index, from 0.
    pub(super) fn page(&self, index: usize) -> Option<ReadPage<'_>> {
        self.pdf.pages().get(index).map(|page| ReadPage {
            pdf: self.pdf,
            page,
            settings: &self.settings,
        })
    }
}

pub(super) struct ReadPage<'a> {
    pdf: &'a Pdf,
    page: &'a page::Page<'a>,
    settings: &'a InterpreterSettings,
}

impl ReadPage<'_> {
    /// The text, or `None` where reading it failed.
    pub(super) fn read(&self) -> Option<Seen> {
        let (width, height) = self.page.render_dimensions();
        let (width, height) = (f64::from(width), f64::from(height));
        let cache = InterpreterCache::new();
        let transform = self.page.initial_transform(true).to_kurbo();
        let target = Rect::new(0.0, 0.0, width, height);
        let mut context = Context::new(transform, target, &cache, self.pdf.xref(), self.settings.clone());
        let mut collector = Collector {
            glyphs: Vec::new(),
            image_area: 0.0,
        };
        let work = || interpret_page(self.page, &mut context, &mut collector);
        catch_unwind(AssertUnwindSafe(work)).ok()?;
        let lines = layout::lines(collector.glyphs, width, height);
        let points = |length: f64| length.round().clamp(1.0, 100_000.0) as u32;
        let percent = (collector.image_area / (width * height).max(1.0) * 100.0).clamp(0.0, 100.0) as u32;
        Some(Seen {
            text: TextPage {
                width: points(width),
                height: points(height),
                lines,
            },
            image_percent: percent,
        })
    }

    /// The page as an image, or `None` where rendering it failed.
    pub(super) fn raster(&self) -> Option<Rendered> {
        catch_unwind(AssertUnwindSafe(|| render::page(self.page, self.settings))).ok()?
    }
}

struct Collector {
    glyphs: Vec<Glyph>,
    image_area: f64,
}

impl Device<'_> for Collector {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        let glyphs = run.glyphs();
        for (index, glyph) in glyphs.iter().enumerate() {
            if self.glyphs.len() >= PAGE_GLYPHS {
                return;
            }
            let text = match glyph.as_unicode() {
                Some(BfString::Char(letter)) => letter.to_string(),
                Some(BfString::String(text)) => text,
                None => "\u{fffd}".to_owned(),
            };
            let transform = props.transform * glyph.transform();
            let start = transform * Point::ZERO;
            let width = match &**glyph {
                FontGlyph::Outline(outline) => outline.advance_width().map(f64::from),
                FontGlyph::Type3(_) => None,
            };
            let above = vector(transform, 0.0, 1000.0);
            let advance = match (width, glyphs.get(index + 1)) {
                (Some(width), _) => vector(transform, width, 0.0),
                // A drawn glyph has no width of its own: it ends where the next one begins, if that is close.
                (None, Some(next)) => {
                    let next = props.transform * next.transform() * Point::ZERO;
                    let (x, y) = (next.x - start.x, next.y - start.y);
                    let half = vector(transform, 500.0, 0.0);
                    if x.hypot(y) <= 0.9 * above.0.hypot(above.1) {
                        (x, y)
                    } else {
                        half
                    }
                }
                (None, None) => vector(transform, 500.0, 0.0),
            };
            let size = above.0.hypot(above.1);
            self.glyphs.push(Glyph {
                text,
                x: start.x,
                y: start.y,
                advance,
                size,
            });
        }
    }

    fn draw_image(&mut self, image: Image<'_, '_>, props: ImageDrawProps<'_>) {
        let pixels = f64::from(image.width()) * f64::from(image.height());
        self.image_area += props.transform.determinant().abs() * pixels;
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

fn vector(transform: Affine, x: f64, y: f64) -> (f64, f64) {
    let (start, end) = (transform * Point::ZERO, transform * Point::new(x, y));
    (end.x - start.x, end.y - start.y)
}
