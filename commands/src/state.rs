//! What the write side needs to do its work.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use spendlog_domain::{
    books::Book,
    values::{BookId, UserId},
};
use spendlog_event_store::{Files, Journal, OwnerKeys};
use spendlog_web::{
    Clock, Code, Problem,
    auth::{PasswordCost, Passwords, TokenKeys},
    rate_limit::RateLimit,
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Actor, Context, Dispatch, Done, UseCase, refusal, users::SignInFailures};

/// Tells a media type by a file's beginning; its name only breaks ties.
pub type Sniff = fn(&[u8], Option<&str>) -> Option<&'static str>;

/// In which registrations are counted.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// What can be set.
#[derive(Clone, Debug)]
pub struct CommandsConfig {
    /// The largest upload, in bytes.
    pub upload_bytes_max: u64,
    /// What a password's hash costs.
    pub password_cost: PasswordCost,
    /// How many passwords are hashed at once; each takes the cost's memory.
    pub password_hashes_max: usize,
    /// Wrong passwords for one e-mail address from one network address in a quarter of an hour; 0: no limit. Ten times as
    /// many for one e-mail address from anywhere, and from one network address that is not private.
    pub sign_in_failures_max: u32,
    /// Registrations from one network address in an hour; 0: no limit.
    pub registrations_max: u32,
    /// The time.
    pub clock: Clock,
}

impl Default for CommandsConfig {
    fn default() -> Self {
        Self {
            upload_bytes_max: 256 * 1024 * 1024,
            password_cost: PasswordCost::RECOMMENDED,
            password_hashes_max: 2,
            sign_in_failures_max: 20,
            registrations_max: 600,
            clock: Clock::system(),
        }
    }
}

/// The write side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Commands {
    pub(crate) journal: Journal,
    pub(crate) files: Files,
    pub(crate) dispatch: Arc<Dispatch>,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: TokenKeys,
    pub(crate) sign_in_failures: SignInFailures,
    pub(crate) registrations: RateLimit,
    pub(crate) upload_bytes_max: u64,
    pub(crate) sniff: Sniff,
}

impl Commands {
    /// The write side of this journal and these files.
    pub async fn new(journal: Journal, files: Files, sniff: Sniff, config: CommandsConfig) -> Result<Self, Problem> {
        let secret = journal.keyring().secret("jwt").await.map_err(refusal::key)?;
        let CommandsConfig {
            upload_bytes_max,
            clock,
            ..
        } = config;
        let dispatch = Arc::new(Dispatch::new(journal.clone()));
        tokio::spawn(drop_forgotten(
            journal.keyring().forgettings(),
            Arc::downgrade(&dispatch),
        ));
        let keyring = journal.keyring().clone();
        Ok(Self {
            dispatch,
            passwords: Passwords::new(config.password_cost, config.password_hashes_max)?,
            tokens: TokenKeys::new(&secret, clock.clone()).refusing(move |user| keyring.is_forgotten(user)),
            sign_in_failures: SignInFailures::new(&clock, config.sign_in_failures_max),
            registrations: RateLimit::new(clock, config.registrations_max, HOUR),
            journal,
            files,
            upload_bytes_max,
            sniff,
        })
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What makes and checks tokens: keep it as `Data` of the app as well.
    pub fn tokens(&self) -> &TokenKeys {
        &self.tokens
    }

    /// Does what a use case says, once.
    pub async fn run<U: UseCase>(&self, context: &Context, use_case: &U) -> Result<Done<U::Main>, Problem> {
        self.dispatch.run(context, use_case).await
    }

    /// The keys of a book or user.
    pub(crate) async fn keys(&self, owner: Uuid) -> Result<Arc<OwnerKeys>, Problem> {
        self.journal.keyring().owner(owner).await.map_err(refusal::key)
    }

    /// Refuses somebody else's book. For what is read before anything is planned; the plan asks again, and guards it.
    pub(crate) async fn check_book(&self, actor: Actor, book: BookId) -> Result<(), Problem> {
        if actor.may_work_in(&*self.dispatch.newest::<Book>(book).await?) {
            Ok(())
        } else {
            Err(Code::NotFound.into())
        }
    }

    /// The book that a user starts with: the one that is meant where none is named.
    pub(crate) async fn first_book(&self, user: UserId) -> Result<BookId, Problem> {
        Ok(crate::first_book(&*self.keys(user.uuid()).await?, user))
    }
}

/// States hold texts in clear: none of somebody who was forgotten must stay in memory. All go, since that is rare.
async fn drop_forgotten(mut forgettings: watch::Receiver<u64>, dispatch: Weak<Dispatch>) {
    while forgettings.changed().await.is_ok() {
        match dispatch.upgrade() {
            Some(dispatch) => dispatch.clear(),
            None => return,
        }
    }
}
