//! A state is told when it comes and when it has been gone for a while, never twice in a row.

use proptest::prelude::*;

use super::{CALM_LOOKS, Condition};

#[test]
fn a_state_that_flickers_is_told_once() {
    let mut condition = Condition::default();
    assert_eq!(condition.look(false), None);
    assert_eq!(condition.look(true), Some(true));
    for is_seen in [true, false, true, false, false] {
        assert_eq!(condition.look(is_seen), None);
    }
    let told: Vec<_> = (0..2 * CALM_LOOKS).filter_map(|_| condition.look(false)).collect();
    assert_eq!(told, [false]);
}

proptest! {
    #[test]
    fn coming_and_going_alternate_and_a_state_that_is_seen_is_told(seen in proptest::collection::vec(any::<bool>(), 0..200)) {
        let mut condition = Condition::default();
        let mut last = false;
        for is_seen in seen {
            if let Some(told) = condition.look(is_seen) {
                prop_assert_eq!(told, !last);
                last = told;
            }
            prop_assert!(last || !is_seen);
        }
    }
}
