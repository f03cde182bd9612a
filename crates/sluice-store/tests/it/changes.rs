//! Copies of what is stored, kept by changes alone: after any history each equals what is selected, and nothing is told that its reader may not know of.
//!
//! Histories of writes, deletions, replacements, changes of suppliers and tags, time, checkpoints, merges, restarts and kills are
//! drawn from a printed seed; `SLUICE_CHANGES_HISTORIES` and `SLUICE_CHANGES_SEED` say how many and which.

use std::{collections::BTreeMap, sync::Arc};

use sluice_model::{
    Confidence, RetentionMinutes, SupplierName, TagId, TagName, TagWeight, TenantId, TenantName,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{
    Changed, ChangesAsked, Clock as _, SelectedHolding, Selection, SliceBuilder, Snapshot, Tuning, Wanted,
    catalogue::{CatalogueChange, SupplierPatch, TagPatch},
};

use crate::world::{Draws, LATER, StoppedClock, World, commit, tuning_of};

const HISTORIES: u64 = 4;
const STEPS: u64 = 120;
const KEYS: u64 = 24;
const NAMES: [&str; 4] = ["One", "Two", "Three", "Four"];
const TAGS: [&str; 3] = ["RED", "GREEN", "BLUE"];

/// What a reader wants.
#[derive(Clone, Copy, Debug)]
enum Filter {
    All,
    Supplier(&'static str),
    Tag(&'static str),
    Sure,
    Late,
}

/// A reader and its copy: for each key the lines of its row.
struct Mirror {
    filter: Filter,
    commit: u64,
    judged_seconds: u32,
    rows: BTreeMap<Vec<u8>, Vec<String>>,
}

/// What is asked with a filter, as of a snapshot.
fn asked(filter: Filter, snapshot: &Snapshot, since: (u64, u32), now_seconds: u32) -> ChangesAsked {
    let catalogue = snapshot.catalogue();
    let (commit, judged_seconds) = since;
    let mut asked = ChangesAsked { commit, judged_seconds, commits_max: u64::MAX, ..ChangesAsked::default() };
    for supplier in catalogue.suppliers(TenantId::GENERAL) {
        let is_named = match filter {
            Filter::Supplier(name) => supplier.name.as_str() == name,
            _ => !supplier.is_false_positive(),
        };
        let is_sure = !matches!(filter, Filter::Sure) || 60 <= supplier.settings.confidence.get();
        if is_named {
            asked.told.push(supplier.id);
            if is_sure && supplier.settings.enabled {
                asked.selection.suppliers.push((supplier.id, supplier.settings.retention.seconds()));
            }
        }
    }
    for (name, supplier) in snapshot.former_suppliers(TenantId::GENERAL, commit) {
        if !matches!(filter, Filter::Supplier(wanted) if wanted != name) {
            asked.told.push(supplier);
        }
    }
    asked.told.sort_unstable();
    asked.told.dedup();
    asked.selection.suppliers.sort_unstable();
    if let Filter::Tag(name) = filter {
        asked.selection.tags.push(catalogue.tag(name).map_or(TagId(0), |tag| tag.id));
    }
    if matches!(filter, Filter::Late) {
        asked.selection.updated_after = Some(u64::from(StoppedClock::START) + 20_500);
    }
    asked.selection.rows_max = u64::MAX;
    asked.selection.now_seconds = now_seconds;
    asked
}

/// A holding as its reader sees it.
fn line(snapshot: &Snapshot, holding: &SelectedHolding<'_>) -> String {
    let name = |id| snapshot.catalogue().tag_by_id(id).map(|tag| tag.name.as_str().to_owned());
    let tags: Vec<String> = holding.tags().filter_map(name).collect();
    let supplier = snapshot.catalogue().supplier_by_id(holding.supplier).unwrap().name.as_str();
    let context = String::from_utf8_lossy(holding.context);
    // A second more or less is a matter of the life in which it is asked, and time passes in thousands.
    let (updated, expires) = ((holding.updated_seconds + 50) / 100, (holding.expires_seconds + 50) / 100);
    format!("{supplier} {updated} {expires} {context} {tags:?}")
}

fn export(snapshot: &Snapshot, selection: &Selection) -> BTreeMap<Vec<u8>, Vec<String>> {
    let mut rows: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    let show = |holding: Option<&SelectedHolding<'_>>| {
        if let Some(holding) = holding {
            rows.entry(holding.key.to_vec()).or_default().push(line(snapshot, holding));
        }
        Wanted::More
    };
    snapshot.select(selection, b"", show).unwrap();
    rows
}

impl Mirror {
    fn begin(filter: Filter, world: &World, now_seconds: u32) -> Self {
        let snapshot = world.store().snapshot();
        let selection = asked(filter, &snapshot, (snapshot.sequence(), 0), now_seconds).selection;
        let (commit, rows) = (snapshot.sequence(), export(&snapshot, &selection));
        Self { filter, commit, judged_seconds: now_seconds, rows }
    }

    /// Goes on by about so many commits; returns true if it got to the present, where it is compared.
    fn follow(&mut self, world: &World, now_seconds: u32, commits_max: u64) -> bool {
        let snapshot = world.store().snapshot();
        let since = (self.commit, self.judged_seconds);
        let asked = ChangesAsked { commits_max, ..asked(self.filter, &snapshot, since, now_seconds) };
        let changed = snapshot.changes(&asked).unwrap();
        assert!(self.commit <= changed.commit() && changed.commit() <= snapshot.sequence());
        let tell = |told: Changed<'_>| {
            match told {
                Changed::Shown(holding) => {
                    let lines = self.rows.entry(holding.key.to_vec()).or_default();
                    if holding.is_first {
                        lines.clear();
                    }
                    lines.push(line(&snapshot, holding));
                }
                Changed::Removed(key, _) => {
                    assert!(!key.starts_with(b"acme"), "told of what is another tenant's");
                    self.rows.remove(key);
                }
                Changed::Pause => {}
            }
            Wanted::More
        };
        changed.read(tell).unwrap();
        (self.commit, self.judged_seconds) = (changed.commit(), changed.judged_seconds());
        if self.commit < snapshot.sequence() {
            return false;
        }
        assert_eq!(self.judged_seconds, now_seconds);
        let want = export(&snapshot, &asked.selection);
        assert_eq!(self.rows, want, "{:?} since {since:?}", self.filter);
        true
    }
}

struct History {
    world: World,
    clock: Arc<StoppedClock>,
    draws: Draws,
    names: u64,
    mirrors: Vec<Mirror>,
}

impl History {
    fn new(seed: u64) -> Self {
        let (world, clock) = World::stopped(tuning_of(seed));
        world.store().add_tenant(&TenantName::parse("acme").unwrap()).unwrap();
        let filters = [
            Filter::All,
            Filter::All,
            Filter::Supplier("One"),
            Filter::Supplier("Two"),
            Filter::Tag("RED"),
            Filter::Tag("GREEN"),
            Filter::Sure,
            Filter::Late,
        ];
        let mut history = Self { world, clock, draws: Draws::new(seed), names: 0, mirrors: Vec::new() };
        for name in NAMES {
            history.world.create_supplier(name, RetentionMinutes::new(60_u32).unwrap());
        }
        for name in TAGS {
            history.add_tag(name);
        }
        let now_seconds = history.clock.now_seconds();
        history.mirrors =
            filters.map(|filter| Mirror::begin(filter, &history.world, now_seconds)).into_iter().collect();
        history
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draws.below(bound)
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn add_tag(&mut self, name: &str) {
        let (name, weight) = (TagName::parse(name).unwrap(), TagWeight::new(1_u8).unwrap());
        // It may be there.
        drop(self.world.change(CatalogueChange::CreateTag { name, weight }));
    }

    /// A slice of a few rows of a supplier.
    fn slice(
        &mut self,
        supplier: sluice_model::SupplierId,
        prefix: &str,
        is_feed: bool,
    ) -> sluice_store::Slice {
        let tags: Vec<TagId> = self.world.store().catalogue().tags().map(|tag| tag.id).collect();
        let mut slice = SliceBuilder::new();
        for _ in 0..=self.below(6) {
            let key = format!("{prefix}-{:02}", self.below(KEYS)).into_bytes();
            let context = format!("{{\"n\":{}}}", self.below(1_000)).into_bytes();
            let updated = self.world.store().stamp_seconds();
            let holding = match self.below(5) {
                0 if !is_feed => HoldingChange::Release,
                1 => HoldingChange::Hold { updated, context: None, spelling: &[] },
                _ => HoldingChange::Hold { updated, context: Some(&context), spelling: &[] },
            };
            let set: Vec<TagId> = tags.iter().copied().filter(|_| self.below(2) == 0).collect();
            let is_release = matches!(holding, HoldingChange::Release);
            let change =
                if is_release || self.below(2) == 0 { TagsChange::Keep } else { TagsChange::Replace(&set) };
            let mut row = Vec::new();
            encode(supplier, holding, change, &mut row);
            slice.push(&key, &row).unwrap();
        }
        slice.finish()
    }

    fn write(&mut self) {
        let tenant = if self.below(5) == 0 { "acme" } else { "key" };
        let catalogue = self.world.store().catalogue();
        let of = if tenant == "acme" { catalogue.tenant("acme").unwrap() } else { TenantId::GENERAL };
        let suppliers: Vec<_> = catalogue.suppliers(of).map(|supplier| supplier.id).collect();
        let supplier = self.one_of(&suppliers);
        // What another tenant holds may be what this one holds too.
        let prefix = if self.below(3) == 0 { "key" } else { tenant };
        for _ in 0..=self.below(3) {
            let write = self.world.store().begin_for(supplier).unwrap();
            write.append(0, self.slice(supplier, prefix, false)).unwrap();
            commit(write).unwrap();
        }
    }

    fn replace(&mut self) {
        let name = self.one_of(&NAMES);
        let Some(supplier) = self.world.supplier(name) else { return };
        let slices: Vec<_> = (0..=self.below(2)).map(|_| self.slice(supplier, "key", true)).collect();
        let mut feed = self.world.store().begin_feed().unwrap();
        feed.add(&slices).unwrap();
        self.world.store().replace(supplier, feed, 100, &|| true).unwrap();
    }

    fn change_supplier(&mut self) {
        let name = SupplierName::parse(self.one_of(&NAMES)).unwrap();
        let change = match self.below(5) {
            0 => CatalogueChange::RemoveSupplier { name },
            1 => {
                self.names += 1;
                let new = match self.below(2) {
                    0 => SupplierName::parse(self.one_of(&NAMES)).unwrap(),
                    _ => SupplierName::parse(&format!("Other{}", self.names)).unwrap(),
                };
                let patch = SupplierPatch { name: Some(new), ..SupplierPatch::default() };
                CatalogueChange::UpdateSupplier { tenant: TenantId::GENERAL, name, patch }
            }
            2 => {
                let confidence = Some(Confidence::new(self.one_of(&[40_u8, 60, 80])).unwrap());
                let patch = SupplierPatch { confidence, ..SupplierPatch::default() };
                CatalogueChange::UpdateSupplier { tenant: TenantId::GENERAL, name, patch }
            }
            3 => {
                let retention = Some(RetentionMinutes::new(self.one_of(&[10_u32, 60, 610])).unwrap());
                let patch = SupplierPatch { retention, ..SupplierPatch::default() };
                CatalogueChange::UpdateSupplier { tenant: TenantId::GENERAL, name, patch }
            }
            _ => {
                let enabled = Some(self.below(3) != 0);
                let patch = SupplierPatch { enabled, ..SupplierPatch::default() };
                CatalogueChange::UpdateSupplier { tenant: TenantId::GENERAL, name, patch }
            }
        };
        // The name may be nobody's, or taken.
        drop(self.world.change(change));
    }

    fn change_tag(&mut self) {
        let name = TagName::parse(self.one_of(&TAGS)).unwrap();
        let change = if self.below(2) == 0 {
            CatalogueChange::RemoveTag { name }
        } else {
            let patch = TagPatch { name: Some(TagName::parse(self.one_of(&TAGS)).unwrap()), weight: None };
            CatalogueChange::UpdateTag { name, patch }
        };
        drop(self.world.change(change));
    }

    fn step(&mut self) {
        let choice = self.below(40);
        println!("step {choice}");
        match choice {
            0 => {
                self.world.take().close();
                self.world.reopen();
            }
            1 | 2 => self.world.restart(),
            3..=5 => assert!(self.world.store().checkpoint()),
            6 | 7 => assert!(self.world.store().compact()),
            8..=10 => self.change_supplier(),
            11 => self.change_tag(),
            12 => {
                let name = self.one_of(&NAMES);
                if self.world.supplier(name).is_none() {
                    self.world.create_supplier(name, RetentionMinutes::new(60_u32).unwrap());
                }
                let name = self.one_of(&TAGS);
                self.add_tag(name);
            }
            13..=15 => self.clock.pass(1_000),
            16..=18 => self.replace(),
            _ => self.write(),
        }
        self.read_some();
    }

    fn read_some(&mut self) {
        let now_seconds = self.clock.now_seconds();
        for place in 0..self.mirrors.len() {
            let (is_read, commits_max) = (self.below(3) == 0, self.one_of(&[1, 4, 1_000]));
            if is_read {
                self.mirrors[place].follow(&self.world, now_seconds, commits_max);
            }
        }
    }

    fn end(&mut self) {
        let now_seconds = self.clock.now_seconds();
        for mirror in &mut self.mirrors {
            while !mirror.follow(&self.world, now_seconds, 3) {}
            // Who knows all is told nothing new.
            assert!(mirror.follow(&self.world, now_seconds, 3));
        }
    }
}

/// Says how many rows are told since a commit.
fn told_since(world: &World, commit: u64) -> Option<usize> {
    let snapshot = world.store().snapshot();
    let asked = asked(Filter::All, &snapshot, (commit, LATER), LATER);
    let mut count = 0;
    let tell = |told: Changed<'_>| {
        count += usize::from(!matches!(told, Changed::Pause));
        Wanted::More
    };
    snapshot.changes(&asked)?.read(tell).unwrap();
    Some(count)
}

#[test]
fn what_is_told_follows_what_has_changed() {
    // Nothing is flushed because of its age.
    let (world, _clock) = World::stopped(Tuning { flush_bytes: usize::MAX, ..Tuning::default() });
    let many: Vec<String> = (0..2_000).map(|number| format!("many-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "{}")).collect();
    world.put(&many);
    for is_flushed in [false, true] {
        if is_flushed {
            assert!(world.store().checkpoint());
        }
        let mut before = world.store().sequence();
        assert_eq!(told_since(&world, before), Some(0));
        // Slices of one row are joined with those before.
        for number in 0..20 {
            world.put(&[(&format!("one-{is_flushed}-{number}"), "{}")]);
            assert_eq!(told_since(&world, before), Some(1), "{number}");
            before = world.store().sequence();
        }
        assert_eq!(told_since(&world, before - 7), Some(7));
    }
    // From within a flush, all of it is told once more.
    let within = world.store().sequence() - 7;
    assert!(world.store().checkpoint());
    assert_eq!(told_since(&world, within), Some(20));
    assert_eq!(told_since(&world, world.store().sequence()), Some(0));
}

/// It changes no row and renews all; the log alone knows of it.
#[test]
fn a_replacement_is_told_after_a_kill() {
    let (mut world, clock) = World::stopped(Tuning { flush_bytes: usize::MAX, ..Tuning::default() });
    let supplier = world.supplier("Feed").unwrap();
    let rows = [("one", "{}"), ("two", "{}")];
    world.put_slice(world.slice_of("Feed", world.store().stamp_seconds(), &rows));
    assert!(world.store().checkpoint());
    clock.pass(60);
    let before = world.store().sequence();
    let mut feed = world.store().begin_feed().unwrap();
    feed.add(&[world.slice_of("Feed", 0, &rows)]).unwrap();
    assert_eq!(world.store().replace(supplier, feed, 0, &|| true).unwrap().unchanged, 2);
    assert_eq!(told_since(&world, before), Some(2));
    world.restart();
    assert_eq!(told_since(&world, before), Some(2));
    assert_eq!(told_since(&world, world.store().sequence()), Some(0));
}

#[test]
fn what_is_dropped_beside_commits_is_told_under_numbers_of_its_own() {
    let tuning = Tuning { flush_bytes: usize::MAX, part_bytes: 300, ..Tuning::default() };
    let (mut world, clock) = World::stopped(tuning);
    world.create_supplier("Short", RetentionMinutes::new(1_u32).unwrap());
    let keys: Vec<String> = (0..200).map(|number| format!("key-{number}")).collect();
    let rows: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "{}")).collect();
    let put = |world: &World| world.put_slice(world.slice_of("Short", world.store().stamp_seconds(), &rows));
    put(&world);
    let mut mirror = Mirror::begin(Filter::All, &world, clock.now_seconds());
    // With nothing below, a flush drops what has expired.
    clock.pass(120);
    assert!(world.store().checkpoint());
    assert!(mirror.follow(&world, clock.now_seconds(), u64::MAX));
    assert!(mirror.rows.is_empty());
    put(&world);
    assert!(world.store().checkpoint());
    assert!(mirror.follow(&world, clock.now_seconds(), u64::MAX));
    assert_eq!(mirror.rows.len(), 200);
    clock.pass(120);
    let before = world.store().sequence();
    assert!(world.store().compact());
    let after = world.store().sequence();
    assert!(before + 1 < after, "a number for each part");
    assert!(mirror.follow(&world, clock.now_seconds(), u64::MAX));
    // They are in no commit, and are not given again.
    world.restart();
    assert!(after <= world.store().sequence());
    put(&world);
    assert!(mirror.follow(&world, clock.now_seconds(), u64::MAX));
    assert_eq!(mirror.rows.len(), 200);
}

/// Ages go on while the clock of the day shows a second time what it has shown before.
#[test]
fn what_expires_while_the_clock_catches_up_is_told() {
    let (world, clock) = World::stopped(Tuning::default());
    world.create_supplier("Short", RetentionMinutes::new(1_u32).unwrap());
    world.put_slice(world.slice_of("Short", world.store().stamp_seconds(), &[("key", "{}")]));
    clock.pass(30);
    let mut mirror = Mirror::begin(Filter::All, &world, clock.now_seconds());
    assert_eq!(mirror.rows.len(), 1);
    clock.set_wrong(-45);
    clock.pass(46);
    assert!(mirror.follow(&world, clock.now_seconds(), u64::MAX));
    assert!(mirror.rows.is_empty());
}

#[test]
fn what_is_older_than_the_history_is_not_told() {
    // Each batch has a file of its own.
    let (mut world, _clock) = World::stopped(Tuning { history_bytes_max: 640, ..Tuning::default() });
    let first = world.store().sequence();
    for number in 0..40 {
        world.put(&[(&format!("key-{number}"), "{}")]);
        assert!(world.store().checkpoint());
    }
    let last = world.store().sequence();
    for _ in 0..2 {
        assert_eq!(told_since(&world, first), None);
        assert_eq!(told_since(&world, last - 5), Some(5));
        assert_eq!(told_since(&world, last + 1), None);
        world.restart();
    }
}

#[test]
fn copies_kept_by_changes_equal_what_is_selected() {
    let histories = std::env::var("SLUICE_CHANGES_HISTORIES").map_or(HISTORIES, |text| text.parse().unwrap());
    let first = std::env::var("SLUICE_CHANGES_SEED").map_or(1, |text| text.parse().unwrap());
    for seed in first..first + histories {
        println!("seed {seed}");
        let mut history = History::new(seed);
        for _ in 0..STEPS {
            history.step();
        }
        history.end();
    }
}
