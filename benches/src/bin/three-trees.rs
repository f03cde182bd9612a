//! The reference that Sluice is measured against: a plain three-tree insert into sled.
//!
//! In: a feed file. Out: the rate of storing its rows, one `insert` each into a tree of records and into indexes by
//! supplier and by tag, durable at the end. The rows are read and normalized beforehand and not timed, which
//! favors the reference: Sluice's own rate includes HTTP and JSON.

use std::{fs::File, time::Instant};

use clap::Parser;
use sluice_benches::{Feed, FeedRow};

/// Stores a feed in three plain sled trees and prints the rate.
#[derive(Parser)]
struct ThreeTrees {
    #[command(flatten)]
    feed: Feed,
}

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn main() -> anyhow::Result<()> {
    let arguments = ThreeTrees::parse();
    let rows = arguments.feed.read()?;
    let dir = tempfile::tempdir()?;
    let started = Instant::now();
    store(dir.path(), &rows)?;
    let seconds = started.elapsed().as_secs_f64();
    let disk_bytes = std::fs::metadata(dir.path().join("db"))?.len();
    let figures = serde_json::json!({
        "rows": rows.len(),
        "seconds": seconds,
        "indicators_per_second": f64::from(u32::try_from(rows.len())?) / seconds,
        "disk_bytes": disk_bytes,
    });
    println!("{figures}");
    Ok(())
}

fn store(dir: &std::path::Path, rows: &[FeedRow]) -> anyhow::Result<()> {
    const SUPPLIER: [u8; 4] = 1_u32.to_be_bytes();
    let db = sled::open(dir)?;
    let (records, suppliers, tags) =
        (db.open_tree("records")?, db.open_tree("suppliers")?, db.open_tree("tags")?);
    for row in rows {
        records.insert(&row.key, row.context.as_slice())?;
        suppliers.insert([SUPPLIER.as_slice(), &row.key].concat(), &[])?;
        for tag in &row.tags {
            tags.insert([tag.to_be_bytes().as_slice(), &row.key].concat(), &[])?;
        }
    }
    db.flush()?;
    // sled's flush does not reach the disk; Sluice's answers do.
    File::open(dir.join("db"))?.sync_all()?;
    Ok(())
}
