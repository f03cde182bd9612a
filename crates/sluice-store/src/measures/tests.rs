//! How a debt of merges grows old.

use std::{sync::atomic::Ordering, time::Duration};

use super::Measures;

#[test]
fn a_debt_ages_from_when_it_began_until_it_is_paid() {
    let measures = Measures::new();
    assert_eq!(measures.merge_debt_age(5_000), Duration::ZERO);
    measures.note_merge_debt(70, 5_000);
    measures.note_merge_debt(50, 8_000);
    assert_eq!(measures.merge_debt_bytes.load(Ordering::Relaxed), 50);
    assert_eq!(measures.merge_debt_age(9_500), Duration::from_millis(4_500));
    measures.note_merge_debt(0, 10_000);
    assert_eq!(measures.merge_debt_age(11_000), Duration::ZERO);
    // The clock may begin at nothing.
    measures.note_merge_debt(1, 0);
    assert_eq!(measures.merge_debt_age(3), Duration::from_millis(3));
}
