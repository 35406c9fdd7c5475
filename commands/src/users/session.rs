//! Sessions: from the first token to the last refresh.

use std::net::IpAddr;

use spendlog_domain::{
    users::{Role, User, UserCommand},
    values::{SessionId, UserId},
};
use spendlog_web::{
    Caller, Code, Problem,
    auth::{self, Pair},
};

use super::{by_email, email_key, phc, verify};
use crate::{Actor, Commands, Context, Plan, UseCase, Written};

/// Begins a session of a user whose password was verified.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The user.
    pub user: UserId,
    /// The new session.
    pub session: SessionId,
    /// PHC string that the password was verified against.
    pub verified: String,
}

impl UseCase for SignIn {
    const NAME: &'static str = "users.sign_in";
    type Main = User;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<User>, Problem> {
        let mut user = plan.open::<User>(self.user).await?;
        if phc(user.state()).as_deref() != Some(&*self.verified) {
            return Err(Code::InvalidCredentials.into());
        }
        user.run(UserCommand::SignIn { session: self.session })?;
        plan.write(user, self.user.uuid())
    }
}

/// Signs in from this peer, and gives the first tokens of a session with the position at which it began.
pub async fn sign_in(
    commands: &Commands,
    mut context: Context,
    peer: IpAddr,
    email: &str,
    password: String,
) -> Result<(Pair, i64), Problem> {
    let key = email_key(commands, email).await?;
    let found = by_email(commands, &key).await?;
    let state = found.as_ref().map(|(_, state)| &**state);
    verify(commands, &key, Some(peer), password, state).await?;
    let (user, state) = found.ok_or(Code::InvalidCredentials)?;
    context.actor = Actor::User(user);
    let session = SessionId::new(context.command_id);
    let use_case = SignIn {
        user,
        session,
        verified: phc(&state).unwrap_or_default(),
    };
    let done = commands.run(&context, &use_case).await?;
    let pair = commands.tokens.issue(caller(user, session, &done.state))?;
    Ok((pair, done.position))
}

/// Fresh tokens for a session that lasts. Nothing is recorded.
pub async fn refresh(commands: &Commands, token: &str) -> Result<Pair, Problem> {
    let Caller { user, session, .. } = commands.tokens.refresh(token)?;
    let (user, session) = (UserId::new(user), SessionId::new(session));
    let state = commands.dispatch.newest::<User>(user).await?;
    // A change of the password ends all sessions before it.
    if !state.is_signed_in(session) {
        return Err(Code::SessionEnded.into());
    }
    commands.tokens.issue(caller(user, session, &state))
}

fn caller(user: UserId, session: SessionId, state: &User) -> Caller {
    let role = match state.role() {
        Role::Member => auth::Role::Member,
        Role::Admin => auth::Role::Admin,
    };
    Caller {
        user: user.uuid(),
        session: session.uuid(),
        role,
    }
}
