//! The image as the engines get it: decoded within limits, upright by what the camera noted, and of a size that is worth its cost.

use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits, RgbImage};

use super::OcrError;

/// The longest side that lines are cut out of: letters of a page this large are already finer than the network's 48 pixels.
pub(super) const LONGEST_SIDE_PX: u32 = 2600;

/// The longest side that text is searched on.
const SEARCH_SIDE_PX: f32 = 960.0;

/// Pages longer than this are searched on more pixels, or their letters would vanish.
const SEARCH_SHORT_SIDE_PX: f32 = 480.0;

/// The networks halve the image five times.
const STEP_PX: u32 = 32;

/// What an image may cost to decode: 16,000 pixels a side, 512 MiB.
#[must_use]
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(16_000);
    limits.max_image_height = Some(16_000);
    limits.max_alloc = Some(512 * 1024 * 1024);
    limits
}

/// Decodes an image file and turns it as its EXIF data says. Belongs into a process of its own, as every parser of foreign files.
///
/// # Errors
/// When it is none of the known formats, is broken, or would take more than [`limits`].
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, OcrError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(image::ImageError::IoError)?;
    reader.limits(limits());
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Three channels, transparency on white as on paper, no side longer than [`LONGEST_SIDE_PX`].
pub(super) fn prepare(image: &DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let longest = width.max(height);
    let flat = |image: &DynamicImage| {
        if image.color().has_alpha() {
            on_white(image)
        } else {
            image.to_rgb8()
        }
    };
    if longest <= LONGEST_SIDE_PX {
        return flat(image);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(LONGEST_SIDE_PX) / u64::from(longest)).max(1) as u32;
    flat(&image.thumbnail_exact(scaled(width), scaled(height)))
}

fn on_white(image: &DynamicImage) -> RgbImage {
    let rgba = image.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, alpha] = rgba.get_pixel(x, y).0;
        image::Rgb([r, g, b].map(|channel| {
            let alpha = u32::from(alpha);
            ((u32::from(channel) * alpha + 255 * (255 - alpha)) / 255) as u8
        }))
    })
}

/// The page scaled for the search of text: sides are multiples of 32 pixels.
pub(super) fn for_search(page: &RgbImage) -> RgbImage {
    let (width, height) = search_size(page.width(), page.height());
    if width <= page.width() && height <= page.height() {
        // The mean over each area, in whole numbers; the filters go through a copy of the page in floats, five times its size.
        image::imageops::thumbnail(page, width, height)
    } else {
        image::imageops::resize(page, width, height, FilterType::Triangle)
    }
}

pub(super) fn search_size(width: u32, height: u32) -> (u32, u32) {
    let (long, short) = (width.max(height) as f32, width.min(height) as f32);
    let scale = (SEARCH_SIDE_PX / long)
        .max((SEARCH_SHORT_SIDE_PX / short).min(2.0 * SEARCH_SIDE_PX / long))
        .min(1.5);
    let step = |side: u32| (((side as f32 * scale) / STEP_PX as f32).round() as u32).max(1) * STEP_PX;
    (step(width), step(height))
}
