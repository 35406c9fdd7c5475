//! Given events, when a command, then events or an error.

use std::slice::from_ref;

use uuid::Uuid;

use super::{EmailCommand, EmailEvent, EmailReservation, Role, User, UserCommand, UserError, UserEvent};
use crate::{
    samples::{SESSION, USER, check, replay, text},
    values::{SessionId, Text, UserId},
};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
const OTHER_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b3RoZXI";
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn register(email: impl Into<Text>, email_key: &str, name: Option<Text>, password_hash: &str) -> UserCommand {
    let (email_key, password_hash) = (email_key.to_owned(), password_hash.into());
    UserCommand::Register {
        user: USER,
        email: email.into(),
        email_key,
        name,
        password_hash,
    }
}

fn registered() -> UserEvent {
    UserEvent::Registered {
        user: USER,
        email: "ada@example.org".into(),
        email_key: KEY.to_owned(),
        name: Some("Ada".into()),
        password_hash: HASH.into(),
    }
}

fn session(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

#[test]
fn a_user_registers_once() {
    let command = register("ada@example.org", KEY, Some("Ada".into()), HASH);
    check::<User>(&[], command.clone(), Ok(vec![registered()]));
    check::<User>(&[registered()], command, Err(UserError::AlreadyRegistered));
    let user: User = replay(&[registered()]);
    assert_eq!((user.id(), user.email()), (Some(USER), Some(&"ada@example.org".into())));
    assert_eq!((user.email_key(), user.role()), (KEY, Role::Member));
    assert_eq!(
        (user.name(), user.password_hash()),
        (Some(&"Ada".into()), Some(&HASH.into()))
    );
}

#[test]
fn nothing_but_registration_is_possible_before_it() {
    for command in [
        UserCommand::SignIn { session: SESSION },
        UserCommand::ChangePassword {
            password_hash: HASH.into(),
        },
        UserCommand::ChangeProfile { name: None },
        UserCommand::ChangeRole { role: Role::Admin },
    ] {
        check::<User>(&[], command, Err(UserError::NotRegistered));
    }
}

#[test]
fn an_address_has_two_sides_and_no_blanks() {
    for email in [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada lovelace@example.org",
        "ada@example.org\n",
    ] {
        check::<User>(&[], register(email, KEY, None, HASH), Err(UserError::InvalidEmail));
    }
    let long = format!("{}@example.org", "a".repeat(250));
    check::<User>(&[], register(long, KEY, None, HASH), Err(UserError::InvalidEmail));
    check::<User>(
        &[],
        register(Text::Forgotten, KEY, None, HASH),
        Err(UserError::InvalidEmail),
    );
}

#[test]
fn a_name_is_a_line_of_at_most_200_characters() {
    for name in [
        Text::from(""),
        " ".into(),
        "a\nb".into(),
        "a\0b".into(),
        text(201),
        Text::Forgotten,
    ] {
        let command = register("ada@example.org", KEY, Some(name.clone()), HASH);
        check::<User>(&[], command, Err(UserError::InvalidName));
        check::<User>(
            &[registered()],
            UserCommand::ChangeProfile { name: Some(name) },
            Err(UserError::InvalidName),
        );
    }
    let to = Some(text(200));
    let changed = UserEvent::ProfileChanged {
        from: Some("Ada".into()),
        to: to.clone(),
    };
    check::<User>(
        &[registered()],
        UserCommand::ChangeProfile { name: to },
        Ok(vec![changed]),
    );
}

#[test]
fn neither_address_nor_password_is_taken_for_its_hash() {
    for key in ["", "ada@example.org", "ada", &"a".repeat(129)] {
        check::<User>(
            &[],
            register("ada@example.org", key, None, HASH),
            Err(UserError::InvalidEmailKey),
        );
    }
    for hash in ["", "my secret password", "$\n"] {
        check::<User>(
            &[],
            register("ada@example.org", KEY, None, hash),
            Err(UserError::InvalidPasswordHash),
        );
        let change = UserCommand::ChangePassword {
            password_hash: hash.into(),
        };
        check::<User>(&[registered()], change, Err(UserError::InvalidPasswordHash));
    }
}

#[test]
fn sessions_end_when_the_password_changes() {
    let signed_in = UserEvent::SignedIn { session: SESSION };
    let changed = UserEvent::PasswordChanged {
        password_hash: OTHER_HASH.into(),
    };
    let sign_in = UserCommand::SignIn { session: SESSION };
    let change = UserCommand::ChangePassword {
        password_hash: OTHER_HASH.into(),
    };
    check::<User>(&[registered()], sign_in.clone(), Ok(vec![signed_in.clone()]));
    check::<User>(&[registered(), signed_in.clone()], sign_in, Ok(vec![]));
    check::<User>(&[registered()], change, Ok(vec![changed.clone()]));
    let given = [registered(), signed_in, changed];
    assert!(replay::<User>(&given[..2]).is_signed_in(SESSION));
    assert!(!replay::<User>(&given[..1]).is_signed_in(SESSION));
    assert!(!replay::<User>(&given).is_signed_in(SESSION));
    assert_eq!(replay::<User>(&given).password_hash(), Some(&OTHER_HASH.into()));
}

#[test]
fn the_oldest_of_more_than_a_thousand_sessions_ends() {
    let mut given = vec![registered()];
    given.extend((0..1001).map(|n| UserEvent::SignedIn { session: session(n) }));
    let user: User = replay(&given);
    assert!(!user.is_signed_in(session(0)));
    assert!(user.is_signed_in(session(1)) && user.is_signed_in(session(1000)));
}

#[test]
fn what_changes_nothing_is_no_event() {
    for command in [
        UserCommand::ChangePassword {
            password_hash: HASH.into(),
        },
        UserCommand::ChangeProfile {
            name: Some("Ada".into()),
        },
        UserCommand::ChangeRole { role: Role::Member },
    ] {
        check::<User>(&[registered()], command, Ok(vec![]));
    }
}

#[test]
fn a_role_is_given_and_taken() {
    let promoted = UserEvent::RoleChanged {
        from: Role::Member,
        to: Role::Admin,
    };
    let demoted = UserEvent::RoleChanged {
        from: Role::Admin,
        to: Role::Member,
    };
    check::<User>(
        &[registered()],
        UserCommand::ChangeRole { role: Role::Admin },
        Ok(vec![promoted.clone()]),
    );
    check::<User>(
        &[registered(), promoted],
        UserCommand::ChangeRole { role: Role::Member },
        Ok(vec![demoted]),
    );
}

#[test]
fn a_name_can_be_removed() {
    let removed = UserEvent::ProfileChanged {
        from: Some("Ada".into()),
        to: None,
    };
    check::<User>(
        &[registered()],
        UserCommand::ChangeProfile { name: None },
        Ok(vec![removed.clone()]),
    );
    assert_eq!(replay::<User>(&[registered(), removed]).name(), None);
}

#[test]
fn an_address_is_reserved_once() {
    let reserved = EmailEvent::Reserved { user: USER };
    let other = UserId::new(Uuid::from_u128(99));
    check::<EmailReservation>(&[], EmailCommand::Reserve { user: USER }, Ok(vec![reserved.clone()]));
    check::<EmailReservation>(from_ref(&reserved), EmailCommand::Reserve { user: USER }, Ok(vec![]));
    check::<EmailReservation>(
        from_ref(&reserved),
        EmailCommand::Reserve { user: other },
        Err(UserError::EmailTaken),
    );
    assert_eq!(replay::<EmailReservation>(&[reserved]).user(), Some(USER));
}

#[test]
fn who_is_forgotten_is_nobody_for_good() {
    let signed_in = UserEvent::SignedIn { session: SESSION };
    check::<User>(
        &[registered(), signed_in.clone()],
        UserCommand::Forget,
        Ok(vec![UserEvent::Forgotten {}]),
    );
    let given = [registered(), signed_in, UserEvent::Forgotten {}];
    check::<User>(&given, UserCommand::Forget, Ok(vec![]));
    check::<User>(
        &given,
        UserCommand::SignIn { session: session(9) },
        Err(UserError::NotRegistered),
    );
    check::<User>(
        &given,
        register("ada@example.org", KEY, None, HASH),
        Err(UserError::AlreadyRegistered),
    );
    check::<User>(&[], UserCommand::Forget, Err(UserError::NotRegistered));
    let user: User = replay(&given);
    assert!(!user.is_registered() && !user.is_signed_in(SESSION));
    assert_eq!((user.email(), user.name(), user.password_hash()), (None, None, None));
    assert_eq!(
        user.email_key(),
        KEY,
        "by which the reservation is found that has to be released"
    );
}

#[test]
fn a_released_address_can_be_reserved_by_somebody_else() {
    let other = UserId::new(Uuid::from_u128(99));
    let (reserved, released) = (EmailEvent::Reserved { user: USER }, EmailEvent::Released { user: USER });
    let release = EmailCommand::Release { user: USER };
    check::<EmailReservation>(from_ref(&reserved), release.clone(), Ok(vec![released.clone()]));
    check::<EmailReservation>(from_ref(&reserved), EmailCommand::Release { user: other }, Ok(vec![]));
    let mut given = vec![reserved, released];
    check::<EmailReservation>(&given, release.clone(), Ok(vec![]));
    let again = EmailEvent::Reserved { user: other };
    check::<EmailReservation>(&given, EmailCommand::Reserve { user: other }, Ok(vec![again.clone()]));
    given.push(again);
    check::<EmailReservation>(&given, release, Ok(vec![]));
    assert_eq!(replay::<EmailReservation>(&given).user(), Some(other));
}
