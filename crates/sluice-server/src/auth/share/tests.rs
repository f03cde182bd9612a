//! What is earned, saved up and given back.

use std::time::{Duration, Instant};

use proptest::{collection::vec, prelude::*};

use super::{EARNED_EVERY, LEFT_BY_CROWD, SAVED_MAX, Share};

/// Takes as many as there are.
fn take_all(share: &mut Share, now: Instant) -> u32 {
    (0..10_000).map_while(|_| share.take(0, now).then_some(())).map(|()| 1).sum()
}

#[test]
fn what_is_saved_up_is_bounded_and_earned_again() {
    let (mut share, start) = (Share::default(), Instant::now());
    assert_eq!(take_all(&mut share, start), SAVED_MAX);
    assert_eq!(take_all(&mut share, start + EARNED_EVERY * 5), 5);
    assert_eq!(take_all(&mut share, start + Duration::from_hours(24)), SAVED_MAX);
}

#[test]
fn a_crowd_leaves_some_for_those_who_are_alone() {
    let (mut share, start) = (Share::default(), Instant::now());
    let crowd = (0..SAVED_MAX).filter(|_| share.take(LEFT_BY_CROWD, start)).count();
    assert_eq!(crowd, (SAVED_MAX - LEFT_BY_CROWD) as usize);
    assert!(share.take(LEFT_BY_CROWD, start + EARNED_EVERY));
    assert_eq!(take_all(&mut share, start + EARNED_EVERY), LEFT_BY_CROWD);
}

#[test]
fn a_crowd_gets_what_is_earned_although_others_have_used_up_what_was_saved() {
    let (mut share, mut now) = (Share::default(), Instant::now());
    assert_eq!(take_all(&mut share, now), SAVED_MAX);
    for _ in 0..10 {
        now += EARNED_EVERY;
        assert!(share.take(LEFT_BY_CROWD, now));
        assert!(!share.take(LEFT_BY_CROWD, now));
    }
    assert!(!share.take(0, now));
}

#[test]
fn what_a_crowd_gets_back_it_may_use_at_once() {
    let (mut share, start) = (Share::default(), Instant::now());
    assert_eq!(take_all(&mut share, start), SAVED_MAX);
    for _ in 0..SAVED_MAX {
        assert!(share.take(LEFT_BY_CROWD, start + EARNED_EVERY));
        share.give_back();
    }
}

#[test]
fn what_is_given_back_costs_nothing() {
    let (mut share, now) = (Share::default(), Instant::now());
    for _ in 0..SAVED_MAX * 10 {
        assert!(share.take(0, now));
        share.give_back();
    }
    assert_eq!(take_all(&mut share, now), SAVED_MAX);
}

proptest! {
    #[test]
    fn no_pattern_of_asking_gets_more_than_is_earned_and_saved_up(
        pauses in vec((0_u32..3_000, 0_u32..200, prop_oneof![Just(0), Just(LEFT_BY_CROWD)]), 1..200),
    ) {
        let (mut share, start) = (Share::default(), Instant::now());
        let (mut now, mut taken) = (start, 0);
        for (pause, asked, left) in pauses {
            now += Duration::from_millis(pause.into());
            taken += (0..asked).filter(|_| share.take(left, now)).count();
            let earned = (now - start).as_millis() / EARNED_EVERY.as_millis();
            prop_assert!(taken as u128 <= u128::from(SAVED_MAX) + earned);
        }
    }
}
