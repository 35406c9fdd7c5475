//! The group of documents and imports: what a batch of their events changes.

use spendlog_domain::{
    documents::DocumentEvent,
    imports::ImportEvent,
    values::{DocumentId, ImportId},
};
use spendlog_event_store::Event;
use uuid::Uuid;

use crate::{
    ProjectionError,
    documents::Documents,
    imports::Imports,
    ledger::{content, id},
    writer::Writer,
};

/// What a batch changes.
#[derive(Debug)]
pub(crate) struct Paperwork {
    documents: Documents,
    imports: Imports,
}

enum Fact {
    Document(Uuid, DocumentEvent),
    Import(Uuid, ImportEvent),
}

impl Paperwork {
    /// Reads the rows that the events are about and applies these.
    pub(crate) async fn fold(writer: &Writer, events: &[Event]) -> Result<Self, ProjectionError> {
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            match event.kind.as_str() {
                "document" => {
                    let id = id(event, DocumentId::uuid)?;
                    facts.push((event, Fact::Document(id, content(event)?)));
                }
                "import" => {
                    let id = id(event, ImportId::uuid)?;
                    facts.push((event, Fact::Import(id, content(event)?)));
                }
                _ => {}
            }
        }
        let (mut documents, mut imports) = (Vec::new(), Vec::new());
        for (_, fact) in &facts {
            match fact {
                Fact::Document(id, _) => documents.push(*id),
                Fact::Import(id, _) => imports.push(*id),
            }
        }
        let (documents, imports) =
            tokio::try_join!(Documents::load(writer, documents), Imports::load(writer, imports))?;
        let mut paperwork = Self { documents, imports };
        for (event, fact) in facts {
            match fact {
                Fact::Document(id, content) => paperwork.documents.apply(id, event, content),
                Fact::Import(id, content) => paperwork.imports.apply(id, event, content),
            }
        }
        Ok(paperwork)
    }

    /// Writes what the batch changed.
    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        tokio::try_join!(self.documents.write(writer), self.imports.write(writer))?;
        Ok(())
    }
}
