//! Files in a bucket: behind it stands a server that speaks S3, checks signatures and keeps its objects in a folder.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use hyper::{
    Method, Request,
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use spendlog_e2e::{Options, TestApp, sample};
use tokio::{net::TcpListener, sync::Notify};

const KEY: &str = "spendlog-test";
pub(crate) const SECRET: &str = "a secret for the test";
const MIB: usize = 1024 * 1024;

/// Serves the buckets in this folder; its address.
pub(crate) async fn serve(folder: &Path) -> String {
    serve_gated(folder, Arc::new(Gate::default())).await
}

/// Keeps an upload waiting for ever, so that a kill comes exactly there.
#[derive(Default)]
pub(crate) struct Gate {
    /// Closed for objects whose names hold this.
    pub(crate) closed_for: Mutex<Option<&'static str>>,
    /// Told when an upload waits.
    pub(crate) reached: Notify,
}

impl Gate {
    async fn pass(&self, request: &Request<Incoming>) {
        let closed_for = *self.closed_for.lock().expect("nobody panicked");
        let path = request.uri().path();
        if request.method() == Method::PUT && closed_for.is_some_and(|name| path.contains(name)) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// The same, behind a gate.
pub(crate) async fn serve_gated(folder: &Path, gate: Arc<Gate>) -> String {
    let mut service = S3ServiceBuilder::new(FileSystem::new(folder).expect("the folder is there"));
    service.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, gate) = (service.clone(), gate.clone());
            let gated = service_fn(move |request: Request<Incoming>| {
                let (service, gate) = (service.clone(), gate.clone());
                async move {
                    gate.pass(&request).await;
                    Service::call(&service, request).await
                }
            });
            tokio::spawn(async move {
                let served = Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), gated)
                    .await;
                // A client that goes away is not of interest.
                drop(served);
            });
        }
    });
    address
}

pub(crate) fn options(endpoint: &str, secret: &str) -> Options {
    Options::default()
        .with("SPENDLOG_OBJECTS", "s3://ledger/sealed")
        .with("SPENDLOG_S3_ENDPOINT", endpoint)
        .with("SPENDLOG_S3_ACCESS_KEY_ID", KEY)
        .with("SPENDLOG_S3_SECRET_ACCESS_KEY", secret)
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| entry.expect("it can be read").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[tokio::test]
async fn documents_are_kept_in_a_bucket() {
    let folder = tempfile::tempdir().expect("a folder");
    let sealed = folder.path().join("ledger/sealed");
    fs::create_dir_all(folder.path().join("ledger")).expect("a bucket");
    let app = TestApp::start_with(options(&serve(folder.path()).await, SECRET)).await;
    let person = app.person().await;

    // In one piece, and through the whole pipeline.
    let small = sample("invoice.pdf");
    let uploaded = person.upload("invoice.pdf", small.clone(), &[]).await.expect(201);
    let read = person
        .document_in(uploaded.text("id"), &["extracted", "in_review", "confirmed"])
        .await;
    assert_eq!(spendlog_e2e::value(&read, "total"), Some("98.54"));
    let again = person.upload("invoice.pdf", small.clone(), &[]).await.expect(200);
    assert_eq!(again.text("id"), uploaded.text("id"));
    assert_eq!(original(&person, uploaded.text("id")).await, small);

    // In several parts.
    let mut large = b"%PDF-1.7\nplanted words\n".to_vec();
    large.extend((0..12 * MIB).map(|n| u8::try_from(n * 31 % 251).expect("small")));
    let uploaded = person.upload("large.pdf", large.clone(), &[]).await.expect(201);
    assert!(
        original(&person, uploaded.text("id")).await == large,
        "all of it comes back"
    );
    person.document_in(uploaded.text("id"), &["failed"]).await;

    // Old events go there as well, and are read from there.
    for (arguments, told) in [
        (&["archive", "--older-than", "0d"][..], "Archived"),
        (&["audit", "verify"], "events are as they were written"),
        (&["projections", "rebuild", "--all"], "took over"),
        (&["projections", "verify"], "rows compared"),
    ] {
        let output = app.command(arguments).await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(told), "{arguments:?}: {said}");
    }
    assert_eq!(files(&sealed.join("archive")).len(), 1);

    let objects = files(&sealed);
    assert!(objects.len() >= 3, "originals and what was read of them: {objects:?}");
    for object in objects {
        let content = fs::read(object).expect("it can be read");
        assert!(
            !content.windows(13).any(|part| part == b"planted words"),
            "objects are sealed"
        );
    }
    assert!(!app.data().join("objects").exists(), "nothing is kept in the folder");
    app.finish().await;
}

async fn original(person: &spendlog_e2e::Person, document: &str) -> Vec<u8> {
    let request = person.request(reqwest::Method::GET, &format!("/finance/documents/{document}/original"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("it arrives whole").to_vec()
}

#[tokio::test]
async fn a_bucket_that_refuses_costs_a_clear_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("ledger")).expect("a bucket");
    let app = TestApp::start_with(options(&serve(folder.path()).await, "another secret")).await;
    let person = app.person().await;
    let refused = person.upload("invoice.pdf", sample("invoice.pdf"), &[]).await;
    refused.expect_problem(503, "unavailable");
    let listed = person.get("/finance/documents").await.expect(200);
    assert_eq!(
        listed.body["data"].as_array().map(Vec::len),
        Some(0),
        "nothing half done"
    );
    assert!(!app.log().contains("another secret"), "no secret in the log");
    app.finish().await;
}
