//! Scans of several pages in one TIFF.

use std::io::{Cursor, Write};

use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use tiff::{
    ColorType,
    decoder::{Decoder, DecodingResult, Limits},
    tags::Tag,
};

use super::super::child::{Answer, Stop};
use super::super::failure::Failure;
use super::super::limits::IMAGE_PIXELS;
use super::{DECODER_BYTES, page_limit, raster};

/// Sends all pages, if they are of kinds that are simple to unpack; says `false` (and has sent nothing) where the
/// first one is not, so that the general decoder can try.
pub(super) fn pages(file: &[u8], answer: &mut Answer<impl Write>) -> Result<bool, Stop> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(DECODER_BYTES).unwrap_or(usize::MAX);
    let Ok(decoder) = Decoder::new(Cursor::new(file)) else {
        return Ok(false);
    };
    let mut decoder = decoder.with_limits(limits);
    let mut number = 0;
    loop {
        number += 1;
        if usize::try_from(number).unwrap_or(usize::MAX) > page_limit() {
            return Err(Failure::too_large("it has too many pages").into());
        }
        match page(&mut decoder) {
            Some(image) => answer.raster(raster(number, image, Vec::new()))?,
            None if number == 1 => return Ok(false),
            // A damaged page costs itself.
            None => (),
        }
        if !decoder.more_images() || decoder.next_image().is_err() {
            return Ok(true);
        }
    }
}

fn page(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<DynamicImage> {
    let (width, height) = decoder.dimensions().ok()?;
    if u64::from(width) * u64::from(height) > IMAGE_PIXELS {
        return None;
    }
    let colour = decoder.colortype().ok()?;
    let turn = decoder
        .get_tag_u32(Tag::Orientation)
        .ok()
        .and_then(|value| u8::try_from(value).ok());
    let image = match (decoder.read_image().ok()?, colour) {
        (DecodingResult::U8(bytes), ColorType::Gray(8)) => GrayImage::from_raw(width, height, bytes)?.into(),
        (DecodingResult::U8(bytes), ColorType::Gray(bits @ (1 | 2 | 4))) => {
            GrayImage::from_raw(width, height, unpack(&bytes, width, height, bits)?)?.into()
        }
        (DecodingResult::U8(bytes), ColorType::RGB(8)) => RgbImage::from_raw(width, height, bytes)?.into(),
        (DecodingResult::U8(bytes), ColorType::RGBA(8)) => RgbaImage::from_raw(width, height, bytes)?.into(),
        _ => return None,
    };
    Some(upright(image, turn))
}

fn upright(mut image: DynamicImage, exif: Option<u8>) -> DynamicImage {
    if let Some(orientation) = exif.and_then(image::metadata::Orientation::from_exif) {
        image.apply_orientation(orientation);
    }
    image
}

/// Grey values of less than a byte each; rows begin on a byte.
fn unpack(bytes: &[u8], width: u32, height: u32, bits: u8) -> Option<Vec<u8>> {
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    // Some versions of the decoder have unpacked them already.
    if bytes.len() == width * height {
        let high = bytes.iter().copied().max().unwrap_or(0);
        let factor = if high < 16 { 255 / ((1_u16 << bits) - 1) } else { 1 };
        return Some(
            bytes
                .iter()
                .map(|value| u8::try_from(u16::from(*value) * factor).unwrap_or(255))
                .collect(),
        );
    }
    let row_bytes = (width * usize::from(bits)).div_ceil(8);
    if bytes.len() < row_bytes * height {
        return None;
    }
    let factor = 255 / ((1_u16 << bits) - 1);
    let mut grey = Vec::with_capacity(width * height);
    for row in bytes.chunks_exact(row_bytes).take(height) {
        for column in 0..width {
            let bit = column * usize::from(bits);
            let shift = 8 - usize::from(bits) - bit % 8;
            let value = (row[bit / 8] >> shift) & ((1 << bits) - 1);
            grey.push(u8::try_from(u16::from(value) * factor).unwrap_or(255));
        }
    }
    Some(grey)
}
