//! Somebody who makes trouble: cuts connections, holds snapshots, kills servers, restarts the database.

use std::{sync::PoisonError, time::Duration};

use spendlog_event_store::cluster::Cluster;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{Figures, Ground};
use crate::TestApp;

/// Server processes whose connection is the committer's, while they write to disk: as near to a commit as one can aim at.
const COMMITTING: &str =
    "application_name = 'spendlog-journal' AND state = 'active' AND wait_event IN ('WALSync', 'WALWrite')";
const ANY: &str = "application_name LIKE 'spendlog%'";

/// What can be done, in turns.
const TROUBLES: [What; 8] = [
    What::Cut(ANY, 1),
    What::CutCommit,
    What::Hold,
    What::Kill,
    What::Cut(ANY, 100),
    What::CutCommit,
    What::Hold,
    What::Restart,
];

#[derive(Clone, Copy)]
enum What {
    Cut(&'static str, i64),
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
    pub(super) figures: Figures,
}

impl Trouble {
    pub(super) fn new(random: fastrand::Rng, cluster: Cluster, folder: TempDir, servers: [TestApp; 2]) -> Self {
        Self {
            random,
            address: cluster.url().to_owned(),
            cluster: Some(cluster),
            folder,
            servers,
            turn: 0,
            holding: JoinSet::new(),
            figures: Figures::default(),
        }
    }

    /// Waits a moment, then makes the next trouble.
    pub(super) async fn make(&mut self, ground: &Ground) {
        tokio::time::sleep(Duration::from_millis(self.random.u64(200..2000))).await;
        let what = TROUBLES[self.turn % TROUBLES.len()];
        self.turn += 1;
        match what {
            What::Cut(whom, most) => drop(self.cut(whom, most).await),
            What::CutCommit => {
                for _ in 0..500 {
                    if self.cut(COMMITTING, 1).await > 0 {
                        break;
                    }
                }
            }
            What::Hold => self.hold(),
            What::Kill => self.kill(ground).await,
            What::Restart => self.restart().await,
        }
    }

    pub(super) fn summary(&self) -> String {
        let Figures {
            kills,
            restarts,
            cuts,
            snapshots,
            ..
        } = &self.figures;
        format!("{kills} kills, {restarts} restarts, {cuts} connections cut, {snapshots} snapshots held")
    }

    /// Cuts connections of the servers, and gives how many there were to cut.
    async fn cut(&mut self, whom: &str, most: i64) -> u64 {
        let mut connection = PgConnection::connect(&self.address).await.expect("PostgreSQL is there");
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM
                (SELECT pid FROM pg_stat_activity WHERE {whom} ORDER BY random() LIMIT $1) s"
        );
        let cut: i64 = sqlx::query_scalar(&sql)
            .bind(most)
            .fetch_one(&mut connection)
            .await
            .expect("a superuser may cut");
        let cut = u64::try_from(cut).unwrap_or_default();
        self.figures.cuts += cut;
        cut
    }

    /// Holds a snapshot for some seconds, as a backup or an analyst would.
    fn hold(&mut self) {
        let (address, time) = (
            self.address.clone(),
            Duration::from_millis(self.random.u64(500..10_000)),
        );
        self.figures.snapshots += 1;
        self.holding.spawn(async move {
            // A restart of the database ends it early.
            let _ended = hold_snapshot(&address, time).await;
        });
    }

    async fn kill(&mut self, ground: &Ground) {
        let which = self.random.usize(0..2);
        let server = &mut self.servers[which];
        server.kill().await;
        self.figures.kills += 1;
        server.restart().await;
        ground.addresses.write().unwrap_or_else(PoisonError::into_inner)[which] = server.url("");
    }

    async fn restart(&mut self) {
        let cluster = self.cluster.take().expect("PostgreSQL runs");
        cluster.stop().await.expect("PostgreSQL stops");
        self.figures.restarts += 1;
        let cluster = Cluster::start(self.folder.path())
            .await
            .expect("PostgreSQL starts again");
        assert_eq!(cluster.url(), self.address, "it is where it was");
        self.cluster = Some(cluster);
    }

    /// Lets go of all that is held.
    pub(super) async fn settle(&mut self) {
        self.holding.shutdown().await;
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
