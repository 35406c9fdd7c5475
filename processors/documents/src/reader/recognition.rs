//! Puts a reading together from the parts of the child's answer, recognising page images on the way.

use std::collections::BTreeSet;

use image::{DynamicImage, GrayImage, RgbImage};
use spendlog_domain::documents::{Confidence, EngineChoice, FailureReason, Source};

use super::protocol::{End, Raster};
use super::{ReadError, ReaderConfig};
use crate::ocr::{self, Engines, OcrError, Recognised};
use crate::reading::{Line, Page, Reading, Statement, Table};

/// The engines, loaded at the first page that needs them.
pub(super) struct Recognition {
    engines: Engines,
}

impl Recognition {
    pub(super) fn new(config: &ReaderConfig) -> Self {
        Self {
            engines: Engines::new(&config.models, config.engine.map(ocr_engine), config.threads),
        }
    }

    fn read(&self, image: &DynamicImage, choice: Option<EngineChoice>) -> Result<Recognised, ReadError> {
        self.engines.recognise(image, choice.map(ocr_engine)).map_err(|error| {
            let reason = match error {
                OcrError::NoEngine(_) => FailureReason::NoEngine,
                OcrError::Slow { .. } => FailureReason::TimeLimit,
                _ => FailureReason::ReaderDied,
            };
            ReadError::Failed {
                reason,
                detail: error.to_string(),
            }
        })
    }
}

fn ocr_engine(choice: EngineChoice) -> ocr::EngineChoice {
    match choice {
        EngineChoice::Ort => ocr::EngineChoice::Ort,
        EngineChoice::Ocrs => ocr::EngineChoice::Ocrs,
        EngineChoice::Tesseract => ocr::EngineChoice::Tesseract,
    }
}

/// A reading in the making.
pub(super) struct Assembly<'a> {
    recognition: &'a Recognition,
    choice: Option<EngineChoice>,
    pages: Vec<Page>,
    tables: Vec<Table>,
    statements: Vec<Statement>,
    /// Words that did not have to be recognised.
    plain_words: u64,
    recognised: Totals,
    /// The first page image that could not be recognised ended like this.
    failed: Option<ReadError>,
    end: Option<End>,
}

/// Of the pages that were recognised.
#[derive(Default)]
struct Totals {
    engines: BTreeSet<&'static str>,
    words: u64,
    /// Of all words together, in per mille.
    confidence: u64,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(recognition: &'a Recognition, choice: Option<EngineChoice>) -> Self {
        Self {
            recognition,
            choice,
            pages: Vec::new(),
            tables: Vec::new(),
            statements: Vec::new(),
            plain_words: 0,
            recognised: Totals::default(),
            failed: None,
            end: None,
        }
    }

    pub(super) fn page(&mut self, page: Page) {
        self.plain_words += words(&page.lines);
        self.pages.push(page);
    }

    pub(super) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub(super) fn statement(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    pub(super) fn end(&mut self, end: End) {
        self.end = Some(end);
    }

    /// Recognises a page image. If that fails, the page has what text there was beside its image.
    pub(super) fn raster(&mut self, raster: Raster) {
        let head = raster.head;
        let (number, width, height) = (head.number, head.width, head.height);
        let image = match head.channels {
            1 => GrayImage::from_raw(width, height, raster.pixels).map(DynamicImage::ImageLuma8),
            _ => RgbImage::from_raw(width, height, raster.pixels).map(DynamicImage::ImageRgb8),
        };
        // The frame's size was checked against these figures when it came in.
        let Some(image) = image else { return };
        let lines = match self.recognition.read(&image, self.choice) {
            Ok(Recognised { lines, engine, .. }) if !lines.is_empty() => {
                let scores = lines
                    .iter()
                    .flat_map(|line| &line.words)
                    .map(|word| u64::from(word.confidence.0));
                self.recognised.confidence += scores.sum::<u64>();
                self.recognised.words += words(&lines);
                self.recognised.engines.insert(engine);
                lines
            }
            Ok(Recognised { engine, .. }) => {
                self.recognised.engines.insert(engine);
                self.plain_words += words(&head.lines);
                head.lines
            }
            Err(error) => {
                self.failed.get_or_insert(error);
                self.plain_words += words(&head.lines);
                head.lines
            }
        };
        self.pages.push(Page {
            number,
            width,
            height,
            lines,
        });
    }

    /// The reading, unless there is nothing in it.
    pub(super) fn finish(self) -> Result<Reading, ReadError> {
        let failed = |reason, detail: &str| ReadError::Failed {
            reason,
            detail: detail.to_owned(),
        };
        let end = self
            .end
            .ok_or_else(|| failed(FailureReason::ReaderDied, "its reader ended without an answer"))?;
        let Totals {
            engines,
            words,
            confidence,
        } = self.recognised;
        let cells = self
            .tables
            .iter()
            .flat_map(|table| &table.rows)
            .flatten()
            .any(|cell| !cell.trim().is_empty());
        if self.plain_words + words == 0 && !cells && self.statements.is_empty() {
            return Err(self
                .failed
                .unwrap_or_else(|| failed(FailureReason::NoText, "there is no text on it")));
        }
        let total = (self.plain_words + words).max(1);
        let mean = (self.plain_words * 1000 + confidence) / total;
        let mean = if self.plain_words + words == 0 { 1000 } else { mean };
        // Mostly recognised is recognised.
        let source = if words > self.plain_words {
            Source::Ocr
        } else {
            end.source
        };
        let plain = (self.plain_words > 0 || words == 0).then_some(end.engine);
        let engine = plain
            .iter()
            .map(String::as_str)
            .chain(engines)
            .collect::<Vec<_>>()
            .join("+");
        Ok(Reading {
            pages: self.pages,
            tables: self.tables,
            statements: self.statements,
            engine,
            source,
            left_out: end.left_out,
            confidence: Confidence(u16::try_from(mean.min(1000)).unwrap_or(1000)),
        })
    }
}

fn words(lines: &[Line]) -> u64 {
    u64::try_from(lines.iter().map(|line| line.words.len()).sum::<usize>()).unwrap_or(u64::MAX / 4000)
}
