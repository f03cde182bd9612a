//! However many removals there are, their lines are bounded, and nobody and no count is left out.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use proptest::prelude::*;

use super::{LINES_MAX, QUOTA_TIME, Removal, RemovalLog, SUMS_MAX};
use crate::logging::line::tests::written;

fn removal(user: &'static str, path: &'static str, count: u64) -> Removal<'static> {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    Removal { request_id: "id", address, user, path, count, what: "deletions accepted" }
}

/// What all lines of a text say of removals together.
fn sum(text: &str) -> u64 {
    let counts = text.lines().filter_map(|line| line.split_once("change=\"")?.1.split(' ').next());
    counts.map(|count| count.parse::<u64>().unwrap()).sum()
}

#[test]
fn beyond_a_bound_removals_are_summed_up_by_who_and_where() {
    let (log, now) = (RemovalLog::default(), Instant::now());
    let told = written(false, true, || {
        for _ in 0..LINES_MAX {
            log.note(&removal("token:feed", "/a", 1), now);
        }
        // Nothing came of it.
        log.note(&removal("token:feed", "/a", 0), now);
    });
    assert_eq!(told.matches("audit: changed request_id=\"id\" address=192.0.2.1 ").count(), 300, "{told}");
    assert_eq!(sum(&told), 300);
    let told = written(false, true, || {
        for count in 1..=3 {
            log.note(&removal("token:feed", "/a", count), now);
            log.note(&removal("token:feed", "/b", count), now);
            log.note(&removal("alice", "/a", count), now);
        }
        log.tell_sums(now);
    });
    assert_eq!(told, "");
    let told = written(false, true, || log.tell_sums(now + QUOTA_TIME));
    let line = "audit: changed by more than one request requests=3 address=\"192.0.2.1\" user=\"token:feed\" path=\"/b\" \
                change=\"6 deletions accepted\"";
    assert!(told.contains(line) && told.lines().count() == 3, "{told}");
    assert_eq!(written(false, true, || log.tell_rest()), "");
}

#[test]
fn the_end_tells_what_is_left() {
    let (log, now) = (RemovalLog::default(), Instant::now());
    let told = written(false, true, || {
        (0..=LINES_MAX).for_each(|_| log.note(&removal("alice", "/a", 1), now));
        log.tell_rest();
    });
    assert_eq!((told.lines().count(), sum(&told)), (301, 301), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn lines_are_bounded_and_no_count_is_lost(removals in proptest::collection::vec((0_u16..3_000, 1_u64..9), 0..4_000)) {
        let (log, now) = (RemovalLog::default(), Instant::now());
        let told = written(false, true, || {
            for (number, count) in &removals {
                let [high, low] = number.to_be_bytes();
                let address = Ipv4Addr::new(198, 18, high, low).into();
                log.note(&Removal { address, ..removal("alice", "/a", *count) }, now);
            }
            log.tell_sums(now + QUOTA_TIME);
        });
        prop_assert!(told.lines().count() <= LINES_MAX as usize + SUMS_MAX + 1);
        prop_assert_eq!(sum(&told), removals.iter().map(|(_, count)| count).sum::<u64>());
    }
}
