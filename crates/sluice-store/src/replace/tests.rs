//! What a replacement keeps away, what it counts as too much, and how much memory its feed takes.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::bounded;
use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TenantId, Vendor, limits,
    row::{self, HoldingChange, Row, TagsChange},
};

use super::{Changes, Feed, FeedMode, Hold, ReplaceError, wait_for_room};
use crate::{
    Record, Slice, SliceBuilder, Store, StoreConfig, Tuning, Write, WriteError,
    admission::REPLACED,
    catalogue::{CatalogueChange, SupplierSettings},
    clock::Clock,
    requests::LogRequest,
};

/// Time passes when a test says so; beside that, how far the clock of the day is ahead.
#[derive(Debug, Default)]
struct StandingClock(AtomicU32, AtomicU32);

impl Clock for StandingClock {
    fn now_seconds(&self) -> u32 {
        1_800_000_000 + self.0.load(Ordering::SeqCst) + self.1.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst).into())
    }
}

/// That a replacement of more bytes becomes a run.
fn written_up_to(replaced_bytes_written_max: u64) -> Tuning {
    Tuning { replaced_bytes_written_max, ..Tuning::default() }
}

fn open(dir: &tempfile::TempDir, clock: &Arc<StandingClock>, tuning: Tuning) -> Store {
    let clock = Arc::<StandingClock>::clone(clock);
    let config = StoreConfig { tuning, clock, ..StoreConfig::at(dir.path().join("data")) };
    Store::open(config, Box::new(|cause| panic!("{cause}"))).unwrap()
}

/// A store with a supplier whose indicators live for an hour.
fn world() -> (tempfile::TempDir, Store, SupplierId, Arc<StandingClock>) {
    world_with(Tuning::default())
}

/// The same, tuned.
fn world_with(tuning: Tuning) -> (tempfile::TempDir, Store, SupplierId, Arc<StandingClock>) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(StandingClock::default()));
    let store = open(&dir, &clock, tuning);
    let settings = SupplierSettings {
        confidence: Confidence::new(50_u8).unwrap(),
        retention: RetentionMinutes::new(60_u32).unwrap(),
        vendor: Vendor::parse("").unwrap(),
        enabled: true,
        refang: false,
    };
    let change = CatalogueChange::CreateSupplier { name: SupplierName::parse("Feed").unwrap(), settings };
    let (told, answer) = std::sync::mpsc::channel();
    store.change_catalogue(change, Box::new(move |outcome| told.send(outcome.is_ok()).unwrap()));
    assert!(answer.recv().unwrap());
    let supplier = store.catalogue().supplier(TenantId::GENERAL, "Feed").unwrap().id;
    (dir, store, supplier, clock)
}

fn slice(supplier: SupplierId, updated: u32, key: &str, context: &[u8]) -> Slice {
    let (mut slice, mut row) = (SliceBuilder::new(), Vec::new());
    let holding = HoldingChange::Hold { updated, context: Some(context), spelling: &[] };
    row::encode(supplier, holding, TagsChange::Keep, &mut row);
    slice.push(key.as_bytes(), &row).unwrap();
    slice.finish()
}

fn write(store: &Store, supplier: SupplierId, key: &str) -> Write {
    let write = store.begin_for(supplier).unwrap();
    write.append(0, slice(supplier, store.stamp_seconds(), key, b"{}")).unwrap();
    write
}

fn commit(write: Write) -> Result<(), WriteError> {
    let (told, answer) = std::sync::mpsc::channel();
    write.commit(Box::new(move |outcome| told.send(outcome).unwrap()));
    answer.recv().unwrap()
}

fn holds(store: &Store, key: &str) -> bool {
    store.snapshot().get(key.as_bytes(), &mut Record::new()).unwrap()
}

fn is_busy<T>(outcome: &Result<T, WriteError>) -> bool {
    matches!(outcome, Err(WriteError::Busy { retry_after_seconds: 5 }))
}

#[test]
fn while_a_supplier_is_held_nobody_else_writes_it() {
    let (_dir, store, supplier, _clock) = world();
    let (begun, other) = (write(&store, supplier, "begun"), SupplierId(2));
    let held = Hold::take(&store.shared, supplier).unwrap();
    assert!(is_busy(&Hold::take(&store.shared, supplier).map(drop)));
    assert!(is_busy(&store.begin_for(supplier)));
    assert!(is_busy(&commit(begun)));
    commit(write(&store, other, "other")).unwrap();
    assert!(!holds(&store, "begun") && holds(&store, "other"));
    drop(held);
    commit(write(&store, supplier, "begun")).unwrap();
    assert!(holds(&store, "begun"));
    store.halt();
}

#[test]
fn a_commit_that_waits_for_a_replacement_comes_after_it_and_ends_with_the_store() {
    let (dir, store, supplier, clock) = world();
    let (begun, other) = (write(&store, supplier, "begun"), SupplierId(2));
    let ended = write(&store, supplier, "ended");
    let commit_after = |write: Write| {
        let (told, answer) = std::sync::mpsc::channel();
        write.commit_after_replacement(Box::new(move |outcome| told.send(outcome).unwrap()));
        answer
    };
    let held = Hold::take(&store.shared, supplier).unwrap();
    let answer = commit_after(begun);
    // Others go on, and what is held by another one still waits when that is released.
    let held_too = Hold::take(&store.shared, other).unwrap();
    drop(held_too);
    commit(write(&store, other, "other")).unwrap();
    assert!(answer.try_recv().is_err() && !holds(&store, "begun"));
    drop(held);
    answer.recv().unwrap().unwrap();
    assert!(holds(&store, "begun"));
    let held = Hold::take(&store.shared, supplier).unwrap();
    let answer = commit_after(ended);
    store.close();
    assert!(matches!(answer.recv().unwrap(), Err(WriteError::Closed)));
    drop(held);
    drop(store);
    let store = open(&dir, &clock, Tuning::default());
    assert!(holds(&store, "begun") && !holds(&store, "ended"));
    store.halt();
}

/// What such a commit had in the log may be given up meanwhile. A second replacement that began while that was appended again
/// once refused it.
#[test]
fn a_commit_that_has_waited_for_a_replacement_waits_for_the_next_one() {
    let (_dir, store, supplier, _clock) = world_with(Tuning { log_bytes: 1, ..Tuning::default() });
    let begun = write(&store, supplier, "begun");
    begun.append(1, slice(supplier, store.stamp_seconds(), "further", b"{}")).unwrap();
    let held = Hold::take(&store.shared, supplier).unwrap();
    let (told, answer) = std::sync::mpsc::channel();
    begun.commit_after_replacement(Box::new(move |outcome| told.send(outcome).unwrap()));
    assert!(store.checkpoint());
    // The log thread stands still until the next replacement has asked: both are carried out before its slices are appended.
    let (go_on, waiting) = std::sync::mpsc::channel();
    write(&store, SupplierId(2), "other").commit(Box::new(move |_| waiting.recv().unwrap()));
    drop(held);
    let (reply, is_held) = bounded(1);
    assert!(store.shared.log_requests.send(LogRequest::Hold { supplier, reply }).is_ok());
    go_on.send(()).unwrap();
    assert!(is_held.recv().unwrap());
    let held = Hold { shared: &store.shared, supplier };
    // One slice is appended between two of these.
    for _ in 0..4 {
        commit(write(&store, SupplierId(2), "other")).unwrap();
    }
    assert!(answer.try_recv().is_err() && !holds(&store, "begun"));
    drop(held);
    answer.recv().unwrap().unwrap();
    assert!(holds(&store, "begun") && holds(&store, "further"));
    store.halt();
}

/// What was alive when a replacement looked would be counted as unchanged and be gone, if a merge dropped it meanwhile.
#[test]
fn while_a_supplier_is_held_nothing_of_it_is_dropped() {
    let (_dir, store, supplier, clock) = world();
    commit(write(&store, supplier, "a")).unwrap();
    let held = Hold::take(&store.shared, supplier).unwrap();
    clock.0.fetch_add(3_601, Ordering::SeqCst);
    assert!(store.compact());
    assert_eq!(store.figures().rows_count, 1);
    drop(held);
    assert!(store.compact());
    assert_eq!(store.figures().rows_count, 0);
    store.halt();
}

#[test]
fn the_guard_counts_what_is_removed_of_what_is_held() {
    let check = |changed, removed, percent, is_over| {
        let changes = Changes { added: 1_000, changed, unchanged: 10, removed };
        assert_eq!(changes.removes_over(percent), is_over, "{changes:?} {percent}");
    };
    check(10, 20, 50, false);
    check(10, 21, 50, true);
    check(0, 0, 0, false);
    check(0, 1, 0, true);
    check(0, u64::MAX / 2, 100, false);
    check(0, u64::MAX / 2, 99, true);
}

fn rows_of(feed: &Feed) -> Vec<(String, Vec<u8>)> {
    let (mut rows, mut seen) = (feed.rows(), Vec::new());
    while let Some((key, row)) = rows.next_row() {
        let context = Row::decode(row).unwrap().holdings().next().unwrap().context.to_vec();
        seen.push((String::from_utf8(key.to_vec()).unwrap(), context));
    }
    rows.finish().unwrap();
    seen
}

fn feed_of(store: &Store, slices: &[Slice]) -> Feed {
    let mut feed = store.begin_feed().unwrap();
    feed.add(slices).unwrap();
    feed
}

/// A clock that is ahead makes everything look expired, and nothing as if it were removed.
#[test]
fn no_clock_disarms_the_guard() {
    let (dir, store, supplier, clock) = world();
    for key in ["a", "b", "c"] {
        commit(write(&store, supplier, key)).unwrap();
    }
    assert!(store.checkpoint());
    store.halt();
    drop(store);
    clock.1.store(1_000_000, Ordering::SeqCst);
    let store = open(&dir, &clock, written_up_to(0));
    let feed = || feed_of(&store, &[slice(supplier, 0, "a", b"{}")]);
    let added = Changes { added: 1, ..Changes::default() };
    assert_eq!(store.plan(supplier, &feed(), FeedMode::Replace, &|| true).unwrap(), added);
    let outcome = store.replace(supplier, feed(), 50, &|| true);
    assert!(matches!(outcome, Err(ReplaceError::Shrinks(Changes { removed: 2, .. }))), "{outcome:?}");
    assert!(store.replace(supplier, feed(), 67, &|| true).is_ok());
    store.halt();
}

#[test]
fn a_run_is_not_adopted_at_the_cost_of_the_reserve() {
    let (_dir, store, supplier, _clock) = world_with(written_up_to(0));
    let feed = feed_of(&store, &[slice(supplier, 0, "a", b"{}")]);
    // Asked once the difference is spooled, it leaves room for a write and not for a part.
    let take_room = || {
        let free_bytes = store.shared.disk_free_bytes();
        store.set_disk_reserve(free_bytes - 16 * limits::MIB as u64);
        true
    };
    let outcome = store.replace(supplier, feed, 50, &take_room);
    assert!(matches!(outcome, Err(ReplaceError::Write(WriteError::DiskFull))), "{outcome:?}");
    store.set_disk_reserve(0);
    assert!(!holds(&store, "a"));
    let feed = feed_of(&store, &[slice(supplier, 0, "a", b"{}")]);
    store.replace(supplier, feed, 50, &|| true).unwrap();
    assert!(holds(&store, "a"));
    store.halt();
}

/// A feed of any length may be under way beside others, and beside what the store itself has to write.
#[test]
fn feeds_leave_half_of_the_disk_to_others() {
    let (_dir, store, supplier, _clock) = world();
    let spooled_bytes = || store.shared.spooled_bytes.load(Ordering::SeqCst);
    let rows = [slice(supplier, 0, "a", b"{}")];
    let feed = feed_of(&store, &rows);
    assert!(0 < spooled_bytes());
    drop(feed);
    assert_eq!(spooled_bytes(), 0);
    store.shared.spooled_bytes.store(u64::MAX / 2, Ordering::SeqCst);
    let outcome = store.begin_feed().unwrap().add(&rows);
    assert!(matches!(outcome, Err(ReplaceError::Write(WriteError::DiskFull))), "{outcome:?}");
    assert_eq!(spooled_bytes(), u64::MAX / 2);
    store.halt();
}

#[test]
fn what_nobody_wants_any_more_is_not_waited_for() {
    let asked = Cell::new(0);
    let ask = || -> Result<(), WriteError> {
        asked.set(asked.get() + 1);
        Err(REPLACED)
    };
    let outcome = wait_for_room(&|| if asked.get() == 0 { Ok(()) } else { Err(ReplaceError::Unwanted) }, ask);
    assert!(matches!(outcome, Err(ReplaceError::Unwanted)) && asked.get() == 1);
}

#[test]
fn the_last_row_of_a_key_counts_however_many_chunks_there_are() {
    let (_dir, store, supplier, _clock) = world();
    let mut feed = store.begin_feed().unwrap();
    for number in 0..150_u32 {
        let slices = [0, 1].map(|half| {
            let context = format!("{{\"n\":{number}.{half}}}");
            slice(supplier, 0, &format!("key-{}", number % 7), context.as_bytes())
        });
        feed.add(&slices).unwrap();
    }
    let wanted =
        |key: u32| (format!("key-{key}"), format!("{{\"n\":{}.1}}", 149 - (149 - key) % 7).into_bytes());
    assert_eq!(rows_of(&feed), (0..7).map(wanted).collect::<Vec<_>>());
    store.halt();
}

/// Rows of four mebibytes, in as many chunks: what is read at a time does not grow with them.
#[test]
fn the_memory_of_a_feed_is_bounded_however_long_its_rows_are() {
    const ALL_BYTES_MAX: usize = 64 * limits::MIB;
    let (_dir, store, supplier, _clock) = world();
    let mut feed = store.begin_feed().unwrap();
    let wanted: Mutex<Vec<_>> = Mutex::default();
    for number in 0..24_u8 {
        // Packs badly, so that what is stored is as long as what is unpacked.
        let mut state = u64::from(number) + 1;
        let context: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            state.to_be_bytes()[1]
        })
        .take(limits::ELEMENT_BYTES_MAX - 100)
        .collect();
        let key = format!("key-{:02}", u32::from(number) * 7 % 24);
        feed.add(&[slice(supplier, 0, &key, &context)]).unwrap();
        wanted.lock().unwrap().push((key, context));
    }
    let mut wanted = wanted.into_inner().unwrap();
    wanted.sort();
    assert!(rows_of(&feed) == wanted);
    assert!(feed.peak_bytes() < ALL_BYTES_MAX, "{}", feed.peak_bytes());
    assert!(feed.reading_bytes() + 16 * limits::MIB < ALL_BYTES_MAX, "{}", feed.reading_bytes());
    store.halt();
}

/// Of a large difference, a part is in memory at a time, with its contexts.
#[test]
fn the_contexts_of_a_run_that_is_adopted_are_not_all_in_memory() {
    const PARTS: usize = 3;
    let (_dir, store, supplier, _clock) = world_with(written_up_to(0));
    // So many of them are what a part may have.
    let context = "x".repeat(limits::MIB);
    let contexts: Vec<_> =
        (0..8 * PARTS).map(|number| format!("{{\"n\":{number},\"x\":\"{context}\"}}")).collect();
    let key = |number| format!("key-{number:02}");
    let slices = contexts
        .iter()
        .enumerate()
        .map(|(number, context)| slice(supplier, 0, &key(number), context.as_bytes()));
    let feed = feed_of(&store, &slices.collect::<Vec<_>>());
    store.replace(supplier, feed, 50, &|| true).unwrap();
    let view = store.shared.view();
    let tables = view.runs.iter().flat_map(|run| &run.parts).flat_map(|part| &part.tables);
    assert_eq!(tables.count(), PARTS);
    assert!((0..contexts.len()).all(|number| holds(&store, &key(number))));
    store.halt();
}
