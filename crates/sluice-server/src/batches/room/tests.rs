//! What stays of a segment that goes.

use super::{SUMMARY_BYTES, staying};
use crate::batches::{
    entry::Entry,
    id::BatchId,
    index::{Index, tests::summary},
    journal::FramePlace,
    summary::{BatchState, Summary},
};

const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn ids(staying: &[BatchId]) -> Vec<u128> {
    staying.iter().map(|id| id.0).collect()
}

#[test]
fn an_owner_keeps_what_is_within_its_share_and_keys_stay_for_a_day() {
    let mut index = Index::default();
    let mut add = |id: u128, (tenant, action): (&str, &str), is_keyed: bool, (segment, row): (u64, u64)| {
        let mut summary = Summary { is_keyed, ..summary(id, 1, BatchState::Done) };
        (summary.asked.tenant, summary.asked.action) = (tenant.into(), action.into());
        let frames = vec![FramePlace::of_rows(row, 1)];
        index.insert(Entry { summary, live: None, frames, segment: Some(segment) });
    };
    let (imports, bulk, others) = (("General", "add"), ("General", "bulk"), ("acme", "add"));
    for id in 1..=8 {
        add(id, bulk, false, (1, 1));
    }
    // With rows alone in the segment, with all of it, and with nothing.
    add(11, imports, false, (2, 1));
    add(12, imports, true, (1, 1));
    add(13, imports, true, (2, 2));
    add(21, others, false, (1, 1));
    for (id, action) in [(22, "add"), (23, "delete")] {
        add(id, ("acme", action), true, (1, 1));
    }
    for id in 24..28 {
        add(id, others, false, (2, 2));
    }
    let at = |bytes_max: u64, now_ms: u64| {
        let (whole, summaries) = staying(&index.entries().collect::<Vec<_>>(), 1, bytes_max, now_ms);
        (ids(&whole), ids(&summaries))
    };
    // Three owners have a sixth each; a batch is a summary and a head.
    let of = |batches: u64| 6 * batches * (SUMMARY_BYTES + FramePlace::of_rows(1, 1).stored_bytes());
    assert_eq!(at(of(3), DAY_MS), (vec![11, 12], vec![22, 23]));
    assert_eq!(at(of(3) - 6, DAY_MS), (vec![], vec![12, 22, 23]));
    assert_eq!(at(of(3), DAY_MS + 1), (vec![11, 12], vec![]));
    assert_eq!(at(of(7), DAY_MS), (vec![11, 12, 21, 22, 23], vec![]));
    assert_eq!(at(of(8), DAY_MS).0, [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 21, 22, 23]);
    // Summaries with keys are four.
    assert_eq!(at(16 * SUMMARY_BYTES - 1, DAY_MS), (vec![], vec![]));
    assert_eq!(at(16 * SUMMARY_BYTES, DAY_MS), (vec![], vec![12, 22, 23]));
}
