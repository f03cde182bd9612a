//! The two limits, their windows, and their bound.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{ENTRIES_MAX, Throttle};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Lets an attempt fail; returns true if it was admitted.
fn fails(throttle: &mut Throttle, from: IpAddr, user: &str, now: Instant) -> bool {
    let attempt = throttle.admit(from, user, now);
    attempt.is_ok_and(|attempt| {
        throttle.count_failure(&attempt, now);
        true
    })
}

/// Counts how many attempts of a hundred are let through when each of them fails.
#[track_caller]
fn check(throttle: &mut Throttle, from: &str, user: impl Fn(usize) -> String, now: Instant, want: usize) {
    let admitted = (0..100).filter(|n| fails(throttle, address(from), &user(*n), now)).count();
    assert_eq!(admitted, want);
}

#[test]
fn ten_for_a_user_and_sixty_for_an_address() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    check(&mut throttle, "192.0.2.1", |_| "admin".to_owned(), now, 10);
    check(&mut throttle, "192.0.2.1", |n| format!("user{n}"), now, 50);
    check(&mut throttle, "192.0.2.1", |n| format!("other{n}"), now, 0);
}

#[test]
fn a_user_under_attack_can_log_in_from_elsewhere() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    check(&mut throttle, "192.0.2.1", |_| "admin".to_owned(), now, 10);
    check(&mut throttle, "192.0.2.2", |_| "admin".to_owned(), now, 10);
}

#[test]
fn a_window_ends_after_a_minute_and_says_so() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    check(&mut throttle, "192.0.2.1", |_| "admin".to_owned(), now, 10);
    let later = now + Duration::from_secs(59);
    assert_eq!(throttle.admit(address("192.0.2.1"), "admin", later).unwrap_err(), 2);
    let earlier = now.checked_sub(Duration::from_secs(5)).unwrap();
    assert_eq!(throttle.admit(address("192.0.2.1"), "admin", earlier).unwrap_err(), 60);
    check(&mut throttle, "192.0.2.1", |_| "admin".to_owned(), now + Duration::from_mins(1), 10);
}

#[test]
fn a_success_is_not_a_failure() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    for _ in 0..100 {
        let attempt = throttle.admit(address("192.0.2.1"), "admin", now).unwrap();
        throttle.release(&attempt);
    }
}

#[test]
fn checks_under_way_hold_the_places_that_failures_have_left() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    let from = address("192.0.2.1");
    assert!(fails(&mut throttle, from, "admin", now));
    let under_way: Vec<_> = (0..100).filter_map(|_| throttle.admit(from, "admin", now).ok()).collect();
    assert_eq!(under_way.len(), 9);
    assert_eq!(throttle.admit(from, "admin", now).unwrap_err(), 1);
    for attempt in under_way {
        throttle.release(&attempt);
    }
    check(&mut throttle, "192.0.2.1", |_| "admin".to_owned(), now, 9);
    assert!(throttle.under_way.is_empty());
}

#[test]
fn a_failure_counts_from_when_it_is_known() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    let from = address("192.0.2.1");
    let attempt = throttle.admit(from, "admin", now).unwrap();
    let later = now + Duration::from_secs(90);
    throttle.count_failure(&attempt, later);
    check(&mut throttle, "192.0.2.1", |_| "admin".to_owned(), later, 9);
}

#[test]
fn one_ipv6_network_is_one_client() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    let mut admitted = 0;
    for host in 0..100 {
        let from = address(&format!("2001:db8::{host:x}"));
        admitted += usize::from(fails(&mut throttle, from, "admin", now));
    }
    assert_eq!(admitted, 10);
    assert!(throttle.admit(address("2001:db8:0:1::1"), "admin", now).is_ok());
}

#[test]
fn the_maps_are_bounded() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    for n in 0..u32::try_from(ENTRIES_MAX).unwrap() + 1_000 {
        assert!(fails(&mut throttle, IpAddr::V4(n.into()), "admin", now));
    }
    assert_eq!(throttle.by_user.lens(), (ENTRIES_MAX, ENTRIES_MAX));
    assert_eq!(throttle.by_address.lens(), (ENTRIES_MAX, ENTRIES_MAX));
}
