//! What grows with the store and stays in memory: filters and indexes of parts, indexes and dictionaries of context tables.
//!
//! In: heap bytes of one of them, when it is made. Out: those of all, for as long as anybody holds one: a view, a snapshot or
//! a merge. Whoever plans memory looks here before he gives any away.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes of all. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResidentBytes(Arc<AtomicUsize>);

impl ResidentBytes {
    /// How many there are.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts so many more until what this gives is dropped.
    pub(crate) fn count(&self, bytes: usize) -> Resident {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Resident { all: self.clone(), bytes }
    }
}

/// The bytes of one.
#[derive(Debug)]
pub(crate) struct Resident {
    all: ResidentBytes,
    bytes: usize,
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
