//! A state is told when it comes and when it has been gone for a while, never twice in a row.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use sluice_model::{limits::MIB, memory_plan::MemoryPlan};

use super::{CALM_LOOKS, CERTIFICATE_INTERVAL, CertificateWatch, Condition, Conditions};
use crate::{certificate::CertificateStanding, logging::line::tests::written};

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

#[test]
fn the_end_of_a_certificate_is_told_at_once_and_then_once_a_day() {
    let (ending, ended) =
        (CertificateStanding::Ending(String::new()), CertificateStanding::Refused(String::new()));
    let (mut watch, start) = (CertificateWatch::default(), Instant::now());
    let mut look =
        |standing: &CertificateStanding, is_new, after| watch.look(standing, is_new, start + after);
    let second = Duration::from_secs(1);
    assert!(!look(&CertificateStanding::Good, true, Duration::ZERO));
    assert!(look(&ending, false, second), "it begins to end");
    assert!(!look(&ending, false, CERTIFICATE_INTERVAL));
    assert!(look(&ending, false, second + CERTIFICATE_INTERVAL), "a day later");
    assert!(!look(&ending, false, 2 * second + CERTIFICATE_INTERVAL));
    assert!(look(&ended, false, 3 * second + CERTIFICATE_INTERVAL), "it has ended");
    assert!(!look(&ended, false, 4 * second + CERTIFICATE_INTERVAL));
    assert!(look(&ended, true, 5 * second + CERTIFICATE_INTERVAL), "another one that has ended, too");
    assert!(!look(&CertificateStanding::Good, true, 6 * second + CERTIFICATE_INTERVAL));
    assert!(look(&ended, false, 7 * second + CERTIFICATE_INTERVAL));
}

#[test]
fn memory_that_is_little_for_what_is_stored_is_told_and_then_that_it_is_too_little() {
    let plan = MemoryPlan::of(256 * MIB);
    let mut conditions = Conditions::default();
    let mut told = |filter_bytes| written(false, false, || conditions.look_at_memory(filter_bytes, &plan));
    assert_eq!(told(32 * MIB), "");
    let little = told(36 * MIB);
    assert_eq!(little.matches("the memory is little").count(), 1, "{little}");
    assert!(little.contains("filter_bytes=37748736") && little.contains("body_bytes=58720256"), "{little}");
    assert_eq!(told(68 * MIB), "");
    let too_little = told(68 * MIB + 1);
    assert_eq!(too_little.matches("the memory is too little").count(), 1, "{too_little}");
    assert!(too_little.contains("body_bytes=25165824"), "{too_little}");
    assert_eq!(told(69 * MIB), "");
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
