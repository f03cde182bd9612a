//! What tests write into the store of a daemon that is stopped.
//!
//! In: the open store and rows. Out: the rows are durable, and the store is closed.

use std::sync::mpsc;

use sluice_store::{SliceBuilder, Store};

/// Commits rows as one write, and closes the store.
pub fn commit_and_close(store: &Store, rows: SliceBuilder) {
    let write = store.begin().unwrap();
    write.append(0, rows.finish()).unwrap();
    let (done_out, done_in) = mpsc::channel();
    write.commit(Box::new(move |outcome| done_out.send(outcome).unwrap()));
    done_in.recv().unwrap().unwrap();
    store.close();
}
