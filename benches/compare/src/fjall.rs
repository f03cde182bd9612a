//! fjall as a bare store: one keyspace by indicator, no other index.
//!
//! In: keys and encoded rows. Out: write batches, synced at the end of each of ours.

use std::path::Path;

use anyhow::Result;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, config::CompressionPolicy,
};
use sluice_model::Indicator;

use crate::{
    engine::{Engine, deal, side_by_side},
    rows::{Row, encoded},
};

/// At least as fast as one on two cores.
const WRITERS: usize = 2;
const READERS: usize = 2;
/// Rows of one write batch.
const WRITE_ROWS: usize = 1_000;
const MEMTABLE_BYTES: u64 = 256 << 20;
const CACHE_BYTES: u64 = 512 << 20;
const JOURNAL_BYTES: u64 = 2 << 30;

/// An open store.
pub(crate) struct Fjall {
    db: Database,
    rows: Keyspace,
    writers: usize,
}

impl Fjall {
    /// Opens an empty store in a directory.
    pub(crate) fn open(dir: &Path, writers: Option<usize>) -> Result<Self> {
        let builder = Database::builder(dir.join("db"));
        let db =
            builder.cache_size(CACHE_BYTES).max_journaling_size(JOURNAL_BYTES).worker_threads(2).open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        };
        let rows = db.keyspace("rows", options)?;
        Ok(Self { db, rows, writers: writers.unwrap_or(WRITERS) })
    }
}

impl Engine for Fjall {
    type Batch = Vec<Vec<(Vec<u8>, Vec<u8>)>>;
    type Values = Vec<Vec<Indicator>>;

    fn about(&self) -> (String, String) {
        let settings = format!(
            "bare store, one index; {} writers, write batches of {WRITE_ROWS} rows, PersistMode::SyncAll at the end of \
             each batch; LZ4, memtable {} MiB, cache {} MiB, journal at most {} MiB; lookups by get on {READERS} \
             threads",
            self.writers,
            MEMTABLE_BYTES >> 20,
            CACHE_BYTES >> 20,
            JOURNAL_BYTES >> 20,
        );
        (version(), settings)
    }

    fn prepare(&self, rows: Vec<Row>) -> Self::Batch {
        deal(rows.iter().map(encoded).collect(), self.writers)
    }

    fn ask(&self, values: &[Indicator]) -> Self::Values {
        deal(values.to_vec(), READERS)
    }

    fn push(&mut self, batch: &Self::Batch) -> Result<()> {
        side_by_side(batch, |part| {
            for rows in part.chunks(WRITE_ROWS) {
                let mut write = self.db.batch();
                for (key, row) in rows {
                    write.insert(&self.rows, key.as_slice(), row.as_slice());
                }
                write.commit()?;
            }
            Ok(0)
        })?;
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }

    fn look_up(&mut self, values: &Self::Values) -> Result<usize> {
        side_by_side(values, |part| {
            let mut found = 0;
            for value in part {
                found += usize::from(self.rows.get(value.key())?.is_some());
            }
            Ok(found)
        })
    }
}

/// The version that was built.
fn version() -> String {
    let mut lines = include_str!("../Cargo.lock").lines().skip_while(|line| *line != "name = \"fjall\"");
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or("?").trim_matches('"').to_owned()
}
