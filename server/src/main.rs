//! The binary `spendlog`: configuration, composition, subcommands. The rules are elsewhere.

mod archive;
mod audit;
mod backup;
mod cli;
mod config;
mod demo;
mod export;
mod forgotten;
mod foundation;
mod kafka;
mod keys;
mod models;
mod objects;
mod operator;
mod parked;
mod progress;
mod projections;
mod query;
mod replay;
mod serve;
mod telemetry;
#[cfg(test)]
mod tests;
mod users;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

use crate::{
    cli::{Audit, Cli, Command, Configuration},
    config::Config,
};

/// Prints a line of the result. When nobody reads any more, there is nobody to tell.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _unread = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a line for the person at the terminal, besides the result.
fn note(text: &str) {
    let _unread = writeln!(std::io::stderr().lock(), "{text}");
}

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Serve {
        roles: None,
        demo: false,
        samples: "samples".into(),
    });
    let done = match command {
        // Before all else: this process is about to meet a hostile file, and knows nothing of our configuration.
        Command::ReadDocument => return spendlog_documents::child_main(),
        Command::RunQuery => return query::child_main(),
        Command::Openapi => serve::api::printed()
            .map(|text| say(text.trim_end()))
            .map_err(Into::into),
        Command::Config(Configuration::Example) => {
            say(config::example().trim_end());
            Ok(())
        }
        Command::Config(Configuration::Check) => check(),
        Command::Audit(Audit::CheckProof { file, key }) => audit::check_proof(&file, key.as_deref()),
        Command::Audit(Audit::CheckConsistency { older, file }) => audit::check_consistency(&older, &file),
        Command::Query(cli::Query { tables: true, .. }) => {
            query::show_tables();
            Ok(())
        }
        command => with_config(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("spendlog: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn with_config(command: Command) -> anyhow::Result<()> {
    let roles = match &command {
        Command::Serve { roles, .. } => roles.as_deref(),
        _ => None,
    };
    let config = Config::from_env(roles)?;
    telemetry::begin(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Serve { demo, samples, .. } => serve::run(config, demo.then_some(samples)).await,
            Command::Demo { server, samples } => demo::run(&server, &samples).await,
            Command::Models(command) => tokio::task::block_in_place(|| models::run(&config, &command)),
            Command::Parked(command) => parked::run(&config, &command).await,
            Command::Audit(Audit::Verify { against }) => audit::verify(&config, against.as_deref()).await,
            Command::Audit(Audit::Head) => audit::head(&config).await,
            Command::Archive(asked) => archive::run(&config, &asked).await,
            Command::Projections(command) => projections::run(&config, &command).await,
            Command::Events(cli::Events::Export(asked)) => export::run(&config, &asked).await,
            Command::Query(asked) => query::run(&config, &asked).await,
            Command::Kafka(command) => kafka::run(&config, &command).await,
            Command::Replay(asked) => replay::run(&config, &asked).await,
            Command::User(command) => users::run(&config, &command).await,
            Command::Keys(cli::Keys::Rotate { to }) => keys::rotate(&config, to.as_deref()).await,
            Command::Backup { to } => backup::make(&config, &to).await,
            Command::Restore(asked) => backup::restore(&config, &asked).await,
            Command::Migrate => migrate(&config).await,
            Command::Openapi
            | Command::Config(_)
            | Command::Audit(Audit::CheckProof { .. } | Audit::CheckConsistency { .. })
            | Command::ReadDocument
            | Command::RunQuery => Ok(()),
        }
    })
}

/// `spendlog migrate`.
async fn migrate(config: &Config) -> anyhow::Result<()> {
    let (cluster, database) = foundation::connect(config, foundation::Use::Beside).await?;
    spendlog_event_store::migrate(&database).await?;
    say("The tables are up to date.");
    foundation::disconnect(cluster, &database).await
}

/// `spendlog config check`.
fn check() -> anyhow::Result<()> {
    let vars = || std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
    for setting in Config::settings(vars()) {
        let mark = if setting.set { "*" } else { " " };
        say(&format!("{mark} {:<32} {}", setting.name, setting.value));
    }
    Config::from_env(None)?;
    say("The configuration can be used. (* is set; the others are defaults)");
    Ok(())
}
