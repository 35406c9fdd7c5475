//! A minute of all that can go wrong; `make torture MINUTES=20` goes on for longer.
//!
//! A test binary of its own: it takes the whole machine, and the tests in `it` would wait for it.

use std::time::Duration;

use spendlog_e2e::{root, torture::torture};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_out_of_order_whatever_breaks() {
    let seed = fastrand::u64(..1 << 53);
    // Not into the program's file: the figures of a long run outlive the next tests.
    let file = root().join("out/torture-minute.json");
    let figures = torture(seed, Duration::from_secs(60), &file, |_| ()).await;
    let said = format!("{:#}", figures.json());
    assert!(
        figures.is_clean() && figures.kills > 0 && figures.restarts > 0,
        "{said}"
    );
}
