//! Tests of rows and words from glyphs.
#![expect(clippy::float_arithmetic, reason = "places on a page")]

use super::{Frame, Glyph, lines};
use crate::reading::Line;

/// Letters of half the font's height each, from a place.
fn draw(text: &str, x: f64, y: f64, size: f64) -> Vec<Glyph> {
    let glyph = |(index, letter): (usize, char)| Glyph {
        text: letter.to_string(),
        x: x + f64::from(u32::try_from(index).unwrap()) * size / 2.0,
        y,
        advance: (size / 2.0, 0.0),
        size,
    };
    text.chars().enumerate().map(glyph).collect()
}

fn texts(lines: &[Line]) -> Vec<Vec<&str>> {
    lines
        .iter()
        .map(|line| line.words.iter().map(|word| word.text.as_str()).collect())
        .collect()
}

#[test]
fn rows_come_from_baselines_not_from_the_order_of_drawing() {
    let glyphs = [
        draw("12.50", 400.0, 100.2, 10.0),
        draw("Total", 50.0, 200.0, 10.0),
        draw("Tea pot", 50.0, 100.0, 10.0),
    ]
    .concat();
    let lines = lines(glyphs, 600.0, 800.0);
    assert_eq!(texts(&lines), [vec!["Tea", "pot", "12.50"], vec!["Total"]]);
    let area = lines[1].words[0].area;
    assert_eq!((area.x0, area.x1), (833, 1250));
    assert!(area.y0 < 2500 && area.y1 > 2500);
}

#[test]
fn small_print_beside_large_letters_shares_their_row() {
    let glyphs = [draw("99", 50.0, 100.0, 30.0), draw("EUR", 90.0, 98.0, 8.0)].concat();
    assert_eq!(texts(&lines(glyphs, 600.0, 800.0)), [["99", "EUR"]]);
}

#[test]
fn letters_drawn_twice_are_read_once() {
    let glyphs = [draw("Total", 50.0, 100.0, 10.0), draw("Total", 50.3, 100.0, 10.0)].concat();
    assert_eq!(texts(&lines(glyphs, 600.0, 800.0)), [["Total"]]);
    assert_eq!(
        texts(&lines(draw("11.00", 50.0, 100.0, 10.0), 600.0, 800.0)),
        [["11.00"]]
    );
}

#[test]
fn what_lies_outside_the_page_is_not_on_it() {
    assert!(lines(draw("hidden", -300.0, 100.0, 10.0), 600.0, 800.0).is_empty());
}

#[test]
fn text_in_another_direction_comes_after_the_rest() {
    let mut side = draw("up", 10.0, 400.0, 10.0);
    for (index, glyph) in side.iter_mut().enumerate() {
        glyph.x = 10.0;
        glyph.y = 400.0 - 5.0 * f64::from(u32::try_from(index).unwrap());
        glyph.advance = (0.0, -5.0);
    }
    let lines = lines([side, draw("right", 50.0, 500.0, 10.0)].concat(), 600.0, 800.0);
    assert_eq!(texts(&lines), [["right"], ["up"]]);
    let area = lines[1].words[0].area;
    assert!(area.x0 < area.x1 && area.y0 < area.y1, "{area:?}");
}

#[test]
fn a_turned_page_is_read_as_it_is_shown() {
    let frame = |quarters| Frame {
        x0: 0.0,
        y0: 0.0,
        x1: 600.0,
        y1: 800.0,
        quarters,
    };
    assert_eq!(frame(0).place(10.0, 790.0), (10.0, 10.0));
    assert_eq!(frame(1).place(10.0, 20.0), (20.0, 10.0));
    assert_eq!(frame(2).place(590.0, 10.0), (10.0, 10.0));
    assert_eq!(frame(3).place(590.0, 790.0), (10.0, 10.0));
    assert_eq!(frame(1).size(), (800.0, 600.0));
}
