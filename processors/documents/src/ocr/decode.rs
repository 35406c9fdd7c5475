//! From the network's probabilities to words: connectionist temporal classification, read greedily.

use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

/// A gap of this many letter widths is a space even where the network saw none.
const GAP_LETTERS: f32 = 2.6;

/// A word of a strip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    /// Its letters.
    pub(super) text: String,
    /// Where it begins, as part of the strip's width.
    pub(super) from: f32,
    /// Where it ends.
    pub(super) to: f32,
    /// The mean probability of its letters.
    pub(super) score: f32,
}

struct Glyph<'a> {
    letter: &'a str,
    at: f32,
    score: f32,
}

/// The words of one strip, from the probabilities of each class at each step. `filled` is the part of the steps that the strip's image takes;
/// the rest is padding.
pub(super) fn words(steps: NdTensorView<'_, f32, 2>, letters: &[String], filled: f32) -> Vec<Piece> {
    let glyphs = glyphs(steps, letters, filled);
    let pitch = pitch(&glyphs);
    let mut words: Vec<Vec<&Glyph<'_>>> = vec![Vec::new()];
    let mut last: Option<&Glyph<'_>> = None;
    for glyph in &glyphs {
        let gap = last.is_some_and(|last| glyph.at - last.at > pitch * GAP_LETTERS);
        if glyph.letter.trim().is_empty() || gap {
            words.push(Vec::new());
        }
        if glyph.letter.trim().is_empty() {
            last = None;
            continue;
        }
        if let Some(word) = words.last_mut() {
            word.push(glyph);
        }
        last = Some(glyph);
    }
    words.into_iter().filter_map(|word| piece(&word, pitch)).collect()
}

fn piece(glyphs: &[&Glyph<'_>], pitch: f32) -> Option<Piece> {
    let (first, last) = (glyphs.first()?, glyphs.last()?);
    let sum: f32 = glyphs.iter().map(|glyph| glyph.score).sum();
    Some(Piece {
        text: glyphs.iter().map(|glyph| glyph.letter).collect(),
        from: (first.at - pitch * 0.6).max(0.0),
        to: (last.at + pitch * 0.6).min(1.0),
        score: sum / glyphs.len() as f32,
    })
}

/// A letter is where its class is the likeliest for some steps in a row; its place is the middle of them.
fn glyphs<'a>(steps: NdTensorView<'_, f32, 2>, letters: &'a [String], filled: f32) -> Vec<Glyph<'a>> {
    let [count, _] = steps.shape();
    let length = (count as f32 * filled).max(1.0);
    let mut glyphs: Vec<Glyph<'a>> = Vec::new();
    let (mut run, mut run_from) = (0, 0);
    for step in 0..count {
        let row = steps.slice(step);
        let (class, score) =
            row.iter().copied().enumerate().fold(
                (0, f32::MIN),
                |best, (class, p)| if p > best.1 { (class, p) } else { best },
            );
        if class != run {
            (run, run_from) = (class, step);
            if let Some(letter) = letters.get(class).filter(|letter| !letter.is_empty()) {
                let at = (step as f32 + 0.5) / length;
                // What is seen in the padding isn't there.
                if at <= 1.02 {
                    glyphs.push(Glyph {
                        letter,
                        at: at.min(1.0),
                        score,
                    });
                }
            }
        } else if class != 0
            && let Some(glyph) = glyphs.last_mut()
        {
            glyph.at = (((run_from + step) as f32 + 1.0) / 2.0 / length).min(1.0);
            glyph.score = glyph.score.max(score);
        }
    }
    glyphs
}

/// The usual distance between neighbouring letters.
fn pitch(glyphs: &[Glyph<'_>]) -> f32 {
    let mut steps: Vec<f32> = glyphs
        .windows(2)
        .filter(|pair| !pair[0].letter.trim().is_empty() && !pair[1].letter.trim().is_empty())
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    if steps.is_empty() {
        return 1.0 / (glyphs.len().max(1) as f32 + 1.0);
    }
    steps.sort_by(f32::total_cmp);
    steps[steps.len() / 2]
}
