//! Somebody who makes trouble: cuts connections, holds snapshots and a transaction, kills servers, restarts the database.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use spendlog_event_store::cluster::Cluster;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{Figures, Ground};
use crate::TestApp;

/// Cuts connections of the servers and of the handler, and says how many there were to cut.
const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM
    (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'spendlog%' ORDER BY random() LIMIT $1) s";

/// Cuts a connection of a committer that waits for its commit to be on the disk, where there is one, and says whether it still
/// waited when it had been told to end: only then it was hit in the midst. (PostgreSQL 17 writes these names in other letters.)
const CUT_COMMIT: &str = "SELECT EXISTS (SELECT FROM pg_stat_get_activity(aimed.pid)
        WHERE lower(wait_event) IN ('walsync', 'walwrite'))
    FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'spendlog-journal' AND state = 'active'
        AND lower(wait_event) IN ('walsync', 'walwrite') LIMIT 1) aimed
    WHERE pg_terminate_backend(aimed.pid)";
/// How long a commit is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What can be done, in turns.
const TROUBLES: [What; 8] = [
    What::Cut(1),
    What::CutCommit,
    What::Hold,
    What::Kill,
    What::Cut(100),
    What::CutCommit,
    What::Hold,
    What::Restart,
];

#[derive(Clone, Copy)]
enum What {
    Cut(i64),
    CutCommit,
    Hold,
    Kill,
    Restart,
}

pub(super) struct Trouble {
    random: fastrand::Rng,
    cluster: Option<Cluster>,
    address: String,
    folder: TempDir,
    servers: [TestApp; 2],
    turn: usize,
    holding: JoinSet<()>,
    /// Where somebody else's transaction is open from begin to end, which has written something.
    foreign: PgConnection,
}

impl Trouble {
    pub(super) async fn begin(random: fastrand::Rng, cluster: Cluster, folder: TempDir, servers: [TestApp; 2]) -> Self {
        Self {
            random,
            address: cluster.url().to_owned(),
            foreign: write_abroad(cluster.url()).await,
            cluster: Some(cluster),
            folder,
            servers,
            turn: 0,
            holding: JoinSet::new(),
        }
    }

    /// Waits a moment, then makes the next trouble.
    pub(super) async fn make(&mut self, ground: &Ground, figures: &mut Figures) {
        tokio::time::sleep(Duration::from_millis(self.random.u64(200..2000))).await;
        let what = TROUBLES[self.turn % TROUBLES.len()];
        self.turn += 1;
        match what {
            What::Cut(most) => self.cut(most, figures).await,
            What::CutCommit => self.cut_commit(figures).await,
            What::Hold => self.hold(figures),
            What::Kill => self.kill(ground, figures).await,
            What::Restart => self.restart(figures).await,
        }
    }

    async fn cut(&self, most: i64, figures: &mut Figures) {
        let cut: i64 = sqlx::query_scalar(CUT)
            .bind(most)
            .fetch_one(&mut connect(&self.address).await)
            .await
            .expect("a superuser may cut");
        figures.cuts += u64::try_from(cut).unwrap_or_default();
    }

    /// Lies in wait for a commit.
    async fn cut_commit(&self, figures: &mut Figures) {
        let mut connection = connect(&self.address).await;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let cut: Option<bool> = sqlx::query_scalar(CUT_COMMIT)
                .fetch_optional(&mut connection)
                .await
                .expect("a superuser may cut");
            if let Some(in_the_midst) = cut {
                figures.cuts += 1;
                figures.commit_cuts += u64::from(in_the_midst);
                return;
            }
        }
    }

    /// Holds a snapshot for some seconds, as a backup or an analyst would.
    fn hold(&mut self, figures: &mut Figures) {
        let (address, time) = (
            self.address.clone(),
            Duration::from_millis(self.random.u64(500..10_000)),
        );
        figures.snapshots += 1;
        self.holding.spawn(async move {
            // A restart of the database ends it early.
            let _ended = hold_snapshot(&address, time).await;
        });
    }

    async fn kill(&mut self, ground: &Ground, figures: &mut Figures) {
        let which = self.random.usize(0..2);
        let server = &mut self.servers[which];
        server.kill().await;
        figures.kills += 1;
        server.restart().await;
        ground.addresses.write().unwrap_or_else(PoisonError::into_inner)[which] = server.url("");
    }

    async fn restart(&mut self, figures: &mut Figures) {
        let cluster = self.cluster.take().expect("PostgreSQL runs");
        cluster.stop().await.expect("PostgreSQL stops");
        figures.restarts += 1;
        let cluster = Cluster::start(self.folder.path())
            .await
            .expect("PostgreSQL starts again");
        assert_eq!(cluster.url(), self.address, "it is where it was");
        self.cluster = Some(cluster);
        self.foreign = write_abroad(&self.address).await;
    }

    /// Lets go of all that is held.
    pub(super) async fn settle(&mut self, figures: &mut Figures) {
        self.holding.shutdown().await;
        if let Err(error) = sqlx::query("COMMIT").execute(&mut self.foreign).await {
            figures
                .wrong
                .push(format!("the foreign transaction was not open to the end: {error}"));
        }
    }

    /// Has the journal and the read tables verified, as an auditor would.
    pub(super) async fn verify(&self, figures: &mut Figures) {
        for arguments in [["audit", "verify"], ["projections", "verify"]] {
            let ended = self.servers[0].command(&arguments).await;
            if !ended.status.success() {
                let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
                figures
                    .wrong
                    .push(format!("{}: {}", arguments.join(" "), said.concat()));
            }
        }
    }

    /// Ends servers and database; what the servers say of themselves must be in order as well.
    pub(super) async fn finish(self) {
        for server in self.servers {
            server.finish().await;
        }
        if let Some(cluster) = self.cluster {
            cluster.stop().await.expect("PostgreSQL stops");
        }
    }
}

pub(super) fn summary(figures: &Figures) -> String {
    let Figures {
        kills,
        restarts,
        cuts,
        commit_cuts,
        snapshots,
        ..
    } = figures;
    format!(
        "{kills} kills, {restarts} restarts, {cuts} connections cut ({commit_cuts} in a commit), {snapshots} snapshots held"
    )
}

async fn connect(address: &str) -> PgConnection {
    PgConnection::connect(address).await.expect("PostgreSQL is there")
}

/// Begins a transaction that has written to a table of its own: while it is open, whoever goes by the numbers of transactions
/// must believe that something older than all else is still to come.
async fn write_abroad(address: &str) -> PgConnection {
    let mut connection = connect(address).await;
    for sql in ["BEGIN", "CREATE TEMPORARY TABLE foreign_work AS SELECT now() AS begun"] {
        sqlx::query(sql)
            .execute(&mut connection)
            .await
            .expect("a superuser may write");
    }
    connection
}

async fn hold_snapshot(address: &str, time: Duration) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(address).await?;
    for sql in [
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "SELECT count(*) FROM es.events",
    ] {
        sqlx::query(sql).execute(&mut connection).await?;
    }
    tokio::time::sleep(time).await;
    sqlx::query("COMMIT").execute(&mut connection).await?;
    Ok(())
}
