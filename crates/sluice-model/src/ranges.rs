//! Ranges that lie inside by construction.
//!
//! Indexing could end the process, and `get` alone would hide a mistake of ours. Here tests see the mistake, and a
//! release build goes on without what is not there: one wrong range spoils one row, not the daemon.

use std::slice::SliceIndex;

/// The bytes of a range that must lie inside `bytes`; none where it does not.
#[inline]
pub fn bytes_at(bytes: &[u8], range: impl SliceIndex<[u8], Output = [u8]>) -> &[u8] {
    items_at(bytes, range)
}

/// The items of a range that must lie inside `items`; none where it does not.
#[inline]
pub fn items_at<T>(items: &[T], range: impl SliceIndex<[T], Output = [T]>) -> &[T] {
    let found = items.get(range);
    debug_assert!(found.is_some(), "a range reaches beyond {} items", items.len());
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests;
