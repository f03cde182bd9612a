//! A state is told when it comes and when it has been gone for a while, never twice in a row.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use sluice_model::limits::MIB;

use super::{CALM_LOOKS, CERTIFICATE_INTERVAL, CertificateWatch, Condition, Conditions, filter_bytes_max};
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

/// 3 bytes an indicator, at worst.
#[test]
fn memory_that_is_little_for_what_is_stored_is_told() {
    assert!(2_800_000 * 3 < filter_bytes_max(256 * MIB));
    assert_eq!(filter_bytes_max(256 * MIB), 16 * MIB);
    // From 4 GiB on nothing is planned any more.
    assert!(300_000_000 * 3 < filter_bytes_max(4_096 * MIB));
    let told = written(false, false, || {
        let mut conditions = Conditions::default();
        for filter_bytes in [16 * MIB, 16 * MIB + 1, 17 * MIB] {
            conditions.look_at_filters(filter_bytes, 256 * MIB);
        }
    });
    assert_eq!(told.matches("the memory is little").count(), 1, "{told}");
    assert!(told.contains("filter_bytes=16777217"), "{told}");
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
