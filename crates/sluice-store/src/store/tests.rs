//! A store in a directory of a test, and a failure while a caller waits.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use super::{Health, Shared, Store, StoreConfig};

/// A store in a directory of a test, as it is by default.
pub(crate) fn open(dir: &Path, on_failure: Box<dyn Fn(&str) + Send + Sync>) -> Store {
    Store::open(StoreConfig::at(dir), on_failure).unwrap()
}

/// What its threads have in common.
pub(crate) fn shared_of(store: &Store) -> Arc<Shared> {
    Arc::clone(&store.shared)
}

/// Otherwise a failure while a caller waits for a checkpoint would keep the process from ending.
#[test]
fn nobody_waits_for_a_store_that_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Box::new(|_cause| {}));
    let (left_behind, answer) = crossbeam_channel::bounded::<bool>(1);
    let (waited, wait) = std::sync::mpsc::channel();
    let shared = store.shared.clone();
    let waiting = move || waited.send(shared.wait_for(&answer)).unwrap();
    let waiting = thread::Builder::new().name("waiting".to_owned()).spawn(waiting).unwrap();
    store.shared.fail("as the test wants it");
    assert_eq!(wait.recv_timeout(Duration::from_secs(30)), Ok(None));
    waiting.join().unwrap();
    drop(left_behind);
    store.halt();
}

#[test]
fn what_is_known_of_the_disk_is_told_without_asking_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { disk_reserve_bytes: 1_000, ..StoreConfig::at(dir.path()) };
    let store = Store::open(config, Box::new(|_cause| {})).unwrap();
    store.shared.disk_free_bytes.store(999, Ordering::Relaxed);
    let measures = store.measures();
    assert_eq!((measures.health, measures.disk_free_bytes), (Health::DiskFull, Some(999)));
    assert_eq!(measures.disk_reserve_bytes, 1_000);
    store.fail("as the test wants it");
    assert_eq!(store.measures().health, Health::Failed);
    store.halt();
}
