//! Never more lines than allowed, and every one that is left out is counted once.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{QUOTA_TIME, Quota};

#[test]
fn what_is_over_the_quota_is_counted_and_told_when_the_minute_is_over() {
    let (quota, start) = (Quota::new(2), Instant::now());
    assert!(quota.take(start) && quota.take(start));
    assert!(!quota.take(start) && !quota.take(start));
    assert_eq!(quota.take_left_out(start), 0, "the minute is not over");
    assert_eq!(quota.take_left_out(start + QUOTA_TIME), 2);
    assert_eq!(quota.take_left_out(start + QUOTA_TIME), 0, "told once");
    assert!(quota.take(start + QUOTA_TIME));
}

proptest! {
    #[test]
    fn lines_are_bounded_and_none_is_forgotten(
        lines_max in 1_u32..5,
        steps in proptest::collection::vec((0_u64..30_000, any::<bool>()), 0..200),
    ) {
        let quota = Quota::new(lines_max);
        let mut now = Instant::now();
        let (mut told, mut told_at, mut left_out) = (0_u64, Vec::new(), 0_u64);
        for (pause_ms, is_asked) in &steps {
            now += Duration::from_millis(*pause_ms);
            if quota.take(now) {
                told += 1;
                told_at.push(now);
            }
            if *is_asked {
                left_out += quota.take_left_out(now);
            }
        }
        left_out += quota.take_left_out(now + QUOTA_TIME);
        prop_assert_eq!(told + left_out, steps.len() as u64);
        // A window that slides can hold the end of one minute and the beginning of the next.
        for (index, at) in told_at.iter().enumerate() {
            let within = told_at[index..].iter().take_while(|later| **later < *at + QUOTA_TIME).count();
            prop_assert!(within <= 2 * lines_max as usize);
        }
    }
}
