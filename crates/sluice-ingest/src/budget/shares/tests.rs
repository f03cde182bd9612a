//! Eight maximal bodies fit, the oldest always grows, light ones have a share of their own.

use proptest::{collection::vec, prelude::*};
use sluice_model::limits::{
    BODY_BYTES_BUDGET, BODY_BYTES_MAX, HEAD_PERMIT_BYTES, MIB, SMALL_BODY_BYTES_MAX, SMALL_BYTES_BUDGET,
};

use super::{Holding, SETTLED, Shares};

const BODIES: usize = BODY_BYTES_BUDGET / BODY_BYTES_MAX;

fn shares() -> Shares {
    Shares::new(BODY_BYTES_BUDGET, SMALL_BYTES_BUDGET)
}

fn heads(shares: &mut Shares, count: usize) -> Vec<Holding> {
    (0..count).map(|_| shares.take(HEAD_PERMIT_BYTES).unwrap()).collect()
}

#[test]
fn as_many_maximal_bodies_as_the_budget_holds_grow_side_by_side() {
    let mut shares = shares();
    let silent = heads(&mut shares, 10_000);
    let mut bodies = heads(&mut shares, BODIES);
    for bytes in (0..=BODY_BYTES_MAX).step_by(64 * 1024) {
        for body in &mut bodies {
            shares.check_entry(BODY_BYTES_MAX).ok();
            shares.grow(body, bytes).unwrap();
        }
    }
    assert_eq!(shares.heavy_bytes, BODY_BYTES_BUDGET);
    assert!(shares.check_entry(SMALL_BODY_BYTES_MAX + 1).is_err());
    // Single indicators pass all the same.
    let mut light = shares.take(50).unwrap();
    shares.grow(&mut light, SMALL_BODY_BYTES_MAX).unwrap();
    for holding in bodies.into_iter().chain(silent).chain([light]) {
        shares.give_back(holding);
    }
    assert_eq!((shares.heavy_bytes, shares.light_bytes), (0, 0));
}

#[test]
fn of_too_many_bodies_the_oldest_finishes_and_the_next_follows() {
    let mut shares = shares();
    let mut bodies = heads(&mut shares, 2 * BODIES);
    let mut bytes = MIB;
    // All the same, until there is no more for all.
    while bodies.iter_mut().all(|body| shares.grow(body, bytes).is_ok()) {
        bytes += MIB;
    }
    while !bodies.is_empty() {
        for body in &mut bodies {
            if shares.grow(body, BODY_BYTES_MAX).is_err() {
                shares.wait(body);
            }
        }
        let oldest = bodies.remove(0);
        assert_eq!(oldest.bytes, BODY_BYTES_MAX, "{} are left", bodies.len());
        shares.give_back(oldest);
    }
    assert_eq!(shares.held_bytes(), 0);
}

#[test]
fn nobody_overtakes_those_that_wait() {
    let mut shares = shares();
    let [mut oldest, mut second, mut third] = [(); 3].map(|()| shares.take(0).unwrap());
    shares.grow(&mut oldest, BODY_BYTES_MAX).unwrap();
    shares.grow(&mut second, BODY_BYTES_BUDGET - BODY_BYTES_MAX - MIB).unwrap();
    assert_eq!(shares.grow(&mut second, BODY_BYTES_BUDGET - BODY_BYTES_MAX + MIB), Err(MIB));
    assert!(shares.wait(&second));
    assert_eq!(shares.grow(&mut third, 2 * MIB), Err(MIB));
    assert_eq!(shares.check_entry(2 * MIB), Err(1));
    assert!(shares.wait(&third));
    assert!(!shares.wait(&second));
    shares.withdraw(&mut third);
    assert_eq!(third.ticket, None);
    assert!(shares.wait(&second));
    shares.give_back(oldest);
    shares.grow(&mut second, BODY_BYTES_BUDGET - BODY_BYTES_MAX + MIB).unwrap();
    assert!(shares.check_entry(2 * MIB).is_ok());
}

#[test]
fn light_holders_that_find_no_room_enter_the_heavy_share() {
    let mut shares = Shares::new(10 * MIB, 100);
    let light = shares.take(100).unwrap();
    let other = shares.take(60).unwrap();
    assert_eq!((light.ticket, other.ticket.is_some()), (None, true));
    assert_eq!((shares.light_bytes, shares.heavy_bytes), (100, 60));
    assert_eq!(shares.take(10 * MIB - 59), Err(10 * MIB - 59 + 10 * MIB - 60 - (10 * MIB - 60)));
    assert_eq!(shares.check_entry(10 * MIB + 1), Err(usize::MAX));
    shares.give_back(light);
    shares.give_back(other);
    assert_eq!((shares.held_bytes(), shares.heavy.len()), (0, 0));
}

/// Whoever only sends an answer to a slow reader stands in nobody's way.
#[test]
fn a_settled_holding_keeps_nothing_free_for_itself() {
    let mut shares = shares();
    let mut oldest = shares.take(1).unwrap();
    shares.grow(&mut oldest, 100 * MIB).unwrap();
    assert!(shares.settle(&mut oldest, 10 * MIB));
    assert_eq!((oldest.bytes, shares.heavy_bytes), (10 * MIB, 10 * MIB));
    let mut other = shares.take(1).unwrap();
    shares.grow(&mut other, BODY_BYTES_BUDGET - 10 * MIB).unwrap();
    shares.give_back(oldest);
    shares.grow(&mut other, BODY_BYTES_BUDGET).unwrap();
    shares.give_back(other);
    let mut light = shares.take(1_000).unwrap();
    assert!(!shares.settle(&mut light, 10));
    assert_eq!((light.bytes, shares.light_bytes), (10, 10));
    // What it never had it does not get.
    assert!(!shares.settle(&mut light, 20));
    assert_eq!((light.bytes, shares.light_bytes), (10, 10));
    shares.give_back(light);
    assert_eq!((shares.heavy_bytes, shares.light_bytes), (0, 0));
}

proptest! {
    /// Whatever is wished, nothing is granted twice or lost, and the oldest can grow to a maximal body once all
    /// answers are sent.
    #[test]
    fn the_oldest_can_always_finish(wishes in vec((0..24_usize, 0..=BODY_BYTES_MAX, 0..5_u8), 1..200)) {
        let mut shares = shares();
        let mut holdings: Vec<Option<Holding>> = vec![None; 24];
        for (index, bytes, action) in wishes {
            match holdings[index].take() {
                None => holdings[index] = shares.take(bytes.min(HEAD_PERMIT_BYTES)).ok(),
                Some(holding) if action == 0 => drop(shares.give_back(holding)),
                Some(holding) if holding.ticket == Some(SETTLED) => holdings[index] = Some(holding),
                Some(mut holding) if action == 3 => {
                    shares.settle(&mut holding, bytes);
                    holdings[index] = Some(holding);
                }
                Some(mut holding) => {
                    if shares.grow(&mut holding, bytes).is_ok() {
                        prop_assert!(bytes <= holding.bytes);
                    } else if action == 1 {
                        shares.wait(&holding);
                    } else {
                        shares.withdraw(&mut holding);
                    }
                    holdings[index] = Some(holding);
                }
            }
            let held: usize = holdings.iter().flatten().map(|holding| holding.bytes).sum();
            prop_assert_eq!(shares.held_bytes(), held);
            prop_assert!(shares.heavy_bytes <= BODY_BYTES_BUDGET && shares.light_bytes <= SMALL_BYTES_BUDGET);
            let oldest = shares.heavy.values().next().copied().unwrap_or(0);
            let settled = holdings.iter().flatten().filter(|holding| holding.ticket == Some(SETTLED));
            let growing_bytes = shares.heavy_bytes - settled.map(|holding| holding.bytes).sum::<usize>();
            prop_assert!(BODY_BYTES_MAX.saturating_sub(oldest) <= BODY_BYTES_BUDGET - growing_bytes);
        }
    }
}
