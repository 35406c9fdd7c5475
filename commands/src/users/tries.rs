//! How often a password may be tried: so seldom that guessing is hopeless, and so that nobody keeps others out by guessing.

use std::{net::IpAddr, time::Duration};

use spendlog_web::{Clock, Problem, rate_limit::RateLimit};

/// In which tries are counted.
const QUARTER: Duration = Duration::from_secs(15 * 60);
/// So many times what one peer may try of one person may be tried of one person by all, and by one peer of all.
const WIDER: u32 = 10;

/// Limits on wrong passwords. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(crate) struct SignInFailures {
    /// Of one person by one peer.
    both: RateLimit,
    /// Of one person by all.
    person: RateLimit,
    /// By one peer of all.
    peer: RateLimit,
}

impl SignInFailures {
    /// Allows so many of one person by one peer in a quarter of an hour. 0: no limit.
    pub(crate) fn new(clock: &Clock, failures_max: u32) -> Self {
        let limit = |tries_max| RateLimit::new(clock.clone(), tries_max, QUARTER);
        let wider = failures_max.saturating_mul(WIDER);
        Self {
            both: limit(failures_max),
            person: limit(wider),
            peer: limit(wider),
        }
    }

    /// Counts a try before it is made. Refused where a limit was reached; then none counts it.
    pub(crate) fn count(&self, person: &str, peer: Option<IpAddr>) -> Result<(), Problem> {
        let limits = self.limits(person, peer);
        for (counted, (limit, key)) in limits.iter().enumerate() {
            if let Err(problem) = limit.count(key) {
                forgive(&limits[..counted]);
                return Err(problem);
            }
        }
        Ok(())
    }

    /// Takes a try back that was none: it went well, or nothing was tried.
    pub(crate) fn forgive(&self, person: &str, peer: Option<IpAddr>) {
        forgive(&self.limits(person, peer));
    }

    /// The limits that hold, each with its key. A person who is signed in tries their own password, whatever the peer.
    fn limits(&self, person: &str, peer: Option<IpAddr>) -> Vec<(&RateLimit, String)> {
        let Some(peer) = peer else {
            return vec![(&self.both, person.to_owned())];
        };
        let both = (&self.both, format!("{person} {peer}"));
        let person = (&self.person, person.to_owned());
        if may_be_proxy(peer) {
            vec![both, person]
        } else {
            // The peer's comes first: one that is stopped leaves no trace of those whom it goes on to try.
            vec![(&self.peer, peer.to_string()), both, person]
        }
    }
}

fn forgive(limits: &[(&RateLimit, String)]) {
    for (limit, key) in limits {
        limit.forgive(key);
    }
}

/// Whether everybody may come from there: a reverse proxy stands on this machine or in a private network.
fn may_be_proxy(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    }
}
