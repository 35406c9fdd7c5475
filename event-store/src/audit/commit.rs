//! Commits as they are stored.

use sqlx::{Row as _, postgres::PgRow};

use crate::{
    ReadError,
    merkle::{Hash, Tree},
    rows,
};

/// The columns of a commit, in the order in which they are read here.
pub(crate) const COMMIT: &str = "size, root, frontier, recorded_at";

/// A row of `es.commits`.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) size: i64,
    pub(crate) root: Vec<u8>,
    pub(crate) frontier: Vec<u8>,
    /// Microseconds since 1970.
    pub(crate) recorded_at: i64,
}

impl Commit {
    pub(crate) fn of(row: &PgRow) -> Result<Self, ReadError> {
        Ok(Self {
            size: row.try_get(0)?,
            root: row.try_get(1)?,
            frontier: row.try_get(2)?,
            recorded_at: rows::micros(row, 3)?,
        })
    }

    /// Its root, if it has the length of one.
    pub(crate) fn root(&self) -> Option<Hash> {
        self.root.as_slice().try_into().ok()
    }

    /// Its tree, if frontier and root are of the same.
    pub(crate) fn tree(&self) -> Option<Tree> {
        Tree::load(self.size, &self.frontier).filter(|tree| tree.root()[..] == self.root)
    }
}
