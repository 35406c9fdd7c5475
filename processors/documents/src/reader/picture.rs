//! Photographs and scans: decoded, turned upright and, where they are larger than recognition needs, made smaller.

use std::io::{Cursor, Write};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, imageops::FilterType};
use spendlog_domain::documents::Source;

use super::child::{Answer, Stop, end};
use super::failure::Failure;
use super::limits::{IMAGE_PIXELS, PAGES, RASTER_PIXELS};
use super::protocol::{End, Raster, RasterHead};
use crate::reading::Line;

mod tiff;

/// Memory that a decoder may take, in bytes.
const DECODER_BYTES: u64 = 768 << 20;

pub(super) fn read(file: &[u8], media_type: &str, answer: &mut Answer<impl Write>) -> Result<End, Stop> {
    let format = ImageFormat::from_mime_type(media_type)
        .ok_or_else(|| Failure::unsupported("no reader for this kind of image"))?;
    if format == ImageFormat::Tiff && tiff::pages(file, answer)? {
        return Ok(end("image", Source::Ocr));
    }
    let image = decode(file, format)?;
    answer.raster(raster(1, image, Vec::new()))?;
    Ok(end("image", Source::Ocr))
}

fn decode(file: &[u8], format: ImageFormat) -> Result<DynamicImage, Failure> {
    let damaged = |_| Failure::malformed("the image is damaged");
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > IMAGE_PIXELS {
        return Err(Failure::too_large("the image has too many pixels"));
    }
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| match error {
        image::ImageError::Limits(_) => Failure::too_large("the image has too many pixels"),
        _ => Failure::malformed("the image is damaged"),
    })?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image)
}

/// The image as it goes to recognition: grey or coloured, on white, no larger than needed.
pub(super) fn raster(number: u32, image: DynamicImage, lines: Vec<Line>) -> Raster {
    let image = shrunk(image);
    let (width, height) = (image.width(), image.height());
    let (channels, pixels) = if image.color().has_alpha() {
        (3, on_white(&image))
    } else if image.color().has_color() {
        (3, image.into_rgb8().into_raw())
    } else {
        (1, image.into_luma8().into_raw())
    };
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

fn shrunk(image: DynamicImage) -> DynamicImage {
    let (mut width, mut height) = (image.width(), image.height());
    // By halves of an eighth, so that no arithmetic of fractions is needed: 7/8 of each side a step.
    while u64::from(width) * u64::from(height) > RASTER_PIXELS {
        width = width * 7 / 8;
        height = (height * 7 / 8).max(1);
        if width == 0 {
            width = 1;
        }
    }
    if width == image.width() {
        image
    } else {
        image.resize_exact(width, height, FilterType::Triangle)
    }
}

/// Transparent parts shown as on paper: a screenshot without a background would else be black.
fn on_white(image: &DynamicImage) -> Vec<u8> {
    let image = image.to_rgba8();
    let mut pixels = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for pixel in image.pixels() {
        let [red, green, blue, alpha] = pixel.0.map(u16::from);
        let over = |colour: u16| u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255);
        pixels.extend([over(red), over(green), over(blue)]);
    }
    pixels
}

/// How many pages an image may have.
const fn page_limit() -> usize {
    PAGES
}
