//! Refused logins are told of each address a few times, of all together a bounded number of times, and counted beyond.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use actix_web::{dev::RequestHead, http::StatusCode};
use proptest::prelude::*;

use super::{LOGIN_LINES_MAX, LOGIN_LINES_PER_ADDRESS_MAX, QUOTA_TIME, RequestLog};
use crate::{
    http::{problem::Cause, record::RequestRecord},
    logging::line::tests::written,
};

fn address(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low).into()
}

#[test]
fn one_who_guesses_a_lot_does_not_hide_the_others() {
    let (log, now) = (RequestLog::default(), Instant::now());
    let told = (0..10_000).filter(|_| log.guesses.take(address(1), now)).count();
    assert_eq!(told, LOGIN_LINES_PER_ADDRESS_MAX as usize);
    assert!(log.guesses.take(address(2), now));
    assert!(log.guesses.take(address(1), now + QUOTA_TIME));
}

/// What is told of requests that fail so, one after another.
fn told_of(causes: &[Cause]) -> String {
    let (log, record) = (RequestLog::default(), RequestRecord::begin(&RequestHead::default(), None, &[]));
    written(false, true, || {
        for cause in causes {
            log.ended(&record, cause.status(), Some(cause));
        }
        log.tell_left_out(Instant::now() + QUOTA_TIME);
    })
}

#[test]
fn damage_is_told_once_and_each_request_that_meets_it_with_what_is_damaged() {
    let told = told_of(&vec![Cause::Unreadable("part 3 piece 4 is damaged".into()); 3]);
    assert_eq!(told.matches("stored data is damaged").count(), 1, "{told}");
    assert_eq!(told.matches("a request failed").count(), 3, "{told}");
    assert_eq!(told.matches("reason=\"part 3 piece 4 is damaged\"").count(), 3, "{told}");
}

#[test]
fn what_is_left_out_is_told_by_kind() {
    let causes: Vec<Cause> = [Cause::Internal, Cause::Busy { retry_after_seconds: 1 }, Cause::DiskFull]
        .into_iter()
        .flat_map(|cause| vec![cause; 100])
        .collect();
    let told = told_of(&causes);
    assert_eq!(told.matches("a request failed").count(), 60, "{told}");
    assert_eq!(told.matches("a request was refused").count(), 120, "{told}");
    for what in ["failed with 500", "refused with 429 or 503", "refused with 507"] {
        let line = told.lines().find(|line| line.contains("more happened") && line.contains(what));
        assert!(line.is_some_and(|line| line.contains("count=40 ")), "{told}");
    }
}

#[test]
fn what_a_client_did_wrong_is_no_failure_of_ours() {
    let causes = [
        Cause::BadRequest("x".into()),
        Cause::Unauthorized,
        Cause::Forbidden("x"),
        Cause::NotFound("x".into()),
        Cause::NotAcceptable("x"),
        Cause::Starting,
        Cause::TooManyAttempts { retry_after_seconds: 1 },
    ];
    let told = told_of(&causes);
    assert!(!told.contains("a request failed") && !told.contains("a request was refused"), "{told}");
}

proptest! {
    #[test]
    fn lines_about_logins_are_bounded_and_counted(addresses in proptest::collection::vec(0_u16..400, 0..3_000)) {
        let (log, now) = (RequestLog::default(), Instant::now());
        let mut told: HashMap<u16, u32> = HashMap::new();
        for number in &addresses {
            if log.guesses.take(address(*number), now) {
                *told.entry(*number).or_default() += 1;
            }
        }
        prop_assert!(told.values().all(|count| *count <= LOGIN_LINES_PER_ADDRESS_MAX));
        let all: u32 = told.values().sum();
        prop_assert!(all <= LOGIN_LINES_MAX);
        let left_out = log.guesses.all.take_left_out(now + QUOTA_TIME);
        prop_assert_eq!(u64::from(all) + left_out, addresses.len() as u64);
    }
}

/// A client of `/v1` gets 503 from a service that stops, others 500.
#[test]
fn a_request_is_told_with_the_status_that_it_got() {
    let (log, record) = (RequestLog::default(), RequestRecord::begin(&RequestHead::default(), None, &[]));
    let told = written(false, true, || {
        log.ended(&record, StatusCode::SERVICE_UNAVAILABLE, Some(&Cause::Stopping));
        log.ended(&record, StatusCode::INTERNAL_SERVER_ERROR, Some(&Cause::Stopping));
        let interrupted = Cause::Interrupted { retry_after_seconds: 1 };
        log.ended(&record, StatusCode::SERVICE_UNAVAILABLE, Some(&interrupted));
    });
    let line = |text: &str, status: u16| {
        let status = format!(" status={status} ");
        told.lines().filter(|line| line.contains(text) && line.contains(&status)).count()
    };
    assert_eq!((line("a request was refused", 503), line("a request failed", 500)), (2, 1), "{told}");
}
