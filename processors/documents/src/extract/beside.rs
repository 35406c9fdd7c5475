//! Values beside or below their labels.

use spendlog_domain::documents::{Box2, Confidence};

use super::page::{Row, Rows};
use super::text::Labelled;

/// A text that a label names.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    /// The text.
    pub text: String,
    /// The page.
    pub page: u32,
    /// The place.
    pub area: Option<Box2>,
    /// How sure the reading was.
    pub confidence: Confidence,
    /// Whether it stands below its label and not beside it.
    pub below: bool,
}

/// Everything that may be the value of a label: behind it in its cell, in the next cells, in the cell below.
pub(crate) fn beside(rows: &Rows, index: usize, is_label: impl Fn(&Labelled) -> bool) -> Vec<Beside> {
    let row = &rows.rows[index];
    let mut found = Vec::new();
    for (at, cell) in row.cells.iter().enumerate() {
        if !is_label(&Labelled::of(&cell.text)) {
            continue;
        }
        let mut add = |text: &str, cell: &super::page::Cell, below: bool| {
            let text = text.trim().trim_start_matches([':', '.', '#', ' ']).trim();
            if !text.is_empty() {
                found.push(Beside {
                    text: text.to_owned(),
                    page: row.page,
                    area: cell.area,
                    confidence: cell.confidence,
                    below,
                });
            }
        };
        add(&cell.text, cell, false);
        for next in row.cells.iter().skip(at + 1).take(2) {
            add(&next.text, next, false);
        }
        for step in 1..=2 {
            let Some(under) = rows.rows.get(index + step).filter(|under| under.page == row.page) else {
                break;
            };
            for cell in below(cell.area, under, row.cells.len()) {
                add(&cell.text, cell, true);
            }
        }
    }
    found
}

/// The cells of a row that stand under this place; else the first that begins further right, as values do that are set
/// flush right under a label that is set flush left.
pub(crate) fn below(area: Option<Box2>, under: &Row, columns: usize) -> Vec<&super::page::Cell> {
    let Some(area) = area else {
        return if columns == 1 {
            under.cells.iter().take(1).collect()
        } else {
            Vec::new()
        };
    };
    let placed = || {
        under
            .cells
            .iter()
            .filter_map(|cell| cell.area.map(|place| (cell, place)))
    };
    let straight: Vec<_> = placed()
        .filter(|(_, a)| a.x0 < area.x1 && area.x0 < a.x1)
        .map(|(cell, _)| cell)
        .collect();
    if !straight.is_empty() {
        return straight;
    }
    placed()
        .filter(|(_, a)| a.x0 >= area.x1)
        .take(1)
        .map(|(cell, _)| cell)
        .collect()
}
