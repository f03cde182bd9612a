//! A store in a throw-away directory, and the words in which the tests speak of it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TenantId, Vendor,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{
    ChangeError, Clock, OpenError, ReadError, Record, Slice, SliceBuilder, Snapshot, Store, StoreConfig,
    Tuning, Write, WriteError,
    catalogue::{CatalogueChange, SupplierSettings},
};
use tempfile::TempDir;

/// A second after which nothing expires during a test.
pub(crate) const LATER: u32 = 1_900_000_000;
/// Longest wait for something that must happen.
const WAIT: Duration = Duration::from_secs(30);

/// A clock that stands still until a test lets time pass, and may be wrong.
#[derive(Debug, Default)]
pub(crate) struct StoppedClock {
    passed_seconds: AtomicU32,
    wrong_seconds: AtomicI32,
}

impl StoppedClock {
    /// What it shows before any time has passed.
    pub(crate) const START: u32 = 1_800_000_000;

    pub(crate) fn pass(&self, seconds: u32) {
        self.passed_seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// How much has passed.
    pub(crate) fn passed(&self) -> u32 {
        self.passed_seconds.load(Ordering::SeqCst)
    }

    /// Sets the time of day wrong by so much; time goes on as it does.
    pub(crate) fn set_wrong(&self, seconds: i32) {
        self.wrong_seconds.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now_seconds(&self) -> u32 {
        (Self::START + self.passed()).saturating_add_signed(self.wrong_seconds.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.passed().into())
    }
}

/// What random histories draw from.
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % bound
    }
}

/// Small parts and tables for a random history. Every other one flushes with each commit. Of every third one, all replacements become
/// runs; of others, those that change much do.
pub(crate) fn tuning_of(seed: u64) -> Tuning {
    Tuning {
        flush_bytes: if seed.is_multiple_of(2) { 40_000 } else { 1 },
        part_bytes: 300,
        context_table_bytes_min: 200,
        replaced_bytes_written_max: [0, 300, 1 << 20][usize::try_from(seed % 3).unwrap()],
        ..Tuning::default()
    }
}

pub(crate) struct World {
    dir: TempDir,
    tuning: Tuning,
    clock: Option<Arc<StoppedClock>>,
    store: Option<Store>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::tuned(Tuning::default())
    }

    /// A world with one supplier, `Feed`, whose indicators live long.
    pub(crate) fn tuned(tuning: Tuning) -> Self {
        Self { tuning, ..Self::unborn() }.born()
    }

    /// The same, and time passes only when the test says so.
    pub(crate) fn stopped(tuning: Tuning) -> (Self, Arc<StoppedClock>) {
        let clock = Arc::new(StoppedClock::default());
        let world = Self { tuning, clock: Some(Arc::clone(&clock)), ..Self::unborn() };
        (world.born(), clock)
    }

    fn born(mut self) -> Self {
        self.reopen();
        self.create_supplier("Feed", RetentionMinutes::MAX);
        self
    }

    /// A world whose store was never opened.
    pub(crate) fn unborn() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), tuning: Tuning::default(), clock: None, store: None }
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Opens the directory; a failure of the store is for the test to see.
    pub(crate) fn try_open(&self) -> Result<Store, OpenError> {
        let mut config = StoreConfig { tuning: self.tuning, ..StoreConfig::at(self.data_dir()) };
        if let Some(clock) = &self.clock {
            config.clock = Arc::<StoppedClock>::clone(clock);
        }
        Store::open(config, Box::new(|cause| println!("the store failed: {cause}")))
    }

    /// Gives the store away.
    pub(crate) fn take(&mut self) -> Store {
        self.store.take().unwrap()
    }

    /// Ends the store's threads as a kill would, and gives the store up.
    pub(crate) fn halt(&mut self) {
        self.take().halt();
    }

    /// Opens a store that was given up.
    pub(crate) fn reopen(&mut self) {
        self.store = Some(self.try_open().unwrap());
    }

    pub(crate) fn restart(&mut self) {
        self.halt();
        self.reopen();
    }

    pub(crate) fn change(&self, change: CatalogueChange) -> Result<(), ChangeError> {
        let (done, answer) = mpsc::channel();
        self.store().change_catalogue(change, Box::new(move |outcome| done.send(outcome).unwrap()));
        answer.recv().unwrap()
    }

    pub(crate) fn create_supplier(&self, name: &str, retention: RetentionMinutes) {
        let settings = SupplierSettings {
            confidence: Confidence::new(50_u8).unwrap(),
            retention,
            vendor: Vendor::parse("").unwrap(),
            enabled: true,
            refang: false,
        };
        let name = SupplierName::parse(name).unwrap();
        self.change(CatalogueChange::CreateSupplier { name, settings }).unwrap();
    }

    pub(crate) fn supplier(&self, name: &str) -> Option<SupplierId> {
        self.store().catalogue().supplier(TenantId::GENERAL, name).map(|supplier| supplier.id)
    }

    /// A slice of `Feed`'s in which each key gets its context, in this order.
    pub(crate) fn slice(&self, rows: &[(&str, &str)]) -> Slice {
        self.slice_of("Feed", LATER, rows)
    }

    pub(crate) fn slice_of(&self, supplier: &str, updated: u32, rows: &[(&str, &str)]) -> Slice {
        let supplier = self.supplier(supplier).unwrap();
        let mut slice = SliceBuilder::new();
        for (key, context) in rows {
            let mut row = Vec::new();
            let holding = HoldingChange::Hold { updated, context: Some(context.as_bytes()), spelling: &[] };
            encode(supplier, holding, TagsChange::Keep, &mut row);
            slice.push(key.as_bytes(), &row).unwrap();
        }
        slice.finish()
    }

    /// One whole write of `Feed`'s.
    pub(crate) fn put(&self, rows: &[(&str, &str)]) {
        self.put_slice(self.slice(rows));
    }

    pub(crate) fn put_slice(&self, slice: Slice) {
        let write = self.store().begin().unwrap();
        write.append(0, slice).unwrap();
        commit(write).unwrap();
    }

    pub(crate) fn get(&self, key: &str) -> Option<String> {
        read(&self.store().snapshot(), key).unwrap()
    }
}

/// Waits for something that another thread brings about.
#[track_caller]
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + WAIT;
    while !is_so() {
        assert!(Instant::now() < give_up, "it did not happen");
        thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) fn commit(write: Write) -> Result<(), WriteError> {
    let (done, answer) = mpsc::channel();
    write.commit(Box::new(move |outcome| done.send(outcome).unwrap()));
    answer.recv().unwrap()
}

/// The context that an existing supplier has for a key.
pub(crate) fn read(snapshot: &Snapshot, key: &str) -> Result<Option<String>, ReadError> {
    let mut record = Record::new();
    if !snapshot.get(key.as_bytes(), &mut record)? {
        return Ok(None);
    }
    let mut known =
        record.holdings().filter(|holding| snapshot.catalogue().supplier_by_id(holding.supplier).is_some());
    Ok(known.next().map(|holding| String::from_utf8(holding.context.to_vec()).unwrap()))
}
