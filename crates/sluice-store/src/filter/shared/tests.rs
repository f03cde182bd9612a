//! Every slice is in a shared filter, whatever its length.

use std::sync::Arc;

use super::{ROOM_MIN, SharedFilters};
use crate::filter::tests::hashes;

#[test]
fn what_was_added_is_never_denied_and_strangers_seldom_pass() {
    let filters = SharedFilters::new();
    let slices: Vec<_> = (0..39_u32).map(|slice| hashes(slice * 5_000..(slice + 1) * 5_000)).collect();
    let covered: Vec<_> = slices.iter().map(|slice| filters.add(slice)).collect();
    for (slice, filter) in slices.iter().zip(&covered) {
        assert!(slice.iter().all(|hash| filter.may_contain(*hash)));
    }
    let mut distinct = covered;
    distinct.dedup_by(|one, other| Arc::ptr_eq(one, other));
    assert_eq!(distinct.len(), 4, "195,000 hashes need four filters, each twice as long as the one before");
    let strangers = hashes(1_000_000..1_100_000);
    for filter in &distinct {
        let passed = strangers.iter().filter(|hash| filter.may_contain(**hash)).count();
        assert!(passed < 2_000, "{passed} of 100,000");
    }
}

#[test]
fn a_slice_of_any_length_is_covered() {
    let filters = SharedFilters::new();
    let long = hashes(0..32 * u32::try_from(ROOM_MIN).unwrap());
    let (before, filter) = (filters.add(&[1]), filters.add(&long));
    assert!(!Arc::ptr_eq(&before, &filter));
    assert!(long.iter().all(|hash| filter.may_contain(*hash)));
    filters.begin_anew();
    assert!(!filters.add(&[1]).may_contain(long[0]));
}
