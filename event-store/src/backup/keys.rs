//! The owners' keys in a target: one set for all its backups, so that what is forgotten is forgotten in each of them.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use ring::digest;
use sqlx::{Acquire as _, PgConnection};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Backup, BackupError, Target, altered, manifest,
    part::{FORMS, copied, fields, text},
    walk::bytes,
};
use crate::{
    KeyError, MasterKey,
    audit::HEAD_KEY,
    keyring::{CHECK, OWNER},
};

/// The keys of a target, wrapped.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The object that they stand in.
    name: String,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    scope: String,
    name: String,
    /// As COPY writes it; none of a tombstone.
    wrapped: Option<String>,
    /// The rest of the line.
    made_at: String,
}

/// The columns of the set, in their order.
pub(super) const COLUMNS: &str = "scope\tname\twrapped\tmade_at";
const NULL: &str = "\\N";

impl Keys {
    /// The keys as they are in the database now. Those who are forgotten have none.
    pub(super) async fn now(connection: &mut PgConnection) -> Result<Self, BackupError> {
        let mut forms = connection.begin().await?;
        sqlx::raw_sql(FORMS).execute(&mut *forms).await?;
        let query = "SELECT scope, name, wrapped, made_at FROM es.keys WHERE scope <> 'restore' ORDER BY scope, name";
        let content: Vec<u8> = copied(&mut forms, query)
            .await?
            .try_fold(Vec::new(), async |mut all, piece| {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await?;
        forms.commit().await?;
        Self::parse("es.keys".to_owned(), &content)
    }

    /// The newest set in the target, if there is any.
    pub(super) async fn newest(target: &Target) -> Result<Option<Self>, BackupError> {
        let mut names: Vec<String> = target.list("keys").await?.into_keys().collect();
        names.sort_unstable();
        let Some(name) = names.pop() else { return Ok(None) };
        let content = target.get(&name).await?;
        if !name.contains(&sha256(&content)) {
            return Err(altered(name, "its SHA-256 is not that in its name"));
        }
        Self::parse(name, &content).map(Some)
    }

    /// The keys that belong to all backups of this target.
    pub async fn of(target: &Target) -> Result<Self, BackupError> {
        Self::newest(target)
            .await?
            .ok_or_else(|| altered("keys", "there is no set of keys"))
    }

    fn parse(name: String, content: &[u8]) -> Result<Self, BackupError> {
        let mut lines = content.split(|byte| *byte == b'\n');
        let row = |line: &[u8]| {
            let fields: Vec<_> = fields(line).into_iter().map(text).collect();
            let [scope, name, wrapped, made_at] = <[_; 4]>::try_from(fields).ok()?;
            Some(Row {
                scope: scope?,
                name: name?,
                wrapped,
                made_at: made_at?,
            })
        };
        let whole = lines.next() == Some(COLUMNS.as_bytes()) && content.ends_with(b"\n");
        let rows: Option<Vec<Row>> = lines.filter(|line| !line.is_empty()).map(row).collect();
        match rows.filter(|_| whole) {
            Some(rows) => Ok(Self { name, rows }),
            None => Err(altered(name, "it does not consist of keys")),
        }
    }

    /// The set as COPY writes it, without the names of the columns.
    pub(super) fn lines(&self) -> Vec<u8> {
        let mut lines = String::new();
        for Row {
            scope,
            name,
            wrapped,
            made_at,
        } in &self.rows
        {
            let wrapped = wrapped
                .as_ref()
                .map_or(NULL.to_owned(), |wrapped| format!("\\{wrapped}"));
            lines.push_str(&format!("{scope}\t{name}\t{wrapped}\t{made_at}\n"));
        }
        lines.into_bytes()
    }

    /// Who has no key any more.
    pub fn forgotten(&self) -> BTreeSet<Uuid> {
        let gone = self
            .rows
            .iter()
            .filter(|row| row.scope == OWNER && row.wrapped.is_none());
        gone.filter_map(|row| row.name.parse().ok()).collect()
    }

    /// Puts a tombstone in the place of these owners' keys. Who never had one here is nobody here.
    pub fn forget(&mut self, owners: &BTreeSet<Uuid>) {
        for row in self.rows.iter_mut().filter(|row| row.scope == OWNER) {
            if row.name.parse().is_ok_and(|owner: Uuid| owners.contains(&owner)) {
                row.wrapped = None;
            }
        }
    }

    /// Refuses a set in which keys of an older one are missing: nobody ever removes any.
    pub(super) fn goes_on_from(&self, older: &Self) -> Result<(), BackupError> {
        let have: BTreeSet<_> = self.rows.iter().map(|row| (&row.scope, &row.name)).collect();
        let missing = older
            .rows
            .iter()
            .filter(|row| !have.contains(&(&row.scope, &row.name)))
            .count();
        if missing == 0 {
            Ok(())
        } else {
            Err(BackupError::KeysLost { missing })
        }
    }

    /// Writes this set in the place of the older ones.
    pub(super) async fn write(&self, target: &Target) -> Result<(), BackupError> {
        let older: Vec<String> = target.list("keys").await?.into_keys().collect();
        let number = |name: &String| name.strip_prefix("keys/")?.get(..10)?.parse::<u64>().ok();
        let next = older.iter().filter_map(number).max().unwrap_or(0) + 1;
        let content = [COLUMNS.as_bytes(), b"\n", &self.lines()].concat();
        target
            .put(&format!("keys/{next:010}-{}.copy", sha256(&content)), content)
            .await?;
        // The new set must be on the disk before the old ones go.
        target.settle().await?;
        for name in older {
            target.delete(&name).await?;
        }
        Ok(())
    }

    /// Refuses a master key that these keys are not wrapped by, and a backup that the journal which they belong to did not sign.
    pub fn open(&self, master: &MasterKey, backup: &Backup) -> Result<(), BackupError> {
        self.secret(master, CHECK.0, CHECK.1)?;
        let seed = self.secret(master, "secret", HEAD_KEY)?;
        backup.signed_by(manifest::public_key(&seed)?)
    }

    fn secret(&self, master: &MasterKey, scope: &str, name: &str) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let row = self.rows.iter().find(|row| row.scope == scope && row.name == name);
        let wrapped = row.and_then(|row| bytes(row.wrapped.as_deref()?));
        let wrapped = wrapped.ok_or_else(|| altered(&self.name, format!("the key `{name}` is not in it")))?;
        let secret = master.unwrap(scope, name, &wrapped);
        secret.ok_or(BackupError::Key(KeyError::WrongMasterKey))
    }
}

fn sha256(content: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, content).as_ref())
}
