//! Requests to a real server: durable creates, filtered lists, summaries, the past, a replay.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    task::JoinSet,
};

use crate::{fixture, fixture::Fixture, load::Connection, report::Measured};

/// How long a round lasts.
const ROUND: Duration = Duration::from_secs(4);
/// Whose transactions are listed, and how many they have together.
const USERS: usize = 50;
const TRANSACTIONS: usize = 200_000;
const PER_REQUEST: usize = 1000;

/// One of the `http-…` measurements.
pub(crate) async fn measure(name: &str) -> anyhow::Result<Measured> {
    let fixture = fixture().await?;
    // The server has a journal of its own.
    fixture.journal.close().await;
    let mut server = Server::start(&fixture).await?;
    let (connections, requests) = match name {
        "http-create/1" => (1, server.creates(1).await?),
        "http-create/16" => (16, server.creates(16).await?),
        "http-create/64" => (64, server.creates(64).await?),
        "http-list" => (16, server.lists("").await?),
        "http-at" => (16, server.lists_of_the_past().await?),
        "http-summary" => (16, server.summaries().await?),
        "http-replay" => (1, server.replays().await?),
        other => anyhow::bail!("no measurement is called {other}"),
    };
    load(&server.address, connections, &requests, Duration::from_millis(500)).await?;
    let (mut rates, mut times) = (Vec::new(), Vec::new());
    for _ in 0..crate::ROUNDS {
        let seconds = load(&server.address, connections, &requests, ROUND).await?;
        rates.push(seconds.len() as f64 / ROUND.as_secs_f64());
        times.extend(seconds);
    }
    server.child.kill().await?;
    fixture.stop().await?;
    let measured = Measured {
        name: name.to_owned(),
        value: crate::report::median(&rates),
        unit: "requests/s",
        p50_ms: None,
        p99_ms: None,
        beside: None,
        ratio: None,
    };
    Ok(measured.with_times(times))
}

/// Sends the requests again and again over so many connections, each waiting for its answer; the seconds of each.
async fn load(address: &str, connections: usize, requests: &[String], time: Duration) -> anyhow::Result<Vec<f64>> {
    let until = Instant::now() + time;
    let mut running = JoinSet::new();
    for number in 0..connections {
        let mut connection = Connection::open(address).await?;
        let mine: Vec<String> = requests
            .iter()
            .skip(number % requests.len())
            .step_by(connections.min(requests.len()))
            .cloned()
            .collect();
        running.spawn(async move {
            let mut seconds = Vec::new();
            for request in mine.iter().cycle() {
                if Instant::now() >= until {
                    break;
                }
                let asked = Instant::now();
                let status = connection.send(request).await?;
                anyhow::ensure!(
                    (200..300).contains(&status),
                    "the server answered {status} to {}",
                    request.lines().next().unwrap_or_default()
                );
                seconds.push(asked.elapsed().as_secs_f64());
            }
            Ok(seconds)
        });
    }
    let mut all = Vec::new();
    while let Some(seconds) = running.join_next().await {
        all.extend(seconds??);
    }
    Ok(all)
}

/// The server, a release build as a user has it.
struct Server {
    child: Child,
    address: String,
    client: reqwest::Client,
}

/// A user with an account and a category.
struct User {
    token: String,
    account: String,
    category: String,
}

impl Server {
    async fn start(fixture: &Fixture) -> anyhow::Result<Self> {
        let program: PathBuf = std::env::current_exe()?.with_file_name("spendlog");
        anyhow::ensure!(
            program.exists(),
            "{} is not built: run cargo build --release -p spendlog-server first",
            program.display()
        );
        let mut child = Command::new(program)
            .arg("serve")
            .env("DATABASE_URL", fixture.url())
            .env("SPENDLOG_DATA", fixture.folder().join("data"))
            .env("SPENDLOG_LISTEN", "127.0.0.1:0")
            .env("SPENDLOG_MASTER_KEY", crate::fixture::MASTER_KEY.repeat(32))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(fixture.folder().join("server.log"))?)
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let mut address = None;
        while let Some(line) = lines.next_line().await? {
            if let Some((_, found)) = line.split_once("http://") {
                address = Some(found.trim().trim_end_matches('/').to_owned());
                break;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let log = || std::fs::read_to_string(fixture.folder().join("server.log")).unwrap_or_default();
        let address = address.with_context(|| format!("the server ended before it listened: {}", log()))?;
        Ok(Self {
            child,
            address,
            client: reqwest::Client::new(),
        })
    }

    async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> anyhow::Result<(Value, i64)> {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let answer: Value = response.json().await?;
        anyhow::ensure!(status.is_success(), "{path} answered {status}: {answer}");
        let position = headers
            .get("spendlog-position")
            .and_then(|v| v.to_str().ok()?.parse().ok())
            .unwrap_or_default();
        Ok((answer, position))
    }

    async fn user(&self, number: usize) -> anyhow::Result<User> {
        let credentials =
            json!({"email": format!("user{number}@example.org"), "password": "correct horse battery staple"});
        let (_, position) = self
            .call(Method::POST, "/users/register", "", Some(credentials.clone()))
            .await?;
        let (tokens, _) = self.call(Method::POST, "/users/token", "", Some(credentials)).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        let token = text(&tokens["access"])?;
        let account = json!({"name": "Current account", "kind": "checking", "currency": "EUR"});
        let (account, after) = self
            .call(Method::POST, "/finance/accounts", &token, Some(account))
            .await?;
        self.wait(&token, after.max(position)).await?;
        let (categories, _) = self.call(Method::GET, "/finance/categories", &token, None).await?;
        let groceries = categories["data"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|c| c["name"] == "Groceries");
        Ok(User {
            account: text(&account["id"])?,
            category: text(&groceries.context("a category")?["id"])?,
            token,
        })
    }

    /// Waits until the read tables are there.
    async fn wait(&self, token: &str, position: i64) -> anyhow::Result<()> {
        loop {
            let request = self
                .client
                .get(format!("http://{}/finance/transactions?limit=1", self.address));
            let answer = request
                .bearer_auth(token)
                .header("spendlog-position", position)
                .send()
                .await?;
            if answer.status().is_success() {
                return Ok(());
            }
            anyhow::ensure!(answer.status().as_u16() == 503, "the list answered {}", answer.status());
        }
    }

    /// Creates of single transactions by as many users as there are connections.
    async fn creates(&self, users: usize) -> anyhow::Result<Vec<String>> {
        let mut requests = Vec::new();
        for number in 0..users {
            let user = self.user(number).await?;
            let body = json!({"account": user.account, "category": user.category, "amount": "-12.50", "booked_on": "2026-09-14",
                "merchant": "Supermarket at the corner", "note": "weekly shopping"});
            requests.push(self.text("POST", "/finance/transactions", &user.token, &body.to_string()));
        }
        Ok(requests)
    }

    /// All users with all their transactions; also the position at half of them.
    async fn filled(&self) -> anyhow::Result<(Vec<User>, i64)> {
        let (mut users, mut last, mut half) = (Vec::new(), 0, 0);
        for number in 0..USERS {
            users.push(self.user(number).await?);
        }
        for batch in 0..TRANSACTIONS / USERS / PER_REQUEST {
            for user in &users {
                let transactions: Vec<Value> = (0..PER_REQUEST)
                    .map(|n| transaction(user, batch * PER_REQUEST + n))
                    .collect();
                let body = json!({"transactions": transactions});
                last = self
                    .call(Method::POST, "/finance/transactions/bulk", &user.token, Some(body))
                    .await?
                    .1;
            }
            if batch + 1 == TRANSACTIONS / USERS / PER_REQUEST / 2 {
                half = last;
            }
        }
        self.wait(&users[0].token, last).await?;
        Ok((users, half))
    }

    async fn lists(&self, suffix: &str) -> anyhow::Result<Vec<String>> {
        let (users, _) = self.filled().await?;
        Ok(self.list_requests(&users, suffix))
    }

    async fn lists_of_the_past(&self) -> anyhow::Result<Vec<String>> {
        let (users, half) = self.filled().await?;
        Ok(self.list_requests(&users, &format!("&at={half}")))
    }

    fn list_requests(&self, users: &[User], suffix: &str) -> Vec<String> {
        let lists = users.iter().flat_map(|user| {
            let filters = [
                "from=2026-03-01&to=2026-06-30".to_owned(),
                format!("account={}&from=2026-02-01", user.account),
                format!("category={}", user.category),
                "amount_min=-60.00&amount_max=-20.00".to_owned(),
            ];
            filters.map(|filter| {
                self.text(
                    "GET",
                    &format!("/finance/transactions?limit=50&{filter}{suffix}"),
                    &user.token,
                    "",
                )
            })
        });
        lists.collect()
    }

    async fn summaries(&self) -> anyhow::Result<Vec<String>> {
        let (users, _) = self.filled().await?;
        Ok(users
            .iter()
            .map(|user| self.text("GET", "/finance/summary?by=category", &user.token, ""))
            .collect())
    }

    /// The replay of one book of 10,000 transactions.
    async fn replays(&self) -> anyhow::Result<Vec<String>> {
        let user = self.user(0).await?;
        let mut last = 0;
        for batch in 0..10 {
            let transactions: Vec<Value> = (0..PER_REQUEST)
                .map(|n| transaction(&user, batch * PER_REQUEST + n))
                .collect();
            last = self
                .call(
                    Method::POST,
                    "/finance/transactions/bulk",
                    &user.token,
                    Some(json!({"transactions": transactions})),
                )
                .await?
                .1;
        }
        self.wait(&user.token, last).await?;
        Ok(vec![self.text(
            "GET",
            &format!("/audit/replay?at={last}"),
            &user.token,
            "",
        )])
    }

    fn text(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let content = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n{content}\r\n{body}",
            self.address
        )
    }
}

fn transaction(user: &User, number: usize) -> Value {
    json!({
        "account": user.account, "category": user.category, "amount": format!("-{}.{:02}", number % 90 + 1, number % 100),
        "booked_on": format!("2026-{:02}-{:02}", number / 28 % 12 + 1, number % 28 + 1),
        "merchant": format!("Merchant {}", number % 200), "note": "bench entry",
    })
}
