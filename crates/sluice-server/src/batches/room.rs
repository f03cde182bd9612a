//! Which batches go when there is no room for all.
//!
//! In: what there is. Out: which one is forgotten first, and which stay when the segment goes that they stand in. Those of bulk
//! requests, of which there may be one for each request, push out no imports, and those of a tenant none of another one: each
//! of these owners has an equal share of half of the disk's room that is its own. A batch whose client may come back to it by its
//! key goes last. No I/O.

use std::collections::BTreeMap;

use super::{entry::Entry, id::BatchId, journal::FramePlace, summary::BULK_ACTION};

/// About the bytes of a summary on the disk.
const SUMMARY_BYTES: u64 = 1_024;

/// The part of all bytes that the shares of owners are together.
const SHARES_PARTS: u64 = 2;

/// The part of all bytes that summaries may take which stay because of their keys.
const KEYS_PARTS: u64 = 4;

/// Which of the batches of a tenant, in the order of time, is forgotten first; none that is running. Looks at each of them if need
/// be.
pub(super) fn first_to_go<'e>(batches: impl Iterator<Item = &'e Entry>, now_ms: u64) -> Option<BatchId> {
    let (mut without_key, mut with_key) = (None, None);
    for entry in batches {
        let id = entry.summary.id;
        if entry.live.is_some() {
            continue;
        }
        if has_key(entry, now_ms) {
            with_key.get_or_insert(id);
        } else if is_of_bulk(entry) {
            return Some(id);
        } else {
            without_key.get_or_insert(id);
        }
    }
    without_key.or(with_key)
}

/// What stays of a segment that has to go, when all batches may take `bytes_max`: those whose refused rows stay too, and those of
/// which the summary alone does.
pub(super) fn staying(
    batches: &[&Entry],
    segment: u64,
    bytes_max: u64,
    now_ms: u64,
) -> (Vec<BatchId>, Vec<BatchId>) {
    let (mut held, mut keys_bytes) = (BTreeMap::<_, u64>::new(), 0);
    for entry in batches {
        let rows_bytes: u64 = entry.frames.iter().map(FramePlace::stored_bytes).sum();
        *held.entry(owner(entry)).or_default() += SUMMARY_BYTES + rows_bytes;
        keys_bytes += if has_key(entry, now_ms) { SUMMARY_BYTES } else { 0 };
    }
    let share = bytes_max / SHARES_PARTS / (held.len() as u64).max(1);
    let (mut whole, mut summaries) = (vec![], vec![]);
    for entry in batches {
        let is_there = entry.segment == Some(segment);
        let is_touched = is_there || entry.frames.iter().any(|place| place.segment == segment);
        let is_within_share = held.get(&owner(entry)) <= Some(&share);
        if is_touched && is_within_share {
            whole.push(entry.summary.id);
        } else if is_there && has_key(entry, now_ms) && keys_bytes <= bytes_max / KEYS_PARTS {
            summaries.push(entry.summary.id);
        }
    }
    (whole, summaries)
}

/// Whose share it counts for: a tenant's, for imports or for bulk requests.
fn owner(entry: &Entry) -> (&str, bool) {
    (&entry.summary.asked.tenant, is_of_bulk(entry))
}

fn is_of_bulk(entry: &Entry) -> bool {
    *entry.summary.asked.action == *BULK_ACTION
}

/// Whether its client may come back to it by its key.
fn has_key(entry: &Entry, now_ms: u64) -> bool {
    entry.summary.is_keyed && entry.summary.is_fresh(now_ms)
}

#[cfg(test)]
mod tests;
