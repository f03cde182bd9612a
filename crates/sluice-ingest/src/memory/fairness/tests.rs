//! Eight maximal bodies fit, the oldest always grows, small ones have a share of their own.

use proptest::{collection::vec, prelude::*};
use sluice_model::limits::{
    BODY_BYTES_BUDGET, BODY_BYTES_MAX, HEAD_PERMIT_BYTES, MIB, SMALL_BODY_BYTES_MAX, SMALL_BYTES_BUDGET,
};

use super::{ANSWERING, Fairness, Grant};

const BODIES: usize = BODY_BYTES_BUDGET / BODY_BYTES_MAX;

fn fairness() -> Fairness {
    Fairness::new(BODY_BYTES_BUDGET, SMALL_BYTES_BUDGET)
}

fn heads(fairness: &mut Fairness, count: usize) -> Vec<Grant> {
    (0..count).map(|_| fairness.take(HEAD_PERMIT_BYTES).unwrap()).collect()
}

#[test]
fn as_many_maximal_bodies_as_the_budget_holds_grow_side_by_side() {
    let mut fairness = fairness();
    let silent = heads(&mut fairness, 10_000);
    let mut bodies = heads(&mut fairness, BODIES);
    for bytes in (0..=BODY_BYTES_MAX).step_by(64 * 1024) {
        for body in &mut bodies {
            fairness.check_entry(BODY_BYTES_MAX).ok();
            fairness.grow(body, bytes).unwrap();
        }
    }
    assert_eq!(fairness.large_bytes, BODY_BYTES_BUDGET);
    assert!(fairness.check_entry(SMALL_BODY_BYTES_MAX + 1).is_err());
    // Single indicators pass all the same.
    let mut small = fairness.take(50).unwrap();
    fairness.grow(&mut small, SMALL_BODY_BYTES_MAX).unwrap();
    for grant in bodies.into_iter().chain(silent).chain([small]) {
        fairness.release(grant);
    }
    assert_eq!((fairness.large_bytes, fairness.small_bytes), (0, 0));
}

#[test]
fn of_too_many_bodies_the_oldest_finishes_and_the_next_follows() {
    let mut fairness = fairness();
    let mut bodies = heads(&mut fairness, 2 * BODIES);
    let mut bytes = MIB;
    // All the same, until there is no more for all.
    while bodies.iter_mut().all(|body| fairness.grow(body, bytes).is_ok()) {
        bytes += MIB;
    }
    while !bodies.is_empty() {
        for body in &mut bodies {
            if fairness.grow(body, BODY_BYTES_MAX).is_err() {
                fairness.wait(body);
            }
        }
        let oldest = bodies.remove(0);
        assert_eq!(oldest.bytes, BODY_BYTES_MAX, "{} are left", bodies.len());
        fairness.release(oldest);
    }
    assert_eq!(fairness.held_bytes(), 0);
}

#[test]
fn no_holder_overtakes_one_that_waits() {
    let mut fairness = fairness();
    let [mut oldest, mut second, mut third] = [(); 3].map(|()| fairness.take(0).unwrap());
    fairness.grow(&mut oldest, BODY_BYTES_MAX).unwrap();
    fairness.grow(&mut second, BODY_BYTES_BUDGET - BODY_BYTES_MAX - MIB).unwrap();
    assert_eq!(fairness.grow(&mut second, BODY_BYTES_BUDGET - BODY_BYTES_MAX + MIB), Err(MIB));
    assert!(fairness.wait(&second));
    assert_eq!(fairness.grow(&mut third, 2 * MIB), Err(MIB));
    assert_eq!(fairness.check_entry(2 * MIB), Err(1));
    assert!(fairness.wait(&third));
    assert!(!fairness.wait(&second));
    fairness.withdraw(&mut third);
    assert_eq!(third.ticket, None);
    assert!(fairness.wait(&second));
    fairness.release(oldest);
    fairness.grow(&mut second, BODY_BYTES_BUDGET - BODY_BYTES_MAX + MIB).unwrap();
    assert!(fairness.check_entry(2 * MIB).is_ok());
}

#[test]
fn small_holders_that_find_no_room_enter_the_heavy_share() {
    let mut fairness = Fairness::new(10 * MIB, 100);
    let small = fairness.take(100).unwrap();
    let other = fairness.take(60).unwrap();
    assert_eq!((small.ticket, other.ticket.is_some()), (None, true));
    assert_eq!((fairness.small_bytes, fairness.large_bytes), (100, 60));
    assert_eq!(fairness.take(10 * MIB - 59), Err(10 * MIB - 59 + 10 * MIB - 60 - (10 * MIB - 60)));
    assert_eq!(fairness.check_entry(10 * MIB + 1), Err(usize::MAX));
    fairness.release(small);
    fairness.release(other);
    assert_eq!((fairness.held_bytes(), fairness.large.len()), (0, 0));
}

/// A holder that only sends an answer to a slow reader does not hold others up.
#[test]
fn an_answering_grant_keeps_nothing_free_for_itself() {
    let mut fairness = fairness();
    let mut oldest = fairness.take(1).unwrap();
    fairness.grow(&mut oldest, 100 * MIB).unwrap();
    assert!(fairness.release_all_but(&mut oldest, 10 * MIB));
    assert_eq!((oldest.bytes, fairness.large_bytes), (10 * MIB, 10 * MIB));
    let mut other = fairness.take(1).unwrap();
    fairness.grow(&mut other, BODY_BYTES_BUDGET - 10 * MIB).unwrap();
    fairness.release(oldest);
    fairness.grow(&mut other, BODY_BYTES_BUDGET).unwrap();
    fairness.release(other);
    let mut small = fairness.take(1_000).unwrap();
    assert!(!fairness.release_all_but(&mut small, 10));
    assert_eq!((small.bytes, fairness.small_bytes), (10, 10));
    // What it never had it does not get.
    assert!(!fairness.release_all_but(&mut small, 20));
    assert_eq!((small.bytes, fairness.small_bytes), (10, 10));
    fairness.release(small);
    assert_eq!((fairness.large_bytes, fairness.small_bytes), (0, 0));
}

proptest! {
    /// Whatever is requested, nothing is granted twice or lost, and the oldest can grow to a maximal body once all
    /// answers are sent.
    #[test]
    fn the_oldest_can_always_finish(requests in vec((0..24_usize, 0..=BODY_BYTES_MAX, 0..5_u8), 1..200)) {
        let mut fairness = fairness();
        let mut grants: Vec<Option<Grant>> = vec![None; 24];
        for (index, bytes, action) in requests {
            match grants[index].take() {
                None => grants[index] = fairness.take(bytes.min(HEAD_PERMIT_BYTES)).ok(),
                Some(grant) if action == 0 => drop(fairness.release(grant)),
                Some(grant) if grant.ticket == Some(ANSWERING) => grants[index] = Some(grant),
                Some(mut grant) if action == 3 => {
                    fairness.release_all_but(&mut grant, bytes);
                    grants[index] = Some(grant);
                }
                Some(mut grant) => {
                    if fairness.grow(&mut grant, bytes).is_ok() {
                        prop_assert!(bytes <= grant.bytes);
                    } else if action == 1 {
                        fairness.wait(&grant);
                    } else {
                        fairness.withdraw(&mut grant);
                    }
                    grants[index] = Some(grant);
                }
            }
            let held: usize = grants.iter().flatten().map(|grant| grant.bytes).sum();
            prop_assert_eq!(fairness.held_bytes(), held);
            prop_assert!(fairness.large_bytes <= BODY_BYTES_BUDGET && fairness.small_bytes <= SMALL_BYTES_BUDGET);
            let oldest = fairness.large.values().next().copied().unwrap_or(0);
            let answering = grants.iter().flatten().filter(|grant| grant.ticket == Some(ANSWERING));
            let growing_bytes = fairness.large_bytes - answering.map(|grant| grant.bytes).sum::<usize>();
            prop_assert!(BODY_BYTES_MAX.saturating_sub(oldest) <= BODY_BYTES_BUDGET - growing_bytes);
        }
    }
}
