//! Everything that can go wrong, at once, for a while: two servers on one PostgreSQL with full durability, sixteen writers that
//! repeat, conflict and get in each other's way, two subscribers, and somebody who cuts connections, holds snapshots, kills
//! servers and restarts the database meanwhile. Afterwards nothing may be lost, doubled, out of order or unprovable.

mod check;
mod subscriber;
mod trouble;
mod writer;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use spendlog_event_store::cluster::Cluster;
use tokio::task::JoinSet;

use crate::{Options, Person, TestApp, app::open_folder};
use subscriber::Seen;
use trouble::Trouble;
use writer::Writer;

const WRITERS: u64 = 16;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// By which the same choices are made again. (What comes first of two things is still up to the machine.)
    pub seed: u64,
    /// How long writers and trouble went on, in seconds.
    pub seconds: u64,
    /// Commands that were acknowledged as done.
    pub acknowledged: u64,
    /// Commands that were refused, as they had to be.
    pub refused: u64,
    /// Events in the journal.
    pub stored: u64,
    /// Acknowledged and not there, or there and not seen by a subscriber.
    pub lost: u64,
    /// There, or seen by a subscriber, more than once; or there though nobody was told so.
    pub doubled: u64,
    /// Positions and versions that are missing.
    pub gaps: u64,
    /// Events that a subscriber saw after a later one.
    pub out_of_order: u64,
    /// What got past a guard.
    pub past_guards: u64,
    /// Servers killed.
    pub kills: u64,
    /// Restarts of the database.
    pub restarts: u64,
    /// Connections cut.
    pub cuts: u64,
    /// Foreign transactions that held a snapshot.
    pub snapshots: u64,
    /// What is wrong beyond that, in words.
    pub wrong: Vec<String>,
}

impl Figures {
    /// Whether all is as it must be.
    pub fn is_clean(&self) -> bool {
        let wrong = self.lost + self.doubled + self.gaps + self.out_of_order + self.past_guards;
        wrong == 0 && self.wrong.is_empty() && self.acknowledged > 0
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed, "seconds": self.seconds, "acknowledged": self.acknowledged, "refused": self.refused,
            "stored": self.stored, "lost": self.lost, "doubled": self.doubled, "gaps": self.gaps,
            "out_of_order": self.out_of_order, "past_guards": self.past_guards, "kills": self.kills,
            "restarts": self.restarts, "cuts": self.cuts, "snapshots": self.snapshots, "wrong": self.wrong,
        })
    }
}

/// What all take part in.
struct Ground {
    /// Where the servers listen at this moment.
    addresses: RwLock<[String; 2]>,
    person: Person,
    token: RwLock<String>,
    over: AtomicBool,
}

impl Ground {
    fn address(&self, server: usize) -> String {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner)[server % 2].clone()
    }

    fn token(&self) -> String {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Goes on for so long. `say` hears now and then how far it is.
pub async fn torture(seed: u64, duration: Duration, mut say: impl FnMut(&str)) -> Figures {
    let folder = open_folder("spendlog-torture-");
    let cluster = Cluster::start(folder.path()).await.expect("PostgreSQL starts");
    let address = cluster.url().to_owned();
    let options = Options::private_postgres().with("DATABASE_URL", address.clone());
    let first = TestApp::start_with(options).await;
    let second = first.beside().await;
    let person = first.person().await;
    let ground = Arc::new(Ground {
        addresses: RwLock::new([first.url(""), second.url("")]),
        token: RwLock::new(person.token.clone()),
        person,
        over: AtomicBool::new(false),
    });
    let field = writer::Field::prepare(&ground).await;
    let began = Instant::now();

    let subscribers = [0, 1].map(|server| {
        let seen = Seen::default();
        (
            tokio::spawn(subscriber::follow(ground.clone(), server, seen.clone())),
            seen,
        )
    });
    let mut writing = JoinSet::new();
    for number in 0..WRITERS {
        let random = fastrand::Rng::with_seed(seed.wrapping_mul(WRITERS).wrapping_add(number));
        writing.spawn(Writer::new(ground.clone(), field.clone(), random).run());
    }
    let mut trouble = Trouble::new(fastrand::Rng::with_seed(!seed), cluster, folder, [first, second]);
    while began.elapsed() < duration {
        trouble.make(&ground).await;
        say(&trouble.summary());
    }
    ground.over.store(true, Ordering::Relaxed);
    let seconds = began.elapsed().as_secs();
    let written = writing.join_all().await;
    trouble.settle().await;

    let mut figures = Figures {
        seed,
        seconds,
        ..trouble.figures.clone()
    };
    let expected = check::journal(&address, &ground.person, &written, &mut figures).await;
    let head = expected.last().copied().unwrap_or_default();
    for (listening, seen) in subscribers {
        let seen = subscriber::ended(listening, &seen, head).await;
        check::seen(&expected, &seen, &mut figures);
    }
    trouble.verify(&mut figures).await;
    trouble.finish().await;
    figures
}
