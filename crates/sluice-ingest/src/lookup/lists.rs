//! Many short lists in two allocations: the items one after the other, and where each list ends.
//!
//! `[a b] [] [c]` is the items `a b c` and the ends `2 2 3`; list 2 begins where list 1 ends.

use std::ops::Range;

use sluice_model::ranges::items_at;

/// Lists of items, numbered from 0, of less than 2^32 items together.
pub(super) struct Lists<T> {
    /// All items; those behind the last end belong to the list that is being filled.
    pub(super) items: Vec<T>,
    ends: Vec<u32>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { items: Vec::new(), ends: Vec::new() }
    }
}

impl<T> Lists<T> {
    /// The number of finished lists.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Finishes a list; `None` when there are too many items for it.
    pub(super) fn finish_list(&mut self) -> Option<()> {
        self.ends.push(u32::try_from(self.items.len()).ok()?);
        Some(())
    }

    /// Where the items of some consecutive lists are.
    #[inline]
    pub(super) fn span(&self, lists: Range<usize>) -> Range<usize> {
        self.end_before(lists.start)..self.end_before(lists.end)
    }

    /// The items of a list; none for a number that no list has.
    #[inline]
    pub(super) fn get(&self, list: usize) -> &[T] {
        items_at(&self.items, self.span(list..list + 1))
    }

    #[inline]
    fn end_before(&self, list: usize) -> usize {
        match list.checked_sub(1) {
            Some(before) => self.ends.get(before).map_or(0, |end| *end as usize),
            None => 0,
        }
    }

    /// Bytes of memory.
    pub(super) fn heap_bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>() + self.ends.capacity() * size_of::<u32>()
    }
}
