//! `spendlog audit`: the whole journal and all files verified, signed heads, proofs checked.

use std::{io::Read as _, path::Path};

use anyhow::{Context as _, ensure};
use hex::FromHex as _;
use indicatif::HumanCount;
use spendlog_domain::{documents::DocumentEvent, imports::ImportEvent};
use spendlog_event_store::{Archive, Audit, Database, Files, Keyring, NamedFile, Names, SignedHead, Verified};
use spendlog_read_api::proof;
use spendlog_schemas::audit as wire;

use crate::{
    config::Config,
    foundation::{Foundation, Ground, Use, seal_plans},
    progress, say,
};

/// The largest head or proof that is read: an event has 64 KiB at most, which JSON can make six times as long.
const BYTES_MAX: u64 = 1024 * 1024;

/// `spendlog audit verify`.
pub(crate) async fn verify(config: &Config, against: Option<&Path>) -> anyhow::Result<()> {
    let older = against.map(read_head).transpose()?;
    // Without the journal: a damaged one could not be opened.
    let ground = Ground::prepare(config, Use::Beside).await?;
    let verified = verify_on(&ground.database, &ground.keyring, &ground.files, older.as_ref()).await;
    ground.close().await?;
    verified
}

/// Verifies all of it, and says what was found.
pub(crate) async fn verify_on(
    database: &Database,
    keyring: &Keyring,
    files: &Files,
    older: Option<&SignedHead>,
) -> anyhow::Result<()> {
    let archive = Archive::new(database, Some(files.clone()));
    let audit = Audit::new(database.clone(), keyring.clone(), archive);
    let bar = progress::bar("events");
    let shown = bar.clone();
    let names: Names = named_file;
    let files = Some((files.clone(), names));
    let verified = audit
        .verify(seal_plans()?, files, move |seen, all| progress::show(&shown, seen, all))
        .await?;
    bar.finish_and_clear();
    report(&verified);
    let goes_on = match older {
        Some(older) => check_against(&audit, older).await?,
        None => true,
    };
    ensure!(
        verified.broken.is_empty() && goes_on,
        "the journal or its files are not as they were written"
    );
    Ok(())
}

fn report(verified: &Verified) {
    let Verified {
        size,
        root,
        files,
        forgotten,
        broken,
    } = verified;
    for one in broken {
        say(&format!("BROKEN at {one}"));
    }
    if broken.len() >= Verified::ENOUGH {
        say("There may be more: after so many the rest was left.");
    }
    if broken.is_empty() {
        let events = HumanCount(u64::try_from(*size).unwrap_or(0));
        let root = root.as_ref().map_or_else(String::new, hex::encode);
        say(&format!(
            "All {events} events are as they were written; the root is {root}."
        ));
        let gone = match forgotten {
            0 => String::new(),
            count => format!(" ({} more belong to somebody forgotten)", HumanCount(*count)),
        };
        say(&format!(
            "All {} files are as they were stored{gone}.",
            HumanCount(*files)
        ));
    }
}

/// Says whether the journal goes on from an older head.
async fn check_against(audit: &Audit, older: &SignedHead) -> anyhow::Result<bool> {
    let SignedHead { size, recorded_at, .. } = older;
    Ok(match audit.check_against(older).await? {
        Ok(()) => {
            say(&format!(
                "It begins with the {size} events of the head of {recorded_at}, unchanged."
            ));
            true
        }
        Err(why) => {
            say(&format!(
                "BROKEN against the head of {recorded_at} with {size} events: {why}"
            ));
            false
        }
    })
}

/// Which file an event names. What is sealed in its content may stay so: names of files are not.
pub(crate) fn named_file(event_type: &str, payload: &str) -> Option<NamedFile> {
    let file = match event_type.split('.').next()? {
        "document" => serde_json::from_str::<DocumentEvent>(payload).ok()?.file().cloned(),
        "import" => serde_json::from_str::<ImportEvent>(payload).ok()?.file().cloned(),
        _ => None,
    }?;
    Some(NamedFile {
        object: file.object,
        bytes: file.bytes,
    })
}

/// `spendlog audit head`.
pub(crate) async fn head(config: &Config) -> anyhow::Result<()> {
    let foundation = Foundation::lay(config, Use::Beside).await?;
    let audit = Audit::on(&foundation.journal);
    let head = audit.head(None).await;
    foundation.close().await?;
    let head = head?.context("the journal has no events yet")?;
    say(&serde_json::to_string_pretty(&proof::told_head(&head))?);
    Ok(())
}

/// `spendlog audit check-proof`.
pub(crate) fn check_proof(file: &Path, key: Option<&str>) -> anyhow::Result<()> {
    let text = read(file)?;
    let proof: wire::EventProof =
        serde_json::from_str(&text).with_context(|| format!("{} is no proof of an event", file.display()))?;
    let proof = proof::heard_proof(proof).with_context(|| {
        format!(
            "{}: an id, hash, key or signature is not of the right form",
            file.display()
        )
    })?;
    proof.check()?;
    let wire::SignedHead { root, public_key, .. } = proof::told_head(&proof.head);
    match key
        .map(|key| <[u8; 32]>::from_hex(key.trim()).context("--key must be 64 hexadecimal digits"))
        .transpose()?
    {
        Some(key) => ensure!(
            key == proof.head.public_key,
            "the head is signed by another key: {public_key}"
        ),
        None => say(&format!(
            "Signed by the key {public_key}: compare it with that of a head that you trust, or give it with --key."
        )),
    }
    say(&format!(
        "Event {} is in the journal of {} events with the root {root}, as it was written.",
        proof.event.position, proof.head.size
    ));
    Ok(())
}

/// `spendlog audit check-consistency`.
pub(crate) fn check_consistency(older: &Path, file: &Path) -> anyhow::Result<()> {
    let older = read_head(older)?;
    older.check().context("the older head")?;
    let proof: wire::ConsistencyProof =
        serde_json::from_str(&read(file)?).with_context(|| format!("{} proves no consistency", file.display()))?;
    let proof = proof::heard_consistency(&proof)
        .with_context(|| format!("{}: a hash, key or signature is not of the right form", file.display()))?;
    ensure!(
        proof.head.public_key == older.public_key,
        "the newer head is signed by another key than the older one"
    );
    ensure!(
        proof.from == older.size,
        "the proof begins at {} events, and not at the {} that the older head is of",
        proof.from,
        older.size
    );
    proof.check(older.root)?;
    say(&format!(
        "The journal of {} events with the root {} begins with the {} events that the older head is of.",
        proof.head.size,
        hex::encode(proof.head.root),
        older.size
    ));
    Ok(())
}

fn read_head(file: &Path) -> anyhow::Result<SignedHead> {
    let text = read(file)?;
    let head: wire::SignedHead =
        serde_json::from_str(&text).with_context(|| format!("{} is no head", file.display()))?;
    proof::heard_head(&head).with_context(|| {
        format!(
            "{}: the root, key or signature is not of the right form",
            file.display()
        )
    })
}

/// The text of a head or proof.
fn read(path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("{} can't be opened", path.display()))?;
    let mut text = String::new();
    file.take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("{} can't be read", path.display()))?;
    ensure!(
        text.len() as u64 <= BYTES_MAX,
        "{} is larger than any head or proof",
        path.display()
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    //! Files that events name.

    use super::*;

    #[test]
    fn every_event_that_has_a_file_names_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/stored");
        let mut named = 0;
        for feature in std::fs::read_dir(folder).unwrap() {
            for sample in std::fs::read_dir(feature.unwrap().path()).unwrap() {
                let path = sample.unwrap().path();
                let payload = std::fs::read_to_string(&path).unwrap();
                let event: serde_json::Value = serde_json::from_str(&payload).unwrap();
                let event_type = event.as_object().unwrap().keys().next().unwrap();
                let file = named_file(event_type, &payload);
                assert_eq!(file.is_some(), payload.contains("\"object\""), "{}", path.display());
                named += usize::from(file.is_some());
            }
        }
        assert!(named >= 4, "{named} events with files");
    }
}
