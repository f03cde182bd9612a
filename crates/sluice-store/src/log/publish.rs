//! Durable commits become visible.
//!
//! In: slices, names, replacements and the number of the newest commit. Out: a new view, in which small slices are joined.

use std::sync::Arc;

use crate::{
    catalogue::Catalogue,
    history::WideChanges,
    memtable::{self, Slice},
    renewals::Renewal,
    requests::CompactionRequest,
    shared::Shared,
};

/// Puts a new view in the place of the present one. For the log thread, which alone adds slices.
pub(super) fn publish(
    shared: &Shared,
    slices: Vec<Arc<Slice>>,
    sequence: u64,
    catalogue: Option<Arc<Catalogue>>,
    renewals: &[Renewal],
    wide: WideChanges,
) {
    // Joining happens outside the lock; it counts only if the compaction thread froze nothing meanwhile.
    let before = shared.view();
    let joinable = before.memtable.joinable();
    let small = memtable::small_tail_count(joinable);
    let mut tail = joinable.split_at(joinable.len() - small).1.to_vec();
    let kept = before.memtable.slices().len() - small;
    for slice in &slices {
        tail.push(Arc::clone(slice));
        tail = memtable::join_small(tail, &shared.joined_filters);
    }
    let memtable_bytes = shared.publish(|view| {
        if view.memtable.is_as_before(&before.memtable) {
            view.memtable.replace_from(kept, tail);
        } else {
            view.memtable.extend(slices);
        }
        view.sequence = sequence;
        if let Some(catalogue) = catalogue {
            view.catalogue = catalogue;
        }
        if !wide.is_empty() {
            Arc::make_mut(&mut view.wide).absorb(wide);
        }
        for renewal in renewals {
            Arc::make_mut(&mut view.renewals).note(*renewal);
        }
        view.memtable.bytes()
    });
    if shared.config.tuning.flush_bytes <= memtable_bytes {
        // A full queue means that the compaction thread is awake already.
        let _is_awake = shared.compaction_requests.try_send(CompactionRequest::Look);
    }
}
