//! Files on their way into a target, and back.
//!
//! A file is copied as it is stored, sealed. What was copied is read again from where it was copied to: of an owner's file, that
//! it opens and is what its name says; of anything else that is kept beside them, that it has the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self},
};
use hex::FromHex as _;
use object_store::{ObjectStore, ObjectStoreExt as _, buffered::BufWriter, path::Path};
use ring::digest;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use super::{
    BackupError, Manifest, Progress, Stage, Target, altered,
    part::{Part, Reader, Writer, fields, text},
    walk,
};
use crate::{
    FileError, Files, Keyring, OwnerKeys, forgotten_list,
    keyring::Held,
    merkle::{self, Hash},
};

/// So many files are on their way at the same time.
const AT_ONCE: usize = 4;
/// The columns of a list of files.
const COLUMNS: &str = "path\tbytes\tsha256";

/// Size and SHA-256 of what is stored.
type Sum = (u64, Hash);

/// The files of a backup, by the names that they have in the object store.
pub(super) type Index = BTreeMap<String, Sum>;

/// What copying came to.
#[derive(Default)]
pub(super) struct Copied {
    /// Those that are new in the target.
    pub(super) new: Index,
    /// Those that are damaged where they come from.
    pub(super) damaged: Vec<String>,
    /// Those that were known, and are neither in the target nor where they came from.
    pub(super) lost: BTreeSet<String>,
}

/// The files of the backup; those of the forgotten are left out.
pub(super) async fn index(target: &Target, lists: &[Part], forgotten: &BTreeSet<Uuid>) -> Result<Index, BackupError> {
    let mut index = Index::new();
    for list in lists {
        let mut reader = Reader::open(target, &list.name).await?;
        while let Some(line) = reader.line().await? {
            let file = || {
                let [path, bytes, sha256] = fields(line)[..] else {
                    return None;
                };
                let bytes = std::str::from_utf8(bytes).ok()?.parse().ok()?;
                Some((
                    String::from_utf8(path.to_vec()).ok()?,
                    (bytes, Hash::from_hex(sha256).ok()?),
                ))
            };
            let (path, sum) = file().ok_or_else(|| altered(&list.name, "a line can't be read"))?;
            if !owner(&path).is_some_and(|owner| forgotten.contains(&owner)) {
                index.insert(path, sum);
            }
        }
        list.expect(&reader.part())?;
    }
    Ok(index)
}

/// The files that a part of the archive's list names, as they were when they were listed.
pub(super) async fn archived(target: &Target, part: &Part) -> Result<Index, BackupError> {
    let mut reader = Reader::open(target, &part.name).await?;
    let columns = [
        reader.column("object")?,
        reader.column("bytes")?,
        reader.column("hash")?,
    ];
    let mut archived = Index::new();
    while let Some(line) = reader.line().await? {
        let fields = fields(line);
        let file = || -> Option<(String, Sum)> {
            let [object, bytes, hash] = columns.map(|at| fields.get(at).and_then(|field| text(field)));
            Some((object?, (bytes?.parse().ok()?, walk::bytes(&hash?)?.try_into().ok()?)))
        };
        let (object, sum) = file().ok_or_else(|| altered(&part.name, "a line can't be read"))?;
        archived.insert(object, sum);
    }
    part.expect(&reader.part())?;
    Ok(archived)
}

/// Writes a list of files; none where there are none.
pub(super) async fn write(target: &Target, name: String, files: &Index) -> Result<Option<Part>, BackupError> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut writer = Writer::new(target, name);
    writer.write(format!("{COLUMNS}\n").as_bytes()).await?;
    for (path, (bytes, sha256)) in files {
        writer
            .write(format!("{path}\t{bytes}\t{}\n", hex::encode(sha256)).as_bytes())
            .await?;
    }
    writer.finish().await.map(Some)
}

/// Copies what is not in the target yet. What the archive lists is damaged where it is anything else.
pub(super) async fn copy_new(
    keyring: &Keyring,
    from: &Files,
    target: &Target,
    (known, archives): (&Index, &Index),
    progress: Progress<'_>,
) -> Result<Copied, BackupError> {
    let found = from
        .store()
        .list(None)
        .map_ok(|found| (found.location.to_string(), found.size));
    let mut found: HashMap<String, u64> = found.try_collect().await?;
    found.retain(|path, _| is_kept(path));
    let there = target.list("files").await?;
    let stands = |path: &str, bytes: u64| there.get(&format!("files/{path}")) == Some(&bytes);
    let lost = known.iter().filter(|(path, (bytes, _))| !stands(path, *bytes));
    let mut copied = Copied {
        lost: lost.map(|(path, _)| path.clone()).collect(),
        ..Copied::default()
    };
    let (seen, all) = (AtomicU64::new(0), found.len() as u64);
    let copies = found.into_iter().map(|(path, size)| {
        let (there, seen) = (stands(&path, size), &seen);
        let wanted = known.get(&path).is_none_or(|(bytes, _)| !stands(&path, *bytes));
        let listed = archives.get(&path).copied();
        async move {
            let copied = if wanted {
                copy(keyring, from, target, &path, there, listed).await
            } else {
                Ok(None)
            };
            progress(Stage::Files, seen.fetch_add(1, Ordering::Relaxed) + 1, all);
            Ok::<_, BackupError>(match copied {
                Ok(sum) => sum.map(|sum| (path, Ok(sum))),
                Err(BackupError::File(FileError::Damaged)) => Some((path, Err(()))),
                Err(error) => return Err(error),
            })
        }
    });
    let mut copies = stream::iter(copies).buffer_unordered(AT_ONCE);
    while let Some(one) = copies.try_next().await? {
        match one {
            Some((path, Ok(sum))) => {
                copied.lost.remove(&path);
                copied.new.insert(path, sum);
            }
            Some((path, Err(()))) => copied.damaged.push(path),
            None => {}
        }
    }
    copied.damaged.sort_unstable();
    Ok(copied)
}

/// Copies a file, unless a copy that is whole stands there already. `listed` is what it has to be, where that is known before.
/// None where there is nothing to be copied any more.
async fn copy(
    keyring: &Keyring,
    from: &Files,
    target: &Target,
    path: &str,
    there: bool,
    listed: Option<Sum>,
) -> Result<Option<Sum>, BackupError> {
    let keys = match owner(path) {
        Some(owner) => match keyring.held(&[owner]).await?.remove(&owner) {
            Some(Held::Keys(keys)) => Some((keys, owner)),
            // It goes within moments.
            Some(Held::Forgotten) => return Ok(None),
            None => None,
        },
        None => None,
    };
    let object = path.rsplit('/').next().unwrap_or_default();
    let place = Path::from(format!("files/{path}"));
    let look = async || {
        let sum = look_at(target, keys.as_ref(), object, &place).await?;
        if listed.is_some_and(|listed| listed != sum) {
            return Err(BackupError::File(FileError::Damaged));
        }
        Ok::<_, BackupError>(sum)
    };
    if there && let Ok(sum) = look().await {
        return Ok(Some(sum));
    }
    let Some(written) = stream_to(&*from.store(), &Path::from(path), &target.store, &place).await? else {
        return Ok(None);
    };
    match look().await {
        Ok(read) if read == written => Ok(Some(read)),
        Ok(_) => Err(altered(place.to_string(), "it is not what was just written there")),
        Err(error) => {
            target.delete(place.as_ref()).await?;
            Err(error)
        }
    }
}

/// What stands in the target under this name; of an owner's file, that it opens and is what its name says.
async fn look_at(
    target: &Target,
    keys: Option<&(Arc<OwnerKeys>, Uuid)>,
    object: &str,
    place: &Path,
) -> Result<Sum, BackupError> {
    match keys {
        Some((keys, owner)) => Ok(target.files().sum(keys, *owner, object).await?),
        None => sum(&*target.store, place)
            .await?
            .ok_or_else(|| altered(place.to_string(), "it is gone")),
    }
}

/// Whether all files are in the target as they were copied. Gives how many they are.
pub(super) async fn check(target: &Target, index: &Index, progress: Progress<'_>) -> Result<u64, BackupError> {
    let (seen, all) = (AtomicU64::new(0), index.len() as u64);
    let checks = index.iter().map(|(path, expected)| {
        let seen = &seen;
        async move {
            let name = format!("files/{path}");
            let found = sum(&*target.store, &Path::from(name.as_str())).await?;
            differs(&name, found, *expected)?;
            progress(Stage::Files, seen.fetch_add(1, Ordering::Relaxed) + 1, all);
            Ok::<_, BackupError>(())
        }
    });
    stream::iter(checks)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(all)
}

fn differs(name: &str, found: Option<Sum>, expected: Sum) -> Result<(), BackupError> {
    match found {
        None => Err(altered(name, "it is gone")),
        Some(found) if found.0 != expected.0 => Err(altered(
            name,
            format!("it has {} bytes and not {}", found.0, expected.0),
        )),
        Some(found) if found.1 != expected.1 => {
            let why = format!(
                "its SHA-256 is {} and not {}",
                hex::encode(found.1),
                hex::encode(expected.1)
            );
            Err(altered(name, why))
        }
        Some(_) => Ok(()),
    }
}

/// Copies the files of a backup to where the ledger keeps them. Those that are there already stay, others are left alone.
/// Gives how many the backup has.
pub async fn put_back(
    target: &Target,
    manifest: &Manifest,
    files: &Files,
    forgotten: &BTreeSet<Uuid>,
    progress: Progress<'_>,
) -> Result<u64, BackupError> {
    let index = index(target, &manifest.files, forgotten).await?;
    let store = files.store();
    let (seen, all, store) = (AtomicU64::new(0), index.len() as u64, &store);
    let copies = index.iter().map(|(path, expected)| {
        let seen = &seen;
        async move {
            let (name, place) = (format!("files/{path}"), Path::from(path.as_str()));
            if sum(&**store, &place).await? != Some(*expected) {
                let copied = stream_to(&*target.store, &Path::from(name.as_str()), store, &place).await?;
                differs(&name, copied, *expected)?;
            }
            progress(Stage::Files, seen.fetch_add(1, Ordering::Relaxed) + 1, all);
            Ok::<_, BackupError>(())
        }
    });
    stream::iter(copies)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(all)
}

/// Copies an object. None where it is gone.
async fn stream_to(
    from: &dyn ObjectStore,
    path: &Path,
    to: &Arc<dyn ObjectStore>,
    place: &Path,
) -> Result<Option<Sum>, BackupError> {
    let mut pieces = match from.get(path).await {
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        got => got?.into_stream(),
    };
    let mut writer = BufWriter::new(Arc::clone(to), place.clone());
    let (mut bytes, mut hash) = (0, digest::Context::new(&digest::SHA256));
    while let Some(piece) = pieces.try_next().await? {
        bytes += piece.len() as u64;
        hash.update(&piece);
        writer.put(piece).await?;
    }
    writer.shutdown().await?;
    Ok(Some((bytes, merkle::finish(hash))))
}

/// Size and SHA-256 of an object. None where it is gone.
async fn sum(store: &dyn ObjectStore, path: &Path) -> Result<Option<Sum>, BackupError> {
    let mut pieces = match store.get(path).await {
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        got => got?.into_stream(),
    };
    let (mut bytes, mut hash) = (0, digest::Context::new(&digest::SHA256));
    while let Some(piece) = pieces.try_next().await? {
        bytes += piece.len() as u64;
        hash.update(&piece);
    }
    Ok(Some((bytes, merkle::finish(hash))))
}

/// Whose file this is, by its name in the object store.
pub(super) fn owner(path: &str) -> Option<Uuid> {
    path.split_once('/').and_then(|(owner, _)| owner.parse().ok())
}

/// Whether what is kept under this name belongs into a backup: all but the pieces of uploads that are under way, and the list of
/// the forgotten, which the keys of a backup have too.
fn is_kept(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    !name.starts_with("upload-") && !path.starts_with(&format!("{}/", forgotten_list::FOLDER))
}
