//! What a step does not do while the disk is full.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use super::Compactor;
use crate::{
    catalogue::Catalogue,
    compact::{checkpoint::Checkpoints, parts_thread::parts_thread},
    history::{HistoryOptions, HistoryWriter},
    manifest::Manifest,
    shared::Shared,
    store::tests::{open, shared_of},
    trees::{get_pieces, put_pieces},
};

/// A compactor of a store whose threads have ended.
fn compactor(dir: &Path) -> (Compactor, Arc<Shared>) {
    let store = open(dir, Box::new(|cause| panic!("{cause}")));
    store.halt();
    let shared = shared_of(&store);
    let (parts, _run_parts) = parts_thread(Arc::clone(&shared.trees));
    let manifest = Manifest::read(dir).unwrap().unwrap();
    let options = HistoryOptions { seconds: 60, bytes_max: 1 << 20 };
    let (history, _) = HistoryWriter::open(dir, options, manifest.history.as_ref()).unwrap();
    let checkpoints =
        Checkpoints::new(Arc::clone(&shared), manifest, history, Arc::new(Catalogue::initial()));
    (Compactor::new(Arc::clone(&shared), parts, checkpoints), shared)
}

/// Lets the disk have so much, and nobody ask it.
fn set_free(shared: &Shared, bytes: u64) {
    shared.disk_asked_ms.store(u64::MAX, Ordering::Relaxed);
    shared.disk_free_bytes.store(bytes, Ordering::Relaxed);
}

/// To remove, sled writes too, and a write that fails ends the daemon: it never came up on a full disk if a kill had left
/// half a flush behind.
#[test]
fn leftovers_stay_while_the_disk_is_full_and_go_before_the_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let (mut compactor, shared) = compactor(dir.path());
    let leftover = 7_u32.to_be_bytes();
    put_pieces(&shared.trees.indicators, &leftover, 0, b"half a part").unwrap();
    let is_there = || get_pieces(&shared.trees.indicators, &leftover, 0, 1).unwrap().is_some();
    set_free(&shared, 0);
    compactor.clean_up().unwrap();
    assert!(!compactor.may_write(0).unwrap());
    assert!(is_there());
    set_free(&shared, u64::MAX / 2);
    assert!(compactor.may_write(0).unwrap());
    assert!(!is_there());
}
