//! Laws of the lines: nobody vanishes, nobody known waits for strangers, and strangers are heard in turn.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*};

use super::{Lines, Standing, Turn, WAIT_MAX, WAITING_MAX};
use crate::auth::share::{EARNED_EVERY, LEFT_BY_CROWD, SAVED_MAX};

const STANDINGS: [Standing; 3] = [Standing::KnownPair, Standing::KnownAddress, Standing::Stranger];

/// What a crowd may use of what is saved up.
const SAVED_FOR_CROWD: u32 = SAVED_MAX - LEFT_BY_CROWD;

/// What one check costs the thread, roughly.
const CHECK_TIME: Duration = Duration::from_millis(33);

/// An attack or a history, on a clock of its own.
struct World {
    lines: Lines<u32>,
    now: Instant,
    entered: u32,
    refused: Vec<u32>,
    checked: Vec<u32>,
}

impl World {
    fn new() -> Self {
        let (lines, now) = (Lines::default(), Instant::now());
        Self { lines, now, entered: 0, refused: vec![], checked: vec![] }
    }

    fn enter(&mut self, standing: Standing, address: u32) -> u32 {
        let job = self.entered;
        self.entered += 1;
        self.refused.extend(self.lines.enter(standing, IpAddr::V4(address.into()), job, self.now));
        job
    }

    /// Lets the thread do one round; returns the job if there was one.
    fn check(&mut self, is_right: impl Fn(u32) -> bool) -> Option<u32> {
        self.refused.extend(self.lines.take_late(self.now));
        let Turn { job, standing, address } = self.lines.next(self.now)?;
        self.now += CHECK_TIME;
        if is_right(job) {
            self.lines.note_success(standing);
        } else {
            self.lines.note_failure(address, self.now);
        }
        self.checked.push(job);
        Some(job)
    }

    /// Lets strangers guess for some time: `guesses` a tenth of a second, from addresses that `address` picks.
    fn attack(&mut self, tenths: u32, guesses: u32, address: impl Fn(u32) -> u32) {
        for _ in 0..tenths {
            let next = self.now + Duration::from_millis(100);
            for _ in 0..guesses {
                let from = address(self.entered);
                self.enter(Standing::Stranger, from);
            }
            while self.now < next && self.check(|_| false).is_some() {}
            self.now = self.now.max(next);
        }
    }
}

/// 50,000 addresses in 196 neighborhoods.
fn dense(number: u32) -> u32 {
    0x7f01_0000 + number.wrapping_mul(2_654_435_761) % 50_000
}

/// 50,000 addresses, each in a neighborhood of its own.
fn sparse(number: u32) -> u32 {
    (number % 50_000) << 8
}

#[test]
fn strangers_who_guess_from_everywhere_get_their_share_and_no_more() {
    for address in [dense, sparse] {
        let mut world = World::new();
        world.attack(600, 40, address);
        let most = SAVED_FOR_CROWD as usize + 60;
        assert!((most - 2..=most + 1).contains(&world.checked.len()), "{}", world.checked.len());
    }
}

#[test]
fn the_known_are_next_whatever_strangers_do() {
    for tenths in [10, 100] {
        for standing in [Standing::KnownPair, Standing::KnownAddress] {
            let mut world = World::new();
            world.attack(tenths, 40, sparse);
            let good: Vec<u32> = (0..200).map(|n| world.enter(standing, 0xc000_0200 + n)).collect();
            let next: BTreeSet<u32> = (0..100).filter_map(|_| world.check(|_| true)).collect();
            assert_eq!(next.len(), 100);
            assert!(next.iter().all(|job| good.contains(job)), "{standing:?} after {tenths}");
        }
    }
}

#[test]
fn a_good_crowd_of_strangers_is_not_slowed() {
    let mut world = World::new();
    for round in 0..10 {
        for n in 0..100 {
            world.enter(Standing::Stranger, 0xc000_0200 + n);
        }
        let checked = (0..100).filter_map(|_| world.check(|_| true)).count();
        assert_eq!(checked, 100, "{round}");
    }
}

#[test]
fn a_stranger_from_a_quiet_neighborhood_comes_before_a_crowded_one() {
    let mut world = World::new();
    world.attack(2_400, 40, dense);
    for n in 0..20 {
        let good = world.enter(Standing::Stranger, 0xc000_0200 + (n << 8));
        world.attack(20, 40, dense);
        assert!(world.checked.contains(&good), "{n}");
    }
}

#[test]
fn a_stranger_is_heard_although_others_came_one_by_one_and_now_wait() {
    let mut world = World::new();
    let neighbors = |number| 0xc633_6400 + number % 100;
    for n in 0..SAVED_MAX {
        world.enter(Standing::Stranger, neighbors(n));
        world.check(|_| false);
    }
    world.attack(30, 1, neighbors);
    let good = world.enter(Standing::Stranger, 0xc000_0200);
    world.attack(20, 1, neighbors);
    assert!(world.checked.contains(&good));
}

#[test]
fn a_stranger_comes_before_neighbors_who_have_failed() {
    let mut world = World::new();
    let neighbors = |number| 0xc000_0200 + number % 100;
    world.attack(1_200, 40, neighbors);
    let good = world.enter(Standing::Stranger, 0xc000_02ff);
    world.attack(20, 40, neighbors);
    assert!(world.checked.contains(&good));
}

#[test]
fn among_equal_strangers_the_lot_decides_and_not_the_time() {
    let mut early = 0;
    for _ in 0..20 {
        let mut world = World::new();
        for n in 0..2 * u32::try_from(WAITING_MAX).unwrap() {
            world.enter(Standing::Stranger, sparse(n));
        }
        while world.check(|_| false).is_some() {}
        early += world.checked.iter().filter(|job| (**job as usize) < WAITING_MAX).count();
    }
    // Half of them in the mean, with a standard deviation of 15.
    let all = SAVED_FOR_CROWD as usize * 20;
    assert!((all / 3..all * 2 / 3).contains(&early), "{early} of {all}");
}

#[test]
fn nobody_waits_for_ever() {
    let mut world = World::new();
    world.attack(600, 1, sparse);
    for _ in 0..WAITING_MAX {
        world.enter(Standing::Stranger, 1);
    }
    world.now += WAIT_MAX;
    world.check(|_| false);
    assert!(world.lines.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_check_has_one_end_and_the_lines_are_bounded(
        history in vec((0_usize..3, 0_u32..1_000, 0_u32..8, any::<bool>()), 1..2_000),
    ) {
        let mut world = World::new();
        for (standing, address, pause, is_right) in history {
            world.enter(STANDINGS[standing], address << 6);
            if pause == 0 {
                world.check(|_| is_right);
            }
            if pause == 1 && address < 10 {
                world.now += EARNED_EVERY;
            }
            let waiting = world.entered as usize - world.refused.len() - world.checked.len();
            prop_assert!(waiting <= 3 * WAITING_MAX);
        }
        world.now += WAIT_MAX;
        world.check(|_| false);
        prop_assert!(world.lines.is_empty());
        let mut ended: Vec<u32> = world.refused.iter().chain(&world.checked).copied().collect();
        ended.sort_unstable();
        prop_assert_eq!(ended, (0..world.entered).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_line_moves_within_a_second_whatever_came_before(
        history in vec((0_usize..3, 1_u32..4, 1_u32..150, 0_u64..3_000), 0..8),
    ) {
        let (mut world, mut standings) = (World::new(), vec![]);
        let enter = |world: &mut World, standings: &mut Vec<usize>, standing| {
            standings.push(standing);
            world.enter(STANDINGS[standing], sparse(world.entered));
        };
        for (standing, at_once, times, pause) in history {
            for _ in 0..times {
                (0..at_once).for_each(|_| enter(&mut world, &mut standings, standing));
                while world.check(|_| false).is_some() {}
            }
            world.now += Duration::from_millis(pause);
        }
        for standing in [0, 0, 1, 1, 2, 2] {
            enter(&mut world, &mut standings, standing);
        }
        let (before, end) = (world.checked.len(), world.now + EARNED_EVERY + 3 * CHECK_TIME);
        while world.now < end {
            if world.check(|_| false).is_none() {
                world.now += CHECK_TIME;
            }
        }
        let moved: BTreeSet<usize> = world.checked[before..].iter().map(|job| standings[*job as usize]).collect();
        prop_assert_eq!(moved, BTreeSet::from([0, 1, 2]));
    }
}

proptest! {
    #[test]
    fn whoever_is_known_better_is_next(history in vec((0_usize..3, 0_u32..1_000), 1..SAVED_FOR_CROWD as usize)) {
        let mut world = World::new();
        let mut waiting = [0; 3];
        let mut jobs = vec![];
        for (standing, address) in history {
            world.enter(STANDINGS[standing], address << 8);
            jobs.push(standing);
            waiting[standing] += 1;
        }
        while let Some(job) = world.check(|_| false) {
            let standing = jobs[job as usize];
            prop_assert!(waiting[..standing].iter().all(|count| *count == 0));
            waiting[standing] -= 1;
        }
        prop_assert_eq!(waiting, [0; 3]);
    }
}
