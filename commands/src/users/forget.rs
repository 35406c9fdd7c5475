//! Forgetting a user: first it is said in the journal, in one append, then their keys are destroyed, then their files.
//!
//! From the append on nothing can be added that is theirs: whatever a person does stands on their user, whatever happens in a
//! book on the book. So what comes after it only has to be done at some time, and can be done again: where it breaks off,
//! the processor that hears of the append goes on with it.

use std::time::Duration;

use spendlog_domain::{
    books::{Book, BookCommand},
    users::{EmailCommand, EmailReservation, User, UserCommand},
    values::{BookId, UserId},
};
use spendlog_projections::{Group, Projections, books};
use spendlog_web::{Code, Problem};
use uuid::Uuid;

use super::{phc, verify};
use crate::{Commands, Context, Plan, UseCase, Written, refusal};

/// How long the read tables may take to come up to the journal: they tell which books are the user's.
const WAIT: Duration = Duration::from_secs(2);

/// Ends a user, gives their address free, and ends the books that are theirs alone.
#[derive(Clone, Debug)]
pub struct Forget {
    /// The user.
    pub user: UserId,
    /// PHC string that the password was verified against; none where it was not asked for.
    pub verified: Option<String>,
    /// Their books.
    pub books: Vec<BookId>,
}

impl UseCase for Forget {
    const NAME: &'static str = "users.forget";
    type Main = User;

    async fn plan(&self, plan: &mut Plan<'_>) -> Result<Written<User>, Problem> {
        let mut user = plan.open_main::<User>(self.user).await?;
        if self.verified.is_some() && phc(user.state()) != self.verified {
            return Err(Code::InvalidCredentials.into());
        }
        user.run(UserCommand::Forget)?;
        let mut reservation = plan.open::<EmailReservation>(user.state().email_key()).await?;
        reservation.run(EmailCommand::Release { user: self.user })?;
        for book in &self.books {
            let mut open = plan.open::<Book>(*book).await?;
            if open.state().user() == Some(self.user) {
                open.run(BookCommand::Forget)?;
                plan.write(open, book.uuid())?;
            }
        }
        plan.write(reservation, self.user.uuid())?;
        plan.write(user, self.user.uuid())
    }
}

/// What was forgotten.
#[derive(Clone, Debug)]
pub struct Forgotten {
    /// The user, and then their books: whose keys are destroyed.
    pub owners: Vec<Uuid>,
    /// Position of the last event that says so.
    pub position: i64,
    /// Whether the keys are destroyed already. Otherwise the processor does it as soon as it can.
    pub destroyed: bool,
}

/// Forgets a user, whose password is asked for where it is a person who wants it. The files follow: see [`erase`].
pub async fn forget(
    commands: &Commands,
    projections: &Projections,
    context: &Context,
    user: UserId,
    password: Option<String>,
) -> Result<Forgotten, Problem> {
    let verified = match password {
        Some(password) => Some(verified(commands, user, password).await?),
        None => None,
    };
    let head = *commands.journal.head().borrow();
    let behind = |_| Problem::from(Code::ReadModelBehind).retry_after(1);
    projections.wait(Group::Ledger, head, WAIT).await.map_err(behind)?;
    let books = books::of_user(projections.reader(), user)
        .await
        .map_err(Problem::unavailable)?;
    let owners = std::iter::once(user.uuid())
        .chain(books.iter().map(|book| book.uuid()))
        .collect::<Vec<_>>();
    let done = commands.run(context, &Forget { user, verified, books }).await?;
    let destroyed = match commands.journal.forget(&owners).await {
        Ok(()) => true,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "keys of a forgotten user are not destroyed yet");
            false
        }
    };
    Ok(Forgotten {
        owners,
        position: done.position,
        destroyed,
    })
}

/// The PHC string that the password was verified against.
async fn verified(commands: &Commands, user: UserId, password: String) -> Result<String, Problem> {
    let key = user.to_string();
    commands.sign_in_failures.check(&key)?;
    let state = commands.dispatch.newest::<User>(user).await?;
    if let Err(problem) = verify(commands, password, Some(&state)).await {
        commands.sign_in_failures.count(&key);
        return Err(problem);
    }
    Ok(phc(&state).unwrap_or_default())
}

/// Destroys what is left of a user or book that the journal says is forgotten: the key, if it is still there, and the files.
/// Gives how many files there were.
pub async fn erase(commands: &Commands, owner: Uuid) -> Result<u64, Problem> {
    commands.journal.forget(&[owner]).await.map_err(Problem::unavailable)?;
    commands.files.erase(owner).await.map_err(refusal::file)
}
