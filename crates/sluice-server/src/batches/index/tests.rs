//! What is known of batches after a restart, and what is forgotten.

use std::sync::Arc;

use super::{BATCHES_MAX, Index};
use crate::batches::{
    entry::Entry,
    id::BatchId,
    journal::{FramePlace, OldSegment, Record},
    live::Live,
    summary::{Asked, BatchState, RowCounts, Summary},
};

/// A batch that began and ended at a time.
pub(in crate::batches) fn summary(id: u128, at_ms: u64, state: BatchState) -> Summary {
    let asked = Asked {
        tenant: "General".into(),
        supplier: "Feed".into(),
        action: "add".into(),
        parameters: "{}".into(),
        user: "admin".into(),
    };
    Summary {
        id: BatchId(id),
        is_keyed: false,
        asked,
        state,
        began_ms: at_ms,
        updated_ms: at_ms,
        counts: RowCounts::default(),
        failure: None,
        rejects_missing: None,
    }
}

fn place(segment: u64, count: u32) -> FramePlace {
    FramePlace::of_rows(segment, count)
}

fn segments(numbers: &[u64]) -> Vec<OldSegment> {
    numbers.iter().map(|number| OldSegment { number: *number, bytes: 1, changed_ms: 1 }).collect()
}

fn counts(index: &Index, id: u128) -> Option<(BatchState, Vec<u32>)> {
    let entry = index.get(BatchId(id))?;
    Some((entry.summary.state, entry.frames.iter().map(|place| place.count).collect()))
}

#[test]
fn refused_rows_count_once_a_summary_follows() {
    let (done, running, failed) = (BatchState::Done, BatchState::Running, BatchState::Failed);
    let mut index = Index::default();
    for record in [
        // Short: nothing but its end.
        Record::Rejects(BatchId(1), place(1, 1)),
        Record::Summary(summary(1, 10, done)),
        // Long, and cut by a kill in its second step.
        Record::Summary(summary(2, 20, running)),
        Record::Rejects(BatchId(2), place(1, 2)),
        Record::Summary(summary(2, 20, running)),
        Record::Rejects(BatchId(2), place(1, 3)),
        // Of which nothing was told yet.
        Record::Rejects(BatchId(3), place(1, 4)),
        // Begun anew under the same id.
        Record::Rejects(BatchId(4), place(1, 5)),
        Record::Summary(summary(4, 30, failed)),
        Record::Begin(summary(4, 40, running)),
        Record::Rejects(BatchId(4), place(1, 6)),
        Record::Summary(summary(4, 40, done)),
    ] {
        index.replay(1, record);
    }
    index.end_replay(&segments(&[1]));
    assert_eq!(counts(&index, 1), Some((done, vec![1])));
    assert_eq!(counts(&index, 2), Some((failed, vec![2])));
    assert_eq!(
        index.get(BatchId(2)).unwrap().summary.failure.as_ref().unwrap().problem,
        "interrupted".into()
    );
    assert_eq!(counts(&index, 3), None);
    assert_eq!(counts(&index, 4), Some((done, vec![6])));
    let listed = |tenant: &str, after: Option<u128>| {
        let before = index.place(tenant, after.map(BatchId))?;
        Some(index.newest(tenant, before).map(|entry| entry.summary.id.0).collect::<Vec<_>>())
    };
    assert_eq!(listed("General", None), Some(vec![4, 2, 1]));
    assert_eq!(listed("General", Some(2)), Some(vec![1]));
    assert_eq!(listed("acme", None), Some(vec![]));
    assert_eq!(listed("acme", Some(2)), None);
}

#[test]
fn batches_go_with_their_segment_and_with_their_time() {
    let mut index = Index::default();
    for (id, segment, frames) in
        [(1, 1, vec![place(1, 1)]), (2, 2, vec![place(1, 1), place(2, 2)]), (3, 3, vec![])]
    {
        let summary = summary(id, u64::try_from(id).unwrap() * 100, BatchState::Done);
        index.insert(Entry { summary, live: None, frames, segment: Some(segment) });
    }
    let live = Some(Arc::new(Live::new(1)));
    index.insert(Entry {
        summary: summary(9, 1, BatchState::Running),
        live,
        frames: vec![place(1, 7)],
        segment: Some(1),
    });
    index.forget_segment(1);
    assert_eq!(counts(&index, 1), None);
    assert_eq!(counts(&index, 2), Some((BatchState::Done, vec![2])));
    assert!(index.get(BatchId(2)).unwrap().summary.rejects_missing.is_some());
    assert!(index.get(BatchId(3)).unwrap().summary.rejects_missing.is_none());
    // What is running goes on.
    assert_eq!(counts(&index, 9), Some((BatchState::Running, vec![])));
    index.expire(300);
    assert_eq!((counts(&index, 2), index.counts()), (None, (2, 1)));
    assert_eq!(counts(&index, 3), Some((BatchState::Done, vec![])));
}

#[test]
fn of_too_many_the_oldest_that_has_ended_goes_of_the_tenant_that_has_most() {
    let mut index = Index::default();
    let live = Some(Arc::new(Live::new(1)));
    index.insert(Entry { summary: summary(0, 1, BatchState::Running), live, frames: vec![], segment: None });
    let mut few = summary(u128::MAX, 0, BatchState::Done);
    few.asked.tenant = "acme".into();
    index.insert(Entry { summary: few, live: None, frames: vec![], segment: None });
    for number in 2..=BATCHES_MAX as u64 {
        let summary = summary(number.into(), number, BatchState::Done);
        index.insert(Entry { summary, live: None, frames: vec![], segment: None });
    }
    assert_eq!(index.counts(), (BATCHES_MAX, 1));
    assert!([0, 3, u128::MAX].iter().all(|id| index.get(BatchId(*id)).is_some()));
    assert!(index.get(BatchId(2)).is_none());
}

/// A shipper that sends one bad document a second fills all places in hours.
#[test]
fn of_too_many_those_of_bulk_requests_go_first_and_those_with_a_key_that_counts_last() {
    const DAY_MS: u64 = 24 * 3_600 * 1_000;
    let mut index = Index::default();
    let mut id = 0;
    let mut add = |at_ms: u64, action: &str, is_keyed: bool| {
        let mut summary = Summary { is_keyed, ..summary(id, at_ms, BatchState::Done) };
        summary.asked.action = action.into();
        index.insert(Entry { summary, live: None, frames: vec![], segment: None });
        id += 1;
        // Of the first ones and the last ones.
        let looked_at = (0..5).chain(BATCHES_MAX as u128..id);
        looked_at.filter(|id| index.get(BatchId(*id)).is_none()).collect::<Vec<u128>>()
    };
    add(1, "add", true);
    add(2, "add", false);
    add(2, "add", true);
    add(3, "bulk", false);
    add(4, "bulk", false);
    for at_ms in 5..BATCHES_MAX as u64 {
        add(at_ms, "add", true);
    }
    let (first, second) = (BATCHES_MAX as u128, BATCHES_MAX as u128 + 1);
    assert_eq!(add(DAY_MS, "bulk", false), [3]);
    assert_eq!(add(DAY_MS, "bulk", false), [3, 4]);
    assert_eq!(add(DAY_MS, "add", true), [3, 4, first]);
    assert_eq!(add(DAY_MS, "add", true), [3, 4, first, second]);
    // Then the oldest whose key is none, or counts no more: it does for a day.
    assert_eq!(add(DAY_MS, "add", true), [1, 3, 4, first, second]);
    assert_eq!(add(DAY_MS + 1, "add", true), [0, 1, 3, 4, first, second]);
    // All have keys that count, and one has to go.
    assert_eq!(add(DAY_MS + 1, "add", true), [0, 1, 2, 3, 4, first, second]);
}

/// Rows stand before what names their places, and may stand there for the second time.
#[test]
fn what_was_moved_has_the_rows_that_it_names_as_far_as_they_are_there() {
    let mut ended = summary(1, 10, BatchState::Done);
    ended.counts.refused = 6;
    let mut index = Index::default();
    for (segment, record) in [
        (2, Record::Rejects(BatchId(1), place(2, 1))),
        (2, Record::Summary(summary(1, 10, BatchState::Running))),
        (3, Record::Rejects(BatchId(1), place(3, 3))),
        (4, Record::Rejects(BatchId(1), place(4, 1))),
        (4, Record::Moved(ended.clone(), vec![place(4, 1), place(1, 2), place(3, 3)])),
    ] {
        index.replay(segment, record);
    }
    let mut whole = Index::default();
    whole.replay(4, Record::Moved(ended, vec![place(4, 1), place(1, 2), place(3, 3)]));
    whole.end_replay(&segments(&[1, 3, 4]));
    assert_eq!(counts(&whole, 1), Some((BatchState::Done, vec![1, 2, 3])));
    assert!(whole.get(BatchId(1)).unwrap().summary.rejects_missing.is_none());
    index.end_replay(&segments(&[2, 3, 4]));
    assert_eq!(counts(&index, 1), Some((BatchState::Done, vec![1, 3])));
    assert!(index.get(BatchId(1)).unwrap().summary.rejects_missing.is_some());
    assert_eq!(index.get(BatchId(1)).unwrap().segment, Some(4));
}
