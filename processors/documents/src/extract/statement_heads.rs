//! Heads of columns on pages, with where they stand.

use spendlog_domain::documents::Box2;

use super::page::Row;
use super::statement_words::{Role, role};

/// Heads of columns, with where they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads {
    /// Places of heads, from left to right.
    pub(super) places: Vec<(Role, u16, u16)>,
    /// The roles in their order, where there are no places.
    pub(super) order: Vec<Role>,
}

impl Heads {
    pub(super) fn of(row: &Row) -> Option<Self> {
        if row.text.chars().filter(char::is_ascii_digit).count() > 3 || row.text.len() > 160 {
            return None;
        }
        let mut heads = Self::default();
        for cell in &row.cells {
            // Text without places has all heads in one cell.
            let parts: Vec<&str> = if cell.area.is_some() && row.cells.len() > 1 {
                vec![cell.text.as_str()]
            } else {
                cell.text.split_whitespace().collect()
            };
            for part in parts {
                if let Some(role) = role(part) {
                    heads.order.push(role);
                    if let Some(area) = cell.area {
                        heads.places.push((role, area.x0, area.x1));
                    }
                }
            }
        }
        let money = heads
            .order
            .iter()
            .any(|role| matches!(role, Role::Amount | Role::Debit | Role::Credit));
        let other = heads
            .order
            .iter()
            .any(|role| matches!(role, Role::Date | Role::ValueDate | Role::Description | Role::Balance))
            || heads.order.contains(&Role::Debit) && heads.order.contains(&Role::Credit);
        (money && other && heads.order.len() >= 2).then_some(heads)
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.order.contains(&role)
    }

    /// The column of an amount: the head whose right edge is nearest to its own, numbers being flush right.
    pub(super) fn column(&self, area: Option<Box2>) -> Option<Role> {
        let area = area?;
        let money = self
            .places
            .iter()
            .filter(|(role, ..)| matches!(role, Role::Amount | Role::Debit | Role::Credit | Role::Balance));
        let apart = |x0: u16, x1: u16| x1.abs_diff(area.x1).min(x0.abs_diff(area.x0));
        money
            .map(|(role, x0, x1)| (apart(*x0, *x1), *role))
            .min_by_key(|(apart, _)| *apart)
            .filter(|(apart, _)| *apart < 1200)
            .map(|(_, role)| role)
    }
}
