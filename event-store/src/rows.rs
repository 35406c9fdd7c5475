//! From rows of the table to events: columns are taken as they came over the wire, what is sealed is opened from there.

use std::collections::HashMap;

use chrono::DateTime;
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use sqlx::{
    Row as _, ValueRef as _,
    postgres::{PgRow, PgValueFormat},
};
use uuid::Uuid;

use crate::{
    Archive, DatabaseError, Event, KeyError, Keyring, Metadata, ReadError, StoredEvent, Texts,
    keyring::Held,
    merkle::{Entry, Hash},
    sealing,
    unsealing::{Opener, Treatment, has_sealed},
};

/// The columns in the order in which they are read here.
pub(crate) const COLUMNS: &str = "e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, \
    e.payload, e.metadata, e.owner_id, e.command_id, e.recorded_at, e.leaf";
/// How many they are.
pub(crate) const COUNT: usize = 12;

/// Microseconds from 1970 to 2000, from when Postgres counts.
const EPOCH: i64 = 946_684_800_000_000;

pub(crate) const UNEXPECTED: ReadError =
    ReadError::Database(DatabaseError::Damaged("a row has other columns than expected"));

/// An event, or its row while its owner's keys or its archive are not at hand.
enum Slot {
    Event(Event),
    Row(Uuid, PgRow),
}

/// Opens rows as they come. Rows whose owners' keys are not in memory wait until the keys are fetched, once for all of them, and
/// so do rows of which something was archived: while rows come, nothing else is asked of the database.
pub(crate) struct Rows<'a> {
    keyring: &'a Keyring,
    archive: &'a Archive,
    upcasters: &'a [Box<dyn EventUpcaster>],
    texts: Texts,
    held: HashMap<Uuid, Held>,
    slots: Vec<Slot>,
    opener: Opener,
    associated: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(
        keyring: &'a Keyring,
        archive: &'a Archive,
        upcasters: &'a [Box<dyn EventUpcaster>],
        texts: Texts,
    ) -> Self {
        let (held, opener) = (HashMap::new(), Opener::default());
        Self {
            keyring,
            archive,
            upcasters,
            texts,
            held,
            slots: Vec::new(),
            opener,
            associated: Vec::new(),
        }
    }

    /// Takes the next row.
    pub(crate) fn take(&mut self, row: PgRow) -> Result<(), ReadError> {
        let owner = Uuid::from_bytes(fixed(&row, 8)?);
        let known = self.held.contains_key(&owner)
            || match self.keyring.cached(owner) {
                Some(held) => self.held.insert(owner, held).is_none(),
                None => false,
            };
        let slot = match known && !is_moved(&row)? {
            true => Slot::Event(self.event(&entry(&row, None)?)?),
            false => Slot::Row(owner, row),
        };
        self.slots.push(slot);
        Ok(())
    }

    /// All events, in the order in which their rows came.
    pub(crate) async fn events(mut self) -> Result<Vec<Event>, ReadError> {
        let missing = self.slots.iter().filter_map(|slot| match slot {
            Slot::Event(_) => None,
            Slot::Row(owner, _) => Some(*owner).filter(|owner| !self.held.contains_key(owner)),
        });
        let mut missing: Vec<Uuid> = missing.collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            self.held.extend(self.keyring.held(&missing).await?);
        }
        let mut events = Vec::with_capacity(self.slots.len());
        for slot in std::mem::take(&mut self.slots) {
            events.push(match slot {
                Slot::Event(event) => event,
                Slot::Row(_, row) => self.event(&self.archive.complete(row).await?.entry()?)?,
            });
        }
        Ok(events)
    }

    /// Opens events that came as they are stored.
    pub(crate) async fn open(mut self, stored: &[StoredEvent]) -> Result<Vec<Event>, ReadError> {
        let mut owners: Vec<Uuid> = stored.iter().map(|event| event.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        self.held = self.keyring.held(&owners).await?;
        let events = stored.iter().map(|event| match self.event(&event.entry()) {
            // Nothing can be sealed for an owner who never had a key: it is not the one that is stored.
            Err(ReadError::Database(DatabaseError::Key(KeyError::Missing))) => Err(ReadError::Damaged {
                position: event.position,
            }),
            event => event,
        });
        events.collect()
    }

    fn event(&mut self, stored: &Entry<'_>) -> Result<Event, ReadError> {
        let position = stored.position;
        let payload = if has_sealed(stored.payload) {
            let treatment = match (self.held.get(&stored.owner), self.texts) {
                (Some(Held::Keys(keys)), Texts::Opened) => Treatment::Open(keys),
                (Some(Held::Keys(_)), Texts::Withheld) => Treatment::Withheld,
                (Some(Held::Forgotten), _) => Treatment::Forgotten,
                (None, _) => return Err(KeyError::Missing.into()),
            };
            let Entry {
                owner,
                kind,
                stream,
                sequence,
                ..
            } = *stored;
            sealing::associated(owner, kind, stream, sequence, &mut self.associated);
            self.opener
                .open(treatment, &mut self.associated, stored.payload)
                .map_err(|_| ReadError::Damaged { position })?
        } else {
            stored.payload.to_owned()
        };
        let event = Event {
            position,
            kind: stored.kind.to_owned(),
            stream: stored.stream.to_owned(),
            sequence: stored.sequence,
            event_type: stored.event_type.to_owned(),
            version: stored.version.to_owned(),
            payload,
            metadata: Metadata::parse(stored.metadata).map_err(|_| ReadError::Damaged { position })?,
            owner: stored.owner,
            command_id: stored.command_id,
            recorded_at: DateTime::from_timestamp_micros(stored.recorded_at).ok_or(ReadError::Damaged { position })?,
        };
        upcast(event, self.upcasters)
    }
}

/// The columns of the row as the tree's leaf covers them; `moved` are payload and metadata where they don't stand in the row.
pub(crate) fn entry<'a>(row: &'a PgRow, moved: Option<(&'a str, &'a str)>) -> Result<Entry<'a>, ReadError> {
    let (payload, metadata) = match moved {
        Some(moved) => moved,
        None => (text(row, 6)?, text(row, 7)?),
    };
    Ok(Entry {
        position: position(row)?,
        kind: text(row, 1)?,
        stream: text(row, 2)?,
        sequence: i64::from_be_bytes(fixed(row, 3)?),
        event_type: text(row, 4)?,
        version: text(row, 5)?,
        payload,
        metadata,
        owner: Uuid::from_bytes(fixed(row, 8)?),
        command_id: match row.try_get_raw(9)?.is_null() {
            true => None,
            false => Some(Uuid::from_bytes(fixed(row, 9)?)),
        },
        recorded_at: micros(row, 10)?,
    })
}

/// Whose an event is, and where in its stream it stands.
pub(crate) struct Place<'a> {
    pub(crate) owner: Uuid,
    pub(crate) kind: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) sequence: i64,
}

/// The place of the event in this row.
pub(crate) fn place(row: &PgRow) -> Result<Place<'_>, ReadError> {
    Ok(Place {
        owner: Uuid::from_bytes(fixed(row, 8)?),
        kind: text(row, 1)?,
        stream: text(row, 2)?,
        sequence: i64::from_be_bytes(fixed(row, 3)?),
    })
}

/// Kind and event type of the event in this row.
pub(crate) fn names(row: &PgRow) -> Result<(&str, &str), ReadError> {
    Ok((text(row, 1)?, text(row, 4)?))
}

/// Whether payload and metadata of this row were moved to an archive.
pub(crate) fn is_moved(row: &PgRow) -> Result<bool, ReadError> {
    Ok(row.try_get_raw(6)?.is_null())
}

/// The leaf that is kept of an event that was moved.
pub(crate) fn kept_leaf(row: &PgRow) -> Result<Option<Hash>, ReadError> {
    let leaf: Option<&[u8]> = row.try_get(11)?;
    leaf.map(|leaf| leaf.try_into().map_err(|_| UNEXPECTED)).transpose()
}

/// A time in microseconds since 1970. One that is infinite, which is none of ours, is as far away as can be.
pub(crate) fn micros(row: &PgRow, column: usize) -> Result<i64, ReadError> {
    Ok(i64::from_be_bytes(fixed(row, column)?).saturating_add(EPOCH))
}

/// The position of the event in this row.
pub(crate) fn position(row: &PgRow) -> Result<i64, ReadError> {
    Ok(i64::from_be_bytes(fixed(row, 0)?))
}

fn text(row: &PgRow, column: usize) -> Result<&str, ReadError> {
    // The binary form of `text` and of `json` is the text itself.
    row.try_get_raw(column)?.as_str().map_err(|_| UNEXPECTED)
}

pub(crate) fn fixed<const N: usize>(row: &PgRow, column: usize) -> Result<[u8; N], ReadError> {
    let value = row.try_get_raw(column)?;
    match (value.format(), value.as_bytes()) {
        (PgValueFormat::Binary, Ok(bytes)) => bytes.try_into().map_err(|_| UNEXPECTED),
        _ => Err(UNEXPECTED),
    }
}

/// Brings an event of an old version to the newest shape.
fn upcast(mut event: Event, upcasters: &[Box<dyn EventUpcaster>]) -> Result<Event, ReadError> {
    for upcaster in upcasters {
        if !upcaster.can_upcast(&event.event_type, &event.version) {
            continue;
        }
        let damaged = |_| ReadError::Damaged {
            position: event.position,
        };
        let old = SerializedEvent {
            aggregate_id: event.stream.clone(),
            sequence: usize::try_from(event.sequence).unwrap_or_default(),
            aggregate_type: event.kind.clone(),
            event_type: event.event_type.clone(),
            event_version: event.version.clone(),
            payload: serde_json::from_str(&event.payload).map_err(damaged)?,
            metadata: serde_json::Value::Null,
        };
        let new = upcaster.upcast(old);
        event.payload = new.payload.to_string();
        (event.event_type, event.version) = (new.event_type, new.event_version);
    }
    Ok(event)
}
