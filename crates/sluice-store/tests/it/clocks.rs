//! A clock that is wrong destroys nothing and makes nothing immortal: random histories of pushes, restarts, merges and
//! clocks that are set, against a model in which time that really went by expires holdings, and nothing else does.
//!
//! The history is drawn from a printed seed. `SLUICE_CLOCK_HISTORIES` sets how many are run.

use std::{collections::BTreeMap, sync::Arc};

use sluice_model::{RetentionMinutes, SupplierId};
use sluice_store::{Clock as _, Record, Tuning};

use crate::world::{StoppedClock, World};

const HISTORIES: u64 = 12;
const STEPS: u64 = 60;
const KEYS: u64 = 12;
const DAY: i32 = 86_400;
/// Some supplier that was never replaced.
const ANYBODY: SupplierId = SupplierId(1);
/// Supplier and retention in minutes.
const SUPPLIERS: [(&str, u32); 3] = [("Minute", 1), ("Hour", 60), ("Month", 30 * 24 * 60)];

/// What is known of a holding beside its stamp.
#[derive(Debug)]
struct Held {
    retention_seconds: u32,
    updated: u32,
    context: String,
    /// When it was pushed, in seconds that really went by.
    pushed_at: u32,
    /// Seconds that the store has been running since.
    running: u32,
    /// How wrong the clock was at the end of the life in which it was pushed.
    wrong: i32,
    is_of_this_life: bool,
}

struct History {
    world: World,
    clock: Arc<StoppedClock>,
    wrong: i32,
    state: u64,
    held: BTreeMap<String, Held>,
}

impl History {
    fn new(seed: u64) -> Self {
        let tuning = Tuning { flush_bytes: 20_000, part_bytes: 700, ..Tuning::default() };
        let (world, clock) = World::stopped(tuning);
        for (name, minutes) in SUPPLIERS {
            world.create_supplier(name, RetentionMinutes::new(minutes).unwrap());
        }
        Self { world, clock, wrong: 0, state: seed, held: BTreeMap::new() }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.state >> 33) % bound
    }

    fn put(&mut self) {
        let (name, minutes) = SUPPLIERS[usize::try_from(self.below(3)).unwrap()];
        let key = format!("{name}-{}", self.below(KEYS));
        let (updated, context) = (self.world.store().stamp_seconds(), self.below(1 << 30).to_string());
        self.world.put_slice(self.world.slice_of(name, updated, &[(&key, &context)]));
        let held = Held {
            retention_seconds: 60 * minutes,
            updated,
            context,
            pushed_at: self.clock.passed(),
            running: 0,
            wrong: self.wrong,
            is_of_this_life: true,
        };
        self.held.insert(key, held);
    }

    fn some_seconds(&mut self) -> u32 {
        let most = [10, 90, 4_000, 40 * 86_400][usize::try_from(self.below(4)).unwrap()];
        u32::try_from(self.below(most)).unwrap()
    }

    fn run(&mut self) {
        let seconds = self.some_seconds();
        self.clock.pass(seconds);
        for held in self.held.values_mut() {
            held.running += seconds;
        }
        // The time of a test goes by in no time: what the store remembers of it is written here.
        assert!(self.world.store().checkpoint());
    }

    fn set_clock(&mut self) {
        let days = [0, 30, -30, -400, 400][usize::try_from(self.below(5)).unwrap()];
        self.wrong = days * DAY;
        self.clock.set_wrong(self.wrong);
    }

    fn restart(&mut self) {
        self.world.store().checkpoint();
        for held in self.held.values_mut().filter(|held| held.is_of_this_life) {
            (held.wrong, held.is_of_this_life) = (self.wrong, false);
        }
        let is_clean = self.below(2) == 0;
        let store = self.world.take();
        if is_clean {
            store.close();
        } else {
            store.halt();
        }
        drop(store);
        let seconds = self.some_seconds();
        self.clock.pass(seconds);
        if self.below(2) == 0 {
            self.set_clock();
        }
        self.world.reopen();
    }

    fn step(&mut self) {
        match self.below(16) {
            0..=5 => self.put(),
            6..=8 => self.run(),
            9 | 10 => self.set_clock(),
            11 | 12 => self.restart(),
            13 => assert!(self.world.store().checkpoint()),
            _ => {
                assert!(self.world.store().compact());
                self.check(true);
            }
        }
        self.check(false);
    }

    /// `is_merged` when nothing but merges could have happened since the last push.
    fn check(&self, is_merged: bool) {
        let snapshot = self.world.store().snapshot();
        let mut record = Record::new();
        for (key, held) in &self.held {
            let real = self.clock.passed() - held.pushed_at;
            let is_there = snapshot.get(key.as_bytes(), &mut record).unwrap()
                && record.holdings().any(|one| one.context == held.context.as_bytes());
            let age = snapshot.age_seconds(ANYBODY, held.updated, self.clock.now_seconds());
            let is_seen = is_there && age < held.retention_seconds.into();
            if real < held.retention_seconds {
                assert!(is_there, "{key} is lost after {real} s: {held:?}");
                let wrong = if held.is_of_this_life { self.wrong } else { held.wrong };
                assert!(is_seen || wrong < self.wrong, "{key} is hidden after {real} s: {held:?}");
            }
            if held.retention_seconds <= held.running {
                assert!(!is_seen, "{key} is still seen: {held:?}");
                assert!(!is_merged || !is_there, "{key} is still stored: {held:?}");
            }
        }
    }
}

#[test]
fn wrong_clocks_neither_lose_nor_keep_anything() {
    let histories = std::env::var("SLUICE_CLOCK_HISTORIES").map_or(HISTORIES, |text| text.parse().unwrap());
    for seed in 1..=histories {
        println!("seed {seed}");
        let mut history = History::new(seed);
        for _ in 0..STEPS {
            history.step();
        }
    }
}

/// Half an hour with a clock that is a month ahead, restarts and merges among it.
#[test]
fn a_clock_that_jumps_ahead_and_comes_back_destroys_nothing() {
    let (mut world, clock) = World::stopped(Tuning::default());
    world.create_supplier("Day", RetentionMinutes::new(24 * 60_u32).unwrap());
    let put = |world: &World, key: &str| {
        world.put_slice(world.slice_of("Day", world.store().stamp_seconds(), &[(key, key)]));
    };
    put(&world, "before");
    let is_seen = |world: &World, key: &str, updated: u32| {
        let snapshot = world.store().snapshot();
        crate::world::read(&snapshot, key).unwrap().as_deref() == Some(key)
            && snapshot.age_seconds(ANYBODY, updated, clock.now_seconds()) < 86_400
    };
    clock.set_wrong(30 * DAY);
    for _ in 0..3 {
        world.restart();
        clock.pass(600);
        assert!(world.store().compact());
    }
    let ahead = world.store().stamp_seconds();
    put(&world, "ahead");
    clock.set_wrong(0);
    world.restart();
    assert!(world.store().compact());
    for _ in 0..2 {
        assert!(is_seen(&world, "before", StoppedClock::START) && is_seen(&world, "ahead", ahead));
        clock.pass(80_000);
    }
    // They end a day after they came, and not a month later.
    clock.pass(20_000);
    assert!(!is_seen(&world, "before", StoppedClock::START) && !is_seen(&world, "ahead", ahead));
    assert!(world.store().compact());
    assert_eq!(world.store().figures().rows_count, 0);
}

/// What a kill makes the store forget is how long it was running, not how old anything is. An update of its last
/// second, or after the manifest was written last, once counted as one of the next life.
#[test]
fn the_time_that_a_store_was_down_counts_however_it_ended() {
    for (ran_before, ran_after) in [(0, 0), (0, 1), (1, 0), (500, 0), (500, 90), (1_000, 599)] {
        for is_clean in [true, false] {
            let (mut world, clock) = World::stopped(Tuning::default());
            let mut pushed = Vec::new();
            for life in 0..4 {
                clock.pass(ran_before);
                let updated = world.store().stamp_seconds();
                world.put(&[("a", &life.to_string())]);
                pushed.push((updated, clock.passed()));
                clock.pass(ran_after);
                let store = world.take();
                if is_clean {
                    store.close();
                } else {
                    store.halt();
                }
                drop(store);
                clock.pass(70);
                world.reopen();
                let snapshot = world.store().snapshot();
                for (updated, at) in &pushed {
                    let age = snapshot.age_seconds(ANYBODY, *updated, clock.now_seconds());
                    let real = u64::from(clock.passed() - at);
                    // Stamps of lives of no length lie a second apart.
                    assert!(age.abs_diff(real) <= 4, "{age} s instead of {real}: {ran_before} {ran_after}");
                    assert!(u64::from(clock.passed() - at) + 1 >= age);
                }
            }
        }
    }
}

#[test]
fn a_clock_that_falls_back_makes_nothing_immortal() {
    let (mut world, clock) = World::stopped(Tuning::default());
    world.create_supplier("Day", RetentionMinutes::new(24 * 60_u32).unwrap());
    let updated = world.store().stamp_seconds();
    world.put_slice(world.slice_of("Day", updated, &[("a", "1")]));
    clock.set_wrong(-1_000 * DAY);
    for _ in 0..2 {
        assert!(world.store().checkpoint());
        world.restart();
        clock.pass(43_200);
    }
    let snapshot = world.store().snapshot();
    assert_eq!(snapshot.age_seconds(ANYBODY, updated, clock.now_seconds()), 86_400);
    drop(snapshot);
    assert!(world.store().compact());
    assert_eq!(world.store().figures().rows_count, 0);
}
