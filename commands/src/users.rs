//! Users: register, sign in, change password and profile, role, forget.

mod account;
mod forget;
pub(crate) mod http;
mod session;
mod tries;

use std::net::IpAddr;

use spendlog_domain::{
    users::{EmailReservation, User},
    values::UserId,
};
use spendlog_web::{Code, Problem, auth::Passwords};

use crate::{Commands, refusal};

pub use account::{ChangePassword, ChangeProfile, ChangeRole, Register, change_password, register};
pub use forget::{Forget, Forgotten, erase, forget, forget_again};
pub use session::{SignIn, refresh, sign_in};
pub(crate) use tries::SignInFailures;

/// The keyed hash by which an address is found, however it is spelt.
pub(crate) async fn email_key(commands: &Commands, email: &str) -> Result<String, Problem> {
    let normalised = email.trim().to_lowercase();
    let hash = commands
        .journal
        .keyring()
        .index("email", normalised.as_bytes())
        .await
        .map_err(refusal::key)?;
    Ok(hex::encode(hash))
}

/// The user with this address, if there is one: for whoever runs the system.
pub async fn find(commands: &Commands, email: &str) -> Result<Option<UserId>, Problem> {
    let key = email_key(commands, email).await?;
    Ok(by_email(commands, &key).await?.map(|(user, _)| user))
}

/// The user with this address, if there is one.
async fn by_email(commands: &Commands, email_key: &str) -> Result<Option<(UserId, std::sync::Arc<User>)>, Problem> {
    let reservation = commands.dispatch.newest::<EmailReservation>(email_key).await?;
    match reservation.user() {
        Some(user) => Ok(Some((user, commands.dispatch.newest::<User>(user).await?))),
        None => Ok(None),
    }
}

/// The clear text of a user's password hash.
fn phc(user: &User) -> Option<String> {
    user.password_hash().and_then(|hash| hash.to_clear())
}

/// Refuses a wrong password. The tries for one `key` are limited, and those from one peer where it is not known who tries.
async fn verify(
    commands: &Commands,
    key: &str,
    peer: Option<IpAddr>,
    password: String,
    user: Option<&User>,
) -> Result<(), Problem> {
    // One that can't be anybody's costs nothing to refuse, and is not worth a place among the tries.
    if Passwords::is_too_long(&password) {
        return Err(Code::InvalidCredentials.into());
    }
    commands.sign_in_failures.count(key, peer)?;
    let good = commands.passwords.verify(password, user.and_then(phc)).await;
    if !matches!(good, Ok(false)) {
        commands.sign_in_failures.forgive(key, peer);
    }
    if good? {
        Ok(())
    } else {
        Err(Code::InvalidCredentials.into())
    }
}
