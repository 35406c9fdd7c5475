//! Rows and cells: the words of a reading put where a person sees them.
//!
//! Recognised words are grouped anew: photographs are skewed, and a label at the left and its amount at the right
//! belong into one row even where the engine saw two.

use spendlog_domain::documents::{Box2, Confidence, Source};

use super::text::fold;
use crate::reading::{Line, Page, Reading, Word};

/// A run of words without a wide gap between them.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// Its words.
    pub text: String,
    /// Where it stands; none in text without places.
    pub area: Option<Box2>,
    /// The least sure of its words.
    pub confidence: Confidence,
}

/// What stands side by side.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The page, from 1.
    pub page: u32,
    /// From left to right.
    pub cells: Vec<Cell>,
    /// All cells, with a space between.
    pub text: String,
    /// The same in capital letters of ASCII, all else but digits and a few signs made spaces.
    pub folded: String,
    /// The height of its letters, in ten-thousandths of the page.
    pub height: u16,
}

impl Row {
    fn new(page: u32, cells: Vec<Cell>) -> Self {
        let text = cells
            .iter()
            .map(|cell| cell.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        let heights: Vec<u16> = cells
            .iter()
            .filter_map(|c| c.area)
            .map(|a| a.y1.saturating_sub(a.y0))
            .collect();
        let height = if heights.is_empty() {
            0
        } else {
            heights.iter().copied().max().unwrap_or(0)
        };
        Self {
            page,
            folded: fold(&text),
            text,
            cells,
            height,
        }
    }

    /// The rectangle around all cells.
    pub(crate) fn area(&self) -> Option<Box2> {
        self.cells.iter().filter_map(|cell| cell.area).reduce(around)
    }

    /// This row with another behind it.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        Self::new(self.page, self.cells.iter().chain(&other.cells).cloned().collect())
    }

    /// The least sure of its cells.
    pub(crate) fn confidence(&self) -> Confidence {
        Confidence(self.cells.iter().map(|cell| cell.confidence.0).min().unwrap_or(0))
    }
}

/// The rectangle around two.
pub(crate) fn around(a: Box2, b: Box2) -> Box2 {
    Box2 {
        x0: a.x0.min(b.x0),
        y0: a.y0.min(b.y0),
        x1: a.x1.max(b.x1),
        y1: a.y1.max(b.y1),
    }
}

/// All rows of a reading, page after page.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// What read them.
    pub engine: String,
    /// What they were read from.
    pub source: Source,
}

impl Rows {
    /// The rows of the reading's pages; of its tables where it has no pages.
    pub(crate) fn of(reading: &Reading) -> Self {
        let mut rows = Vec::new();
        for page in &reading.pages {
            rows.extend(page_rows(page, reading.source == Source::Ocr));
        }
        if rows.is_empty() {
            for (index, table) in reading.tables.iter().enumerate() {
                let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
                rows.extend(table.rows.iter().map(|cells| {
                    let full = cells.iter().filter(|cell| !cell.trim().is_empty());
                    Row::new(number, full.map(|cell| plain_cell(cell, reading.confidence)).collect())
                }));
            }
        }
        rows.retain(|row| !row.text.trim().is_empty());
        Self {
            rows,
            engine: reading.engine.clone(),
            source: reading.source,
        }
    }
}

fn plain_cell(text: &str, confidence: Confidence) -> Cell {
    Cell {
        text: text.trim().to_owned(),
        area: None,
        confidence,
    }
}

fn placed(word: &Word) -> bool {
    word.area.x1 > word.area.x0 && word.area.y1 > word.area.y0
}

fn page_rows(page: &Page, regroup: bool) -> Vec<Row> {
    let words: Vec<&Word> = page
        .lines
        .iter()
        .flat_map(|line| &line.words)
        .filter(|w| !w.text.trim().is_empty())
        .collect();
    if words.iter().any(|word| !placed(word)) || words.is_empty() {
        return page.lines.iter().map(|line| unplaced_row(page.number, line)).collect();
    }
    let units = Units::of(page);
    let boxes: Vec<Placed<'_>> = words.iter().map(|word| units.place(word)).collect();
    let groups = if regroup {
        regrouped(boxes)
    } else {
        let mut taken = boxes.into_iter();
        let by_line = page.lines.iter().map(|line| {
            let count = line.words.iter().filter(|w| !w.text.trim().is_empty()).count();
            taken.by_ref().take(count).collect::<Vec<_>>()
        });
        by_line.filter(|group| !group.is_empty()).collect()
    };
    groups
        .into_iter()
        .map(|group| Row::new(page.number, cells(group, regroup)))
        .collect()
}

/// Text without places keeps its columns apart by runs of spaces at most.
fn unplaced_row(page: u32, line: &Line) -> Row {
    let text = line
        .words
        .iter()
        .map(|word| word.text.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    let confidence = Confidence(line.words.iter().map(|word| word.confidence.0).min().unwrap_or(0));
    let parts = text
        .split("  ")
        .flat_map(|part| part.split('\t'))
        .map(str::trim)
        .filter(|part| !part.is_empty());
    Row::new(page, parts.map(|part| plain_cell(part, confidence)).collect())
}

/// Turns ten-thousandths of a page into units that are the same in both directions.
struct Units {
    width: i64,
    height: i64,
}

struct Placed<'a> {
    word: &'a Word,
    x0: i64,
    x1: i64,
    y0: i64,
    y1: i64,
}

impl Placed<'_> {
    fn middle(&self) -> i64 {
        i64::midpoint(self.y0, self.y1)
    }

    fn height(&self) -> i64 {
        (self.y1 - self.y0).max(1)
    }
}

impl Units {
    fn of(page: &Page) -> Self {
        Self {
            width: i64::from(page.width.max(1)),
            height: i64::from(page.height.max(1)),
        }
    }

    fn place<'a>(&self, word: &'a Word) -> Placed<'a> {
        let area = word.area;
        let (x, y) = (
            |v: u16| i64::from(v) * self.width / 100,
            |v: u16| i64::from(v) * self.height / 100,
        );
        Placed {
            word,
            x0: x(area.x0),
            x1: x(area.x1),
            y0: y(area.y0),
            y1: y(area.y1),
        }
    }
}

/// The slope, in units per thousand, under which the words fall into the fewest, fullest rows.
fn slope(boxes: &[Placed<'_>]) -> i64 {
    let mut heights: Vec<i64> = boxes.iter().map(Placed::height).collect();
    heights.sort_unstable();
    let bin = (heights[heights.len() / 2] / 3).max(1);
    let score = |slope: i64| {
        let mut bins = std::collections::HashMap::<i64, i64>::new();
        for b in boxes {
            let level = b.middle() - slope * i64::midpoint(b.x0, b.x1) / 1000;
            *bins.entry(level.div_euclid(bin)).or_default() += 2;
            *bins
                .entry((level + bin / 2).div_euclid(bin) + 1_000_000_000)
                .or_default() += 2;
        }
        bins.values().map(|count| count * count).sum::<i64>()
    };
    let straight = score(0);
    let best = (-70..=70)
        .map(|s| (score(s), -i64::abs(s), s))
        .max()
        .map_or(0, |(_, _, s)| s);
    if score(best) * 20 > straight * 23 { best } else { 0 }
}

/// Chains each word to the one at its left that stands at the same level.
fn regrouped(mut boxes: Vec<Placed<'_>>) -> Vec<Vec<Placed<'_>>> {
    let slope = slope(&boxes);
    let level = |b: &Placed<'_>| b.middle() - slope * i64::midpoint(b.x0, b.x1) / 1000;
    boxes.sort_by_key(|b| (b.x0, b.y0));
    let mut chains: Vec<Vec<Placed<'_>>> = Vec::new();
    for b in boxes {
        let near = |chain: &Vec<Placed<'_>>| {
            let last = chain.last()?;
            let apart = (level(last) - level(&b)).abs();
            let small = last.height().min(b.height());
            let overlap = (last.x1.min(b.x1) - b.x0).max(0);
            (apart * 20 < small * 11 && overlap * 2 < (b.x1 - b.x0).min(last.x1 - last.x0)).then_some(apart)
        };
        let best = chains
            .iter()
            .enumerate()
            .filter_map(|(i, chain)| Some((near(chain)?, i)))
            .min();
        match best {
            Some((_, i)) => chains[i].push(b),
            None => chains.push(vec![b]),
        }
    }
    let count = |chain: &[Placed<'_>]| i64::try_from(chain.len()).unwrap_or(1).max(1);
    chains.sort_by_key(|chain| chain.iter().map(&level).sum::<i64>() / count(chain));
    chains
}

/// Words with a gap of more than about one letter's height between them are in different cells.
fn cells(group: Vec<Placed<'_>>, recognised: bool) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut last: Option<(i64, i64)> = None;
    for b in group {
        let joined = last.is_some_and(|(x1, height)| (b.x0 - x1) * 10 < height.min(b.height()) * 9);
        match cells.last_mut() {
            Some(cell) if joined => {
                // Kerning moves letters apart by less than any space: `F actuur`. Recognised words have no such places.
                let kerned = !recognised && last.is_some_and(|(x1, height)| (b.x0 - x1) * 100 < height * 7);
                if !kerned {
                    cell.text.push(' ');
                }
                cell.text.push_str(b.word.text.trim());
                cell.area = cell.area.map(|area| around(area, b.word.area));
                cell.confidence = cell.confidence.min(b.word.confidence);
            }
            _ => cells.push(Cell {
                text: b.word.text.trim().to_owned(),
                area: Some(b.word.area),
                confidence: b.word.confidence,
            }),
        }
        last = Some((b.x1, b.height()));
    }
    cells
}
