//! Counted from when they are made until they are dropped.

use super::ResidentBytes;

#[test]
fn what_is_dropped_counts_no_more() {
    let all = ResidentBytes::default();
    let (one, other) = (all.count(3), all.clone().count(40));
    assert_eq!(all.get(), 43);
    drop(one);
    assert_eq!(all.get(), 40);
    drop(other);
    assert_eq!(all.get(), 0);
}
