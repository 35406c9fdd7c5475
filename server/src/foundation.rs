//! What everything stands on: the database (ours or a given one), the keys, the journal and the files.

use std::path::Path;

use anyhow::Context as _;
use spendlog_domain::schema::{event_schemas, retired_schemas, upcasters};
use spendlog_event_store::{
    Archive, Database, Files, Journal, Keyring, Reading, SealPlans,
    cluster::{Cluster, ClusterError},
    migrate,
};
use sqlx::{Connection as _, PgConnection};

use crate::{config::Config, forgotten, keys, objects::store};

/// How this process comes to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// As the server: a private cluster is ours alone.
    Alone,
    /// As a command of an operator: beside a server, where one is running.
    Beside,
}

/// All but the journal: what a damaged one can be looked at with.
pub(crate) struct Ground {
    /// The private cluster, where there is one and we started it.
    pub(crate) cluster: Option<Cluster>,
    /// The database.
    pub(crate) database: Database,
    /// The keys.
    pub(crate) keyring: Keyring,
    /// The files.
    pub(crate) files: Files,
}

impl Ground {
    /// Starts or finds the database, brings its tables up to date, and opens keys and files.
    pub(crate) async fn prepare(config: &Config, used: Use) -> anyhow::Result<Self> {
        make_private(&config.data)?;
        let (cluster, database) = connect(config, used).await?;
        migrate(&database)
            .await
            .context("the tables can't be brought up to date")?;
        let keyring = keys::open(config, &database).await?;
        let files = Files::new(store(&config.objects)?);
        Ok(Self {
            cluster,
            database,
            keyring,
            files,
        })
    }

    /// Stops the cluster if it is ours.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        disconnect(self.cluster, &self.database).await
    }
}

/// Journal and files, opened.
pub(crate) struct Foundation {
    /// The private cluster, where there is one and we started it.
    pub(crate) cluster: Option<Cluster>,
    /// The database.
    pub(crate) database: Database,
    /// The journal.
    pub(crate) journal: Journal,
    /// The files.
    pub(crate) files: Files,
    /// Whether it is sure that nobody is there who was forgotten after this state of the database.
    pub(crate) forgotten: bool,
}

impl Foundation {
    /// Prepares the ground, opens the journal on it, and forgets again whoever has to be. Dropped before its end, the
    /// future stops the private cluster.
    pub(crate) async fn lay(config: &Config, used: Use) -> anyhow::Result<Self> {
        let Ground {
            cluster,
            database,
            keyring,
            files,
        } = Ground::prepare(config, used).await?;
        let reading = Reading {
            upcasters: upcasters(),
            archive: Archive::new(&database, Some(files.clone())),
            snapshot_events: config.snapshot_events,
        };
        let journal = Journal::open_with(database.clone(), keyring, seal_plans()?, reading).await?;
        let mut laid = Self {
            cluster,
            database,
            journal,
            files,
            forgotten: false,
        };
        match forgotten::apply(&laid.journal, &laid.files).await {
            Ok(forgotten) => {
                laid.forgotten = forgotten;
                Ok(laid)
            }
            Err(error) => {
                laid.close().await?;
                Err(error.context("who was forgotten after this state of the database can't be forgotten again"))
            }
        }
    }

    /// Closes the journal, and stops the cluster if it is ours.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.journal.close().await;
        disconnect(self.cluster, &self.database).await
    }
}

/// Connects to the database: the given one, or that of the private cluster, which is started where it does not run.
pub(crate) async fn connect(config: &Config, used: Use) -> anyhow::Result<(Option<Cluster>, Database)> {
    if let Some(url) = &config.database_url {
        // A pool says only that it has waited; a single connection says why.
        let tried = PgConnection::connect(url.reveal()).await;
        let tried = tried.context("the server of DATABASE_URL can't be used")?.close().await;
        tried.context("the server of DATABASE_URL broke off")?;
        let database = Database::connect(url.reveal(), config.database_connections).await;
        return Ok((None, database.context("the server of DATABASE_URL can't be used")?));
    }
    let dir = config.data.join("postgres");
    let (cluster, url) = match Cluster::start(&dir).await {
        Ok(cluster) => {
            let url = cluster.url().to_owned();
            (Some(cluster), url)
        }
        Err(ClusterError::InUse { .. }) if used == Use::Beside => (None, Cluster::address(&dir)?),
        Err(error) => return Err(error.into()),
    };
    let database = Database::connect(&url, config.database_connections).await?;
    Ok((cluster, database))
}

/// Refuses where another server uses the private cluster.
pub(crate) fn refuse_second(config: &Config) -> anyhow::Result<()> {
    if config.database_url.is_none() {
        Cluster::refuse_second(&config.data.join("postgres"))?;
    }
    Ok(())
}

/// Lets go of the database, and stops the cluster if it is ours.
pub(crate) async fn disconnect(cluster: Option<Cluster>, database: &Database) -> anyhow::Result<()> {
    database.pool().close().await;
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    Ok(())
}

/// Makes the folder of all that is kept. Others may pass through it, which the unprivileged user of PostgreSQL must
/// where we are root, but not look into it; what is secret in it is closed by itself.
pub(crate) fn make_private(data: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if data.is_dir() {
        return Ok(());
    }
    let make = std::fs::DirBuilder::new().recursive(true).mode(0o711).create(data);
    make.with_context(|| format!("cannot make the folder {}", data.display()))
}

/// What of each event is sealed.
pub(crate) fn seal_plans() -> anyhow::Result<SealPlans> {
    let (schemas, retired) = (event_schemas(), retired_schemas());
    let each = schemas
        .iter()
        .chain(&retired)
        .map(|s| (s.event_type.as_str(), s.version.as_str(), &s.schema));
    SealPlans::new(each).context("the schemas of the events can't be read")
}
