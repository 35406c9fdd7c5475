//! Tokens, passwords, and limits on tries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::DateTime;
use uuid::Uuid;

use crate::{
    Caller, Clock, Code,
    auth::{ACCESS_SECONDS, PasswordCost, Passwords, REFRESH_SECONDS, Role, TokenKeys},
    rate_limit::RateLimit,
};

fn clock() -> Clock {
    Clock::standing(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

fn caller() -> Caller {
    Caller {
        user: Uuid::from_u128(1),
        session: Uuid::from_u128(2),
        role: Role::Member,
    }
}

#[test]
fn an_access_token_is_believed_until_it_expires() {
    let clock = clock();
    let keys = TokenKeys::new(&[7; 32], clock.clone());
    let pair = keys.issue(caller()).unwrap();
    assert_eq!(keys.access(&pair.access).unwrap(), caller());
    clock.advance(Duration::from_secs(ACCESS_SECONDS.unsigned_abs()));
    assert_eq!(keys.access(&pair.access).unwrap_err().code, Code::Unauthenticated);
    assert_eq!(keys.refresh(&pair.refresh).unwrap(), caller());
    clock.advance(Duration::from_secs(REFRESH_SECONDS.unsigned_abs()));
    assert_eq!(keys.refresh(&pair.refresh).unwrap_err().code, Code::SessionEnded);
}

#[test]
fn a_token_is_good_for_one_purpose_and_one_key() {
    let keys = TokenKeys::new(&[7; 32], clock());
    let pair = keys.issue(caller()).unwrap();
    assert!(keys.access(&pair.refresh).is_err());
    assert!(keys.refresh(&pair.access).is_err());
    assert!(TokenKeys::new(&[8; 32], clock()).access(&pair.access).is_err());
    // The signature taken off, and the algorithm said to be none.
    let claims = pair.access.split('.').nth(1).unwrap();
    assert!(keys.access(&format!("eyJhbGciOiJub25lIn0.{claims}.")).is_err());
    assert!(keys.access("").is_err());
    assert!(keys.access(&"a".repeat(10_000)).is_err());
}

#[tokio::test]
async fn a_password_is_verified_against_its_hash_alone() {
    let passwords = Passwords::new(PasswordCost::LEAST, 2).unwrap();
    let phc = passwords.hash("correct horse".to_owned()).await.unwrap();
    assert!(phc.starts_with("$argon2id$"));
    assert!(
        passwords
            .verify("correct horse".to_owned(), Some(phc.clone()))
            .await
            .unwrap()
    );
    assert!(!passwords.verify("wrong horse".to_owned(), Some(phc)).await.unwrap());
    assert!(!passwords.verify("correct horse".to_owned(), None).await.unwrap());
    assert!(Passwords::check_new("short", "/password").is_err());
    assert!(Passwords::check_new(&"x".repeat(257), "/password").is_err());
}

#[test]
fn tries_are_limited_per_key_and_window() {
    let clock = clock();
    let limit = RateLimit::new(clock.clone(), 2, Duration::from_secs(60));
    limit.count("a").unwrap();
    limit.count("a").unwrap();
    let refused = limit.count("a").unwrap_err();
    assert_eq!(refused.code, Code::TooManyTries);
    assert!((1..=60).contains(&refused.retry_after_seconds.unwrap()));
    limit.count("b").unwrap();
    limit.forgive("a");
    limit.count("a").unwrap();
    limit.count("a").unwrap_err();
    clock.advance(Duration::from_secs(60));
    limit.count("a").unwrap();
}

#[test]
fn however_many_keys_are_tried_memory_is_limited() {
    let limit = RateLimit::new(clock(), 1, Duration::from_secs(60));
    for key in 0..200_000 {
        limit.count(&key.to_string()).unwrap();
    }
    limit.count("199999").unwrap_err();
}

#[test]
fn tokens_of_the_refused_are_no_good_at_once() {
    let refused = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&refused);
    let keys =
        TokenKeys::new(&[7; 32], clock()).refusing(move |user| user == caller().user && asked.load(Ordering::Relaxed));
    let pair = keys.issue(caller()).unwrap();
    assert!(keys.access(&pair.access).is_ok());
    refused.store(true, Ordering::Relaxed);
    assert_eq!(keys.access(&pair.access).unwrap_err().code, Code::Unauthenticated);
    assert_eq!(keys.refresh(&pair.refresh).unwrap_err().code, Code::SessionEnded);
}
