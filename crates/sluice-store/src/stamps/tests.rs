//! Ages of stamps, in lives of any length under a clock that may say anything.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;

use super::{Given, LIVES_MAX, Life, Stamps, StampsRecord, join_closest};
use crate::clock::Clock;

const START: i64 = 1_800_000_000;
const HOUR: u64 = 3_600;
const DAY: i64 = 86_400;

/// Real time, and by how much the clock of the day is wrong.
#[derive(Debug, Default)]
struct Machine {
    passed_ms: AtomicU64,
    wrong_seconds: AtomicI64,
    /// By how much later the clock of the day is read than the other one.
    late_ms: AtomicU64,
}

impl Clock for Machine {
    fn now_seconds(&self) -> u32 {
        u32::try_from(self.now().as_secs()).unwrap_or(u32::MAX)
    }

    fn now(&self) -> Duration {
        let at_start = START + self.wrong_seconds.load(Ordering::SeqCst);
        let late = Duration::from_millis(self.late_ms.load(Ordering::SeqCst));
        Duration::from_secs(at_start.try_into().unwrap()) + self.elapsed() + late
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.passed_ms.load(Ordering::SeqCst))
    }
}

/// A store's lives without the store.
struct World {
    machine: Arc<Machine>,
    stamps: Stamps,
    /// As the manifest has it.
    recorded: StampsRecord,
    /// As the newest commit has it.
    committed: Option<Given>,
    wrong: i64,
    /// How wrong the clock was in this life when the manifest was written.
    wrong_recorded: i64,
    lives: usize,
}

/// An update, and what is known of it beside its stamp.
#[derive(Clone, Copy, Debug)]
struct Update {
    stamp: u32,
    at_ms: u64,
    /// Milliseconds that the store has been running since, less those that a kill made it forget.
    remembered_ms: i64,
    /// How wrong the clock was when its life ended; `None` while it lasts.
    wrong: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Update,
    Run {
        ms: u64,
    },
    Set {
        wrong: i64,
    },
    /// The clock may be set while the store is down.
    Stop {
        down_ms: u64,
        wrong: i64,
    },
    Kill {
        down_ms: u64,
        wrong: i64,
    },
}

impl World {
    fn new() -> Self {
        let machine = Arc::new(Machine::default());
        let stamps = Stamps::begin(Arc::clone(&machine) as Arc<dyn Clock>, None, None);
        let recorded = stamps.record();
        Self { machine, stamps, recorded, committed: None, wrong: 0, wrong_recorded: 0, lives: 0 }
    }

    fn passed_ms(&self) -> u64 {
        self.machine.passed_ms.load(Ordering::SeqCst)
    }

    fn pass(&self, ms: u64) {
        self.machine.passed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn set(&mut self, wrong: i64) {
        self.machine.wrong_seconds.store(wrong, Ordering::SeqCst);
        self.wrong = wrong;
    }

    fn record(&mut self) {
        self.recorded = self.stamps.record();
        self.wrong_recorded = self.wrong;
    }

    fn reopen(&mut self, down_ms: u64, wrong: i64) {
        self.pass(down_ms);
        self.set(wrong);
        let recorded = Some(self.recorded.clone());
        self.stamps = Stamps::begin(Arc::clone(&self.machine) as Arc<dyn Clock>, recorded, self.committed);
        self.lives += 1;
        self.record();
    }

    /// A row that is stamped and committed at once.
    fn update(&mut self) -> Update {
        let stamp = self.stamps.for_update();
        let given = self.stamps.given();
        self.committed = Some(self.committed.unwrap_or_default().later(given));
        Update { stamp, at_ms: self.passed_ms(), remembered_ms: 0, wrong: None }
    }

    /// Seconds since an update: as the store was running, and as lookups see it.
    fn ages(&self, update: &Update) -> (u64, u64) {
        let ages = self.stamps.ages();
        let running = ages.running_seconds(update.stamp).into();
        (running, ages.age_seconds(update.stamp, self.machine.now_seconds()))
    }

    fn check(&self, update: &Update) {
        let (running, age) = self.ages(update);
        let real_ms = self.passed_ms() - update.at_ms;
        // A stamp may have been given up to a second before the update.
        assert!(running * 1_000 < real_ms + 1_000, "{update:?} is {real_ms} ms old, and running {running} s");
        assert!(running <= age + 1);
        // Each life forgets the part of a second with which it ends; those of less than a second that gave stamps have put
        // them a second further ahead each.
        let forgotten_ms = 1_000 * (self.lives + 2) as u64;
        let known_ms = i64::try_from(running * 1_000 + forgotten_ms).unwrap();
        assert!(update.remembered_ms <= known_ms, "{update:?}: only {running} s");
        if self.wrong <= update.wrong.unwrap_or(self.wrong) {
            assert!(age * 1_000 <= real_ms + 3_000, "{update:?} is {real_ms} ms old, and told to be {age} s");
        }
    }

    fn happen(&mut self, event: Event, updates: &mut Vec<Update>) {
        match event {
            Event::Update => updates.push(self.update()),
            Event::Run { ms } => {
                self.pass(ms);
                for update in updates.iter_mut() {
                    update.remembered_ms += i64::try_from(ms).unwrap();
                }
                if self.stamps.is_due(Some(&self.recorded)) {
                    self.record();
                }
            }
            Event::Set { wrong } => {
                self.set(wrong);
                if self.stamps.is_due(Some(&self.recorded)) {
                    self.record();
                }
            }
            Event::Stop { down_ms, wrong } => {
                self.record();
                self.end_life(updates);
                self.reopen(down_ms, wrong);
            }
            Event::Kill { down_ms, wrong } => {
                let remembered = self.committed.map_or(0, |given| given.stamp).max(self.recorded.stamp);
                let forgotten = i64::from(self.stamps.ages().stamp - remembered) + 1;
                for update in updates.iter_mut() {
                    update.remembered_ms -= 1_000 * forgotten;
                }
                self.end_life(updates);
                self.reopen(down_ms, wrong);
            }
        }
    }

    fn end_life(&self, updates: &mut [Update]) {
        for update in updates.iter_mut().filter(|update| update.wrong.is_none()) {
            update.wrong = Some(self.wrong_recorded);
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let wrong = prop_oneof![Just(0), Just(30 * DAY), -400 * DAY..400 * DAY];
    let ms = prop_oneof![0..10_000_u64, 0..1_000 * HOUR, Just(30 * 24 * HOUR * 1_000)];
    prop_oneof![
        3 => Just(Event::Update),
        3 => ms.clone().prop_map(|ms| Event::Run { ms }),
        2 => wrong.clone().prop_map(|wrong| Event::Set { wrong }),
        2 => (ms.clone(), wrong.clone()).prop_map(|(down_ms, wrong)| Event::Stop { down_ms, wrong }),
        1 => (ms, wrong).prop_map(|(down_ms, wrong)| Event::Kill { down_ms, wrong }),
    ]
}

proptest! {
    /// However the clock jumps: no age by running time is more than really went by, none by the clock either while that
    /// is no further ahead than it was; and the time that the store was running counts.
    #[test]
    fn no_clock_makes_a_holding_old_and_none_keeps_it_young(events in prop::collection::vec(event(), 0..60)) {
        let (mut world, mut updates) = (World::new(), Vec::new());
        for event in events {
            world.happen(event, &mut updates);
            for update in &updates {
                world.check(update);
            }
        }
    }

    /// With a clock that is always equally wrong, lookups see the real age, whenever the store was down and however it
    /// ended.
    #[test]
    fn a_steady_clock_tells_the_age(
        wrong in -400 * DAY..400 * DAY,
        lives in prop::collection::vec(
            (prop_oneof![1_000..700_000_u64, 1_000..100 * HOUR * 1_000], 0..100 * HOUR * 1_000, any::<bool>()),
            1..LIVES_MAX,
        ),
    ) {
        let (mut world, mut updates) = (World::new(), Vec::new());
        world.set(wrong);
        for (ms, down_ms, is_killed) in lives {
            updates.push(world.update());
            world.happen(Event::Run { ms }, &mut updates);
            updates.push(world.update());
            let end =
                if is_killed { Event::Kill { down_ms, wrong } } else { Event::Stop { down_ms, wrong } };
            world.happen(end, &mut updates);
            for update in &updates {
                let real = (world.passed_ms() - update.at_ms) / 1_000;
                let (_, age) = world.ages(update);
                prop_assert!(age.abs_diff(real) <= 2, "{update:?} is {real} s old, and told to be {age} s");
            }
        }
    }

    #[test]
    fn of_many_lives_none_is_older_than_it_was(offsets in prop::collection::vec(-1_000_i64..1_000, 2..20)) {
        let mut lives: Vec<Life> = (0..).zip(offsets).map(|(from, offset)| Life { from, offset }).collect();
        let before = lives.clone();
        join_closest(&mut lives);
        prop_assert_eq!(lives.len() + 1, before.len());
        for life in before {
            let joined = lives.iter().rfind(|joined| joined.from <= life.from).unwrap();
            prop_assert!(life.offset <= joined.offset);
        }
    }
}

#[test]
fn a_clock_that_was_ahead_for_some_lives_hides_and_destroys_nothing() {
    let (mut world, mut updates) = (World::new(), Vec::new());
    let early = world.update();
    world.happen(Event::Run { ms: 5_000 }, &mut updates);
    for _ in 0..5 {
        world.happen(Event::Stop { down_ms: 1_000, wrong: 30 * DAY }, &mut updates);
    }
    let late = world.update();
    assert_eq!(world.ages(&early), (5, 30 * 86_400 + 10), "seen by a clock that is ahead");
    world.happen(Event::Stop { down_ms: 1_000, wrong: 0 }, &mut updates);
    assert_eq!((world.ages(&early), world.ages(&late)), ((5, 11), (0, 0)));
    // What was stamped while it was ahead ends on time as well.
    world.happen(Event::Run { ms: 60_000 }, &mut updates);
    assert_eq!(world.ages(&late), (60, 60));
}

#[test]
fn a_store_that_is_born_at_the_end_of_time_has_ages() {
    let machine = Arc::new(Machine::default());
    machine.wrong_seconds.store(i64::from(u32::MAX), Ordering::SeqCst);
    let stamps = Stamps::begin(Arc::clone(&machine) as Arc<dyn Clock>, None, None);
    let updated = stamps.for_update();
    machine.passed_ms.store(90_000, Ordering::SeqCst);
    assert_eq!(stamps.ages().age_seconds(updated, machine.now_seconds()), 90);
}

/// The manifest of the first life was never written, but commits were.
#[test]
fn commits_alone_go_on_where_they_were() {
    let machine = Arc::new(Machine::default());
    let clock = Arc::clone(&machine) as Arc<dyn Clock>;
    machine.wrong_seconds.store(30 * DAY, Ordering::SeqCst);
    let first = Stamps::begin(Arc::clone(&clock), None, None);
    let updated = first.for_update();
    let given = first.given();
    assert_eq!((given.update, Given::from_bytes(given.to_bytes())), (updated, given));
    machine.wrong_seconds.store(0, Ordering::SeqCst);
    let second = Stamps::begin(Arc::clone(&clock), None, Some(given));
    assert_eq!(second.for_update(), given.update + 1);
    machine.passed_ms.store(90_000, Ordering::SeqCst);
    let ages = second.ages();
    assert_eq!((ages.running_seconds(given.update), ages.running_seconds(given.update + 1)), (90, 89));
}

/// A store of an older daemon has times of day for stamps, of which some may be from the future.
#[test]
fn stamps_of_an_older_daemon_count_as_of_the_first_start_and_by_the_clock() {
    let (mut world, mut updates) = (World::new(), Vec::new());
    let start = u32::try_from(START).unwrap();
    let at =
        |world: &World, stamp: u32| world.ages(&Update { stamp, at_ms: 0, remembered_ms: 0, wrong: None });
    assert_eq!(at(&world, start - 500), (0, 500));
    assert_eq!(at(&world, start + 90_000), (0, 0));
    world.happen(Event::Run { ms: 70_000 }, &mut updates);
    world.happen(Event::Stop { down_ms: 5_000, wrong: 0 }, &mut updates);
    assert_eq!(at(&world, start - 500), (70, 575));
    assert_eq!(at(&world, start + 90_000), (70, 70));
    world.happen(Event::Set { wrong: -1_000 }, &mut updates);
    assert_eq!(at(&world, start - 500), (70, 70));
}

/// The clock of the day and the stamps reach their next seconds at different moments, and whoever asks has looked at the clock
/// before. For that, the time that was told of an update once went back and forth by a second.
#[test]
fn an_update_has_one_time_of_day() {
    for phase_ms in [0, 1, 300, 700, 999] {
        let machine = Arc::new(Machine::default());
        let pass = |ms| machine.passed_ms.fetch_add(ms, Ordering::SeqCst);
        pass(phase_ms);
        let stamps = Stamps::begin(Arc::<Machine>::clone(&machine), None, None);
        for _ in 0..12 {
            pass(130);
            let (updated, updated_at) = (stamps.for_update(), machine.now_seconds());
            let told = (0..30).map(|number| {
                let now = machine.now_seconds();
                pass(70);
                machine.late_ms.store(number % 3 * 400, Ordering::SeqCst);
                let ages = stamps.ages();
                machine.late_ms.store(0, Ordering::SeqCst);
                u64::from(now) - ages.age_seconds(updated, now)
            });
            let told: BTreeSet<_> = told.collect();
            assert_eq!(told.len(), 1, "{told:?}");
            let lag = told.iter().map(|told| u64::from(updated_at) - told).max();
            assert!(lag <= Some(1), "{told:?}, {updated_at}");
        }
    }
}
