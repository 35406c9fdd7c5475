//! PDFs under passwords.

use std::{collections::BTreeMap, sync::Arc};

use lopdf::encryption::crypt_filters::{Aes128CryptFilter, Aes256CryptFilter, CryptFilter};
use lopdf::{EncryptionState, EncryptionVersion, Permissions, dictionary};
use spendlog_documents::ReadError;

use super::pdf::{TEXT, bytes, document};
use super::{lines, read_as};

#[derive(Clone, Copy, Debug)]
enum Cipher {
    Rc4Short,
    Rc4Long,
    Aes128,
    Aes256,
}

const CIPHERS: [Cipher; 4] = [Cipher::Rc4Short, Cipher::Rc4Long, Cipher::Aes128, Cipher::Aes256];

fn locked(cipher: Cipher, owner: &str, user: &str) -> Vec<u8> {
    let mut plain = document(&[TEXT]);
    let permissions = Permissions::all();
    let filters = |filter: Arc<dyn CryptFilter>| BTreeMap::from([(b"StdCF".to_vec(), filter)]);
    let name = || b"StdCF".to_vec();
    let version = match cipher {
        Cipher::Rc4Short => EncryptionVersion::V1 {
            document: &plain,
            owner_password: owner,
            user_password: user,
            permissions,
        },
        Cipher::Rc4Long => EncryptionVersion::V2 {
            document: &plain,
            owner_password: owner,
            user_password: user,
            key_length: 128,
            permissions,
        },
        Cipher::Aes128 => EncryptionVersion::V4 {
            document: &plain,
            encrypt_metadata: true,
            crypt_filters: filters(Arc::new(Aes128CryptFilter)),
            stream_filter: name(),
            string_filter: name(),
            owner_password: owner,
            user_password: user,
            permissions,
        },
        Cipher::Aes256 => EncryptionVersion::V5 {
            encrypt_metadata: true,
            crypt_filters: filters(Arc::new(Aes256CryptFilter)),
            file_encryption_key: &[7; 32],
            stream_filter: name(),
            string_filter: name(),
            owner_password: owner,
            user_password: user,
            permissions,
        },
    };
    let state = EncryptionState::try_from(version).unwrap();
    plain.encrypt(&state).unwrap();
    bytes(plain)
}

#[test]
fn the_users_password_opens() {
    for cipher in CIPHERS {
        let reading = read_as(&locked(cipher, "master", "view"), "x.pdf", Some("view"));
        assert_eq!(
            lines(&reading.unwrap()),
            ["Invoice", "Total to pay 12.50"],
            "{cipher:?}"
        );
    }
}

#[test]
fn the_owners_password_opens() {
    for cipher in CIPHERS {
        let reading = read_as(&locked(cipher, "master", "view"), "x.pdf", Some("master"));
        assert_eq!(
            lines(&reading.unwrap()),
            ["Invoice", "Total to pay 12.50"],
            "{cipher:?}"
        );
    }
}

#[test]
fn a_wrong_password_is_told_from_none() {
    for cipher in CIPHERS {
        let file = locked(cipher, "master", "view");
        assert_eq!(
            read_as(&file, "x.pdf", None),
            Err(ReadError::PasswordRequired),
            "{cipher:?}"
        );
        assert_eq!(
            read_as(&file, "x.pdf", Some("guess")),
            Err(ReadError::WrongPassword),
            "{cipher:?}"
        );
    }
}

#[test]
fn what_only_forbids_changes_opens_without_a_password() {
    for cipher in CIPHERS {
        let reading = read_as(&locked(cipher, "master", ""), "x.pdf", None);
        assert_eq!(
            lines(&reading.unwrap()),
            ["Invoice", "Total to pay 12.50"],
            "{cipher:?}"
        );
    }
}

#[test]
fn a_password_for_a_file_without_one_does_no_harm() {
    assert!(read_as(&bytes(document(&[TEXT])), "x.pdf", Some("whatever")).is_ok());
}

#[test]
fn a_lock_in_a_damaged_file_is_still_a_lock() {
    let file = locked(Cipher::Rc4Long, "master", "view");
    // The place of the directory is lost.
    let at = file.windows(9).rposition(|part| part == b"startxref").unwrap();
    let file = [&file[..at], b"startxref\n9\n%%EOF\n"].concat();
    assert_eq!(read_as(&file, "x.pdf", None), Err(ReadError::PasswordRequired));
    assert!(read_as(&file, "x.pdf", Some("view")).is_ok());
}

#[test]
fn text_in_clear_beside_locked_attachments_is_read() {
    let mut plain = document(&[TEXT]);
    let lock = dictionary! {
        "Filter" => "Standard", "V" => 5, "R" => 6, "Length" => 256, "StmF" => "Identity", "StrF" => "Identity", "EFF" => "StdCF",
        "CF" => dictionary! { "StdCF" => dictionary! { "CFM" => "AESV3", "AuthEvent" => "EFOpen" } },
    };
    let lock = plain.add_object(lock);
    plain.trailer.set("Encrypt", lock);
    assert_eq!(
        lines(&read_as(&bytes(plain), "x.pdf", None).unwrap()),
        ["Invoice", "Total to pay 12.50"]
    );
}
