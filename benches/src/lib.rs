//! What the benches share: a feed file as rows, ready to be stored, and a store to put them in.
//!
//! In: a file of one JSON object a line, as `PUT indicators` takes them. Out: rows with their normal form, so that
//! a bench of storing does not time the parsing. Benches are not tests: nothing here asserts a time.

pub mod measured;
pub mod networks;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    sync::mpsc,
};

use anyhow::Context as _;
use serde_json::Value;
use sluice_model::{
    Confidence, Indicator, RetentionMinutes, SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId,
    Vendor,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{
    Slice, SliceBuilder, Store, StoreConfig,
    catalogue::{CatalogueChange, SupplierSettings},
};
use tempfile::TempDir;

/// Rows of a slice: about a mebibyte of JSON.
pub const SLICE_ROWS: usize = 4_500;
/// Slices of a commit: about a maximal body.
const COMMIT_SLICES: usize = 130;

/// Which feed, and how much of it.
#[derive(Debug, clap::Args)]
pub struct Feed {
    /// File of one JSON object a line.
    #[arg(long)]
    feed: PathBuf,
    /// Rows at most.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
}

impl Feed {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// As [`read_feed`].
    pub fn read(&self) -> anyhow::Result<Vec<FeedRow>> {
        read_feed(&self.feed, self.rows)
    }
}

/// One element of the feed.
#[derive(Clone, Debug)]
pub struct FeedRow {
    /// Key of the indicator.
    pub key: Vec<u8>,
    /// JSON text of the context; empty without one.
    pub context: Vec<u8>,
    /// Numbers of its tags, by first appearance in the feed.
    pub tags: Vec<u32>,
}

impl FeedRow {
    /// Appends the row of pushing it to `encoded`.
    pub fn encode(&self, supplier: SupplierId, updated: u32, encoded: &mut Vec<u8>) {
        let tags: Vec<TagId> = self.tags.iter().copied().map(TagId).collect();
        let holding = HoldingChange::Hold { updated, context: Some(&self.context), spelling: &[] };
        encode(supplier, holding, TagsChange::Replace(&tags), encoded);
    }
}

/// Reads at most `rows_max` elements; those that are not indicators are left out.
///
/// # Errors
///
/// When the file cannot be read or a line is not a JSON object.
pub fn read_feed(path: &Path, rows_max: usize) -> anyhow::Result<Vec<FeedRow>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    rows_of(BufReader::new(file).lines().take(rows_max).map(|line| Ok(line?)))
}

/// Takes the first `rows_max` rows of the feed for a bench: those of the file that `SLUICE_FEED` names, or rows that
/// are made up.
///
/// # Errors
///
/// As [`read_feed`].
pub fn bench_rows(rows_max: usize) -> anyhow::Result<Vec<FeedRow>> {
    match std::env::var_os("SLUICE_FEED") {
        Some(path) => read_feed(Path::new(&path), rows_max),
        None => rows_of(made_up_feed(rows_max).lines().map(|line| Ok(line.to_owned()))),
    }
}

/// Makes up the rows of these numbers, always the same of each.
///
/// # Errors
///
/// None that can happen.
pub fn made_up_rows(numbers: impl Iterator<Item = u64>) -> anyhow::Result<Vec<FeedRow>> {
    rows_of(numbers.map(|number| {
        let mut line = String::new();
        test_support::feed::write_row(1, number, &mut line);
        Ok(line)
    }))
}

/// Makes rows up in the likeness of a real feed, one object a line, always the same ones.
pub fn made_up_feed(rows_count: usize) -> String {
    let mut feed = String::new();
    for number in 0..rows_count as u64 {
        test_support::feed::write_row(1, number, &mut feed);
        feed.push('\n');
    }
    feed
}

fn rows_of(lines: impl Iterator<Item = anyhow::Result<String>>) -> anyhow::Result<Vec<FeedRow>> {
    let mut tags = BTreeMap::new();
    let mut rows = Vec::new();
    for line in lines {
        let element: Value = serde_json::from_str(&line?)?;
        let text = element.get("indicator").and_then(Value::as_str).unwrap_or_default();
        let Ok(indicator) = Indicator::parse(text) else { continue };
        let names = element.get("tags").and_then(Value::as_array).into_iter().flatten();
        let numbers = names.filter_map(Value::as_str).map(|name| {
            let next = u32::try_from(tags.len() + 1).unwrap_or(u32::MAX);
            *tags.entry(name.to_owned()).or_insert(next)
        });
        rows.push(FeedRow {
            key: indicator.key().to_vec(),
            context: element.get("context").map(ToString::to_string).unwrap_or_default().into_bytes(),
            tags: numbers.collect(),
        });
    }
    Ok(rows)
}

/// Opens a store in `dir` with sizes as in service; should it fail later, it says so.
///
/// # Errors
///
/// When the store cannot be opened.
#[expect(clippy::print_stdout, reason = "a bench has nowhere else to report to")]
pub fn open(dir: &Path) -> anyhow::Result<Store> {
    let config = StoreConfig::at(dir);
    Ok(Store::open(config, Box::new(|cause| println!("the store failed: {cause}")))?)
}

/// Opens a store in a throw-away directory, which goes with the first of the two.
///
/// # Errors
///
/// When the directory cannot be made or the store cannot be opened.
pub fn scratch_store() -> anyhow::Result<(TempDir, Store)> {
    let dir = tempfile::tempdir()?;
    let store = open(dir.path())?;
    Ok((dir, store))
}

/// Makes tags known, in this order: a store forgets those that it does not know.
///
/// # Errors
///
/// When a name is not one of a tag, or the store refuses a change.
pub fn create_tags(store: &Store, names: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let (done, answers) = mpsc::channel();
    for name in names {
        let done = done.clone();
        let change =
            CatalogueChange::CreateTag { name: TagName::parse(&name)?, weight: TagWeight::new(1_u8)? };
        let told = Box::new(move |outcome| {
            let _is_heard = done.send(outcome);
        });
        store.change_catalogue(change, told);
    }
    drop(done);
    answers.iter().try_for_each(|answer| Ok(answer?))
}

/// Creates a supplier whose indicators live for a day.
///
/// # Errors
///
/// When the store refuses it.
pub fn create_supplier(store: &Store, name: &str) -> anyhow::Result<SupplierId> {
    let settings = SupplierSettings {
        confidence: Confidence::new(50_u8)?,
        retention: RetentionMinutes::new(1_440_u32)?,
        vendor: Vendor::parse("")?,
        enabled: true,
        refang: false,
    };
    let change = CatalogueChange::CreateSupplier { name: SupplierName::parse(name)?, settings };
    let (done, answer) = mpsc::channel();
    store.change_catalogue(change, Box::new(move |outcome| drop(done.send(outcome))));
    answer.recv()??;
    let made = store.catalogue().supplier(TenantId::GENERAL, name).map(|supplier| supplier.id);
    made.context("the supplier is not there")
}

/// Pushes rows as one supplier's, in commits of about a maximal body; returns when all are durable.
///
/// # Errors
///
/// When the store refuses a write.
pub fn push(store: &Store, rows: &[FeedRow], supplier: SupplierId, updated: u32) -> anyhow::Result<()> {
    rows.chunks(SLICE_ROWS * COMMIT_SLICES).try_for_each(|body| commit(store, body, supplier, updated))
}

fn commit(store: &Store, rows: &[FeedRow], supplier: SupplierId, updated: u32) -> anyhow::Result<()> {
    let write = store.begin()?;
    for (index, rows) in (0..).zip(rows.chunks(SLICE_ROWS)) {
        write.append(index, slice(rows, supplier, updated)?)?;
    }
    let (done, answer) = mpsc::channel();
    write.commit(Box::new(move |outcome| {
        let _is_heard = done.send(outcome);
    }));
    Ok(answer.recv()??)
}

/// Makes a slice of rows.
///
/// # Errors
///
/// When the store refuses a row.
pub fn slice(rows: &[FeedRow], supplier: SupplierId, updated: u32) -> anyhow::Result<Slice> {
    let mut slice = SliceBuilder::new();
    let mut encoded = Vec::new();
    for row in rows {
        encoded.clear();
        row.encode(supplier, updated, &mut encoded);
        slice.push(&row.key, &encoded)?;
    }
    Ok(slice.finish())
}
