//! PP-OCRv6 run by ONNX Runtime, whose library is loaded when the first page comes.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::{DynamicImage, RgbImage};
use ort::environment::Environment;
use ort::ep::CPU;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::pp_ocr::{self, Networks};
use super::{Engine, EngineChoice, OcrError, graph, name};
use crate::models::{self, Part};
use crate::reading::Line;

/// PP-OCRv6 by ONNX Runtime.
pub(super) struct Ort {
    sessions: Mutex<Sessions>,
}

struct Sessions {
    detection: Session,
    recognition: Session,
    letters: Vec<String>,
}

/// A process can have only one, for ever.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

fn failed<E: std::fmt::Display>(error: E) -> OcrError {
    OcrError::OnnxRuntime(error.to_string().lines().next().unwrap_or_default().to_owned())
}

fn environment(folder: &Path) -> Result<Environment, OcrError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = environment.as_ref() {
        return Ok(environment.clone());
    }
    // It is code: it must be the one that was pinned.
    let library = models::verified(folder, Part::Runtime)?;
    let built = ort::init_from(library)
        .map_err(failed)?
        .with_name("spendlog")
        .with_telemetry(false)
        .build()
        .map_err(failed)?;
    Ok(environment.insert(built).clone())
}

impl Ort {
    /// Loads the library and both networks.
    pub(super) fn load(folder: &Path, threads: usize) -> Result<Self, OcrError> {
        let environment = environment(folder)?;
        let detection = session(&environment, &models::load(folder, Part::Detection)?, threads)?;
        let recogniser = graph::latin(&models::load(folder, Part::Recognition)?)?;
        let recognition = session(&environment, &recogniser.model, threads)?;
        Ok(Self {
            sessions: Mutex::new(Sessions {
                detection,
                recognition,
                letters: recogniser.letters,
            }),
        })
    }
}

fn session(environment: &Environment, model: &[u8], threads: usize) -> Result<Session, OcrError> {
    Session::builder(environment)
        .map_err(failed)?
        // Every page has another size: an arena would keep the largest of each, for ever.
        .with_execution_providers([CPU::default().with_arena_allocator(false).build()])
        .map_err(failed)?
        .with_memory_pattern(false)
        .map_err(failed)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(failed)?
        .with_intra_threads(threads)
        .map_err(failed)?
        .with_inter_threads(1)
        .map_err(failed)?
        // Threads that wait by spinning take the time of everything else on the machine.
        .with_intra_op_spinning(false)
        .map_err(failed)?
        .commit_from_memory(model)
        .map_err(failed)
}

impl Engine for Ort {
    fn name(&self) -> &'static str {
        name(EngineChoice::Ort)
    }

    fn recognise(&self, image: &DynamicImage) -> Result<Vec<Line>, OcrError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        pp_ocr::read(&mut *sessions, image)
    }
}

impl Networks for Sessions {
    fn name(&self) -> &'static str {
        name(EngineChoice::Ort)
    }

    fn detect(&mut self, image: &RgbImage) -> Result<NdTensor<f32, 2>, OcrError> {
        let (height, width) = (image.height() as usize, image.width() as usize);
        // Blue, green, red, each a plane, in [-1, 1].
        let planes = [2, 1, 0].into_iter().flat_map(|channel| {
            image
                .pixels()
                .map(move |pixel| f32::from(pixel.0[channel]) / 127.5 - 1.0)
        });
        let input = Tensor::from_array(([1, 3, height, width], planes.collect::<Vec<_>>())).map_err(failed)?;
        let output = self.detection.run(ort::inputs![input]).map_err(failed)?;
        let (shape, data) = output[0].try_extract_tensor::<f32>().map_err(failed)?;
        if shape[..] != [1, 1, height as i64, width as i64] {
            return Err(OcrError::Graph("the map has another size than the image"));
        }
        Ok(NdTensor::from_data([height, width], data.to_vec()))
    }

    fn recognise(&mut self, strips: NdTensor<f32, 4>) -> Result<NdTensor<f32, 3>, OcrError> {
        let input = Tensor::from_array((strips.shape(), strips.into_data())).map_err(failed)?;
        let output = self.recognition.run(ort::inputs![input]).map_err(failed)?;
        let (shape, data) = output[0].try_extract_tensor::<f32>().map_err(failed)?;
        let [strips, steps, classes] = shape[..] else {
            return Err(OcrError::Graph("the letters have no three dimensions"));
        };
        Ok(NdTensor::from_data(
            [strips, steps, classes].map(|size| usize::try_from(size).unwrap_or(0)),
            data.to_vec(),
        ))
    }

    fn letters(&self) -> &[String] {
        &self.letters
    }
}
