//! Small slices to larger ones, so that readers never have thousands to search.

use std::sync::Arc;

use sluice_model::row;

use super::slice::{Commits, Slice};
use crate::{
    contexts::{ContextRef, ContextTableBuilder, TableId},
    filter::SharedFilters,
    merge::{MergeRows, Source},
    rows::push_row,
};

/// Slices below this are joined.
pub(super) const SMALL_SLICE_BYTES: usize = 256 * 1024;

/// Joins small neighbors at the newest end of `tail`, so that their number stays logarithmic, and returns the slices
/// that replace it.
///
/// Two neighbors are joined when the newer one is at least half as long as the older one: 400 and 200 bytes become
/// 600, 400 and 100 stay until the next slice comes. Cost is amortized: each row is copied about once for each
/// doubling up to [`SMALL_SLICE_BYTES`].
pub(crate) fn join_small(mut tail: Vec<Arc<Slice>>, filters: &SharedFilters) -> Vec<Arc<Slice>> {
    while let [.., older, newer] = tail.as_slice() {
        let is_worth_it =
            older.bytes_count() < SMALL_SLICE_BYTES && older.bytes_count() / 2 <= newer.bytes_count();
        if !is_worth_it {
            break;
        }
        let Some(mut joined) = join(older, newer) else {
            // Nothing is lost: both stay as they are.
            tracing::error!("two slices of the memtable cannot be joined");
            break;
        };
        joined.share_filter(filters);
        tail.truncate(tail.len() - 2);
        tail.push(Arc::new(joined));
    }
    tail
}

/// How many slices at the end of `slices` [`join_small`] may change.
pub(crate) fn small_tail_count(slices: &[Arc<Slice>]) -> usize {
    slices.iter().rev().take_while(|slice| slice.bytes_count() < SMALL_SLICE_BYTES).count()
}

/// Joins two slices; `None` when one of them is not as slices are.
pub(super) fn join(older: &Slice, newer: &Slice) -> Option<Slice> {
    let table = TableId::of_joined_slice();
    let mut contexts = ContextTableBuilder::default();
    let mut rows = Vec::with_capacity(older.rows.len() + newer.rows.len());
    let mut merge = MergeRows::new(vec![Source::rows(&newer.rows), Source::rows(&older.rows)]);
    let (mut packed, mut commits) = (Vec::new(), Vec::new());
    let mut newer_rows = newer.rows().enumerate().peekable();
    let mut older_rows = older.rows().enumerate().peekable();
    while let Some((key, row)) = merge.next_row() {
        let of_older = older_rows.next_if(|(_, (older_key, _))| *older_key == key);
        let of_newer = newer_rows.next_if(|(_, (newer_key, _))| *newer_key == key);
        commits.push(match (of_newer, of_older) {
            (Some((place, _)), _) => newer.commit_of(place),
            (None, Some((place, _))) => older.commit_of(place),
            (None, None) => return None,
        });
        packed.clear();
        let copy = |encoded: &[u8]| {
            let its = ContextRef::read(encoded).ok_or(())?;
            let slice = if its.table == newer.table { newer } else { older };
            if its.table != slice.table {
                return Err(());
            }
            let number = contexts.copy_from(&slice.contexts, its.number).ok_or(())?;
            Ok(ContextRef { table, number }.encode())
        };
        row::replace_contexts(row, copy, &mut packed).ok()?;
        push_row(&mut rows, key, &packed);
    }
    let joined = Slice::from_rows(table, contexts.finish(), rows)?;
    joined.commits.get_or_init(|| Commits::Each(commits));
    Some(joined)
}
