//! T7: random histories with restarts, checkpoints and merges, against a `BTreeMap`.
//!
//! The history is drawn from a printed seed. After every step that could matter, the store must hold exactly what
//! the model holds, by key, by supplier and by tag. `SLUICE_MODEL_HISTORIES` sets how many histories are run.

use std::{collections::BTreeMap, fmt::Write as _};

use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId, Vendor,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{
    ChangeError, Record, SelectedHolding, Selection, SingleThread, SliceBuilder, Snapshot, Store,
    StoreConfig, Tuning, Wanted, WriteError,
    catalogue::{CatalogueChange, SupplierSettings},
};
use tempfile::TempDir;

const HISTORIES: u64 = 16;
const STEPS: u64 = 60;
const KEYS: u64 = 40;

/// A small generator, so that a seed means the same history for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Value {
    /// By supplier: last update, context and spelling.
    holdings: BTreeMap<u32, (u32, Vec<u8>, Vec<u8>)>,
    tags: Vec<u32>,
    /// False after a time without holders: a merge may or may not have forgotten the tags.
    tags_are_certain: bool,
}

#[derive(Clone, Default)]
struct Model {
    values: BTreeMap<Vec<u8>, Value>,
}

struct World {
    dir: TempDir,
    store: Option<Store>,
    model: Model,
    dice: Dice,
    clock: u32,
    names: u64,
    flush_bytes: usize,
}

fn open(dir: &TempDir, flush_bytes: usize) -> Store {
    let tuning = Tuning { flush_bytes, part_bytes: 700, context_table_bytes_min: 300, ..Tuning::default() };
    let config = StoreConfig { tuning, ..StoreConfig::at(dir.path().join("data")) };
    Store::open(config, Box::new(|cause| panic!("the store failed: {cause}"))).unwrap()
}

fn change(store: &Store, change: CatalogueChange) -> Result<(), ChangeError> {
    let (done, answer) = std::sync::mpsc::channel();
    store.change_catalogue(change, Box::new(move |outcome| done.send(outcome).unwrap()));
    answer.recv().unwrap()
}

fn settings() -> SupplierSettings {
    SupplierSettings {
        confidence: Confidence::new(50_u8).unwrap(),
        retention: RetentionMinutes::MAX,
        vendor: Vendor::parse("").unwrap(),
        enabled: true,
        refang: false,
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Every other history is flushed whenever it can be.
        let flush_bytes = if seed.is_multiple_of(2) { 60_000 } else { 1 };
        let store = Some(open(&dir, flush_bytes));
        let clock = 1_900_000_000;
        let mut world =
            Self { dir, store, model: Model::default(), dice: Dice(seed), clock, names: 0, flush_bytes };
        for _ in 0..3 {
            world.add_supplier();
            world.add_tag();
        }
        world
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn suppliers(&self) -> Vec<SupplierId> {
        self.store().catalogue().suppliers(TenantId::GENERAL).map(|supplier| supplier.id).collect()
    }

    fn tags(&self) -> Vec<TagId> {
        self.store().catalogue().tags().map(|tag| tag.id).collect()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.dice.below(of.len() as u64)).unwrap()]
    }

    fn add_supplier(&mut self) {
        self.names += 1;
        let name = SupplierName::parse(&format!("S{}", self.names)).unwrap();
        change(self.store(), CatalogueChange::CreateSupplier { name, settings: settings() }).unwrap();
    }

    fn add_tag(&mut self) {
        self.names += 1;
        let name = TagName::parse(&format!("T{}", self.names)).unwrap();
        let weight = TagWeight::new(1_u8).unwrap();
        change(self.store(), CatalogueChange::CreateTag { name, weight }).unwrap();
    }

    /// One write of several slices, which the model takes over only when it is committed while its supplier exists.
    fn write(&mut self) {
        let (suppliers, tags) = (self.suppliers(), self.tags());
        let supplier = self.pick(&suppliers);
        let write = self.store().begin_for(supplier).unwrap();
        let is_committed = self.dice.below(8) != 0;
        let mut model = self.model.clone();
        self.clock += 1;
        for index in 0..=self.dice.below(3) {
            let mut slice = SliceBuilder::new();
            for _ in 0..=self.dice.below(12) {
                let key = format!("key-{:02}", self.dice.below(KEYS)).into_bytes();
                let context = format!("{{\"n\":{}}}", self.dice.next()).into_bytes();
                let spelling = self.dice.next().to_be_bytes();
                let spelling = if self.dice.below(3) == 0 { &spelling[..] } else { &[] };
                let holding = match self.dice.below(5) {
                    0 => HoldingChange::Release,
                    1 => HoldingChange::Hold { updated: self.clock, context: None, spelling },
                    _ => HoldingChange::Hold { updated: self.clock, context: Some(&context), spelling },
                };
                let count = self.dice.below(3);
                let set: Vec<TagId> =
                    if tags.is_empty() { Vec::new() } else { (0..count).map(|_| self.pick(&tags)).collect() };
                let is_release = matches!(holding, HoldingChange::Release);
                let change = if is_release || self.dice.below(2) == 0 {
                    TagsChange::Keep
                } else {
                    TagsChange::Replace(&set)
                };
                let mut row = Vec::new();
                encode(supplier, holding, change, &mut row);
                slice.push(&key, &row).unwrap();
                model.apply(&key, supplier, holding, change);
            }
            write.append(u32::try_from(index).unwrap(), slice.finish()).unwrap();
        }
        if self.dice.below(8) == 0 {
            self.remove_supplier();
            self.add_supplier();
        }
        if is_committed {
            let (done, answer) = std::sync::mpsc::channel();
            write.commit(Box::new(move |outcome| done.send(outcome).unwrap()));
            match answer.recv().unwrap() {
                Err(WriteError::NoSupplier) => assert!(!self.suppliers().contains(&supplier)),
                outcome => {
                    outcome.unwrap();
                    assert!(self.suppliers().contains(&supplier), "a success for what is nowhere");
                    for name in suppliers.iter().filter(|name| !self.suppliers().contains(*name)) {
                        model.remove_supplier(*name);
                    }
                    self.model = model;
                }
            }
        }
    }

    fn restart(&mut self, is_clean: bool) {
        let store = self.store.take().unwrap();
        if is_clean {
            store.close();
        } else {
            store.halt();
        }
        drop(store);
        self.store = Some(open(&self.dir, self.flush_bytes));
        println!("reopened {:?}", self.store().figures());
    }

    fn remove_supplier(&mut self) {
        let named: Vec<_> = self
            .store()
            .catalogue()
            .suppliers(TenantId::GENERAL)
            .filter(|supplier| !supplier.is_built_in())
            .map(|supplier| (supplier.id, supplier.name.clone()))
            .collect();
        if named.len() < 2 {
            return;
        }
        let (id, name) = named[usize::try_from(self.dice.below(named.len() as u64)).unwrap()].clone();
        change(self.store(), CatalogueChange::RemoveSupplier { name }).unwrap();
        self.model.remove_supplier(id);
    }

    fn remove_tag(&mut self) {
        let Some((id, name)) = self.store().catalogue().tags().next().map(|tag| (tag.id, tag.name.clone()))
        else {
            return;
        };
        change(self.store(), CatalogueChange::RemoveTag { name }).unwrap();
        for value in self.model.values.values_mut() {
            value.tags.retain(|tag| *tag != id.0);
        }
    }

    fn step(&mut self) {
        let choice = self.dice.below(30);
        println!("step {choice} figures {:?}", self.store().figures());
        match choice {
            0 => self.restart(true),
            1 | 2 => self.restart(false),
            3 | 4 => assert!(self.store().checkpoint()),
            5 => assert!(self.store().compact()),
            6 => self.remove_supplier(),
            7 => self.add_supplier(),
            8 => self.remove_tag(),
            9 => self.add_tag(),
            _ => self.write(),
        }
        self.check();
    }

    fn check(&self) {
        let snapshot = self.store().snapshot();
        let catalogue = snapshot.catalogue();
        let mut record = Record::new();
        let mut held_keys = Vec::new();
        for number in 0..KEYS {
            let key = format!("key-{number:02}").into_bytes();
            let mut seen = Value::default();
            if snapshot.get(&key, &mut record).unwrap() {
                for holding in record.holdings() {
                    if catalogue.supplier_by_id(holding.supplier).is_some() {
                        let (context, spelling) = (holding.context.to_vec(), holding.spelling.to_vec());
                        seen.holdings.insert(holding.supplier.0, (holding.updated, context, spelling));
                    }
                }
                seen.tags = record
                    .tags()
                    .filter(|tag| catalogue.tag_by_id(*tag).is_some())
                    .map(|tag| tag.0)
                    .collect();
            }
            let want = self.model.values.get(&key).cloned().unwrap_or_default();
            assert_eq!(seen.holdings, want.holdings, "holdings of {number}");
            if want.holdings.is_empty() {
                continue;
            }
            held_keys.push(key);
            if want.tags_are_certain {
                assert_eq!(seen.tags, want.tags, "tags of {number}");
            }
        }
        self.check_indexes(&held_keys);
        check_bulk(&snapshot);
    }

    /// D5: what the posting lists find is what the records say.
    fn check_indexes(&self, held_keys: &[Vec<u8>]) {
        let snapshot = self.store().snapshot();
        self.check_selected(&snapshot, &self.suppliers(), &[]);
        let mut scanned = Vec::new();
        snapshot
            .scan(|key, record| {
                if record
                    .holdings()
                    .any(|holding| snapshot.catalogue().supplier_by_id(holding.supplier).is_some())
                {
                    scanned.push(key.to_vec());
                }
            })
            .unwrap();
        assert_eq!(scanned, held_keys);
        for supplier in self.suppliers() {
            let holds = |key: &Vec<u8>| self.model.values[key].holdings.contains_key(&supplier.0);
            let want: Vec<_> = held_keys.iter().filter(|key| holds(key)).cloned().collect();
            assert_eq!(snapshot.keys_of_supplier(supplier).unwrap(), want);
            self.check_selected(&snapshot, &[supplier], &[]);
        }
        for tag in self.tags() {
            let listed = snapshot.keys_of_tag(tag).unwrap();
            self.check_selected(&snapshot, &self.suppliers(), &[tag]);
            for key in held_keys.iter().filter(|key| self.model.values[*key].tags_are_certain) {
                let want = self.model.values[key].tags.contains(&tag.0);
                assert_eq!(listed.contains(key), want, "{}", String::from_utf8_lossy(key));
            }
        }
    }
}

impl World {
    /// A selection shows what the model says of it, and goes on behind any row.
    fn check_selected(&self, snapshot: &Snapshot, suppliers: &[SupplierId], tags: &[TagId]) {
        let is_selected = |value: &Value| {
            let has_holder = suppliers.iter().any(|supplier| value.holdings.contains_key(&supplier.0));
            has_holder && (tags.is_empty() || tags.iter().any(|tag| value.tags.contains(&tag.0)))
        };
        let mut known = suppliers.to_vec();
        known.sort_unstable();
        // Whether a row without certain tags has one is not known.
        let is_certain = |value: &Value| tags.is_empty() || value.tags_are_certain;
        let mut want = String::new();
        for (key, value) in &self.model.values {
            if is_certain(value) && is_selected(value) {
                for (supplier, (updated, context, spelling)) in &value.holdings {
                    if suppliers.contains(&SupplierId(*supplier)) {
                        let tags = if value.tags_are_certain { &value.tags[..] } else { &[] };
                        writeln!(want, "{key:?} {supplier} {updated} {context:?} {spelling:?} {tags:?}")
                            .unwrap();
                    }
                }
            }
        }
        for rows_max in [u64::MAX, 3] {
            let (mut seen, mut after) = (String::new(), Vec::new());
            loop {
                let (mut rows, mut was_last) = (0, true);
                let selection = Selection {
                    suppliers: known.iter().map(|supplier| (*supplier, u64::MAX / 2)).collect(),
                    tags: tags.to_vec(),
                    rows_max,
                    now_seconds: self.clock,
                    ..Selection::default()
                };
                let before = after.clone();
                let show = |shown: Option<&SelectedHolding<'_>>| {
                    let Some(shown) = shown else { return Wanted::More };
                    let value = &self.model.values[shown.key];
                    assert_eq!(shown.is_first, was_last);
                    assert!(before.as_slice() < shown.key);
                    was_last = shown.is_last;
                    rows += u64::from(shown.is_last);
                    after = shown.key.to_vec();
                    if is_certain(value) {
                        let tags = shown.tags().map(|tag| tag.0).filter(|_| value.tags_are_certain);
                        let tags: Vec<u32> = tags
                            .filter(|tag| snapshot.catalogue().tag_by_id(TagId(*tag)).is_some())
                            .collect();
                        let updated = value.holdings[&shown.supplier.0].0;
                        writeln!(
                            seen,
                            "{:?} {} {updated} {:?} {:?} {tags:?}",
                            shown.key, shown.supplier.0, shown.context, shown.spelling
                        )
                        .unwrap();
                    }
                    Wanted::More
                };
                snapshot.select(&selection, &before, show).unwrap();
                assert!(was_last && rows <= rows_max);
                if rows < rows_max {
                    break;
                }
            }
            assert_eq!(seen, want);
        }
    }
}

/// Reading many keys, some of them twice and none in order, says what reading one after the other says.
fn check_bulk(snapshot: &Snapshot) {
    let keys: Vec<Vec<u8>> =
        (0..2 * KEYS).map(|step| format!("key-{:02}", step * 37 % (KEYS + 5)).into_bytes()).collect();
    let borrowed: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let rows = snapshot.read_rows(&borrowed, usize::MAX, &SingleThread).unwrap().unwrap();
    let mut named: Vec<_> =
        rows.iter().flat_map(|row| row.holdings()).filter_map(|holding| holding.context).collect();
    named.reverse();
    let texts = snapshot.read_contexts(&named, usize::MAX, &SingleThread).unwrap().unwrap();
    let mut unread = (0..named.len()).rev();
    let read: Vec<_> = rows
        .iter()
        .map(|row| {
            let holdings = row.holdings().map(|holding| {
                let context = holding.context.and_then(|_name| unread.next()).map(|place| texts.get(place));
                (holding.supplier, holding.updated, context.unwrap_or_default().to_vec())
            });
            (holdings.collect::<Vec<_>>(), row.tags().collect::<Vec<_>>())
        })
        .collect();
    let numbers = rows.into_numbers();
    let mut record = Record::new();
    for (place, key) in keys.iter().enumerate() {
        let is_held = snapshot.get(key, &mut record).unwrap();
        let holdings =
            record.holdings().map(|holding| (holding.supplier, holding.updated, holding.context.to_vec()));
        let want = (holdings.collect::<Vec<_>>(), record.tags().collect::<Vec<_>>());
        let row = numbers.get(place).map(|number| read[number].clone());
        assert_eq!(row.filter(|(holdings, _)| !holdings.is_empty()), is_held.then_some(want), "key {place}");
        assert!(snapshot.may_hold(key) || !is_held);
    }
}

impl Model {
    fn apply(&mut self, key: &[u8], supplier: SupplierId, holding: HoldingChange<'_>, tags: TagsChange<'_>) {
        let value = self.values.entry(key.to_vec()).or_default();
        if value.holdings.is_empty() {
            value.tags_are_certain = value.tags.is_empty() && value == &Value::default();
        }
        match holding {
            HoldingChange::Release => {
                value.holdings.remove(&supplier.0);
            }
            HoldingChange::Hold { updated, context, spelling } => {
                let kept =
                    value.holdings.remove(&supplier.0).map(|(_, context, _)| context).unwrap_or_default();
                let context = context.map_or(kept, <[u8]>::to_vec);
                value.holdings.insert(supplier.0, (updated, context, spelling.to_vec()));
            }
        }
        if let TagsChange::Replace(ids) = tags {
            value.tags = ids.iter().map(|id| id.0).collect();
            value.tags_are_certain = true;
        }
        if value.holdings.is_empty() {
            value.tags_are_certain = false;
        }
    }

    fn remove_supplier(&mut self, id: SupplierId) {
        for value in self.values.values_mut() {
            value.holdings.remove(&id.0);
            if value.holdings.is_empty() {
                value.tags_are_certain = false;
            }
        }
    }
}

#[test]
fn random_histories_match_the_model() {
    let histories = std::env::var("SLUICE_MODEL_HISTORIES").map_or(HISTORIES, |text| text.parse().unwrap());
    let first = std::env::var("SLUICE_MODEL_SEED").map_or(1, |text| text.parse().unwrap());
    for seed in first..first + histories {
        println!("seed {seed}");
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.check();
        world.restart(false);
        world.check();
    }
}
