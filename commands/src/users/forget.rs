//! Forgetting a user: first it is said in the journal, in one append, then their keys are destroyed, then their files.
//!
//! From the append on nothing can be added that is theirs: whatever a person does stands on their user, whatever happens in a
//! book on the book. So what comes after it only has to be done at some time, and can be done again: where it breaks off,
//! the processor that hears of the append goes on with it.

use std::{collections::BTreeMap, time::Duration};

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
    /// In a database that was restored, what came after it has destroyed the keys before anything is said of it.
    const OF_FORGOTTEN: bool = true;
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
    if let Err(problem) = mark(commands, &owners).await {
        tracing::error!(%problem, "the list of the forgotten beside the files lacks somebody for now");
    }
    Ok(Forgotten {
        owners,
        position: done.position,
        destroyed,
    })
}

/// The PHC string that the password was verified against.
async fn verified(commands: &Commands, user: UserId, password: String) -> Result<String, Problem> {
    let state = commands.dispatch.newest::<User>(user).await?;
    verify(commands, &user.to_string(), None, password, Some(&state)).await?;
    Ok(phc(&state).unwrap_or_default())
}

/// Destroys what is left of a user or book that the journal says is forgotten: the key, if it is still there, and the files;
/// and leaves a mark outside of the database, for the case that an older state of it is restored. Gives how many files there
/// were.
pub async fn erase(commands: &Commands, owner: Uuid) -> Result<u64, Problem> {
    commands.journal.forget(&[owner]).await.map_err(Problem::unavailable)?;
    mark(commands, &[owner]).await?;
    commands.files.erase(owner).await.map_err(refusal::file)
}

async fn mark(commands: &Commands, owners: &[Uuid]) -> Result<(), Problem> {
    let list = commands.files.forgotten(commands.journal.keyring()).await;
    list.map_err(refusal::key)?.add(owners).await.map_err(refusal::file)
}

/// Says in a journal of before what came after: that these users and books were forgotten. Whoever this journal does not
/// know, or knows to be forgotten, is passed over. Then destroys all that is left of them.
pub async fn forget_again(commands: &Commands, owners: &[Uuid]) -> Result<(), Problem> {
    let mut books: BTreeMap<UserId, Vec<BookId>> = BTreeMap::new();
    for owner in owners {
        let (user, book) = (UserId::new(*owner), BookId::new(*owner));
        if commands.dispatch.newest::<User>(user).await?.is_registered() {
            books.entry(user).or_default();
        }
        let state = commands.dispatch.newest::<Book>(book).await?;
        if let Some(user) = state.user().filter(|_| !state.is_forgotten()) {
            books.entry(user).or_default().push(book);
        }
    }
    for (user, books) in books {
        let forget = Forget {
            user,
            verified: None,
            books,
        };
        commands.run(&Context::of_operator(), &forget).await?;
    }
    for owner in owners {
        erase(commands, *owner).await?;
    }
    Ok(())
}
