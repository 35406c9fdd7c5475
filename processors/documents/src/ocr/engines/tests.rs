//! Tests of what the engines of a process share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;

/// An engine that counts the pages, and how many of them it reads at the same time.
#[derive(Default)]
struct Counting {
    pages: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Engine for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn recognise(&self, _: &DynamicImage) -> Result<Vec<Line>, OcrError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        // Whoever could come in meanwhile has the time to.
        thread::sleep(Duration::from_millis(2));
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.pages.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    }
}

#[test]
fn one_page_is_read_at_a_time_however_many_documents_there_are() {
    const DOCUMENTS: usize = 8;
    let counting = Arc::new(Counting::default());
    let engines = Engines::new("nowhere", None, 16);
    // Two documents may ask for different engines, but the processors are the same.
    for slot in engines.loaded.lock().unwrap().iter_mut() {
        *slot = Some(counting.clone());
    }
    let page = DynamicImage::new_luma8(1, 1);
    thread::scope(|scope| {
        for _ in 0..DOCUMENTS {
            scope.spawn(|| {
                for choice in ENGINES {
                    let read = engines.recognise(&page, Some(choice)).unwrap();
                    assert_eq!(read.engine, "counting");
                }
            });
        }
    });
    assert_eq!(counting.pages.load(Ordering::SeqCst), DOCUMENTS * ENGINES.len());
    assert_eq!(counting.most.load(Ordering::SeqCst), 1);
}
