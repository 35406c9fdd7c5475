//! Users as they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spendlog_domain::{
    users::{Role, UserEvent},
    values::{Text, UserId},
};
use spendlog_event_store::Event;
use uuid::Uuid;

use crate::{
    ProjectionError, Reader,
    rows::{Kind, Rows, Table},
    writer::Writer,
};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The address that they sign in with.
    pub email: Text,
    /// How they want to be called.
    pub name: Option<Text>,
    /// What they may do.
    pub role: Role,
    /// When they signed up.
    pub registered_at: DateTime<Utc>,
    /// The version of their stream.
    pub version: i64,
}

const TABLE: Table = Table {
    name: "users",
    columns: &[("id", Kind::Id), ("position", Kind::Long), ("body", Kind::Text)],
    on_conflict: "ON CONFLICT (id) DO UPDATE SET position = excluded.position, body = excluded.body \
                  WHERE t.position < excluded.position",
};

/// A user.
pub async fn one(reader: &Reader, id: UserId) -> Result<Option<User>, ProjectionError> {
    let rows = reader
        .query("SELECT body FROM read.users WHERE id = $1", &[&id.uuid()])
        .await?;
    rows.first().map(|row| parse(row.try_get(0)?)).transpose()
}

fn parse(body: &str) -> Result<User, ProjectionError> {
    serde_json::from_str(body).map_err(|_| ProjectionError::Row { table: "users" })
}

/// The users that a batch touches, with the position of the last event applied.
#[derive(Debug, Default)]
pub(crate) struct Users(BTreeMap<Uuid, (i64, User)>);

impl Users {
    pub(crate) async fn load(writer: &Writer, ids: Vec<Uuid>) -> Result<Self, ProjectionError> {
        let mut users = Self::default();
        if !ids.is_empty() {
            let sql = format!("SELECT position, body FROM {}.users WHERE id = ANY ($1)", writer.schema);
            for row in writer.query(sql, &[&ids]).await? {
                let user = parse(row.try_get(1)?)?;
                users.0.insert(user.id.uuid(), (row.try_get(0)?, user));
            }
        }
        Ok(users)
    }

    pub(crate) fn apply(&mut self, id: Uuid, event: &Event, content: UserEvent) {
        if let (None, UserEvent::Registered { user, email, name, .. }) = (self.0.get(&id), &content) {
            let registered = User {
                id: *user,
                email: email.clone(),
                name: name.clone(),
                role: Role::default(),
                registered_at: event.recorded_at,
                version: event.sequence,
            };
            self.0.insert(id, (event.position, registered));
        }
        let Some((position, user)) = self.0.get_mut(&id).filter(|(position, _)| *position < event.position) else {
            return;
        };
        match content {
            // Whose row goes with the batch that forgets them.
            UserEvent::Forgotten {} => {}
            UserEvent::Registered { .. } | UserEvent::SignedIn { .. } | UserEvent::PasswordChanged { .. } => {}
            UserEvent::ProfileChanged { from: _, to } => user.name = to,
            UserEvent::RoleChanged { from: _, to } => user.role = to,
        }
        *position = event.position;
        user.version = event.sequence;
    }

    pub(crate) async fn write(&self, writer: &Writer) -> Result<(), ProjectionError> {
        let mut rows = Rows::new(&TABLE);
        for (id, (position, user)) in &self.0 {
            let body = serde_json::to_string(user).map_err(|_| ProjectionError::Row { table: "users" })?;
            rows.push([(*id).into(), (*position).into(), body.into()]);
        }
        writer.add(rows).await
    }
}
