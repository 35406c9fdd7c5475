//! The demonstration: the samples go through the public doors of a running server, as somebody's would, and a table
//! shows what came of each.

mod client;
mod steps;
mod table;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use crate::{note, say};

use self::{client::Client, steps::Ended, table::Row};

/// How long a document may take before the demonstration goes on without it.
const PATIENCE: Duration = Duration::from_secs(300);
/// The number of the account that the samples' statements are of.
const ACCOUNT_NUMBER: &str = "IE52HRBM99000012345678";

/// `spendlog demo`: for a new user of the server at this address.
pub(crate) async fn run(server: &str, samples: &Path) -> anyhow::Result<()> {
    let email = format!("demo-{}@example.org", &random_word()?[..8]);
    show(server.trim_end_matches('/'), samples, &email).await
}

/// What `serve --demo` does once it listens: shows the samples where nothing has happened yet, and says where to look.
pub(crate) async fn after_start(address: String, samples: PathBuf, empty: bool) {
    if !empty {
        say(&places(&address));
        say(&format!(
            "\nThe ledger is not empty. To see the samples go through for a new user: spendlog demo --server {address}"
        ));
        return;
    }
    if let Err(error) = show(&address, &samples, "demo@example.org").await {
        note(&format!("The demonstration could not be finished: {error:#}"));
    }
}

async fn show(address: &str, samples: &Path, email: &str) -> anyhow::Result<()> {
    let truth = std::fs::read_to_string(samples.join("truth.json"))
        .with_context(|| format!("there are no samples in {}", samples.display()))?;
    let truth: serde_json::Map<String, Value> = serde_json::from_str(&truth).context("truth.json can't be read")?;
    let password = random_word()?;
    let client = Client::register(address, email, &password).await?;
    client
        .patch(
            &format!("/finance/books/{}", client.book()),
            json!({"policy": "when_checks_hold"}),
        )
        .await?;
    let account = json!({"name": "Everyday account", "kind": "checking", "currency": "EUR", "number": ACCOUNT_NUMBER});
    let account = client.post("/finance/accounts", account).await?;
    let account = account["id"].as_str().context("the new account has no id")?.to_owned();

    note("Taking the samples through the pipeline:");
    let bar = ProgressBar::new(u64::try_from(truth.len() * steps::COUNT)?);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos:>3}/{len} {prefix}: {msg}")?);
    let mut rows = Vec::new();
    for (name, about) in &truth {
        bar.set_prefix(name.clone());
        let content = tokio::fs::read(samples.join(name))
            .await
            .with_context(|| format!("{name} can't be read"))?;
        let row = follow(&client, &bar, name, content, &account, about["password"].as_str()).await;
        bar.set_position(u64::try_from((rows.len() + 1) * steps::COUNT)?);
        rows.push(row.unwrap_or_else(|error| Row::broken(name, &error)));
    }
    bar.finish_and_clear();
    say(&table::render(&rows));
    say(&places(address));
    say(&format!(
        "\nSign in as {email} with the password {password}, or try this token, good for a quarter of an hour:\n  {}\n\n  \
         curl -H 'Authorization: Bearer {}' {address}/finance/transactions",
        client.token(),
        client.token()
    ));
    ensure!(rows.iter().all(|row| !row.is_broken()), "not every sample came through");
    Ok(())
}

/// Uploads a document, follows its steps to the end, and looks at what came of it.
async fn follow(
    client: &Client,
    bar: &ProgressBar,
    name: &str,
    content: Vec<u8>,
    account: &str,
    password: Option<&str>,
) -> anyhow::Result<Row> {
    let began = Instant::now();
    let document = client.upload(name, content, account).await?;
    let path = format!("/finance/documents/{document}");
    let mut given = false;
    let ended = tokio::time::timeout(PATIENCE, async {
        loop {
            match steps::to_the_end(client, &path, bar).await? {
                Ended::Locked if !given && password.is_some() => {
                    client
                        .post(&format!("{path}/unlock"), json!({"password": password}))
                        .await?;
                    given = true;
                }
                ended => return anyhow::Ok(ended),
            }
        }
    });
    ended
        .await
        .with_context(|| format!("it took longer than {} s", PATIENCE.as_secs()))??;
    let took = began.elapsed();
    Ok(Row::of(name, &client.document(&path).await?, took))
}

fn places(address: &str) -> String {
    format!(
        "\nTo look at:\n  {address}/docs/           the API, to try it\n  {address}/openapi.json    its description\n  \
         {address}/readyz          whether it is ready\n  {address}/metrics         what it has counted"
    )
}

/// 24 letters that nobody can guess.
fn random_word() -> anyhow::Result<String> {
    let mut bytes = [0; 12];
    let random = SystemRandom::new();
    random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(hex::encode(bytes))
}
