//! A large supplier replaced by a feed of which little has changed: time, bytes written, memory.
//!
//! In: how many rows, and what part of them changes. Out: of the first push, of gathering the feed, of a plan and of the
//! replacement the time, the bytes that the process had written to disks, and its anonymous memory at most, above that before.
//! The rows are made up. What is gathered is written to the spool, so it counts among the bytes. What follows the push is done by a
//! process of its own: in that of the push, it would be done in memory that the push has left.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use clap::Parser;
use sluice_benches::{FeedRow, create_supplier, made_up_rows, measured::measured, slice};
use sluice_model::{SupplierId, TenantId};
use sluice_store::{Feed, FeedMode, Store};

/// Replaces a supplier and prints what it cost.
#[derive(Parser)]
struct Replace {
    /// Rows that the supplier holds.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// In place of how many of a thousand rows the feed has others.
    #[arg(long, default_value_t = 10)]
    changed_permille: u64,
    /// Where the supplier is, if it was pushed already.
    #[arg(long)]
    pushed: Option<PathBuf>,
}

/// The supplier.
const SUPPLIER: &str = "Whole";

/// Rows that are made at a time: a step of 16 MiB has about as many.
const STEP_ROWS: u64 = 72_000;

fn main() -> anyhow::Result<()> {
    let arguments = Replace::parse();
    if let Some(dir) = &arguments.pushed {
        return arguments.replace(dir);
    }
    let dir = tempfile::tempdir()?;
    let store = sluice_benches::open(dir.path())?;
    let supplier = create_supplier(&store, SUPPLIER)?;
    measured("push", || arguments.push(&store, supplier))?;
    anyhow::ensure!(measured("compact", || Ok(store.compact()))?, "the disk is full");
    store.close();
    drop(store);
    let mut rest = Command::new(env::current_exe()?);
    rest.args(env::args_os().skip(1)).arg("--pushed").arg(dir.path());
    anyhow::ensure!(rest.status()?.success(), "the supplier was not replaced");
    Ok(())
}

impl Replace {
    #[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
    fn replace(&self, dir: &Path) -> anyhow::Result<()> {
        let store = sluice_benches::open(dir)?;
        let supplier =
            store.catalogue().supplier(TenantId::GENERAL, SUPPLIER).context("nothing was pushed")?.id;
        let feed = measured("gather", || self.gather(&store, supplier))?;
        let is_wanted = || true;
        let planned = measured("plan", || Ok(store.plan(supplier, &feed, FeedMode::Replace, &is_wanted)?))?;
        let changes = measured("replace", || Ok(store.replace(supplier, feed, 100, &is_wanted)?))?;
        anyhow::ensure!(planned == changes, "{planned:?} was planned, and done was {changes:?}");
        println!("{changes:?}, {:?}", store.figures());
        store.close();
        Ok(())
    }

    fn push(&self, store: &Store, supplier: SupplierId) -> anyhow::Result<()> {
        self.steps(0)
            .try_for_each(|rows| sluice_benches::push(store, &rows?, supplier, store.stamp_seconds()))
    }

    fn gather(&self, store: &Store, supplier: SupplierId) -> anyhow::Result<Feed> {
        let mut feed = store.begin_feed()?;
        for rows in self.steps(self.changed_permille) {
            let slices: anyhow::Result<Vec<_>> = rows?
                .chunks(sluice_benches::SLICE_ROWS)
                .map(|rows| slice(rows, supplier, store.stamp_seconds()))
                .collect();
            feed.add(&slices?)?;
        }
        Ok(feed)
    }

    /// The rows, some at a time, of which so many of a thousand are others.
    fn steps(&self, changed_permille: u64) -> impl Iterator<Item = anyhow::Result<Vec<FeedRow>>> + use<> {
        let rows = self.rows;
        let number = move |row: u64| if row % 1_000 < changed_permille { row + rows } else { row };
        (0..rows.div_ceil(STEP_ROWS)).map(move |step| {
            let from = step * STEP_ROWS;
            made_up_rows((from..rows.min(from + STEP_ROWS)).map(number))
        })
    }
}
