//! Everything that can go wrong, at once, for a while: two servers on one PostgreSQL with full durability, sixteen writers that
//! repeat, conflict and get in each other's way, two subscribers, a handler, and somebody who cuts connections, holds snapshots,
//! kills servers and restarts the database meanwhile. Afterwards nothing may be lost, doubled, out of order or unprovable.

mod check;
mod handler;
mod subscriber;
mod trouble;
mod writer;

use std::{
    io::Write as _,
    panic::AssertUnwindSafe,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use spendlog_event_store::cluster::Cluster;
use tokio::task::JoinSet;

use crate::{Options, Person, TestApp, app::open_folder};
use handler::Handling;
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
    /// Acknowledged and not there, or there and not seen by a subscriber or the handler.
    pub lost: u64,
    /// There, or seen by a subscriber, more than once; or there though nobody was told so; or given to the handler again though
    /// it was written down as done.
    pub doubled: u64,
    /// Positions and versions that are missing.
    pub gaps: u64,
    /// Events that a subscriber saw after a later one, or the handler after a later one of the same stream.
    pub out_of_order: u64,
    /// What got past a guard.
    pub past_guards: u64,
    /// Servers killed.
    pub kills: u64,
    /// Restarts of the database.
    pub restarts: u64,
    /// Connections cut.
    pub cuts: u64,
    /// Those of them that were cut in the midst of a commit.
    pub commit_cuts: u64,
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
            "restarts": self.restarts, "cuts": self.cuts, "commit_cuts": self.commit_cuts, "snapshots": self.snapshots,
            "wrong": self.wrong,
        })
    }

    fn write(&self, file: &Path) {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).expect("the folder of the figures can be made");
        }
        std::fs::write(file, format!("{:#}\n", self.json())).expect("the figures can be written");
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

/// Goes on for so long, and writes what came of it to this file, whatever that is. `say` hears now and then how far it is.
pub async fn torture(seed: u64, duration: Duration, file: &Path, say: impl FnMut(&str)) -> Figures {
    // Not by a macro, whose words a test keeps back until it has ended: one that is killed has told its seed.
    let _best_effort = writeln!(std::io::stderr(), "seed {seed}, {} s", duration.as_secs());
    let mut figures = Figures {
        seed,
        ..Figures::default()
    };
    let ended = survive(run(seed, duration, say, &mut figures)).await;
    figures.wrong.extend(ended.err());
    figures.write(file);
    figures
}

/// Does this, and gives the words of a panic that ends it: what is known until then must outlive it.
async fn survive<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(Box::pin(work)).catch_unwind().await.map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("it panicked: {}", words.unwrap_or("without a word"))
    })
}

async fn run(seed: u64, duration: Duration, mut say: impl FnMut(&str), figures: &mut Figures) {
    // Mostly on a disk, which `/tmp` often is not: in memory a commit takes no time, and no cut would ever hit one.
    let folder = open_folder(Path::new("/var/tmp"), "spendlog-torture-");
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
    let handling = Handling::begin(&address, &first.data()).await;
    let mut trouble = Trouble::begin(fastrand::Rng::with_seed(!seed), cluster, folder, [first, second]).await;
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
    while began.elapsed() < duration {
        trouble.make(&ground, figures).await;
        figures.seconds = began.elapsed().as_secs();
        say(&trouble::summary(figures));
    }
    ground.over.store(true, Ordering::Relaxed);
    if figures.commit_cuts == 0 {
        figures
            .wrong
            .push("no connection was cut in the midst of a commit".to_owned());
    }
    let written = writing.join_all().await;

    let expected = check::journal(&address, &ground.person, &written, figures).await;
    let head = expected.last().copied().unwrap_or_default();
    for (listening, seen) in subscribers {
        let seen = subscriber::ended(listening, &seen, head).await;
        check::seen(&expected, &seen, figures);
    }
    check::handled(&handling.ended(figures.stored).await, figures);
    trouble.settle(figures).await;
    trouble.verify(figures).await;
    trouble.finish().await;
}
