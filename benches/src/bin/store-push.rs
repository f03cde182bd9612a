//! The store alone, without HTTP and JSON: rate and bytes of pushing a feed several times.
//!
//! In: a feed file. Out: for each push the rate until durable, and the bytes of log and trees after a checkpoint.

use std::{sync::mpsc, time::Instant};

use clap::Parser;
use sluice_benches::{Feed, FeedRow};
use sluice_model::{
    SupplierId, TagId,
    operation::{HoldingChange, TagsChange, encode},
};
use sluice_store::{Slice, SliceBuilder, Store, StoreConfig, Tuning};

/// Rows of a slice: about a mebibyte of JSON.
const SLICE_ROWS: usize = 4_500;
/// Slices of a commit: about a maximal body.
const COMMIT_SLICES: usize = 130;

/// Pushes a feed into the store and prints what it cost.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    feed: Feed,
    /// How often the feed is pushed.
    #[arg(long, default_value_t = 3)]
    pushes: u32,
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let rows = arguments.feed.read()?;
    let dir = tempfile::tempdir()?;
    let config = StoreConfig {
        data_dir: dir.path().to_owned(),
        disk_reserve_bytes: 0,
        tenants: Vec::new(),
        tuning: Tuning::default(),
    };
    let store = Store::open(config, Box::new(|cause| println!("the store failed: {cause}")))?;
    for push in 0..arguments.pushes {
        let started = Instant::now();
        for body in rows.chunks(SLICE_ROWS * COMMIT_SLICES) {
            commit(&store, body, 1_900_000_000 + push)?;
        }
        let durable = started.elapsed().as_secs_f64();
        store.checkpoint();
        let settled = started.elapsed().as_secs_f64();
        let figures = store.figures();
        let rate = f64::from(u32::try_from(rows.len())?) / durable;
        println!(
            "push {push}: {rate:.0} rows/s durable in {durable:.2} s, checkpoint after {settled:.2} s, {figures:?}"
        );
    }
    let started = Instant::now();
    store.compact();
    println!("compacted in {:.2} s, {:?}", started.elapsed().as_secs_f64(), store.figures());
    store.close();
    Ok(())
}

fn commit(store: &Store, rows: &[FeedRow], updated: u32) -> anyhow::Result<()> {
    let write = store.begin()?;
    for (index, rows) in (0..).zip(rows.chunks(SLICE_ROWS)) {
        write.append(index, slice(rows, updated))?;
    }
    let (done, answer) = mpsc::channel();
    write.commit(Box::new(move |outcome| {
        let _is_heard = done.send(outcome);
    }));
    Ok(answer.recv()??)
}

fn slice(rows: &[FeedRow], updated: u32) -> Slice {
    let mut slice = SliceBuilder::new();
    let (mut encoded, mut tags) = (Vec::new(), Vec::new());
    for row in rows {
        tags.clear();
        tags.extend(row.tags.iter().copied().map(TagId));
        encoded.clear();
        let holding = HoldingChange::Hold { updated, context: Some(&row.context) };
        encode(SupplierId(1), holding, TagsChange::Replace(&tags), &mut encoded);
        slice.push(&row.key, &encoded);
    }
    slice.finish()
}
