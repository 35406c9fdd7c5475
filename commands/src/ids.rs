//! Identifiers that are made of others, so that the same thing always gets the same one.

use ring::digest::{Context as Sha, SHA256};
use spendlog_domain::values::{BookId, CategoryId, UserId};
use spendlog_event_store::OwnerKeys;
use uuid::Uuid;

/// The `n`th id below `base`. Whoever knows the base can compute it: for parts of what they can see anyway.
pub(crate) fn nth(base: Uuid, n: u32) -> Uuid {
    let mut sha = Sha::new(&SHA256);
    sha.update(base.as_bytes());
    sha.update(&n.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha.finish().as_ref()[..16]);
    Uuid::new_v8(bytes)
}

/// The book that a user starts with, by the user's keys.
pub fn first_book(keys: &OwnerKeys, user: UserId) -> BookId {
    BookId::new(keys.derive_id("book", user.to_string().as_bytes()))
}

/// A category of the first set, by the book's keys and the category's key.
pub fn first_category(keys: &OwnerKeys, key: &str) -> CategoryId {
    CategoryId::new(keys.derive_id("category", key.as_bytes()))
}
