//! Replacements against a plain model: random histories of uploads, deletions, replacements, plans, expiry, checkpoints,
//! merges and restarts; readers that look all the while; and ends in the middle.
//!
//! Histories are drawn from a printed seed; `SLUICE_REPLACE_HISTORIES` and `SLUICE_REPLACE_SEED` say how many and which.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use sluice_model::{
    RetentionMinutes, SupplierId, TagId, TagName, TagWeight,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{
    Changes, Clock as _, Feed, FeedMode, Record, ReplaceError, Slice, SliceBuilder, Snapshot, Store, Tuning,
    WriteError, catalogue::CatalogueChange,
};

use crate::world::{Draws, StoppedClock, World, commit, tuning_of, wait_until};

const HISTORIES: u64 = 24;
const STEPS: u64 = 70;
const KEYS: u64 = 14;
/// Supplier and retention in minutes. No sum of thousands of seconds is near one of these.
const SUPPLIERS: [(&str, u32); 2] = [("Hour", 60), ("Day", 24 * 60)];
const STEP_SECONDS: u32 = 1_000;

/// One row as a test writes it down: key, context, tags.
type Row = (String, Option<String>, Option<Vec<u32>>);

#[derive(Clone, Debug)]
struct Held {
    renewed_at: u32,
    context: String,
}

#[derive(Clone, Debug, Default)]
struct Known {
    by_supplier: BTreeMap<u32, Held>,
    tags: Vec<u32>,
    /// False after a time without holders: a merge may or may not have forgotten the tags.
    is_certain: bool,
}

struct History {
    world: World,
    clock: Arc<StoppedClock>,
    suppliers: Vec<(SupplierId, u32)>,
    tags: Vec<u32>,
    draws: Draws,
    known: BTreeMap<String, Known>,
}

fn slice_of(supplier: SupplierId, updated: u32, rows: &[Row], is_put: bool) -> Slice {
    let mut slice = SliceBuilder::new();
    for (key, context, tags) in rows {
        let tags: Option<Vec<TagId>> = tags.as_ref().map(|tags| tags.iter().copied().map(TagId).collect());
        let tags = tags.as_deref().filter(|_| is_put).map_or(TagsChange::Keep, TagsChange::Replace);
        let context = context.as_ref().map(String::as_bytes);
        let holding = if is_put {
            HoldingChange::Hold { updated, context, spelling: &[] }
        } else {
            HoldingChange::Release
        };
        let mut row = Vec::new();
        encode(supplier, holding, tags, &mut row);
        slice.push(key.as_bytes(), &row).unwrap();
    }
    slice.finish()
}

/// What a feed leaves in an empty supplier.
fn folded(rows: &[Row]) -> BTreeMap<String, (String, Option<Vec<u32>>)> {
    let mut folded: BTreeMap<String, (String, Option<Vec<u32>>)> = BTreeMap::new();
    for (key, context, tags) in rows {
        let held = folded.entry(key.clone()).or_default();
        held.0 = context.clone().unwrap_or_else(|| held.0.clone());
        held.1 = tags.clone().or_else(|| held.1.clone());
    }
    folded
}

/// Gathers rows in slices of some, a few slices at a time.
fn gather(store: &Store, supplier: SupplierId, rows: &[Row], slice_rows: usize, at_once: usize) -> Feed {
    let mut feed = store.begin_feed().unwrap();
    let slices: Vec<Slice> =
        rows.chunks(slice_rows.max(1)).map(|rows| slice_of(supplier, 0, rows, true)).collect();
    for some in slices.chunks(at_once.max(1)) {
        feed.add(some).unwrap();
    }
    feed
}

impl History {
    fn new(seed: u64) -> Self {
        let (world, clock) = World::stopped(tuning_of(seed));
        for (name, minutes) in SUPPLIERS {
            world.create_supplier(name, RetentionMinutes::new(minutes).unwrap());
        }
        let mut tags = Vec::new();
        for name in ["ONE", "TWO"] {
            let (name, weight) = (TagName::parse(name).unwrap(), TagWeight::new(1_u8).unwrap());
            world.change(CatalogueChange::CreateTag { name: name.clone(), weight }).unwrap();
            tags.push(world.store().catalogue().tag(name.as_str()).unwrap().id.0);
        }
        let suppliers =
            SUPPLIERS.map(|(name, minutes)| (world.supplier(name).unwrap(), 60 * minutes)).to_vec();
        Self { world, clock, suppliers, tags, draws: Draws::new(seed), known: BTreeMap::new() }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draws.below(bound)
    }

    fn one_of(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    fn some_supplier(&mut self) -> SupplierId {
        let place = self.one_of(2);
        self.suppliers[place].0
    }

    fn is_alive(&self, supplier: SupplierId, held: &Held) -> bool {
        let retention = self.suppliers.iter().find(|(id, _)| *id == supplier).unwrap().1;
        self.clock.passed() - held.renewed_at < retention
    }

    fn alive(&self, supplier: SupplierId, key: &str) -> Option<&Held> {
        let held = self.known.get(key)?.by_supplier.get(&supplier.0)?;
        Some(held).filter(|held| self.is_alive(supplier, held))
    }

    fn has_holder(&self, key: &str) -> bool {
        self.suppliers.iter().any(|(supplier, _)| self.alive(*supplier, key).is_some())
    }

    fn rows(&mut self, count: u64) -> Vec<Row> {
        (0..count)
            .map(|_| {
                let key = format!("key-{:02}", self.below(KEYS));
                // Few contexts, so that feeds have rows that do not change.
                let context = (self.below(3) > 0).then(|| format!("{{\"n\":{}}}", self.below(2)));
                let tags = match self.below(4) {
                    0 => Some(vec![if self.below(2) == 0 { self.tags[0] } else { self.tags[1] }]),
                    1 if self.below(3) == 0 => Some(Vec::new()),
                    _ => None,
                };
                (key, context, tags)
            })
            .collect()
    }

    fn put(&mut self, supplier: SupplierId, key: &str, context: String, tags: Option<&Vec<u32>>) {
        let (has_holder, renewed_at) = (self.has_holder(key), self.clock.passed());
        let known = self.known.entry(key.to_owned()).or_default();
        known.is_certain &= has_holder;
        known.by_supplier.insert(supplier.0, Held { renewed_at, context });
        if let Some(tags) = tags {
            (known.tags, known.is_certain) = (tags.clone(), true);
        }
    }

    fn upsert(&mut self) {
        let supplier = self.some_supplier();
        let (count, is_put) = (1 + self.below(5), self.below(4) > 0);
        let mut rows = self.rows(count);
        for (key, context, _) in &mut rows {
            let is_expired =
                self.known.get(key).is_some_and(|known| known.by_supplier.contains_key(&supplier.0))
                    && self.alive(supplier, key).is_none();
            // Whether an expired context comes back is not defined.
            if is_expired {
                context.get_or_insert_with(|| "{}".to_owned());
            }
        }
        let write = self.world.store().begin_for(supplier).unwrap();
        write.append(0, slice_of(supplier, self.world.store().stamp_seconds(), &rows, is_put)).unwrap();
        commit(write).unwrap();
        for (key, context, tags) in &rows {
            if is_put {
                let before = self.alive(supplier, key).map(|held| held.context.clone()).unwrap_or_default();
                let context = context.clone().unwrap_or(before);
                self.put(supplier, key, context, tags.as_ref());
            } else {
                let known = self.known.entry(key.clone()).or_default();
                known.by_supplier.remove(&supplier.0);
                let is_certain = known.is_certain;
                let has_holder = self.has_holder(key);
                self.known.get_mut(key).unwrap().is_certain = is_certain && has_holder;
            }
        }
    }

    /// What a feed changes, and whether that is certain.
    fn expected(&self, supplier: SupplierId, rows: &[Row], mode: FeedMode) -> (Changes, bool) {
        let (feed, mut changes, mut is_certain) = (folded(rows), Changes::default(), true);
        for (key, (context, tags)) in &feed {
            let Some(held) = self.alive(supplier, key) else {
                changes.added += 1;
                continue;
            };
            let known = &self.known[key];
            is_certain &= tags.is_none() || known.is_certain;
            let is_same_context = held.context == *context || mode == FeedMode::Upsert && context.is_empty();
            let is_same = is_same_context && tags.as_ref().is_none_or(|tags| *tags == known.tags);
            if is_same { changes.unchanged += 1 } else { changes.changed += 1 }
        }
        if mode == FeedMode::Replace {
            let gone = |key: &&String| !feed.contains_key(*key) && self.alive(supplier, key).is_some();
            changes.removed = self.known.keys().filter(gone).count() as u64;
        }
        (changes, is_certain)
    }

    fn replace(&mut self) {
        let supplier = self.some_supplier();
        let count = [0, 3, 10, 30][self.one_of(4)];
        let mut rows = self.rows(count);
        // Most feeds are like the one before.
        if self.below(3) > 0 {
            for key in self.known.keys() {
                if let Some(held) = self.alive(supplier, key)
                    && !held.context.is_empty()
                {
                    rows.insert(0, (key.clone(), Some(held.context.clone()), None));
                }
            }
        }
        let (slice_rows, at_once) = (1 + self.one_of(8), 1 + self.one_of(4));
        let store = self.world.store().clone();
        let feed = gather(&store, supplier, &rows, slice_rows, at_once);
        let percent = [0_u8, 50, 100][self.one_of(3)];
        for mode in [FeedMode::Upsert, FeedMode::Replace] {
            self.check_changes(supplier, &rows, mode, store.plan(supplier, &feed, mode, &|| true).unwrap());
            self.check();
        }
        let (wanted, is_certain) = self.expected(supplier, &rows, FeedMode::Replace);
        let outcome = store.replace(supplier, feed, percent, &|| true);
        let held = wanted.changed + wanted.unchanged + wanted.removed;
        let is_guarded = held * u64::from(percent) < wanted.removed * 100;
        println!("replace with {} rows, {wanted:?}, at most {percent} %: {outcome:?}", rows.len());
        match outcome {
            Err(ReplaceError::Shrinks(changes)) => {
                // What an end has let the store forget of its running counts as held.
                let is_hidden = self.known.iter().any(|(key, known)| {
                    known.by_supplier.contains_key(&supplier.0) && self.alive(supplier, key).is_none()
                });
                assert!(is_guarded || is_hidden, "{changes:?}");
                return;
            }
            outcome => {
                assert!(!is_guarded);
                let changes = outcome.unwrap();
                assert!(!is_certain || changes == wanted, "{changes:?} instead of {wanted:?}");
            }
        }
        let feed = folded(&rows);
        for (key, known) in &mut self.known {
            if !feed.contains_key(key) {
                known.by_supplier.remove(&supplier.0);
            }
        }
        for (key, (context, tags)) in &feed {
            self.put(supplier, key, context.clone(), tags.as_ref());
        }
        let keys: Vec<String> = self.known.keys().cloned().collect();
        for key in keys {
            if !self.has_holder(&key) {
                self.known.get_mut(&key).unwrap().is_certain = false;
            }
        }
    }

    fn check_changes(&self, supplier: SupplierId, rows: &[Row], mode: FeedMode, changes: Changes) {
        let (wanted, is_certain) = self.expected(supplier, rows, mode);
        assert!(!is_certain || changes == wanted, "{mode:?}: {changes:?} instead of {wanted:?}");
        assert_eq!(changes.changed + changes.unchanged, wanted.changed + wanted.unchanged);
    }

    fn pass(&mut self) {
        let steps = [1, 1, 2, 5, 100][self.one_of(5)];
        self.clock.pass(steps * STEP_SECONDS);
        for key in self.known.keys().cloned().collect::<Vec<_>>() {
            if !self.has_holder(&key) {
                self.known.get_mut(&key).unwrap().is_certain = false;
            }
        }
    }

    fn step(&mut self) {
        let choice = self.below(14);
        println!("step {choice} at {}", self.clock.passed());
        match choice {
            0..=3 => self.upsert(),
            4..=7 => self.replace(),
            8 | 9 => self.pass(),
            10 => assert!(self.world.store().checkpoint()),
            11 => assert!(self.world.store().compact()),
            12 => self.world.restart(),
            _ => {
                self.world.take().close();
                self.world.reopen();
            }
        }
        self.check();
    }

    fn check(&self) {
        let snapshot = self.world.store().snapshot();
        for (key, known) in &self.known {
            let (mut seen, tags) = self.seen(&snapshot, key);
            let mut wanted: Vec<(u32, String)> = Vec::new();
            for (supplier, _) in &self.suppliers {
                wanted.extend(self.alive(*supplier, key).map(|held| (supplier.0, held.context.clone())));
            }
            seen.sort();
            wanted.sort();
            assert_eq!(seen, wanted, "{key}");
            if known.is_certain && !wanted.is_empty() {
                assert_eq!(tags, known.tags, "tags of {key}");
            }
        }
    }

    /// What a lookup sees.
    fn seen(&self, snapshot: &Snapshot, key: &str) -> (Vec<(u32, String)>, Vec<u32>) {
        let mut record = Record::new();
        if !snapshot.get(key.as_bytes(), &mut record).unwrap() {
            return (Vec::new(), Vec::new());
        }
        let mut seen = Vec::new();
        for holding in record.holdings() {
            let retention = self.suppliers.iter().find(|(id, _)| *id == holding.supplier).unwrap().1;
            let now_seconds = self.clock.now_seconds();
            if snapshot.age_seconds(holding.supplier, holding.updated, now_seconds) < retention.into() {
                seen.push((holding.supplier.0, String::from_utf8(holding.context.to_vec()).unwrap()));
            }
        }
        (seen, record.tags().map(|tag| tag.0).collect())
    }
}

#[test]
fn histories_with_replacements_match_the_model() {
    let histories = std::env::var("SLUICE_REPLACE_HISTORIES").map_or(HISTORIES, |text| text.parse().unwrap());
    let first = std::env::var("SLUICE_REPLACE_SEED").map_or(1, |text| text.parse().unwrap());
    for seed in first..first + histories {
        println!("seed {seed}");
        let mut history = History::new(seed);
        for _ in 0..STEPS {
            history.step();
        }
    }
}

/// One of two feeds, told by its contexts: they share half of their keys.
fn alternating(round: u32) -> Vec<Row> {
    let own = round % 2;
    (0..300_u32)
        .map(|number| (number * 2 + own * (number % 2), number))
        .map(|(key, number)| (format!("key-{key:04}"), (number % 3 > 0).then(|| round.to_string()), None))
        .map(|(key, context, tags)| (key, Some(context.unwrap_or_else(|| "same".to_owned())), tags))
        .collect()
}

/// The keys and contexts of `Feed` in a view.
fn stored(store: &Store, supplier: SupplierId) -> BTreeMap<String, String> {
    let mut stored = BTreeMap::new();
    let visit = |key: &[u8], record: &Record| {
        for holding in record.holdings().filter(|holding| holding.supplier == supplier) {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            stored.insert(text(key), text(holding.context));
        }
    };
    store.snapshot().scan(visit).unwrap();
    stored
}

fn wanted(round: u32) -> BTreeMap<String, String> {
    alternating(round).into_iter().map(|(key, context, _)| (key, context.unwrap())).collect()
}

fn tuned(replaced_bytes_written_max: u64) -> Tuning {
    Tuning { flush_bytes: 20_000, part_bytes: 2_000, replaced_bytes_written_max, ..Tuning::default() }
}

#[test]
fn no_reader_sees_a_mixture() {
    for replaced_bytes_written_max in [0, 1 << 20] {
        let world = World::tuned(tuned(replaced_bytes_written_max));
        let (store, supplier) = (world.store().clone(), world.supplier("Feed").unwrap());
        store.replace(supplier, gather(&store, supplier, &alternating(0), 50, 2), 0, &|| true).unwrap();
        let is_over = AtomicBool::new(false);
        let looked = thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut looked, mut newest) = (0, 0);
                        while !is_over.load(Ordering::SeqCst) {
                            let seen = stored(&store, supplier);
                            let round = seen.values().find_map(|context| context.parse().ok()).unwrap();
                            assert!(seen == wanted(round), "a mixture in round {round}");
                            assert!(newest <= round);
                            (looked, newest) = (looked + 1, round);
                        }
                        looked
                    })
                })
                .collect();
            for round in 1..40 {
                store
                    .replace(supplier, gather(&store, supplier, &alternating(round), 50, 2), 100, &|| true)
                    .unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
            readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u32>()
        });
        assert!(0 < looked);
        assert_eq!(stored(&store, supplier), wanted(39));
    }
}

/// Whatever it was at, the supplier holds the old feed or the new one, and the new one if that was said.
#[test]
fn an_end_in_the_middle_leaves_the_old_feed_or_the_new_one() {
    for replaced_bytes_written_max in [0, 1 << 20] {
        let mut world = World::tuned(tuned(replaced_bytes_written_max));
        let supplier = world.supplier("Feed").unwrap();
        let first = gather(world.store(), supplier, &alternating(0), 50, 2);
        world.store().replace(supplier, first, 0, &|| true).unwrap();
        let mut round = 0;
        for number in 0..40_u32 {
            let store = world.take();
            let feed = gather(&store, supplier, &alternating(round + 1), 50, 2);
            let replaced = store.clone();
            let replacing = thread::Builder::new().name("replace".to_owned());
            let replacing = replacing.spawn(move || replaced.replace(supplier, feed, 100, &|| true)).unwrap();
            for _ in 0..number * 40 {
                thread::yield_now();
            }
            store.halt();
            drop(store);
            let outcome = replacing.join().unwrap();
            world.reopen();
            let seen = stored(world.store(), supplier);
            let is_new = seen == wanted(round + 1);
            assert!(is_new || seen == wanted(round), "a mixture after {outcome:?}");
            assert!(is_new || outcome.is_err(), "lost although it was acknowledged");
            round += u32::from(is_new);
            assert_eq!(
                std::fs::read_dir(world.data_dir())
                    .unwrap()
                    .filter(|entry| { entry.as_ref().unwrap().file_name() == "spool" })
                    .count(),
                0
            );
        }
    }
}

/// Its commit has no frame but one. A log that seemed to begin before all others once kept the store from opening.
#[test]
fn a_replacement_that_changes_nothing_outlives_merges_and_restarts() {
    let (mut world, clock) = World::stopped(Tuning::default());
    let rows: Vec<Row> = ["a", "b", "c"].map(|key| (key.to_owned(), Some("1".to_owned()), None)).to_vec();
    for (key, ..) in &rows {
        world.put(&[(key, "1")]);
        assert!(world.store().checkpoint());
    }
    let supplier = world.supplier("Feed").unwrap();
    let feed = gather(world.store(), supplier, &rows, 2, 2);
    let wanted = Changes { unchanged: 3, ..Changes::default() };
    assert_eq!(world.store().replace(supplier, feed, 0, &|| true).unwrap(), wanted);
    world.restart();
    // An idle store merges without a flush.
    clock.pass(3);
    wait_until(|| world.store().figures().runs_count == 1);
    world.restart();
    assert_eq!(stored(world.store(), supplier).len(), 3);
}

#[test]
fn a_plan_writes_nothing() {
    let (world, _clock) = World::stopped(Tuning::default());
    let supplier = world.supplier("Feed").unwrap();
    world.put(&[("key-0000", "other"), ("key-0003", "1"), ("removed", "1")]);
    let before = (world.store().figures(), stored(world.store(), supplier));
    let feed = gather(world.store(), supplier, &alternating(1), 50, 2);
    for (mode, removed) in [(FeedMode::Upsert, 0), (FeedMode::Replace, 1)] {
        let wanted = Changes { added: 298, changed: 1, unchanged: 1, removed };
        assert_eq!(world.store().plan(supplier, &feed, mode, &|| true).unwrap(), wanted);
    }
    drop(feed);
    assert!((world.store().figures(), stored(world.store(), supplier)) == before);
    assert_eq!(std::fs::read_dir(world.data_dir().join("spool")).unwrap().count(), 0);
}

#[test]
fn a_supplier_that_is_gone_is_not_replaced() {
    let world = World::tuned(tuned(0));
    let supplier = world.supplier("Feed").unwrap();
    let feed = gather(world.store(), supplier, &alternating(0), 50, 2);
    let name = sluice_model::SupplierName::parse("Feed").unwrap();
    world.change(CatalogueChange::RemoveSupplier { name }).unwrap();
    let outcome = world.store().replace(supplier, feed, 100, &|| true);
    assert!(matches!(outcome, Err(ReplaceError::Write(WriteError::NoSupplier))), "{outcome:?}");
}
