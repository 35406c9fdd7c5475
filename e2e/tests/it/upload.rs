//! Large uploads, and how little memory they take.

use std::{fs, time::Duration};

use futures_util::StreamExt as _;
use reqwest::{
    Body, Method,
    multipart::{Form, Part},
};
use spendlog_e2e::{Answer, Options, TestApp};

use crate::imports;

const MIB: u64 = 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const CHUNKS: u64 = 200 * MIB / CHUNK as u64;

/// A chunk of a file that no compression makes smaller: it begins as a PDF does, and is noise.
fn chunk(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(CHUNK);
    while bytes.len() < CHUNK {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    if number == 0 {
        bytes[..9].copy_from_slice(b"%PDF-1.7\n");
    }
    bytes
}

/// A line of the process's status, in MiB.
fn memory(app: &TestApp, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", app.pid())).expect("the process has a status");
    let found = status.lines().find_map(|text| {
        text.strip_prefix(line)?
            .trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()
    });
    found.expect("the status says so") / 1024
}

#[tokio::test]
async fn a_large_upload_streams_through() {
    let app = TestApp::start_with(Options::default().with("SPENDLOG_READ_TIME_LIMIT_S", "20")).await;
    let (person, stranger) = (app.person().await, app.person().await);
    // What the first upload of all needs once is there then.
    person
        .upload(
            "small.csv",
            b"date,amount,description\n2026-07-01,-1.00,One\n".to_vec(),
            &[],
        )
        .await
        .expect(201);

    let before = memory(&app, "VmRSS:");
    fs::write(format!("/proc/{}/clear_refs", app.pid()), "5").expect("the peak can be reset");
    let stream = futures_util::stream::iter((0..CHUNKS).map(|number| Ok::<_, std::io::Error>(chunk(number))));
    let part = Part::stream_with_length(Body::wrap_stream(stream), 200 * MIB).file_name("large.pdf");
    let request = person
        .request(Method::POST, "/finance/documents")
        .multipart(Form::new().part("file", part));
    let uploaded = person.send(request.timeout(Duration::from_secs(600))).await.expect(201);
    let grown = memory(&app, "VmHWM:").saturating_sub(before);
    assert!(grown < 32, "an upload of 200 MiB made the server {grown} MiB larger");

    let document = uploaded.text("id").to_owned();
    let path = format!("/finance/documents/{document}/original");
    stranger.get(&path).await.expect_problem(404, "not-found");
    let answer = person
        .request(Method::GET, &path)
        .timeout(Duration::from_secs(600))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    let disposition = answer.headers()["content-disposition"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        disposition.starts_with("attachment") && disposition.contains("large.pdf"),
        "{disposition}"
    );
    let mut body = answer.bytes_stream();
    let (mut number, mut rest) = (0, Vec::new());
    while let Some(bytes) = body.next().await {
        rest.extend_from_slice(&bytes.expect("it arrives whole"));
        while rest.len() >= CHUNK {
            assert!(rest[..CHUNK] == chunk(number), "chunk {number} is as it was");
            rest.drain(..CHUNK);
            number += 1;
        }
    }
    assert_eq!((number, rest.len()), (CHUNKS, 0), "all of it, and no more");
    // It is no PDF after all: that costs its own extraction, and nothing else.
    person.document_in(&document, &["failed"]).await;
    let grown = memory(&app, "VmHWM:").saturating_sub(before);
    assert!(grown < 32, "with reading and download the server grew by {grown} MiB");
    app.finish().await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_leaves_nothing() {
    let app = TestApp::start_with(Options::default().with("SPENDLOG_UPLOAD_LIMIT_MIB", "1")).await;
    let person = app.person().await;
    let content: Vec<u8> = (0..32).flat_map(chunk).collect();
    person
        .upload("large.pdf", content, &[])
        .await
        .expect_problem(413, "too-large");
    let listed = person.get("/finance/documents").await.expect(200);
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(0));
    app.finish().await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let broken = (0..4).map(|number| {
        if number < 3 {
            Ok(chunk(number))
        } else {
            Err(std::io::Error::other("gone"))
        }
    });
    let part = Part::stream(Body::wrap_stream(futures_util::stream::iter(broken))).file_name("broken.pdf");
    let request = person
        .request(Method::POST, "/finance/documents")
        .multipart(Form::new().part("file", part));
    assert!(request.send().await.is_err(), "the connection broke off");
    let listed = person.get("/finance/documents").await.expect(200);
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(0));
    app.finish().await;
}

#[tokio::test]
async fn an_idle_server_is_small() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Wallet", "EUR").await;
    let last = person.spend(&account, "-1.00", "2026-09-14", "Shop").await;
    person
        .get_at("/finance/transactions", last.position())
        .await
        .expect(200);
    let resident = memory(&app, "VmRSS:");
    assert!(
        resident < 150,
        "before the first document the server has {resident} MiB"
    );
    app.finish().await;
}

#[tokio::test]
async fn the_same_file_again_is_the_same_document() {
    let app = TestApp::start().await;
    let person = app.person().await;
    let account = person.account("Current account", "EUR").await;
    let content = b"date,amount,description\n2026-07-01,-1.00,One\n".to_vec();
    // Nothing more follows from a statement once its import is there.
    let (first, _) = imports::read(&person, "a.csv", content.clone(), &account).await;
    let events = async || person.all("/audit/events?limit=100", 0).await.len();
    let before = events().await;
    let again: Answer = person.upload("b.csv", content.clone(), &[]).await.expect(200);
    assert_eq!(again.text("id"), first);
    assert_eq!(events().await, before, "nothing is recorded");
    // In another book it is another document.
    let book = person
        .post("/finance/books", serde_json::json!({"name": "Other"}))
        .await
        .expect(201);
    let other = person
        .upload("a.csv", content, &[("book", book.text("id"))])
        .await
        .expect(201);
    assert_ne!(other.text("id"), first);
    app.finish().await;
}
