//! A category as its events tell, and what may happen next.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{CategoryCommand, CategoryError, CategoryEvent, CategoryKind};
use crate::values::{BookId, CategoryId, Text};

/// What money was spent on, or earned with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Category {
    id: Option<CategoryId>,
    book: Option<BookId>,
    name: Option<Text>,
    kind: Option<CategoryKind>,
    merged_into: Option<CategoryId>,
}

impl Category {
    /// The id; none before it was created.
    pub fn id(&self) -> Option<CategoryId> {
        self.id
    }

    /// The book that it belongs to.
    pub fn book(&self) -> Option<BookId> {
        self.book
    }

    /// What it is called.
    pub fn name(&self) -> Option<&Text> {
        self.name.as_ref()
    }

    /// On which side it stands.
    pub fn kind(&self) -> Option<CategoryKind> {
        self.kind
    }

    /// The category that it was merged into; that one may be merged as well by now.
    pub fn merged_into(&self) -> Option<CategoryId> {
        self.merged_into
    }

    /// Whether it was created and is not merged: only then something can be put into it.
    pub fn is_open(&self) -> bool {
        self.id.is_some() && self.merged_into.is_none()
    }

    /// What happens on this command.
    pub fn decide(&self, command: CategoryCommand) -> Result<Vec<CategoryEvent>, CategoryError> {
        if self.merged_into.is_some() {
            return Err(CategoryError::Merged);
        }
        let event = match (command, &self.name) {
            (CategoryCommand::Create { .. }, Some(_)) => return Err(CategoryError::AlreadyCreated),
            (
                CategoryCommand::Create {
                    category,
                    book,
                    name,
                    kind,
                },
                None,
            ) => {
                check_name(&name)?;
                Some(CategoryEvent::Created {
                    category,
                    book,
                    name,
                    kind,
                })
            }
            (_, None) => return Err(CategoryError::NotCreated),
            (CategoryCommand::Rename { name }, Some(from)) => {
                check_name(&name)?;
                (name != *from).then(|| CategoryEvent::Renamed {
                    from: from.clone(),
                    to: name,
                })
            }
            (CategoryCommand::Merge { into, into_kind }, Some(_)) => {
                self.check_merge(into, into_kind)?;
                Some(CategoryEvent::Merged { into })
            }
        };
        Ok(event.into_iter().collect())
    }

    fn check_merge(&self, into: CategoryId, into_kind: CategoryKind) -> Result<(), CategoryError> {
        if self.kind == Some(CategoryKind::Uncategorised) {
            return Err(CategoryError::UncategorisedStays);
        }
        if self.id == Some(into) {
            return Err(CategoryError::IntoItself);
        }
        if self.kind != Some(into_kind) {
            return Err(CategoryError::KindMismatch);
        }
        Ok(())
    }
}

impl Aggregate for Category {
    const TYPE: &'static str = "category";
    type Command = CategoryCommand;
    type Event = CategoryEvent;
    type Error = CategoryError;
    type Services = ();

    async fn handle(&mut self, command: CategoryCommand, _: &(), sink: &EventSink<Self>) -> Result<(), CategoryError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CategoryEvent) {
        match event {
            CategoryEvent::Created {
                category,
                book,
                name,
                kind,
            } => {
                self.id = Some(category);
                self.book = Some(book);
                self.name = Some(name);
                self.kind = Some(kind);
            }
            CategoryEvent::Renamed { from: _, to } => self.name = Some(to),
            CategoryEvent::Merged { into } => self.merged_into = Some(into),
        }
    }
}

fn check_name(name: &Text) -> Result<(), CategoryError> {
    if name.is_line(Text::NAME_CHARS_MAX) {
        Ok(())
    } else {
        Err(CategoryError::InvalidName)
    }
}
