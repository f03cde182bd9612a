//! Refused logins are told of each address a few times, of all together a bounded number of times, and counted beyond.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use proptest::prelude::*;

use super::{LOGIN_LINES_MAX, LOGIN_LINES_PER_ADDRESS_MAX, QUOTA_TIME, RequestLog};

fn address(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low).into()
}

#[test]
fn one_who_guesses_a_lot_does_not_hide_the_others() {
    let (log, now) = (RequestLog::default(), Instant::now());
    let told = (0..10_000).filter(|_| log.may_tell_of(address(1), now)).count();
    assert_eq!(told, LOGIN_LINES_PER_ADDRESS_MAX as usize);
    assert!(log.may_tell_of(address(2), now));
    assert!(log.may_tell_of(address(1), now + QUOTA_TIME));
}

proptest! {
    #[test]
    fn lines_about_logins_are_bounded_and_counted(addresses in proptest::collection::vec(0_u16..400, 0..3_000)) {
        let (log, now) = (RequestLog::default(), Instant::now());
        let mut told: HashMap<u16, u32> = HashMap::new();
        for number in &addresses {
            if log.may_tell_of(address(*number), now) {
                *told.entry(*number).or_default() += 1;
            }
        }
        prop_assert!(told.values().all(|count| *count <= LOGIN_LINES_PER_ADDRESS_MAX));
        let all: u32 = told.values().sum();
        prop_assert!(all <= LOGIN_LINES_MAX);
        let left_out = log.logins.take_left_out(now + QUOTA_TIME);
        prop_assert_eq!(u64::from(all) + left_out, addresses.len() as u64);
    }
}
