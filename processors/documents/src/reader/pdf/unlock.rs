//! Locks that the readers don't open by themselves.
//!
//! The user's password out of the owner's, for the ciphers of before 2008: there the file's key is made of the user's
//! password alone, and the owner's only hides the user's (ISO 32000-1, 7.6.3.4, algorithm 7).

use md5::{Digest, Md5};

/// What passwords are filled up with to 32 bytes.
const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];

/// The user's password, if `owner` is the owner's of a file with such a cipher.
pub(super) fn user_password(file: &[u8], owner: &str) -> Option<String> {
    let document = super::extract_open(file, Some(owner)).ok()?;
    let state = document.encryption_state.as_ref()?;
    let revision = state.revision();
    if !(2..=4).contains(&revision) {
        return None;
    }
    let key_bytes = if revision == 2 {
        5
    } else {
        state.key_length().unwrap_or(40).div_ceil(8).clamp(5, 16)
    };
    let mut key = Md5::digest(padded(owner.as_bytes()));
    if revision >= 3 {
        for _ in 0..50 {
            key = Md5::digest(&key[..key_bytes]);
        }
    }
    let key = &key[..key_bytes];
    let mut hidden = state.owner_value().get(..32)?.to_vec();
    let last_round = if revision == 2 { 0 } else { 19 };
    for round in (0..=last_round).rev() {
        let key: Vec<u8> = key.iter().map(|byte| byte ^ round).collect();
        rc4(&key, &mut hidden);
    }
    let length = (0..=32).find(|length| hidden[*length..] == PADDING[..32 - length])?;
    String::from_utf8(hidden[..length].to_vec()).ok()
}

fn padded(password: &[u8]) -> Vec<u8> {
    password.iter().chain(&PADDING).copied().take(32).collect()
}

/// The cipher of those files, both ways. It is broken, and used for nothing but reading what they hold.
fn rc4(key: &[u8], data: &mut [u8]) {
    let mut state: [u8; 256] = std::array::from_fn(|index| u8::try_from(index).unwrap_or_default());
    let mut j = 0_u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(key[i % key.len()]);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    for byte in data {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        *byte ^= state[usize::from(state[usize::from(i)].wrapping_add(state[usize::from(j)]))];
    }
}

/// What names the lock in a file's trailer.
const LOCK: &[u8] = b"/Encrypt";

/// Whether the file says that it is locked by passwords, wherever in it that stands.
pub(super) fn is_locked(file: &[u8]) -> bool {
    has(file, LOCK) && has(file, b"/Standard")
}

/// Whether text and pictures are in clear, and only attached files are locked.
pub(super) fn only_attachments_are_locked(file: &[u8]) -> bool {
    is_locked(file) && (has(file, b"/StmF /Identity") || has(file, b"/StmF/Identity"))
}

/// The file without what names its lock.
pub(super) fn without_lock(file: &[u8]) -> Vec<u8> {
    let mut clear = file.to_vec();
    let mut from = 0;
    while let Some(at) = clear[from..].windows(LOCK.len()).position(|part| part == LOCK) {
        clear[from + at + 1] = b'X';
        from += at + LOCK.len();
    }
    clear
}

fn has(file: &[u8], what: &[u8]) -> bool {
    file.windows(what.len()).any(|part| part == what)
}
