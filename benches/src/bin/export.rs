//! What is stored read back: all of it, and what one of many suppliers holds.
//!
//! In: how many suppliers, and how many rows each of them has. Out: the time of reading, and anonymous memory at most above that before. Rows are
//! read as exports read them, and not written as text. They are made up; those of all suppliers stand among each other.

use clap::Parser;
use sluice_benches::{create_supplier, made_up_rows, measured::measured, push, scratch_store};
use sluice_model::SupplierId;
use sluice_store::{Selection, Store, Wanted};

/// Reads everything, then what one supplier holds, and prints what it cost.
#[derive(Parser, Clone, Copy)]
struct Export {
    /// Suppliers.
    #[arg(long, default_value_t = 20)]
    suppliers: u64,
    /// Rows that each of them holds.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
}

/// Rows that are made at a time.
const STEP_ROWS: u64 = 100_000;

#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
fn main() -> anyhow::Result<()> {
    let arguments = Export::parse();
    let (_dir, store) = scratch_store()?;
    let mut suppliers = Vec::new();
    for number in 0..arguments.suppliers {
        suppliers.push(create_supplier(&store, &format!("Feed{number}"))?);
    }
    measured("push", || arguments.push(&store, &suppliers))?;
    println!("{:?}", store.figures());
    for pass in ["all", "all again"] {
        let (rows, bytes) = measured(pass, || read(&store, &suppliers))?;
        println!("{rows} rows, {bytes} bytes of contexts");
        anyhow::ensure!(arguments.rows <= rows, "rows are missing");
    }
    let one = suppliers.get(..1).unwrap_or_default();
    for pass in ["one", "one again"] {
        let (rows, bytes) = measured(pass, || read(&store, one))?;
        println!("{rows} rows, {bytes} bytes of contexts");
    }
    store.close();
    Ok(())
}

impl Export {
    fn push(self, store: &Store, suppliers: &[SupplierId]) -> anyhow::Result<()> {
        for (supplier, from) in suppliers.iter().zip((0..).step_by(usize::try_from(self.rows)?)) {
            for step in (from..from + self.rows).step_by(usize::try_from(STEP_ROWS)?) {
                let rows = made_up_rows(step..(step + STEP_ROWS).min(from + self.rows))?;
                push(store, &rows, *supplier, store.stamp_seconds())?;
            }
        }
        Ok(())
    }
}

/// Reads all that some suppliers hold; returns how many holdings, and how long their contexts are.
fn read(store: &Store, suppliers: &[SupplierId]) -> anyhow::Result<(u64, u64)> {
    let selection = Selection {
        suppliers: suppliers.iter().map(|supplier| (*supplier, u64::MAX / 2)).collect(),
        rows_max: u64::MAX,
        ..Selection::default()
    };
    let (mut rows, mut bytes) = (0, 0);
    store.snapshot().select(&selection, b"", |holding| {
        if let Some(holding) = holding {
            rows += 1;
            bytes += holding.context.len() as u64;
        }
        Wanted::More
    })?;
    Ok((rows, bytes))
}
