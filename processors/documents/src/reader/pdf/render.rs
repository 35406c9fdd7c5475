//! Pages as images, for recognition.
#![expect(clippy::float_arithmetic, reason = "scales of a page; no money")]

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::page::Page;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};

use super::super::protocol::{Raster, RasterHead};
use crate::reading::Line;

/// The longer side of a rendered page in pixels: A4 at 222 dots an inch; recognition uses no more.
const LONGER_SIDE: f32 = 2600.0;
/// The shorter side at most; and letters are not made larger than this many pixels a point.
const SHORTER_SIDE: f32 = 2600.0;
const SCALE: f32 = 4.2;
/// What the paper's white may be at most for a mark to be seen on it.
const DARK: u8 = 190;

/// A page image in grey or colour.
pub(super) struct Rendered {
    width: u32,
    height: u32,
    channels: u8,
    pixels: Vec<u8>,
}

/// Renders the page, however large or small it says it is.
pub(super) fn page(page: &Page<'_>, settings: &InterpreterSettings) -> Option<Rendered> {
    let (width, height) = page.render_dimensions();
    if !(width.is_finite() && height.is_finite() && width >= 1.0 && height >= 1.0) {
        return None;
    }
    let (longer, shorter) = (width.max(height), width.min(height));
    let scale = (LONGER_SIDE / longer).min(SHORTER_SIDE / shorter).min(SCALE);
    // A page a thousand times longer than wide has nothing that could be read at this size.
    if shorter * scale < 16.0 {
        return None;
    }
    let pixmap = hayro::render(
        page,
        &RenderCache::new(),
        settings,
        &RenderSettings::default(),
        &PixmapSettings {
            x_scale: scale,
            y_scale: scale,
            bg_color: WHITE,
        },
    );
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    let data = pixmap.data();
    let grey = data
        .iter()
        .all(|pixel| pixel.r.abs_diff(pixel.g) < 12 && pixel.g.abs_diff(pixel.b) < 12);
    let (channels, pixels) = if grey {
        (1, data.iter().map(|pixel| pixel.g).collect())
    } else {
        (3, data.iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]).collect())
    };
    (width > 0 && height > 0).then_some(Rendered {
        width,
        height,
        channels,
        pixels,
    })
}

impl Rendered {
    /// Whether nothing is on it but what dust and a scanner's edge may leave.
    pub(super) fn is_blank(&self) -> bool {
        let pixels = self.pixels.chunks_exact(usize::from(self.channels));
        let all = pixels.len();
        let dark = pixels.filter(|pixel| pixel.iter().any(|value| *value < DARK)).count();
        dark < all / 20_000 + 1
    }

    pub(super) fn into_frame(self, number: u32, lines: Vec<Line>) -> Raster {
        let Self {
            width,
            height,
            channels,
            pixels,
        } = self;
        Raster {
            head: RasterHead {
                number,
                width,
                height,
                channels,
                lines,
            },
            pixels,
        }
    }
}
