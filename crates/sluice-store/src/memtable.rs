//! What the log holds and the trees do not yet: sorted slices of rows, oldest first.
//!
//! In: rows of one stretch of a body in document order ([`SliceBuilder`]). Out: a [`Slice`], sorted, without
//! duplicates, with a filter. Large bodies bring slices of about a mebibyte; single indicators bring slices of one
//! row, which [`join_small`] joins so that readers never have thousands to search. A [`Memtable`] is the slices of one
//! view and what answers for all of them.

mod builder;
mod join;
mod slice;

use std::sync::Arc;

pub(crate) use self::join::{join_small, small_tail_count};
use sluice_model::ranges::items_at;

pub use self::{
    builder::{PushError, SliceBuilder},
    slice::Slice,
};
use crate::filter::SharedFilter;

/// Slices of one view. Whatever changes them brings the rest up to date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memtable {
    slices: Vec<Arc<Slice>>,
    /// How many of the oldest slices are being flushed, so that they may not be joined.
    frozen_count: usize,
    bytes: usize,
    rows_count: usize,
    /// The shared filters of all slices, each once.
    filters: Vec<Arc<SharedFilter>>,
    /// Places of slices that are in none.
    unshared: Vec<usize>,
}

impl Memtable {
    /// Takes slices, oldest first.
    pub(crate) fn of(slices: Vec<Arc<Slice>>) -> Self {
        let mut table = Self { slices, ..Self::default() };
        table.recount();
        table
    }

    /// Slices, oldest first.
    pub(crate) fn slices(&self) -> &[Arc<Slice>] {
        &self.slices
    }

    /// Neighbors with the same shared filter: groups newest first, each oldest first. A filter may come more than once.
    pub(crate) fn by_shared_filter(&self) -> impl Iterator<Item = (Option<&SharedFilter>, &[Arc<Slice>])> {
        let filter_of = |slice: &Arc<Slice>| slice.shared_filter().map(Arc::as_ptr);
        let groups = self.slices.chunk_by(move |one, other| filter_of(one) == filter_of(other)).rev();
        groups.map(|slices| (slices.first().and_then(|slice| slice.shared_filter()).map(Arc::as_ref), slices))
    }

    /// Slices that may be joined.
    pub(crate) fn joinable(&self) -> &[Arc<Slice>] {
        items_at(&self.slices, self.frozen_count..)
    }

    /// Returns true if this one has the same slices as `before`, of which it is a later state, and as many of them
    /// frozen.
    pub(crate) fn is_as_before(&self, before: &Self) -> bool {
        self.frozen_count == before.frozen_count && self.slices.len() == before.slices.len()
    }

    /// Heap bytes of the slices and their filters.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows of all slices; an indicator counts once for each slice that has it.
    pub(crate) fn rows_count(&self) -> usize {
        self.rows_count
    }

    /// Returns true if a key of this hash, or a group of keys, may be in one of the slices. Asks a few filters.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let mut unshared = self.unshared.iter().filter_map(|place| self.slices.get(*place));
        self.filters.iter().any(|filter| filter.may_contain(hash))
            || unshared.any(|slice| slice.may_contain(hash))
    }

    /// Puts slices in the place of all from the `kept`th on.
    pub(crate) fn replace_from(&mut self, kept: usize, slices: Vec<Arc<Slice>>) {
        self.slices.truncate(kept);
        self.extend(slices);
    }

    /// Adds newer slices.
    pub(crate) fn extend(&mut self, slices: Vec<Arc<Slice>>) {
        self.slices.extend(slices);
        self.recount();
    }

    /// Freezes all slices.
    pub(crate) fn freeze(&mut self) {
        self.frozen_count = self.slices.len();
    }

    /// Lets the oldest slices go, and thaws the others.
    pub(crate) fn drop_oldest(&mut self, count: usize) {
        self.slices.drain(..count.min(self.slices.len()));
        self.frozen_count = 0;
        self.recount();
    }

    fn recount(&mut self) {
        (self.bytes, self.rows_count) = (0, 0);
        self.filters.clear();
        self.unshared.clear();
        for (place, slice) in self.slices.iter().enumerate() {
            self.bytes += slice.heap_bytes();
            self.rows_count += slice.rows_count();
            let Some(filter) = slice.shared_filter() else {
                self.unshared.push(place);
                continue;
            };
            // Neighbors mostly have the same one.
            if !self.filters.iter().rev().any(|known| Arc::ptr_eq(known, filter)) {
                self.bytes += filter.heap_bytes();
                self.filters.push(Arc::clone(filter));
            }
        }
    }
}

#[cfg(test)]
mod tests;
