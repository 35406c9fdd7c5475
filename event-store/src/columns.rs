//! The events of a batch as columns: each becomes one array parameter.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::{
    head::Head,
    judge::{Command, Line},
    merkle::Entry,
};

/// JSON text as it is: the binary form of `json` is its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(&'a str);

impl ToSql for Json<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(column: &Type) -> bool {
        *column == Type::JSON
    }

    to_sql_checked!();
}

/// The columns, but for those that all events of a batch share.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) kinds: Vec<&'a str>,
    pub(crate) ids: Vec<&'a str>,
    pub(crate) sequences: Vec<i64>,
    pub(crate) event_types: Vec<&'a str>,
    pub(crate) versions: Vec<&'a str>,
    pub(crate) payloads: Vec<Json<'a>>,
    pub(crate) metadatas: Vec<Json<'a>>,
    pub(crate) owners: Vec<Uuid>,
    pub(crate) commands: Vec<Option<Uuid>>,
}

impl<'a> Columns<'a> {
    /// The columns of these lines. `command` finds a command by its place in the batch.
    pub(crate) fn of(lines: &'a [Line], command: impl Fn(usize) -> &'a Command) -> Self {
        let mut columns = Self::default();
        for line in lines {
            let command = command(line.command);
            let part = &command.parts[line.part];
            let row = &part.rows[line.row];
            columns.kinds.push(part.stream.kind);
            columns.ids.push(&part.stream.id);
            columns.sequences.push(line.sequence);
            columns.event_types.push(&row.event_type);
            columns.versions.push(&row.version);
            columns.payloads.push(Json(&row.payload));
            columns
                .metadatas
                .push(Json(line.first.as_deref().unwrap_or(&command.metadata)));
            columns.owners.push(part.owner);
            columns.commands.push(line.first.is_some().then_some(command.id));
        }
        columns
    }

    /// The head once these events are written on top of `head`.
    pub(crate) fn extend(&self, head: &Head) -> Head {
        let (mut tree, recorded_at) = (head.tree.clone(), head.next_time());
        let mut buffer = Vec::with_capacity(2048);
        for at in 0..self.kinds.len() {
            let entry = Entry {
                kind: self.kinds[at],
                stream: self.ids[at],
                sequence: self.sequences[at],
                event_type: self.event_types[at],
                version: self.versions[at],
                payload: self.payloads[at].0,
                metadata: self.metadatas[at].0,
                position: tree.size() + 1,
                owner: self.owners[at],
                command_id: self.commands[at],
                recorded_at,
            };
            tree.push(entry.leaf(&mut buffer));
        }
        Head {
            root: tree.root(),
            tree,
            recorded_at,
        }
    }
}
