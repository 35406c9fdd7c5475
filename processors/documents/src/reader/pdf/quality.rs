//! Whether a text layer is worth anything.

use crate::reading::Line;

/// What a page's text consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quality {
    /// Letters and digits.
    letters: usize,
    /// Marks of failed decoding: replacement characters, private use.
    broken: usize,
}

/// Pages with fewer letters than this, and an image, are taken for scans: a stamp or a page number is not their text.
const FEW_LETTERS: usize = 120;
/// An image that covers so much of the page is the page.
const PAGE_IMAGE_PERCENT: u32 = 55;

impl Quality {
    pub(super) const NONE: Self = Self { letters: 0, broken: 0 };

    pub(super) fn of(lines: &[Line]) -> Self {
        let mut quality = Self::NONE;
        for letter in lines
            .iter()
            .flat_map(|line| &line.words)
            .flat_map(|word| word.text.chars())
        {
            if is_broken(letter) {
                quality.broken += 1;
            } else if letter.is_alphanumeric() {
                quality.letters += 1;
            }
        }
        quality
    }

    /// How much of it is text.
    pub(super) const fn score(self) -> usize {
        self.letters.saturating_sub(self.broken)
    }

    /// Whether it is mostly text and not the leavings of a font without a map to letters.
    pub(super) const fn is_readable(self) -> bool {
        self.broken * 4 <= self.letters
    }

    /// Whether it can stand for the page, of which images cover so much.
    pub(super) const fn is_enough(self, image_percent: u32) -> bool {
        self.letters > 0 && self.is_readable() && (self.letters >= FEW_LETTERS || image_percent < PAGE_IMAGE_PERCENT)
    }
}

const fn is_broken(letter: char) -> bool {
    matches!(letter, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\0'..='\u{1f}')
}
