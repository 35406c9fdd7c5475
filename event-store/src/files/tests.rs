//! Files, in memory and on disk.

use futures_util::stream;
use object_store::{local::LocalFileSystem, memory::InMemory};
use proptest::prelude::*;

use super::*;

const OWNER: Uuid = Uuid::from_u128(1);

fn keys() -> OwnerKeys {
    OwnerKeys::derive(&[7; 32]).unwrap()
}

fn memory() -> (Files, Arc<InMemory>) {
    let store = Arc::new(InMemory::new());
    (Files::new(store.clone()), store)
}

fn pieces(content: &[u8], size: usize) -> impl Stream<Item = Result<Bytes, std::io::Error>> + use<> {
    let pieces: Vec<_> = content
        .chunks(size)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces)
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8 ^ (n / 65536) as u8).collect()
}

async fn stored(store: &InMemory, file: &StoredFile) -> Vec<u8> {
    store
        .get(&path(OWNER, &file.object))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap()
        .to_vec()
}

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    let (files, store) = memory();
    for length in [0, 1, 65535, 65536, 65537, 131_072, 300_000] {
        let content = content(length);
        let file = files
            .put(&keys(), OWNER, pieces(&content, 1000), 300_000)
            .await
            .unwrap();
        assert_eq!(
            (file.bytes, &file.head[..]),
            (length as u64, &content[..length.min(HEAD)])
        );
        assert_eq!(
            files.get_bytes(&keys(), OWNER, &file.object, 300_000).await.unwrap(),
            content
        );
        assert_eq!(files.put_bytes(&keys(), OWNER, &content).await.unwrap(), file);
        let stored = stored(&store, &file).await;
        assert!(
            length < 100
                || !stored
                    .windows(64)
                    .any(|window| content.windows(64).next() == Some(window))
        );
    }
}

#[tokio::test]
async fn a_large_file_is_written_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap()));
    let content = content(13_000_000);
    let file = files
        .put(&keys(), OWNER, pieces(&content, 200_000), u64::MAX)
        .await
        .unwrap();
    assert_eq!(
        files.get_bytes(&keys(), OWNER, &file.object, u64::MAX).await.unwrap(),
        content
    );
    assert_eq!(files.put_bytes(&keys(), OWNER, &content).await.unwrap(), file);
    let kept: Vec<_> = std::fs::read_dir(folder.path().join(OWNER.to_string()))
        .unwrap()
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[tokio::test]
async fn what_is_too_large_or_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap()));
    let content = content(12_000_000);
    let refused = files.put(&keys(), OWNER, pieces(&content, 100_000), 11_000_000).await;
    assert!(matches!(refused, Err(FileError::TooLarge { limit: 11_000_000 })));
    let broken = pieces(&content, 100_000).chain(stream::iter([Err(std::io::Error::other("gone"))]));
    assert!(matches!(
        files.put(&keys(), OWNER, broken, u64::MAX).await,
        Err(FileError::Body(_))
    ));
    for _ in 0..200 {
        let left = std::fs::read_dir(folder.path().join(OWNER.to_string())).map_or(0, Iterator::count);
        if left == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("unfinished uploads were left");
}

#[tokio::test]
async fn others_neither_find_nor_open_it() {
    let (files, store) = memory();
    let file = files.put_bytes(&keys(), OWNER, b"receipt").await.unwrap();
    let (other, stranger) = (OwnerKeys::derive(&[8; 32]).unwrap(), Uuid::from_u128(2));
    assert!(matches!(
        files.get_bytes(&other, stranger, &file.object, 99).await,
        Err(FileError::NotFound)
    ));
    assert!(matches!(
        files.get_bytes(&other, OWNER, &file.object, 99).await,
        Err(FileError::Damaged)
    ));
    assert!(matches!(
        files.get_bytes(&keys(), OWNER, "../secret", 99).await,
        Err(FileError::NotFound)
    ));
    assert!(matches!(
        files.get_bytes(&keys(), OWNER, &file.object, 6).await,
        Err(FileError::TooLarge { limit: 6 })
    ));
    assert_ne!(
        files.put_bytes(&other, stranger, b"receipt").await.unwrap().object,
        file.object
    );
    // A file of the same owner under another's name opens, but is not that file.
    let second = files.put_bytes(&keys(), OWNER, b"invoice").await.unwrap();
    store
        .copy(&path(OWNER, &second.object), &path(OWNER, &file.object))
        .await
        .unwrap();
    assert!(matches!(
        files.get_bytes(&keys(), OWNER, &file.object, 99).await,
        Err(FileError::Damaged)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_changed_or_cut_off_is_noticed(length in 0_usize..200_000, at in any::<prop::sample::Index>(), bit in 0..8, cut in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (files, store) = memory();
            let file = files.put_bytes(&keys(), OWNER, &content(length)).await.unwrap();
            let mut bytes = stored(&store, &file).await;
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1_u8 << bit }
            store.put(&path(OWNER, &file.object), bytes.into()).await.unwrap();
            let read = files.get_bytes(&keys(), OWNER, &file.object, u64::MAX).await;
            assert!(matches!(read, Err(FileError::Damaged)), "{read:?}");
        });
    }
}

#[tokio::test]
async fn all_files_of_an_owner_are_erased_and_nobody_else_s() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let files = Files::new(Arc::new(store.with_automatic_cleanup(true)));
    let other = Uuid::from_u128(2);
    for content in [&b"one"[..], b"two"] {
        files.put_bytes(&keys(), OWNER, content).await.unwrap();
    }
    let kept = files.put_bytes(&keys(), other, b"three").await.unwrap();
    assert_eq!(files.erase(OWNER).await.unwrap(), 2);
    assert_eq!(files.erase(OWNER).await.unwrap(), 0, "again");
    assert_eq!(files.erase(Uuid::from_u128(3)).await.unwrap(), 0, "who never had any");
    assert_eq!(
        files.get_bytes(&keys(), other, &kept.object, 10).await.unwrap(),
        b"three"
    );
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [&*other.to_string()], "no empty folder tells of them");
}
