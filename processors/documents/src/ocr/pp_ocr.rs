//! PP-OCR whole: search the page, cut the lines out, read them, put them into rows. The two networks are run by somebody else.

use std::time::{Duration, Instant};

use image::{DynamicImage, RgbImage};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::boxes::{self, Quad};
use super::decode::{self, Piece};
use super::rows::{self, Placed};
use super::{OcrError, page, strips};
use crate::reading::Line;

/// Runs the two networks.
pub(super) trait Networks {
    /// The engine's name.
    fn name(&self) -> &'static str;

    /// The probability that each pixel is text. The image's sides are multiples of 32.
    fn detect(&mut self, image: &RgbImage) -> Result<NdTensor<f32, 2>, OcrError>;

    /// The probabilities of each letter at each step, `[strip, step, class]`, from strips as [`strips::cut`] makes them.
    fn recognise(&mut self, strips: NdTensor<f32, 4>) -> Result<NdTensor<f32, 3>, OcrError>;

    /// What the classes stand for.
    fn letters(&self) -> &[String];
}

/// A batch has at most so many strips,
const STRIPS_MAX: usize = 8;
/// … at most so many columns of pixels with the padding, which bounds the memory,
const COLUMNS_MAX: usize = 4096;
/// … and none is padded to more than this much of its width: what is padded further is read worse.
const PADDING_MAX: f32 = 1.05;

/// A page full of specks may cost this much, and not more. A full page takes a tenth of it on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A line whose letters are less sure than this on the mean is no text.
const LINE_MIN: f32 = 0.45;
/// A page whose letters are less sure than this on the mean may be upside down: photographed receipts have 0.95 to 1, the same turned 0.7.
const DOUBTFUL: f32 = 0.9;
/// … and is, if it is read by this much more surely the other way.
const TURNED_GAIN: f32 = 0.1;
/// How many lines are read to find out which way a page lies.
const SAMPLE: usize = 8;

/// The rows of a page.
pub(super) fn read(networks: &mut dyn Networks, image: &DynamicImage) -> Result<Vec<Line>, OcrError> {
    let networks = &mut Hurried {
        networks,
        deadline: Instant::now() + PATIENCE,
    };
    let page = page::prepare(image);
    let map = networks.detect(&page::for_search(&page))?;
    let mut quads = boxes::find(map.view(), page.width(), page.height());
    drop(map);
    let area = |wanted: fn(&Quad) -> bool| {
        quads
            .iter()
            .filter(|quad| wanted(quad))
            .map(|quad| quad.width() * quad.height())
            .sum::<f32>()
    };
    let sideways = area(tall) > area(|quad| !tall(quad));
    if sideways {
        let (sample, _) = sample(&quads);
        let scores = [1, 3].map(|quarters| read_turned(networks, &page, &sample, quarters).map(|read| mean(&read)));
        let [down, up] = scores;
        let quarters = if down? >= up? { 1 } else { 3 };
        quads = quads.into_iter().map(|quad| quad.turned(quarters)).collect();
    }
    let mut read = read_upright(networks, &page, quads)?;
    let sure = mean(&read);
    if sure < DOUBTFUL && !sideways && read.len() > 1 {
        let quads: Vec<_> = read.iter().map(|placed| placed.quad).collect();
        let (sampled, indexes) = sample(&quads);
        let as_is = mean(indexes.iter().map(|index| &read[*index]));
        if mean(&read_turned(networks, &page, &sampled, 2)?) > as_is + TURNED_GAIN {
            read = read_upright(networks, &page, quads.into_iter().map(|quad| quad.turned(2)).collect())?;
        }
    }
    read.retain(|placed| !placed.words.is_empty() && mean([placed]) >= LINE_MIN);
    Ok(rows::group(&read, page.width(), page.height()))
}

/// Networks that stop at a deadline.
struct Hurried<'a> {
    networks: &'a mut dyn Networks,
    deadline: Instant,
}

impl Networks for Hurried<'_> {
    fn name(&self) -> &'static str {
        self.networks.name()
    }

    fn detect(&mut self, image: &RgbImage) -> Result<NdTensor<f32, 2>, OcrError> {
        self.networks.detect(image)
    }

    fn recognise(&mut self, strips: NdTensor<f32, 4>) -> Result<NdTensor<f32, 3>, OcrError> {
        if Instant::now() > self.deadline {
            return Err(OcrError::Slow {
                engine: self.name(),
                seconds: PATIENCE.as_secs(),
            });
        }
        self.networks.recognise(strips)
    }

    fn letters(&self) -> &[String] {
        self.networks.letters()
    }
}

fn tall(quad: &Quad) -> bool {
    quad.height() > quad.width() * 1.5
}

/// The largest boxes, and where they were.
fn sample(quads: &[Quad]) -> (Vec<Quad>, Vec<usize>) {
    let mut indexes: Vec<_> = (0..quads.len()).collect();
    indexes
        .sort_by(|a, b| (quads[*b].width() * quads[*b].height()).total_cmp(&(quads[*a].width() * quads[*a].height())));
    indexes.truncate(SAMPLE);
    (indexes.iter().map(|index| quads[*index]).collect(), indexes)
}

/// The mean probability of the letters.
fn mean<'a>(placed: impl IntoIterator<Item = &'a Placed>) -> f32 {
    let words = placed.into_iter().flat_map(|placed| &placed.words);
    let (sum, count) = words.fold((0.0, 0.0), |(sum, count), word| {
        let letters = word.text.chars().count() as f32;
        (letters.mul_add(word.score, sum), count + letters)
    });
    if count > 0.0 { sum / count } else { 0.0 }
}

fn read_turned(
    networks: &mut dyn Networks,
    page: &RgbImage,
    quads: &[Quad],
    quarters: usize,
) -> Result<Vec<Placed>, OcrError> {
    let turned: Vec<_> = quads.iter().map(|quad| quad.turned(quarters)).collect();
    let words = recognise(networks, page, &turned)?;
    Ok(turned
        .into_iter()
        .zip(words)
        .map(|(quad, words)| Placed { quad, words })
        .collect())
}

/// Reads boxes as they lie; those that are higher than wide also from the side, because both a line that runs down the page and a lone `1` look so.
fn read_upright(networks: &mut dyn Networks, page: &RgbImage, quads: Vec<Quad>) -> Result<Vec<Placed>, OcrError> {
    let words = recognise(networks, page, &quads)?;
    let mut read: Vec<_> = quads
        .into_iter()
        .zip(words)
        .map(|(quad, words)| Placed { quad, words })
        .collect();
    let (columns, indexes): (Vec<_>, Vec<_>) = read
        .iter()
        .enumerate()
        .filter(|(_, placed)| tall(&placed.quad))
        .map(|(index, placed)| (placed.quad, index))
        .unzip();
    for (index, turned) in indexes.into_iter().zip(read_turned(networks, page, &columns, 1)?) {
        if mean([&turned]) > mean([&read[index]]) {
            read[index] = turned;
        }
    }
    Ok(read)
}

/// The words of each box, in the order of the boxes.
fn recognise(networks: &mut dyn Networks, page: &RgbImage, quads: &[Quad]) -> Result<Vec<Vec<Piece>>, OcrError> {
    let mut order: Vec<_> = (0..quads.len()).collect();
    order.sort_by_key(|index| strips::width_of(&quads[*index]));
    let mut words = vec![Vec::new(); quads.len()];
    let mut rest = order.as_slice();
    while let Some(first) = rest.first() {
        let narrowest = strips::width_of(&quads[*first]) as f32;
        let fits = |(position, index): &(usize, &usize)| {
            let width = strips::width_of(&quads[**index]);
            *position == 0 || (width as f32 <= narrowest * PADDING_MAX && width * (position + 1) <= COLUMNS_MAX)
        };
        let taken = rest.iter().enumerate().take(STRIPS_MAX).take_while(fits).count();
        let (batch, later) = rest.split_at(taken);
        rest = later;
        let boxes: Vec<_> = batch.iter().map(|index| quads[*index]).collect();
        let cut = strips::cut(page, &boxes);
        let width = cut.size(3) as f32;
        let steps = networks.recognise(cut)?;
        for (position, index) in batch.iter().enumerate() {
            let filled = strips::width_of(&quads[*index]) as f32 / width;
            words[*index] = decode::words(steps.slice(position), networks.letters(), filled);
        }
    }
    Ok(words)
}
