//! Tests of the recognition.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::boxes::{self, Quad, Spot};
use super::decode::{self, Piece};
use super::rows::{self, Placed};
use super::*;

fn text(line: &Line) -> String {
    line.words
        .iter()
        .map(|word| word.text.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(text).collect()
}

/// Probabilities in which each step is sure of one letter of `steps`; `_` is the blank.
fn steps(letters: &[String], steps: &str) -> NdTensor<f32, 2> {
    let classes: Vec<_> = steps
        .chars()
        .map(|step| {
            letters
                .iter()
                .position(|letter| *letter == step.to_string())
                .unwrap_or(0)
        })
        .collect();
    NdTensor::from_fn([classes.len(), letters.len()], |[step, class]| {
        if classes[step] == class { 0.9 } else { 0.01 }
    })
}

fn letters() -> Vec<String> {
    ["", "A", "B", "C", "1", " "].map(str::to_owned).to_vec()
}

#[test]
fn decodes_repeated_letters_blanks_and_spaces() {
    let words = decode::words(steps(&letters(), "_AA_A_B__ _1_C_").view(), &letters(), 1.0);
    assert_eq!(
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
        ["AAB", "1C"]
    );
    assert!(
        words[0].from < 0.1 && words[0].to > 0.4 && words[0].to < words[1].from,
        "{words:?}"
    );
    assert!(words[1].to > 0.9 && words[1].to <= 1.0);
    assert!((words[0].score - 0.9).abs() < 0.001);
}

#[test]
fn splits_words_at_a_gap_and_ignores_the_padding() {
    let words = decode::words(
        steps(&letters(), "A_B_A________B_C_A____________A").view(),
        &letters(),
        0.6,
    );
    assert_eq!(
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
        ["ABA", "BCA"]
    );
    assert!(decode::words(steps(&letters(), "_____").view(), &letters(), 1.0).is_empty());
}

/// A map of text at rectangles (left, top, right, bottom).
fn map(width: usize, height: usize, rectangles: &[[usize; 4]]) -> NdTensor<f32, 2> {
    NdTensor::from_fn([height, width], |[y, x]| {
        let inside = rectangles
            .iter()
            .any(|[left, top, right, bottom]| (*left..*right).contains(&x) && (*top..*bottom).contains(&y));
        if inside { 0.95 } else { 0.02 }
    })
}

#[test]
fn finds_boxes_and_widens_them() {
    let found = boxes::find(
        map(320, 160, &[[20, 30, 120, 40], [200, 100, 203, 101]]).view(),
        640,
        320,
    );
    assert_eq!(found.len(), 1, "a speck is no text: {found:?}");
    let [a, b, c, _] = found[0].0;
    // The page is twice the map; 100 × 10 is widened by 1.6 × area / perimeter, about 7 at each side.
    assert!((20.0..40.0).contains(&a.x) && (40.0..60.0).contains(&a.y), "{a:?}");
    assert!((240.0..260.0).contains(&b.x) && (a.y - b.y).abs() < 1.0, "{b:?}");
    assert!((80.0..100.0).contains(&c.y), "{c:?}");
}

#[test]
fn finds_a_leaning_box() {
    let slope = 0.2;
    let map = NdTensor::from_fn([200, 300], |[y, x]: [usize; 2]| {
        let middle = slope * x as f32 + 40.0;
        if (40..260).contains(&x) && (y as f32 - middle).abs() < 6.0 {
            0.9
        } else {
            0.0
        }
    });
    let found = boxes::find(map.view(), 300, 200);
    assert_eq!(found.len(), 1);
    let [a, b, ..] = found[0].0;
    assert!(((b.y - a.y) / (b.x - a.x) - slope).abs() < 0.03, "{found:?}");
    assert!(found[0].height() < 40.0 && found[0].width() > 220.0);
}

/// A box with one word, at a place on a page that leans by `lean` radians.
fn placed(word: &str, x: f32, y: f32, width: f32, lean: f32) -> Placed {
    let (sin, cos) = lean.sin_cos();
    let at = |x: f32, y: f32| Spot {
        x: x * cos - y * sin,
        y: x * sin + y * cos,
    };
    Placed {
        quad: Quad([at(x, y), at(x + width, y), at(x + width, y + 20.0), at(x, y + 20.0)]),
        words: vec![Piece {
            text: word.to_owned(),
            from: 0.0,
            to: 1.0,
            score: 0.9,
        }],
    }
}

#[test]
fn puts_label_and_amount_into_one_row_on_leaning_paper() {
    for lean in [-0.12_f32, 0.0, 0.12, std::f32::consts::FRAC_PI_2, std::f32::consts::PI] {
        let page = [
            placed("12.50", 400.0, 131.0, 60.0, lean),
            placed("TOTAL", 100.0, 130.0, 80.0, lean),
            placed("SHOP", 200.0, 100.0, 90.0, lean),
            placed("7.50", 405.0, 158.0, 50.0, lean),
            placed("CHANGE", 100.0, 160.0, 100.0, lean),
        ];
        let lines = rows::group(&page, 600, 400);
        assert_eq!(texts(&lines), ["SHOP", "TOTAL 12.50", "CHANGE 7.50"], "leaning {lean}");
    }
}

#[test]
fn follows_bent_paper_from_box_to_box() {
    // Each row sinks by more than its height from left to right, with upright boxes.
    let mut page = Vec::new();
    for (row, words) in [["A", "B", "C", "D"], ["E", "F", "G", "H"]].into_iter().enumerate() {
        for (column, word) in words.into_iter().enumerate() {
            page.push(placed(
                word,
                column as f32 * 70.0,
                row as f32 * 24.0 + column as f32 * 7.0,
                60.0,
                0.0,
            ));
        }
    }
    assert_eq!(texts(&rows::group(&page, 300, 100)), ["A B C D", "E F G H"]);
}

#[test]
fn gives_boxes_in_ten_thousandths() {
    let lines = rows::group(&[placed("X", 50.0, 100.0, 100.0, 0.0)], 200, 400);
    let word = &lines[0].words[0];
    assert_eq!(
        [word.area.x0, word.area.y0, word.area.x1, word.area.y1],
        [2500, 2500, 7500, 3000]
    );
    assert_eq!(word.confidence.0, 900);
    assert_eq!(confidence(&lines).0, 900);
    assert_eq!(confidence(&[]).0, 0);
}

#[test]
fn reads_the_table_of_tesseract() {
    let table = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
        1\t1\t0\t0\t0\t0\t0\t0\t200\t100\t-1\t\n\
        5\t1\t1\t1\t1\t1\t20\t10\t40\t10\t96.5\tTOTAL\n\
        5\t1\t1\t1\t1\t2\t100\t10\t40\t10\t80\t12.50\n\
        5\t1\t1\t1\t2\t1\t20\t30\t10\t10\t-1\t \n\
        5\t1\t1\t1\t3\t1\t20\t50\t10\t10\t50\tBYE\n\
        5\tnot\ta\trow\n";
    let lines = tesseract::lines(table, 200, 100);
    assert_eq!(texts(&lines), ["TOTAL 12.50", "BYE"]);
    assert_eq!(lines[0].words[0].confidence.0, 965);
    assert_eq!(lines[0].words[1].area.x0, 5000);
}

#[test]
fn searches_on_sides_of_whole_steps() {
    for (width, height) in [(1080, 1527), (3000, 4000), (400, 2600), (40, 40), (2600, 10), (1, 1)] {
        let (w, h) = page::search_size(width, height);
        assert!(w % 32 == 0 && h % 32 == 0 && w > 0 && h > 0);
        assert!(
            u64::from(w) * u64::from(h) < 2_000_000,
            "{width} × {height} is searched on {w} × {h}"
        );
    }
}

#[test]
fn decodes_within_limits() {
    let mut file = Cursor::new(Vec::new());
    RgbImage::new(3, 2).write_to(&mut file, ImageFormat::Png).unwrap();
    assert_eq!(decode(file.get_ref()).unwrap().width(), 3);
    // The width in the header of the same file, and its checksum, made huge.
    let mut huge = file.into_inner();
    huge[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    assert!(decode(&huge).is_err());
    assert!(decode(b"not an image").is_err());
}

#[test]
fn says_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let engines = Engines::new(empty.path(), None, 2);
    let lacking = engines.lacking();
    assert_eq!(lacking[0].engine, EngineChoice::Ort);
    assert_eq!(
        lacking[0].to_string(),
        "pp-ocrv6/ort: PP-OCRv6_det_small.onnx is not in the folder of models: run `spendlog models fetch`"
    );
    for engine in ENGINES {
        assert_eq!(named(name(engine)), Some(engine));
    }
    assert_eq!(named("gocr"), None);
}

/// Five by seven dots of each letter that the test page needs, a row a number.
const DOTS: [(char, [u8; 7]); 11] = [
    ('T', [31, 4, 4, 4, 4, 4, 4]),
    ('O', [14, 17, 17, 17, 17, 17, 14]),
    ('A', [14, 17, 17, 31, 17, 17, 17]),
    ('L', [16, 16, 16, 16, 16, 16, 31]),
    ('1', [4, 12, 4, 4, 4, 4, 14]),
    ('2', [14, 17, 1, 2, 4, 8, 31]),
    ('5', [31, 16, 30, 1, 1, 17, 14]),
    ('7', [31, 1, 2, 4, 8, 8, 8]),
    ('.', [0, 0, 0, 0, 0, 12, 12]),
    ('H', [17, 17, 17, 31, 17, 17, 17]),
    ('E', [31, 16, 16, 30, 16, 16, 31]),
];

fn write(page: &mut GrayImage, text: &str, left: u32, top: u32) {
    const DOT: u32 = 4;
    for (index, letter) in text.chars().enumerate() {
        let Some((_, rows)) = DOTS.iter().find(|(known, _)| *known == letter) else {
            continue;
        };
        for (row, dots) in rows.iter().enumerate() {
            for column in (0..5).filter(|column| dots >> (4 - column) & 1 == 1) {
                let (x, y) = (left + (index as u32 * 6 + column) * DOT, top + row as u32 * DOT);
                for pixel in 0..DOT * DOT {
                    page.put_pixel(x + pixel % DOT, y + pixel / DOT, Luma([20]));
                }
            }
        }
    }
}

fn receipt() -> DynamicImage {
    let mut page = GrayImage::from_pixel(440, 320, Luma([235]));
    write(&mut page, "HOTEL", 160, 50);
    write(&mut page, "TOTAL", 30, 180);
    write(&mut page, "12.57", 290, 180);
    DynamicImage::ImageLuma8(image::imageops::blur(&page, 1.2))
}

/// The folder of fetched models, if the tests were told of one that has them.
fn fetched() -> Option<PathBuf> {
    let folder = std::env::var_os("SPENDLOG_MODELS").map(PathBuf::from);
    let complete = |folder: &PathBuf| crate::models::manifest().all(|artefact| folder.join(artefact.file).is_file());
    folder.filter(complete)
}

fn read_with(choice: EngineChoice, folder: &Path, image: &DynamicImage) -> Vec<String> {
    let engines = Engines::new(folder, Some(choice), 2);
    let read = engines.recognise(image, None).unwrap();
    assert_eq!(read.engine, name(choice), "{:?}", engines.lacking());
    assert!(read.confidence.0 > 600, "{:?}", read.confidence);
    texts(&read.lines)
}

#[test]
fn every_pp_ocr_engine_reads_a_receipt_whichever_way_it_lies() {
    let Some(folder) = fetched() else {
        eprintln!(
            "SKIPPED: there are no weights; set SPENDLOG_MODELS to a folder that `spendlog models fetch` has filled"
        );
        return;
    };
    let upright = receipt();
    let ways = [
        ("upright", upright.clone()),
        ("left", upright.rotate270()),
        ("right", upright.rotate90()),
        ("down", upright.rotate180()),
    ];
    for (choice, ways) in [(EngineChoice::Ort, &ways[..]), (EngineChoice::Ocrs, &ways[..2])] {
        for (way, image) in ways {
            assert_eq!(
                read_with(choice, &folder, image),
                ["HOTEL", "TOTAL 12.57"],
                "{choice:?}, {way}"
            );
        }
        let blank = DynamicImage::ImageLuma8(GrayImage::from_pixel(300, 200, Luma([255])));
        assert!(
            Engines::new(&folder, Some(choice), 1)
                .recognise(&blank, None)
                .unwrap()
                .lines
                .is_empty()
        );
    }
}

#[test]
fn tesseract_reads_a_receipt() {
    let empty = tempfile::tempdir().unwrap();
    if tesseract::Tesseract::find().is_err() {
        eprintln!("SKIPPED: tesseract is not installed");
        return;
    }
    let read = read_with(EngineChoice::Tesseract, empty.path(), &receipt());
    assert_eq!(read.last().map(String::as_str), Some("TOTAL 12.57"), "{read:?}");
}

#[test]
fn goes_on_with_the_next_engine() {
    let empty = tempfile::tempdir().unwrap();
    let read = Engines::new(empty.path(), None, 1).recognise(&receipt(), Some(EngineChoice::Ocrs));
    match read {
        Ok(read) => assert_eq!(read.engine, "tesseract"),
        Err(OcrError::NoEngine(lacking)) => assert_eq!(lacking.len(), 3),
        Err(other) => panic!("{other}"),
    }
}
