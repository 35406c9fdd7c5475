//! Which engine reads, and what to do when it can't.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use image::DynamicImage;
use spendlog_domain::documents::{Confidence, EngineChoice};

use super::ocrs::Ocrs;
use super::ort::Ort;
use super::tesseract::Tesseract;
use super::{Engine, OcrError, confidence};
use crate::models::{self, ModelError, Part};
use crate::reading::Line;

/// All engines, the one that measured best for its cost first: on photographed receipts both PP-OCRv6 engines find the same words, ONNX Runtime in
/// the shorter time; Tesseract is faster and finds fewer.
pub const ENGINES: [EngineChoice; 3] = [EngineChoice::Ort, EngineChoice::Ocrs, EngineChoice::Tesseract];

/// The name of an engine, as it stands in readings and configuration.
#[must_use]
pub const fn name(engine: EngineChoice) -> &'static str {
    match engine {
        EngineChoice::Ort => "pp-ocrv6/ort",
        EngineChoice::Ocrs => "pp-ocrv6/ocrs",
        EngineChoice::Tesseract => "tesseract",
    }
}

/// The engine of that name.
#[must_use]
pub fn named(text: &str) -> Option<EngineChoice> {
    ENGINES.into_iter().find(|engine| name(*engine) == text)
}

/// What an engine lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The engine.
    pub engine: EngineChoice,
    /// What is missing and what to do about it.
    pub what: String,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", name(self.engine), self.what)
    }
}

/// What was read off an image.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// Rows of words.
    pub lines: Vec<Line>,
    /// The engine that did it.
    pub engine: &'static str,
    /// How sure it is on the whole.
    pub confidence: Confidence,
}

/// The engines of a process. Nothing is loaded before the first page; what is loaded stays.
pub struct Engines {
    models: PathBuf,
    first: EngineChoice,
    threads: usize,
    /// One page at a time: whoever reads holds this, and with it the loaded engines.
    loaded: Mutex<[Option<Arc<dyn Engine>>; 3]>,
}

impl Engines {
    /// With the weights in `models`, starting with the engine `choice` (the best one where there is none), and at most `threads` threads for a page.
    #[must_use]
    pub fn new(models: impl Into<PathBuf>, choice: Option<EngineChoice>, threads: usize) -> Self {
        Self {
            models: models.into(),
            first: choice.unwrap_or(ENGINES[0]),
            threads: threads.clamp(1, 16),
            loaded: Mutex::new([const { None }; 3]),
        }
    }

    /// What each engine lacks, by a look at the folder and the path of programs; loads nothing.
    #[must_use]
    pub fn lacking(&self) -> Vec<Lacking> {
        ENGINES
            .into_iter()
            .filter_map(|engine| {
                self.look(engine).err().map(|error| Lacking {
                    engine,
                    what: error.to_string(),
                })
            })
            .collect()
    }

    /// The engine that would read next, where there is one.
    #[must_use]
    pub fn current(&self) -> Option<EngineChoice> {
        self.order(None).find(|engine| self.look(*engine).is_ok())
    }

    /// Reads an upright image, by `choice` if that one can, else by the next that can. Blocks while another page is being read.
    ///
    /// # Errors
    /// When no engine can be used (`NoEngine` says what each lacks), or the one that was used failed.
    pub fn recognise(&self, image: &DynamicImage, choice: Option<EngineChoice>) -> Result<Recognised, OcrError> {
        // A page that panicked leaves nothing half done in here.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lacking = Vec::new();
        for engine in self.order(choice) {
            let slot = &mut loaded[engine as usize];
            let ready = match slot {
                Some(ready) => Arc::clone(ready),
                None => match self.load(engine) {
                    Ok(ready) => Arc::clone(slot.insert(ready)),
                    Err(error) => {
                        tracing::warn!(engine = name(engine), %error, "recognition engine can't be used, trying the next");
                        lacking.push(Lacking {
                            engine,
                            what: error.to_string(),
                        });
                        continue;
                    }
                },
            };
            let lines = ready.recognise(image)?;
            return Ok(Recognised {
                confidence: confidence(&lines),
                engine: ready.name(),
                lines,
            });
        }
        Err(OcrError::NoEngine(lacking))
    }

    /// The chosen one, the configured one, then the others from best to worst.
    fn order(&self, choice: Option<EngineChoice>) -> impl Iterator<Item = EngineChoice> + use<> {
        let first = [choice.unwrap_or(self.first), self.first];
        let others = ENGINES.into_iter().filter(move |engine| !first.contains(engine));
        first
            .into_iter()
            .take(if first[0] == first[1] { 1 } else { 2 })
            .chain(others)
    }

    fn look(&self, engine: EngineChoice) -> Result<(), OcrError> {
        let weights = || -> Result<(), ModelError> {
            models::look(&self.models, Part::Detection)?;
            models::look(&self.models, Part::Recognition).map(drop)
        };
        match engine {
            EngineChoice::Ort => {
                weights()?;
                models::look(&self.models, Part::Runtime)?;
            }
            EngineChoice::Ocrs => weights()?,
            EngineChoice::Tesseract => Tesseract::find().map(drop)?,
        }
        Ok(())
    }

    fn load(&self, engine: EngineChoice) -> Result<Arc<dyn Engine>, OcrError> {
        Ok(match engine {
            EngineChoice::Ort => Arc::new(Ort::load(&self.models, self.threads)?),
            EngineChoice::Ocrs => Arc::new(Ocrs::load(&self.models, self.threads)?),
            EngineChoice::Tesseract => Arc::new(Tesseract::find()?),
        })
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines")
            .field("models", &self.models)
            .field("first", &self.first)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
