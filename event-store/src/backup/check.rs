//! Reads a whole backup, and shows that it is as it was written.

use super::{
    Backup, BackupError, Keys, Progress, Stage, Target, altered, count,
    files::{self, Index},
    manifest::{ARCHIVES, Range},
    part::Reader,
    walk::walk,
};
use crate::{Names, merkle::Tree};

/// What a backup was found to hold.
#[derive(Clone, Debug)]
pub struct Checked {
    /// So many events.
    pub events: i64,
    /// So many files.
    pub files: u64,
    /// Files of the archive that were missing or damaged when it was made: the events in them can't be read.
    pub lacking: Vec<String>,
}

/// Reads all parts of a backup: each has the bytes that the signed manifest says, the events have the root of the signed head,
/// and all files are there. Needs neither database nor master key.
pub async fn check(
    target: &Target,
    backup: &Backup,
    keys: &Keys,
    names: Names,
    progress: Progress<'_>,
) -> Result<Checked, BackupError> {
    let (manifest, head) = (&backup.manifest, &backup.head);
    let mut tree = Tree::default();
    for range in &manifest.journal {
        progress(Stage::Events, count(tree.size()), count(head.size));
        tree = check_range(target, range, tree, names).await?;
    }
    if tree.size() != head.size || tree.root() != head.root {
        let why = format!(
            "its {} events have the root {}, not that of its head",
            tree.size(),
            hex::encode(tree.root())
        );
        return Err(altered(format!("backups/{}", manifest.name), why));
    }
    progress(Stage::Events, count(head.size), count(head.size));
    let mut archives = Index::new();
    for table in &manifest.tables {
        if table.table == ARCHIVES {
            archives = files::archived(target, &table.part).await?;
            continue;
        }
        let mut reader = Reader::open(target, &table.part.name).await?;
        while reader.line().await?.is_some() {}
        table.part.expect(&reader.part())?;
    }
    let index = files::index(target, &manifest.files, &keys.forgotten()).await?;
    archives.retain(|object, listed| index.get(object) != Some(&*listed));
    Ok(Checked {
        events: head.size,
        files: files::check(target, &index, progress).await?,
        lacking: archives.into_keys().collect(),
    })
}

/// Reads a range that goes on from a tree. Gives the tree with it.
async fn check_range(target: &Target, range: &Range, tree: Tree, names: Names) -> Result<Tree, BackupError> {
    let Range {
        from,
        to,
        events,
        commits,
    } = range;
    if *from != tree.size() {
        return Err(altered(
            &events.name,
            format!("the events from {} on are missing before it", tree.size() + 1),
        ));
    }
    let walked = walk(target, (&events.name, &commits.name), tree, names).await?;
    events.expect(&walked.events)?;
    commits.expect(&walked.commits)?;
    if walked.tree.size() != *to {
        return Err(altered(
            &events.name,
            format!("it ends at {} and not at {to}", walked.tree.size()),
        ));
    }
    Ok(walked.tree)
}
