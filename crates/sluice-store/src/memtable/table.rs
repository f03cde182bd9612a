//! The memtable as a view has it: slices, oldest first, and what answers for all of them.

use std::sync::Arc;

use super::Slice;
use crate::filter::Cover;

/// Slices of one view. Whatever changes them brings the rest up to date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memtable {
    slices: Vec<Arc<Slice>>,
    /// How many of the oldest slices are being flushed, so that nobody else may fold them.
    frozen_count: usize,
    bytes: usize,
    /// The covers of all slices, each once.
    covers: Vec<Arc<Cover>>,
    /// Places of slices without one.
    uncovered: Vec<usize>,
}

impl Memtable {
    /// Takes slices, oldest first.
    pub(crate) fn of(slices: Vec<Arc<Slice>>) -> Self {
        let mut table = Self { slices, ..Self::default() };
        table.take_stock();
        table
    }

    /// Slices, oldest first.
    pub(crate) fn slices(&self) -> &[Arc<Slice>] {
        &self.slices
    }

    /// Neighbours with the same cover, newest first, but each oldest first. A cover may come more than once.
    pub(crate) fn by_cover(&self) -> impl Iterator<Item = (Option<&Cover>, &[Arc<Slice>])> {
        let of_one = |one: &Arc<Slice>, other: &Arc<Slice>| match (one.cover(), other.cover()) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let groups = self.slices.chunk_by(of_one).rev();
        groups.map(|slices| (slices.first().and_then(|slice| slice.cover()).map(Arc::as_ref), slices))
    }

    /// Slices that may be folded.
    pub(crate) fn foldable(&self) -> &[Arc<Slice>] {
        self.slices.get(self.frozen_count..).unwrap_or_default()
    }

    /// Tells whether this one has the same slices as `before`, of which it is a later state, and as many of them
    /// frozen.
    pub(crate) fn is_as_before(&self, before: &Self) -> bool {
        self.frozen_count == before.frozen_count && self.slices.len() == before.slices.len()
    }

    /// Heap bytes of the slices and their covers.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Tells whether a key of this hash, or a group of keys, may be in one of the slices. Asks a few filters.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let uncovered = || self.uncovered.iter().filter_map(|place| self.slices.get(*place));
        self.covers.iter().any(|cover| cover.may_contain(hash))
            || uncovered().any(|slice| slice.may_contain(hash))
    }

    /// Puts slices in the place of all from the `kept`th on.
    pub(crate) fn replace_from(&mut self, kept: usize, slices: Vec<Arc<Slice>>) {
        self.slices.truncate(kept);
        self.extend(slices);
    }

    /// Adds newer slices.
    pub(crate) fn extend(&mut self, slices: Vec<Arc<Slice>>) {
        self.slices.extend(slices);
        self.take_stock();
    }

    /// Freezes all slices.
    pub(crate) fn freeze(&mut self) {
        self.frozen_count = self.slices.len();
    }

    /// Lets the oldest slices go, and thaws the others.
    pub(crate) fn drop_oldest(&mut self, count: usize) {
        self.slices.drain(..count.min(self.slices.len()));
        self.frozen_count = 0;
        self.take_stock();
    }

    fn take_stock(&mut self) {
        self.bytes = self.slices.iter().map(|slice| slice.heap_bytes()).sum();
        self.covers.clear();
        self.uncovered.clear();
        for (place, slice) in self.slices.iter().enumerate() {
            match slice.cover() {
                None => self.uncovered.push(place),
                // Neighbours mostly have the same one.
                Some(cover) if self.covers.iter().rev().any(|known| Arc::ptr_eq(known, cover)) => {}
                Some(cover) => self.covers.push(Arc::clone(cover)),
            }
        }
        self.bytes += self.covers.iter().map(|cover| cover.heap_bytes()).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use std::{iter, ops::Range};

    use sluice_model::{
        SupplierId,
        row::{HoldingChange, TagsChange, encode},
    };

    use crate::{SliceBuilder, Store, store::tests::open};

    const SINGLES: u32 = 50;
    const KEYS: u32 = 40_000;

    /// Without a cover, readers would ask each slice, and hundreds of them answer slowly.
    #[test]
    fn all_slices_of_a_store_are_covered() {
        let dir = tempfile::tempdir().unwrap();
        let open = || open(dir.path(), Box::new(|cause| panic!("{cause}")));
        let slice = |numbers: Range<u32>| {
            let (mut builder, mut row) = (SliceBuilder::new(), Vec::new());
            let holding = HoldingChange::Hold { updated: 1, context: None };
            encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
            for number in numbers {
                builder.push(&number.to_be_bytes(), &row);
            }
            builder.finish()
        };
        let store = open();
        // One that is too long to be joined with those after it, which are joined.
        let singles = (0..SINGLES).map(|number| number..number + 1);
        for numbers in iter::once(SINGLES..KEYS).chain(singles) {
            let write = store.begin().unwrap();
            write.append(0, slice(numbers)).unwrap();
            let (done, ended) = std::sync::mpsc::channel();
            write.commit(Box::new(move |outcome| done.send(outcome).unwrap()));
            ended.recv().unwrap().unwrap();
        }
        let check = |store: &Store| {
            let snapshot = store.snapshot();
            let rows: Vec<usize> =
                snapshot.view.memtable.slices().iter().map(|slice| slice.rows_count()).collect();
            assert_eq!(rows.first(), Some(&((KEYS - SINGLES) as usize)), "{rows:?}");
            assert!(1 < rows.len() && rows.len() < SINGLES as usize, "{rows:?}");
            assert_eq!(snapshot.view.memtable.uncovered, Vec::<usize>::new());
            assert!((0..KEYS).all(|number| snapshot.may_hold(&number.to_be_bytes())));
        };
        check(&store);
        store.halt();
        drop(store);
        let store = open();
        check(&store);
        store.halt();
    }
}
