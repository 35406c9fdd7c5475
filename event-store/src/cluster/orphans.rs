//! What a server that was killed left running.
//!
//! `postmaster.pid` is never removed while any process of the cluster lives: two postmasters on one data folder destroy it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{ClusterError, STOP_LIMIT};

/// Ends the PostgreSQL that an earlier server left on `data`, if there is one. Called with the cluster's lock held, so
/// that no living server is using it.
pub(super) async fn settle(data: &Path) -> Result<(), ClusterError> {
    let Ok(data) = data.canonicalize() else { return Ok(()) };
    let pid_file = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&pid_file) else {
        return Ok(());
    };
    let postmaster: Option<i32> = text.lines().next().and_then(|line| line.trim().parse().ok());
    let mut living = processes_of(&data);
    if living.is_empty() {
        return remove_stale(&pid_file, postmaster);
    }
    if let Some(pid) = postmaster.filter(|pid| living.contains(pid)) {
        tracing::warn!(pid, "stopping the PostgreSQL that an earlier run left behind");
        // Fails only when it has just ended by itself.
        let _gone = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::INT));
    }
    // Without a postmaster its children see that it is gone and end by themselves.
    let begin = Instant::now();
    while let Some(&pid) = living.first() {
        if begin.elapsed() > STOP_LIMIT {
            return Err(ClusterError::Orphan { pid, data });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        living = processes_of(&data);
    }
    Ok(())
}

/// PostgreSQL itself copes with a stale file, except where its number has gone to another living process of the same user:
/// then it would refuse to start for as long as that one runs.
fn remove_stale(pid_file: &Path, pid: Option<i32>) -> Result<(), ClusterError> {
    let taken = pid.is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists());
    if taken {
        std::fs::remove_file(pid_file).map_err(ClusterError::io("cannot remove", pid_file))?;
    }
    Ok(())
}

/// The PostgreSQL processes of this data folder: postmaster and children all have it as their working directory.
fn processes_of(data: &Path) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let here = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data);
        here && is_postgres(*pid)
    })
    .collect()
}

fn is_postgres(pid: i32) -> bool {
    // The command line, not the program: a program replaced by an upgrade reads as "deleted".
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let first = String::from_utf8_lossy(first);
        first.starts_with("postgres:") || first.rsplit('/').next() == Some("postgres")
    })
}
