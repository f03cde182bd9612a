//! RocksDB as a bare store: one column family by indicator, no other index.
//!
//! In: keys and encoded rows. Out: write batches, their log synced at the end of each of ours.

mod library;

use std::{fs, path::Path};

use anyhow::Result;
use sluice_model::Indicator;

use self::library::{Db, Tuning, WriteBatch};
use crate::{
    engine::{Engine, deal, side_by_side},
    rows::{Row, encoded},
};

/// At least as fast as one on two cores.
const WRITERS: usize = 2;
const READERS: usize = 2;
/// Rows of one write batch.
const WRITE_ROWS: usize = 1_000;
/// Keys of one `multi_get`.
const QUERY_VALUES: usize = 1_000;
const TUNING: Tuning = Tuning {
    write_buffer_bytes: 256 << 20,
    write_buffers_max: 4,
    background_jobs: 2,
    cache_bytes: 512 << 20,
    bloom_bits_per_key: 10.0,
};
const VERSION_HEADER: &str = "/usr/include/rocksdb/version.h";

/// An open store.
pub(crate) struct Rocksdb {
    db: Db,
    writers: usize,
}

impl Rocksdb {
    /// Opens an empty store in a directory.
    pub(crate) fn open(dir: &Path, writers: Option<usize>) -> Result<Self> {
        Ok(Self { db: Db::open(&dir.join("db"), &TUNING)?, writers: writers.unwrap_or(WRITERS) })
    }
}

impl Engine for Rocksdb {
    type Batch = Vec<Vec<(Vec<u8>, Vec<u8>)>>;
    type Values = Vec<Vec<Indicator>>;

    fn about(&self) -> (String, String) {
        let settings = format!(
            "bare store, one index; {} writers, write batches of {WRITE_ROWS} rows, log synced at the end of each \
             batch; LZ4, {} write buffers of {} MiB, {} background jobs, cache {} MiB, Bloom filters of {} bits a key; \
             lookups by batched multi_get of {QUERY_VALUES} keys on {READERS} threads",
            self.writers,
            TUNING.write_buffers_max,
            TUNING.write_buffer_bytes >> 20,
            TUNING.background_jobs,
            TUNING.cache_bytes >> 20,
            TUNING.bloom_bits_per_key,
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
            let mut write = WriteBatch::new();
            for rows in part.chunks(WRITE_ROWS) {
                write.clear();
                for (key, row) in rows {
                    write.put(key, row);
                }
                self.db.write(&write)?;
            }
            Ok(0)
        })?;
        self.db.sync_log()
    }

    fn look_up(&mut self, values: &Self::Values) -> Result<usize> {
        side_by_side(values, |part| {
            let found = |values: &[Indicator]| {
                self.db.multi_get(&values.iter().map(Indicator::key).collect::<Vec<_>>())
            };
            part.chunks(QUERY_VALUES).map(found).sum()
        })
    }
}

/// The version that was linked: the C interface does not tell it.
fn version() -> String {
    let header = fs::read_to_string(VERSION_HEADER).unwrap_or_default();
    let number = |name: &str| {
        let line = header.lines().find_map(|line| line.strip_prefix("#define ROCKSDB_")?.strip_prefix(name));
        line.unwrap_or("?").trim().to_owned()
    };
    ["MAJOR", "MINOR", "PATCH"].map(number).join(".")
}
