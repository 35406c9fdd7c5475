//! Passwords: argon2id, a few at a time, off the threads that serve requests.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;

use crate::{Code, Problem};

/// The longest password, in bytes.
const BYTES_MAX: usize = 256;
/// The shortest password, in bytes.
const BYTES_MIN: usize = 8;

/// What a hash costs.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl PasswordCost {
    /// What OWASP recommends for argon2id: 19 MiB, 2 passes.
    pub const RECOMMENDED: Self = Self {
        memory_kib: 19 * 1024,
        passes: 2,
    };
    /// As little as there is: for tests of other things.
    pub const LEAST: Self = Self {
        memory_kib: 8,
        passes: 1,
    };
}

/// Hashes and verifies passwords. Cheap to clone; clones share the bound.
#[derive(Clone, Debug)]
pub struct Passwords {
    params: Params,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// A hash that no password has: verified where there is no user, so that an answer takes as long.
    nobody: Arc<str>,
}

impl Passwords {
    /// Hashes at this cost, `running_max` at once; so many times 64 may wait.
    pub fn new(cost: PasswordCost, running_max: usize) -> Result<Self, Problem> {
        let params =
            Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| Problem::internal(error.to_string()))?;
        let nobody = hash(&params, &uuid::Uuid::now_v7().to_string())?.into();
        let running_max = running_max.max(1);
        let waiting = Arc::new(Semaphore::new(running_max * 64));
        Ok(Self {
            params,
            running: Arc::new(Semaphore::new(running_max)),
            waiting,
            nobody,
        })
    }

    /// Refuses a new password that is too short or too long.
    pub fn check_new(password: &str, pointer: &str) -> Result<(), Problem> {
        if (BYTES_MIN..=BYTES_MAX).contains(&password.len()) {
            Ok(())
        } else {
            Err(Problem::field(pointer, "a password has 8 to 256 bytes"))
        }
    }

    /// Whether it can't be anybody's password.
    pub fn is_too_long(password: &str) -> bool {
        password.len() > BYTES_MAX
    }

    /// The PHC string of a password.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let params = self.params.clone();
        self.run(move || hash(&params, &password)).await?
    }

    /// Whether the password has this PHC string. Without one it takes as long, and says no.
    pub async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, Problem> {
        if Self::is_too_long(&password) {
            return Ok(false);
        }
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.nobody.to_string());
        self.run(move || {
            let parsed = PasswordHash::new(&phc).map_err(|error| Problem::internal(error.to_string()))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::from(Code::Busy).retry_after(1);
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        work.await.map_err(Problem::internal)
    }
}

fn hash(params: &Params, password: &str) -> Result<String, Problem> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let hash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(hash.to_string())
}
