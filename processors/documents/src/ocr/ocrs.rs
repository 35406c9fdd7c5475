//! PP-OCRv6 in pure Rust: `ocrs` searches the page, its runtime `rten` reads the lines.
//!
//! `ocrs` wants a detection network that takes grey and has a fixed size, so the network is changed to the size of each page before it is loaded
//! (this takes a tenth of the time of running it). It gives the text of a line without a score, so the lines are read by `rten` itself.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use image::{DynamicImage, RgbImage};
use ocrs::{ImageSource, OcrEngine, OcrEngineParams};
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;

use super::pp_ocr::{self, Networks};
use super::{Engine, EngineChoice, OcrError, graph, name};
use crate::models::{self, Part};
use crate::reading::Line;

/// PP-OCRv6 by ocrs.
pub(super) struct Ocrs {
    networks: Mutex<Loaded>,
    pool: Arc<ThreadPool>,
}

struct Loaded {
    /// The detection network as it is in its file.
    detection: Vec<u8>,
    /// The engine for pages of the size (height, width) that came last: pages of one document are alike.
    searcher: Option<((u32, u32), OcrEngine)>,
    recognition: Model,
    letters: Vec<String>,
    pool: Arc<ThreadPool>,
}

fn failed<E: std::fmt::Display>(error: E) -> OcrError {
    OcrError::Ocrs(error.to_string().lines().next().unwrap_or_default().to_owned())
}

impl Ocrs {
    /// Loads the weights.
    pub(super) fn load(folder: &Path, threads: usize) -> Result<Self, OcrError> {
        let detection = models::load(folder, Part::Detection)?;
        let recogniser = graph::latin(&models::load(folder, Part::Recognition)?)?;
        let recognition = Model::load(recogniser.model).map_err(failed)?;
        let pool = Arc::new(ThreadPool::with_num_threads(threads));
        let networks = Loaded {
            detection,
            searcher: None,
            recognition,
            letters: recogniser.letters,
            pool: Arc::clone(&pool),
        };
        Ok(Self {
            networks: Mutex::new(networks),
            pool,
        })
    }
}

impl Engine for Ocrs {
    fn name(&self) -> &'static str {
        name(EngineChoice::Ocrs)
    }

    fn recognise(&self, image: &DynamicImage) -> Result<Vec<Line>, OcrError> {
        // What ocrs does around the networks goes to the pool that it is called in.
        self.pool.run(|| {
            let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
            pp_ocr::read(&mut *networks, image)
        })
    }
}

impl Loaded {
    fn searcher(&mut self, size: (u32, u32)) -> Result<&OcrEngine, OcrError> {
        if self.searcher.as_ref().is_none_or(|(loaded, _)| *loaded != size) {
            // The old one goes first: two would take twice the memory.
            self.searcher = None;
            let model = graph::grey(&self.detection, size.0 as usize, size.1 as usize)?;
            let params = OcrEngineParams {
                detection_model: Some(Model::load(model).map_err(failed)?),
                ..Default::default()
            };
            self.searcher = Some((size, OcrEngine::new(params).map_err(failed)?));
        }
        self.searcher
            .as_ref()
            .map(|(_, engine)| engine)
            .ok_or(OcrError::Graph("no searcher"))
    }
}

impl Networks for Loaded {
    fn name(&self) -> &'static str {
        name(EngineChoice::Ocrs)
    }

    fn detect(&mut self, image: &RgbImage) -> Result<NdTensor<f32, 2>, OcrError> {
        let engine = self.searcher((image.height(), image.width()))?;
        let source = ImageSource::from_bytes(image.as_raw(), image.dimensions()).map_err(failed)?;
        let input = engine.prepare_input(source).map_err(failed)?;
        engine.detect_text_pixels(&input).map_err(failed)
    }

    fn recognise(&mut self, strips: NdTensor<f32, 4>) -> Result<NdTensor<f32, 3>, OcrError> {
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let output = self.recognition.run_one(strips.into(), Some(options)).map_err(failed)?;
        output.try_into().map_err(failed)
    }

    fn letters(&self) -> &[String] {
        &self.letters
    }
}
