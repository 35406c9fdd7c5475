//! States of long streams, kept so that the next load need not fold all events again.
//!
//! A snapshot is made of events that were read from the journal, never of a state that a command has left. It is sealed under its
//! owner's key, and bound to the stream, to the form that the state has, and to the leaf of the last event that it tells of: where
//! that event is gone or is not what it was, the snapshot does not open, and the stream is folded from its first event, as it is
//! where there is no snapshot at all.

use cqrs_es::Aggregate;
use ring::{
    aead::NONCE_LEN,
    rand::{SecureRandom as _, SystemRandom},
};
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Event, Journal, KeyError, ReadError, Texts,
    keyring::{Held, OWNER},
    rows::{self, COLUMNS, Place},
    sealing,
};

/// A state that is larger is not kept: reading it would take as long as folding.
const STATE_LIMIT: usize = 1024 * 1024;

/// The state of an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<A> {
    /// What its events come to.
    pub state: A,
    /// How many they are; 0 where there is no such stream.
    pub version: i64,
    /// Position of the last of them.
    pub position: i64,
}

impl<A: Aggregate> Loaded<A> {
    /// What the events of a stream come to, from its first on.
    pub fn fold(events: &[Event]) -> Result<Self, ReadError> {
        Self {
            state: A::default(),
            version: 0,
            position: 0,
        }
        .and(events)
    }

    fn and(mut self, events: &[Event]) -> Result<Self, ReadError> {
        for event in events {
            let position = event.position;
            self.state
                .apply(event.decode().map_err(|_| ReadError::Damaged { position })?);
            (self.version, self.position) = (event.sequence, position);
        }
        Ok(self)
    }
}

impl Journal {
    /// The state that a stream had when the journal stood at this position, by way of a snapshot where there is one. `form` says
    /// which form the aggregate's state has: another number whenever the state is another one for the same events.
    pub async fn load_state<A: Aggregate>(&self, form: i32, id: &str, until: i64) -> Result<Loaded<A>, ReadError> {
        let Some(every) = self.snapshot_events() else {
            return Loaded::fold(&self.load_until(A::TYPE, id, until).await?);
        };
        let rows = self.rows_since_snapshot(A::TYPE, id, until, form).await?;
        let (begun, rows) = match self.open_snapshot(&rows, form).await? {
            Kept::None => (Loaded::fold(&[])?, rows),
            Kept::State(begun) => (begun, rows.into_iter().skip(1).collect()),
            Kept::Useless => {
                self.drop_snapshot(A::TYPE, id).await?;
                return Loaded::fold(&self.load_until(A::TYPE, id, until).await?);
            }
        };
        let last = match rows.last() {
            Some(last) if rows.len() as i64 >= every && until == i64::MAX => Some(self.bound(last, form).await?),
            _ => None,
        };
        let mut opened = self.rows(Texts::Opened);
        for row in rows {
            opened.take(row)?;
        }
        let loaded = begun.and(&opened.events().await?)?;
        if let Some(last) = last
            && let Err(error) = self.keep_snapshot(id, form, last, &loaded).await
        {
            // Nothing is wrong with what was loaded.
            tracing::warn!(error = &error as &dyn std::error::Error, "a snapshot could not be kept");
        }
        Ok(loaded)
    }

    /// The rows of a stream up to a position, in their order: from the first on, or from the last that a snapshot tells of, which
    /// then has the snapshot beside it.
    async fn rows_since_snapshot(&self, kind: &str, id: &str, until: i64, form: i32) -> Result<Vec<PgRow>, ReadError> {
        let sql = format!(
            "WITH s AS MATERIALIZED (SELECT k.sequence, k.state FROM es.snapshots k
                    JOIN es.events e USING (aggregate_type, aggregate_id, sequence)
                    WHERE k.aggregate_type = $1 AND k.aggregate_id = $2 AND k.form = $4 AND e.position <= $3)
            SELECT {COLUMNS}, CASE WHEN e.sequence = s.sequence THEN s.state END
                FROM es.events e LEFT JOIN s ON true
                WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.position <= $3
                    AND e.sequence >= coalesce((SELECT sequence FROM s), 1)
                ORDER BY e.sequence"
        );
        let statement = sqlx::query(&sql).bind(kind).bind(id).bind(until).bind(form);
        Ok(statement.fetch_all(self.database().pool()).await?)
    }

    /// The state that stands beside the first row.
    async fn open_snapshot<A: Aggregate>(&self, rows: &[PgRow], form: i32) -> Result<Kept<A>, ReadError> {
        let Some(row) = rows.first() else {
            return Ok(Kept::None);
        };
        let Some(mut sealed): Option<Vec<u8>> = row.try_get(rows::COUNT)? else {
            return Ok(Kept::None);
        };
        let Bound { owner, bound } = self.bound(row, form).await?;
        let Some(Held::Keys(keys)) = self.keyring().held(&[owner]).await?.remove(&owner) else {
            return Ok(Kept::Useless);
        };
        let state = keys.open_snapshot(&bound, &mut sealed);
        Ok(match state.and_then(|state| serde_json::from_slice(state).ok()) {
            Some(state) => Kept::State(Loaded {
                state,
                version: rows::place(row)?.sequence,
                position: rows::position(row)?,
            }),
            None => Kept::Useless,
        })
    }

    /// What a snapshot is bound to whose last event stands in this row: what its strings are bound to, the form, and its leaf.
    async fn bound(&self, row: &PgRow, form: i32) -> Result<Bound, ReadError> {
        let leaf = self.archive().leaf(row).await?;
        let Place {
            owner,
            kind,
            stream,
            sequence,
        } = rows::place(row)?;
        let mut bound = Vec::new();
        sealing::associated(owner, kind, stream, sequence, &mut bound);
        bound.extend_from_slice(&form.to_be_bytes());
        bound.extend_from_slice(&leaf);
        Ok(Bound { owner, bound })
    }

    async fn drop_snapshot(&self, kind: &str, id: &str) -> Result<(), ReadError> {
        tracing::warn!(kind, id, "a snapshot does not fit its stream, and is made anew");
        sqlx::query("DELETE FROM es.snapshots WHERE aggregate_type = $1 AND aggregate_id = $2")
            .bind(kind)
            .bind(id)
            .execute(self.database().pool())
            .await?;
        Ok(())
    }

    /// Keeps a state, unless its owner is forgotten meanwhile, or a newer one is kept already.
    async fn keep_snapshot<A: Aggregate>(
        &self,
        id: &str,
        form: i32,
        Bound { owner, bound }: Bound,
        loaded: &Loaded<A>,
    ) -> Result<(), ReadError> {
        let state = serde_json::to_vec(&loaded.state).map_err(|_| KeyError::Crypto)?;
        if state.len() > STATE_LIMIT {
            return Ok(());
        }
        let Some(Held::Keys(keys)) = self.keyring().held(&[owner]).await?.remove(&owner) else {
            return Ok(());
        };
        let mut sealed = vec![0; NONCE_LEN];
        SystemRandom::new().fill(&mut sealed).map_err(|_| KeyError::Crypto)?;
        sealed.extend_from_slice(&state);
        keys.seal_snapshot(&bound, &mut sealed)?;
        // Whoever forgets the owner changes the row of the key, and waits for this or is waited for.
        const KEEP: &str =
            "INSERT INTO es.snapshots AS s (aggregate_type, aggregate_id, sequence, form, owner_id, state)
            SELECT $1, $2, $3, $4, $5, $6 FROM es.keys k
                WHERE k.scope = $7 AND k.name = $5::text AND k.wrapped IS NOT NULL FOR SHARE OF k
            ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET sequence = excluded.sequence, form = excluded.form,
                owner_id = excluded.owner_id, state = excluded.state, made_at = now()
                WHERE s.sequence < excluded.sequence OR s.form <> excluded.form";
        sqlx::query(KEEP)
            .bind(A::TYPE)
            .bind(id)
            .bind(loaded.version)
            .bind(form)
            .bind(owner)
            .bind(&sealed)
            .bind(OWNER)
            .execute(self.database().pool())
            .await?;
        Ok(())
    }
}

/// What became of a snapshot.
enum Kept<A: Aggregate> {
    None,
    State(Loaded<A>),
    /// It does not open, or does not have the form that it says it has.
    Useless,
}

/// Whose a snapshot is, and what it is bound to.
struct Bound {
    owner: Uuid,
    bound: Vec<u8>,
}

#[cfg(test)]
mod tests;
