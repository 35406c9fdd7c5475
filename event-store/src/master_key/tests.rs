//! The master key and its file.

use super::*;

#[test]
fn a_key_is_read_as_hexadecimal_digits() {
    assert!(MasterKey::from_hex(&format!(" {}\n", "0a".repeat(32))).is_ok());
    for text in ["", "0a", &"0g".repeat(32), &"é".repeat(32), &"0a".repeat(33)] {
        assert!(
            matches!(MasterKey::from_hex(text), Err(MasterKeyError::Malformed)),
            "{text}"
        );
    }
}

#[test]
fn the_file_is_made_once_and_readable_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let first = MasterKey::read_or_create(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let wrapped = first.wrap("owner", "a", &[3; 32]).unwrap();
    let second = MasterKey::read_or_create(&path).unwrap();
    assert_eq!(second.unwrap("owner", "a", &wrapped).as_deref(), Some(&[3; 32]));

    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(MasterKey::read_or_create(&path), Err(MasterKeyError::Exposed)));
}

#[test]
fn a_wrapped_key_opens_only_where_it_belongs() {
    let master = MasterKey::from_hex(&"0a".repeat(32)).unwrap();
    let wrapped = master.wrap("owner", "a", &[3; 32]).unwrap();
    assert_eq!(master.unwrap("owner", "b", &wrapped), None);
    assert_eq!(master.unwrap("secret", "a", &wrapped), None);
    assert_eq!(master.unwrap("owner", "a", &wrapped[1..]), None);
    assert_eq!(master.unwrap("owner", "a", b""), None);
    let other = MasterKey::from_hex(&"0b".repeat(32)).unwrap();
    assert_eq!(other.unwrap("owner", "a", &wrapped), None);
}
