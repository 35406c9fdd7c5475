//! States that are remembered, and forgotten.

use super::*;

fn seen(text: &str, version: i64) -> Seen<String> {
    Seen {
        state: Arc::new(text.to_owned()),
        version,
        position: version,
    }
}

#[test]
fn what_was_read_before_all_was_forgotten_is_not_remembered_afterwards() {
    let cache = Cache::default();
    let before = cache.era();
    cache.put(before, "a", seen("one", 1));
    assert_eq!(cache.get::<String>("a").unwrap().state.as_str(), "one");
    cache.clear();
    assert!(cache.get::<String>("a").is_none());
    cache.put(before, "a", seen("one", 1));
    assert!(cache.get::<String>("a").is_none(), "it was read before");
    cache.put(cache.era(), "a", seen("two", 2));
    assert_eq!(cache.get::<String>("a").unwrap().state.as_str(), "two");
}
