//! The store alone, without HTTP and JSON: rate and bytes of pushing a feed several times.
//!
//! In: a feed file. Out: for each push the rate until durable, and the bytes of log and trees after a checkpoint.

use std::time::Instant;

use clap::Parser;
use sluice_benches::{Feed, scratch_store};
use sluice_model::SupplierId;

/// Pushes a feed into the store and prints what it cost.
#[derive(Parser)]
struct StorePush {
    #[command(flatten)]
    feed: Feed,
    /// How often the feed is pushed.
    #[arg(long, default_value_t = 3)]
    pushes: u32,
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn main() -> anyhow::Result<()> {
    let arguments = StorePush::parse();
    let rows = arguments.feed.read()?;
    let (_dir, store) = scratch_store()?;
    for push in 0..arguments.pushes {
        let started = Instant::now();
        sluice_benches::push(&store, &rows, SupplierId(1), 1_900_000_000 + push)?;
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
