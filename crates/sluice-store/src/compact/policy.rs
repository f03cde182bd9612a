//! What is worth merging. Pure: sizes and views in, answers out.
//!
//! Runs stand in tiers of size, each [`FAN_IN`] times as large as the one before. A tier that is full becomes one run
//! of the next, so the number of runs grows with the logarithm of the data, and each row is rewritten about once a
//! tier. An idle store goes on merging neighbors of similar size.

use std::{collections::BTreeMap, sync::Arc};

use super::retention::{Moment, Retention};
use crate::{
    contexts::StoredTable,
    read::View,
    run::{Run, parts_of},
};

/// Runs of one tier that become one of the next.
const FAN_IN: usize = 8;
/// Stored bytes up to which a run is of the lowest tier: what a flush of a full memtable makes.
const TIER_BYTES: u64 = 32 * 1024 * 1024;
/// When idle, runs up to this many times as large as all newer ones together are merged with them.
const IDLE_RATIO: u64 = 2;
/// Share of rows of removed or expired holdings, in percent, from which everything is rewritten.
const DEAD_PERCENT_MAX: u64 = 25;
/// A table with fewer of its rows left, in percent, is rewritten at the next merge.
const TABLE_ROWS_PERCENT_MIN: u64 = 50;

/// How many of the newest runs make up full tiers; `sizes` are in stored bytes, newest first.
pub(super) fn full_tier_count(sizes: &[u64]) -> usize {
    let mut due = 0;
    // Whatever is newer goes along, so that runs stay in the order of their history.
    for highest in 0..=sizes.iter().map(|size| tier(*size)).max().unwrap_or(0) {
        let upto = sizes.iter().take_while(|size| tier(**size) <= highest).count();
        let newer = sizes.iter().take(upto).take_while(|size| tier(**size) < highest).count();
        if FAN_IN <= upto - newer {
            due = upto;
        }
    }
    due
}

fn tier(stored_bytes: u64) -> u32 {
    (stored_bytes / TIER_BYTES).checked_ilog(FAN_IN as u64).map_or(0, |tier| tier + 1)
}

/// How many of the newest runs are near enough in size to be merged when there is nothing else to do.
pub(super) fn idle_count(sizes: &[u64]) -> usize {
    let (mut newer_bytes, mut due) = (0_u64, 0);
    for (index, size) in sizes.iter().enumerate() {
        if 0 < index && *size <= newer_bytes * IDLE_RATIO {
            due = index + 1;
        }
        newer_bytes += size;
    }
    due
}

/// Returns true if a large share of the stored holdings is of removed suppliers or has expired.
pub(super) fn has_many_dead(view: &View, moment: Moment) -> bool {
    let retention = Retention::of_newest(view, moment, true);
    let (mut dead, mut all) = (0_u64, 0_u64);
    for part in parts_of(&view.runs) {
        for (supplier, summary) in &part.index.suppliers {
            all += u64::from(summary.rows);
            if !retention.keeps(*supplier, summary.newest_updated) {
                dead += u64::from(summary.rows);
            }
        }
    }
    0 < dead && all * DEAD_PERCENT_MAX <= dead * 100
}

/// Divides the tables that the inputs of a merge name into those to be rewritten and the rest, by number.
pub(super) fn judge_tables(
    view: &View,
    inputs: &[Run],
    bytes_min: u64,
) -> (Vec<Arc<StoredTable>>, BTreeMap<u32, Arc<StoredTable>>) {
    // How many rows of all parts name each table. An indicator counts once for each run that has it.
    let mut rows_by_table = BTreeMap::new();
    for (table, rows) in parts_of(&view.runs).flat_map(|part| &part.index.tables) {
        *rows_by_table.entry(*table).or_insert(0) += u64::from(*rows);
    }
    let (mut rewritten, mut kept) = (Vec::new(), BTreeMap::new());
    for (id, table) in named_tables(inputs) {
        let rows = rows_by_table.get(&id).copied().unwrap_or(0);
        let is_thin = rows * 100 < u64::from(table.meta.rows) * TABLE_ROWS_PERCENT_MIN;
        if is_thin || table.meta.stored_bytes < bytes_min {
            rewritten.push(table);
        } else {
            kept.insert(id, table);
        }
    }
    (rewritten, kept)
}

/// The tables that the parts of these runs name, by number.
pub(super) fn named_tables(runs: &[Run]) -> BTreeMap<u32, Arc<StoredTable>> {
    let tables = parts_of(runs).flat_map(|part| &part.tables);
    tables.map(|table| (table.meta.id, Arc::clone(table))).collect()
}

#[cfg(test)]
mod tests;
