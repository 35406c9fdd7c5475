//! Lines cut out of the page and laid straight, as the recognition network wants them: 48 pixels high, blue green red, in [-1, 1].

use image::RgbImage;
use rten_tensor::NdTensor;

use super::boxes::{Quad, Spot};

/// The height of a strip.
pub(super) const HEIGHT_PX: usize = 48;
/// A longer line is squeezed.
const WIDTH_MAX_PX: f32 = 3200.0;
/// The least that the network can look at.
const WIDTH_MIN_PX: f32 = 16.0;

/// How wide a box becomes at the strip's height.
pub(super) fn width_of(quad: &Quad) -> usize {
    let ratio = quad.width() / quad.height().max(1.0);
    (ratio * HEIGHT_PX as f32).ceil().clamp(WIDTH_MIN_PX, WIDTH_MAX_PX) as usize
}

/// Cuts boxes out of the page into one batch, padded with mid-grey to the widest: `[box, channel, row, column]`.
pub(super) fn cut(page: &RgbImage, quads: &[Quad]) -> NdTensor<f32, 4> {
    let width = quads.iter().map(width_of).max().unwrap_or(0).next_multiple_of(8);
    let mut batch = NdTensor::zeros([quads.len(), 3, HEIGHT_PX, width]);
    for (index, quad) in quads.iter().enumerate() {
        let columns = width_of(quad);
        let [a, b, _, d] = quad.0;
        // Where letters are much higher than 48 pixels, several points are averaged for one, or thin strokes would fall between them.
        let samples = ((quad.height() / HEIGHT_PX as f32).round() as usize).clamp(1, 4);
        let part =
            |at: usize, sample: usize, of: usize| ((at as f32) + (sample as f32 + 0.5) / samples as f32) / of as f32;
        for row in 0..HEIGHT_PX {
            for column in 0..columns {
                let mut sum = [0.0_f32; 3];
                for sample_y in 0..samples {
                    let down = part(row, sample_y, HEIGHT_PX);
                    for sample_x in 0..samples {
                        let along = part(column, sample_x, columns);
                        let spot = Spot {
                            x: a.x + (b.x - a.x) * along + (d.x - a.x) * down,
                            y: a.y + (b.y - a.y) * along + (d.y - a.y) * down,
                        };
                        let pixel = between_pixels(page, spot);
                        for channel in 0..3 {
                            sum[channel] += pixel[channel];
                        }
                    }
                }
                for channel in 0..3 {
                    let mean = sum[2 - channel] / (samples * samples) as f32;
                    batch[[index, channel, row, column]] = mean / 127.5 - 1.0;
                }
            }
        }
    }
    batch
}

/// The colour at a point, between the four pixels around it.
fn between_pixels(page: &RgbImage, spot: Spot) -> [f32; 3] {
    let (width, height) = page.dimensions();
    let (x, y) = (
        (spot.x - 0.5).clamp(0.0, (width - 1) as f32),
        (spot.y - 0.5).clamp(0.0, (height - 1) as f32),
    );
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (dx, dy) = (x - left as f32, y - top as f32);
    let [a, b, c, d] = [(left, top), (right, top), (left, bottom), (right, bottom)]
        .map(|(x, y)| page.get_pixel(x, y).0.map(f32::from));
    std::array::from_fn(|i| {
        let (upper, lower) = ((b[i] - a[i]).mul_add(dx, a[i]), (d[i] - c[i]).mul_add(dx, c[i]));
        (lower - upper).mul_add(dy, upper)
    })
}
