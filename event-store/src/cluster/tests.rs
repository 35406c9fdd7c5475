//! Tests of the private cluster: a real PostgreSQL each time.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::*;

/// A folder that the database's user can reach, also where the tests run as root.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("spendlog-cluster-").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn answer(url: &str, sql: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let task = tokio::spawn(connection);
    let text = client.query_one(sql, &[]).await.unwrap().get(0);
    drop(client);
    task.await.unwrap().unwrap();
    text
}

fn alive(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .unwrap_or_default()
            .contains(") Z ")
}

#[tokio::test]
async fn starts_durable_on_a_socket_alone_and_stops() {
    let folder = folder();
    let cluster = Cluster::start(folder.path()).await.unwrap();
    assert_eq!(answer(cluster.url(), "SHOW listen_addresses").await, "");
    assert_eq!(answer(cluster.url(), "SHOW fsync").await, "on");
    assert_eq!(answer(cluster.url(), "SHOW synchronous_commit").await, "on");
    assert_eq!(answer(cluster.url(), "SHOW server_encoding").await, "UTF8");
    assert_eq!(answer(cluster.url(), "SELECT lower('ÄÉ')").await, "äé");
    let options: sqlx::postgres::PgConnectOptions = cluster.url().parse().unwrap();
    assert!(options.get_socket().is_some(), "sqlx takes the same address");
    let pid = cluster.pid();
    cluster.stop().await.unwrap();
    assert!(!alive(pid));
    let again = Cluster::start(folder.path()).await.unwrap();
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let folder = folder();
    let cluster = Cluster::start_with(folder.path(), Durability::None).await.unwrap();
    let refused = Cluster::start(folder.path()).await.unwrap_err();
    assert!(matches!(refused, ClusterError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("another spendlog is running"));
    cluster.stop().await.unwrap();
}

/// As a server that was killed leaves it: PostgreSQL runs on, and nobody holds the lock.
async fn orphaned(dir: &Path) -> i32 {
    let mut cluster = Cluster::start_with(dir, Durability::None).await.unwrap();
    cluster.child = None;
    cluster.pid
}

#[tokio::test]
async fn an_orphan_is_stopped_before_the_next_start() {
    let folder = folder();
    let first = orphaned(folder.path()).await;
    assert!(alive(first));
    let cluster = Cluster::start_with(folder.path(), Durability::None).await.unwrap();
    assert!(!alive(first));
    assert_ne!(cluster.pid(), first);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_orphan_killed_as_well_is_recovered_from() {
    let folder = folder();
    let first = orphaned(folder.path()).await;
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    let cluster = Cluster::start_with(folder.path(), Durability::None).await.unwrap();
    assert_eq!(answer(cluster.url(), "SELECT 'here'").await, "here");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_naming_a_stranger_harms_neither() {
    let folder = folder();
    let cluster = Cluster::start_with(folder.path(), Durability::None).await.unwrap();
    let data = cluster.data().to_owned();
    cluster.stop().await.unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(
        data.join("postmaster.pid"),
        format!("{}\n{}\n0\n5432\n", stranger.id(), data.display()),
    )
    .unwrap();
    let cluster = Cluster::start_with(folder.path(), Durability::None).await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    cluster.stop().await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let folder = folder();
    let deep = folder.path().join("a folder, with \"signs\"").join("x".repeat(100));
    let cluster = Cluster::start_with(&deep, Durability::None).await.unwrap();
    assert_eq!(answer(cluster.url(), "SELECT 'here'").await, "here");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn odd_signs_in_a_path_are_no_matter() {
    let folder = folder();
    let cluster = Cluster::start_with(&folder.path().join("a, \"b\" é"), Durability::None)
        .await
        .unwrap();
    assert_eq!(answer(cluster.url(), "SELECT 'here'").await, "here");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn dropping_it_stops_postgres() {
    let folder = folder();
    let cluster = Cluster::start_with(folder.path(), Durability::None).await.unwrap();
    let pid = cluster.pid();
    drop(cluster);
    assert!(!alive(pid), "PostgreSQL still runs");
}

#[tokio::test]
async fn giving_up_a_start_stops_postgres() {
    let folder = folder();
    let pid_file = folder.path().join("cluster/postmaster.pid");
    let begun = async {
        while !pid_file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let cluster = tokio::select! {
        cluster = Cluster::start_with(folder.path(), Durability::None) => Some(cluster.unwrap()),
        () = begun => None,
    };
    drop(cluster);
    assert!(!pid_file.exists(), "PostgreSQL has removed it and ended");
}

#[tokio::test]
async fn whoever_looks_whether_it_is_used_changes_nothing() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    Cluster::refuse_second(&dir).unwrap();
    assert!(!dir.exists());
    let cluster = Cluster::start_with(&dir, Durability::None).await.unwrap();
    let refused = Cluster::refuse_second(&dir).unwrap_err();
    assert!(matches!(refused, ClusterError::InUse { .. }), "{refused}");
    cluster.stop().await.unwrap();
    Cluster::refuse_second(&dir).unwrap();
}

#[tokio::test]
async fn where_root_s_folders_are_closed_the_data_stand_elsewhere() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = folder();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let cluster = Cluster::start_with(&folder.path().join("postgres"), Durability::None)
        .await
        .unwrap();
    assert!(cluster.data().starts_with("/var/lib/spendlog"));
    let home = cluster.data().parent().unwrap().to_owned();
    cluster.stop().await.unwrap();
    let again = Cluster::start_with(&folder.path().join("postgres"), Durability::None)
        .await
        .unwrap();
    assert_eq!(again.data().parent().unwrap(), home);
    again.stop().await.unwrap();
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn versions_and_users_are_read() {
    assert_eq!(
        binaries::major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
        Some("15".to_owned())
    );
    assert_eq!(
        binaries::major_of("postgres (PostgreSQL) 18beta1"),
        Some("18".to_owned())
    );
    assert_eq!(binaries::major_of("nothing"), None);
    let passwd = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:x:/var/lib/postgresql:/bin/bash\n";
    assert_eq!(
        place::user_named(passwd, "postgres"),
        Some(place::RunAs { uid: 101, gid: 104 })
    );
    assert_eq!(place::user_named(passwd, "nobody"), None);
}

#[test]
fn the_newest_of_debian_s_comes_first() {
    let root = tempfile::tempdir().unwrap();
    for version in ["9", "15", "17", "lost"] {
        std::fs::create_dir(root.path().join(version)).unwrap();
    }
    let folders = binaries::debian_folders(root.path());
    let names: Vec<PathBuf> = folders
        .iter()
        .map(|f| f.strip_prefix(root.path()).unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [PathBuf::from("17/bin"), PathBuf::from("15/bin"), PathBuf::from("9/bin")]
    );
}
