//! Whether a statement can be kept up to date by what a batch of events changes, and the statements that do it.
//!
//! It can where it adds up: sums and counts, grouped, over joined tables of which old and new rows are known. Then what a
//! batch adds is the statement over the rows that came, minus the statement over the rows that went; of a join each table
//! in its turn gives its changes, those before it as they are and those behind it as they were. What is read here decides
//! upon the way of computing alone. What a statement may do is decided by the rights of the role that runs it.

/// Why a statement can't be kept up to date by batches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotIncremental {
    /// The reason, as a clause: `it has LIMIT`.
    pub why: String,
    /// The line of the statement that is meant, from 1, where one is.
    pub line: Option<u64>,
}

/// What a table of the FROM list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Rows of `versions`, told apart by these columns, and the table beneath.
    Versions(&'static [&'static str], &'static str),
    /// Events, which only ever come.
    Events,
}

/// What a column of the statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A row is told from the others by it.
    Key,
    /// A number of rows.
    Count,
    /// A sum; the hidden column `_n<number>` counts what is summed, since a sum of nothing is null.
    Sum(usize),
}

/// How a statement is kept up to date.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The statement over tables `_s0`, `_s1`, …, with the hidden columns behind its own.
    pub(crate) statement: String,
    pub(crate) sources: Vec<(String, Source)>,
    /// What each of its own columns is.
    pub(crate) roles: Vec<Role>,
}

impl Plan {
    /// The names of the hidden columns.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let sums = self.roles.iter().filter_map(|role| match role {
            Role::Sum(number) => Some(format!("_n{number}")),
            Role::Key | Role::Count => None,
        });
        sums.chain(["_rows".to_owned()]).collect()
    }

    /// The tables whose newest rows must be found quickly.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &'static str> {
        self.sources.iter().filter_map(|(_, source)| match source {
            Source::Versions(_, table) => Some(*table),
            Source::Events => None,
        })
    }

    /// Whether it reads events and nothing else, so that it need not wait for the read tables.
    pub(crate) fn only_events(&self) -> bool {
        self.sources.iter().all(|(_, source)| *source == Source::Events)
    }

    /// Whether it reads events beside read tables.
    pub(crate) fn mixes_events(&self) -> bool {
        !self.only_events() && self.sources.iter().any(|(_, source)| *source == Source::Events)
    }

    /// All rows as of a position.
    pub(crate) fn full(&self, at: i64) -> String {
        self.over(|(view, source)| as_of(view, *source, at))
    }

    /// What the events after `from` and up to `to` add to each group: negative where they take away. `columns` are those of the
    /// statement.
    pub(crate) fn delta(&self, from: i64, to: i64, columns: &[String]) -> String {
        let hidden = self.hidden();
        let key = |i: usize| self.roles.get(i) == Some(&Role::Key);
        let names: Vec<String> = columns.iter().chain(&hidden).map(|name| quoted(name)).collect();
        let negative: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(i, name)| if key(i) { name.clone() } else { format!("-{name}") })
            .collect();
        let summed: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                if key(i) {
                    name.clone()
                } else {
                    format!("sum({name}) AS {name}")
                }
            })
            .collect();
        let keys: Vec<&str> = names
            .iter()
            .enumerate()
            .filter(|(i, _)| key(*i))
            .map(|(_, name)| name.as_str())
            .collect();
        let mut parts = Vec::new();
        for changed in 0..self.sources.len() {
            let with = |changes: &dyn Fn(&str, Source) -> String| {
                let mut number = 0;
                self.over(|(view, source)| {
                    let place = number;
                    number += 1;
                    match place.cmp(&changed) {
                        std::cmp::Ordering::Less => as_of(view, *source, to),
                        std::cmp::Ordering::Equal => changes(view, *source),
                        std::cmp::Ordering::Greater => as_of(view, *source, from),
                    }
                })
            };
            let came = with(&|view, source| came(view, source, from, to));
            let list = names.join(", ");
            parts.push(format!("SELECT {list} FROM ({came}) AS came ({list})"));
            if self
                .sources
                .get(changed)
                .is_some_and(|(_, source)| *source != Source::Events)
            {
                let went = with(&|view, source| went(view, source, from, to));
                parts.push(format!("SELECT {} FROM ({went}) AS went ({list})", negative.join(", ")));
            }
        }
        format!(
            "SELECT {} FROM ({}) AS changes GROUP BY {}",
            summed.join(", "),
            parts.join(" UNION ALL "),
            keys.join(", ")
        )
    }

    /// The statement over these rows of its tables.
    fn over(&self, mut rows: impl FnMut(&(String, Source)) -> String) -> String {
        let tables: Vec<String> = self
            .sources
            .iter()
            .enumerate()
            .map(|(number, source)| format!("_s{number} AS ({})", rows(source)))
            .collect();
        format!("WITH {} {}", tables.join(", "), self.statement)
    }
}

/// A name in quotes, whatever it is.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn as_of(view: &str, source: Source, at: i64) -> String {
    match source {
        Source::Versions(..) => format!("SELECT * FROM {view} WHERE from_position <= {at} AND to_position > {at}"),
        Source::Events => format!("SELECT * FROM {view} WHERE position <= {at}"),
    }
}

/// The rows that hold at `to` and did not at `from`.
fn came(view: &str, source: Source, from: i64, to: i64) -> String {
    match source {
        Source::Versions(..) => format!(
            "SELECT * FROM {view} WHERE from_position > {from} AND from_position <= {to} AND to_position > {to}"
        ),
        Source::Events => format!("SELECT * FROM {view} WHERE position > {from} AND position <= {to}"),
    }
}

/// The rows that held at `from` and don't at `to`. Whatever ends, something takes its place: so they are found by what came.
fn went(view: &str, source: Source, from: i64, to: i64) -> String {
    let Source::Versions(key, _) = source else {
        return format!("SELECT * FROM {view} WHERE false");
    };
    let key = key.join(", ");
    format!(
        "SELECT * FROM {view} WHERE from_position <= {from} AND to_position > {from} AND to_position <= {to} AND ({key}) IN \
         (SELECT {key} FROM {view} WHERE from_position > {from} AND from_position <= {to})"
    )
}
