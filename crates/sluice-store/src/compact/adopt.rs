//! The run of a large replacement: written aside, part by part, then named together with the renewal of its supplier.
//!
//! In: sorted rows, contexts in place. Out: the newest run. Between two parts everything else has
//! its turn. Nothing names the parts until all are there; then the memtable is flushed, so that every older row of the
//! supplier, which takes no writes meanwhile, lies below, and one manifest names the run and the renewal. A crash before
//! that leaves parts that the next start sweeps.
//!
//! Rows of other suppliers that were committed meanwhile may lie above or below: what they say of other holdings has
//! nothing to do with these. Of the tags of an indicator that both give, those count that lie above; and what another
//! supplier does to the tags of a row that was unchanged when it was compared stays.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use crossbeam_channel::Sender;
use sluice_model::{limits, matching::FIRST_NETWORK_KEY, row};

use super::step::Compactor;
use crate::{
    contexts::{ContextRef, ContextSource, ContextTableBuilder, StoredTable, TableId},
    error::{ReadError, TreeError, WriteError},
    history::UNNUMBERED,
    merge::MergeRows,
    renewals::Renewal,
    requests::reply,
    run::{Part, Run},
};

/// Bytes of contexts with which a part is full, if its rows are not: they stay in memory until the part is written.
const CONTEXTS_BYTES_MAX: usize = 8 * limits::MIB;

/// Heap bytes beside a context itself: its entry, its place in the hash table.
const CONTEXT_OVERHEAD_BYTES: usize = 64;

/// Keys of a run that the history is told between two signs of life.
const TOLD_BETWEEN_BEATS: u64 = 65_536;

/// A run on its way.
pub(super) struct Adopting {
    /// `None` once all are in parts.
    rows: Option<MergeRows<'static>>,
    parts: Vec<Arc<Part>>,
    renewal: Renewal,
    done: Sender<Result<(), WriteError>>,
}

impl Adopting {
    /// Begins with the first row.
    pub(super) fn new(
        rows: MergeRows<'static>,
        renewal: Renewal,
        done: Sender<Result<(), WriteError>>,
    ) -> Self {
        Self { rows: Some(rows), parts: Vec::new(), renewal, done }
    }
}

impl Compactor {
    /// Writes the next part, or names them all; true when it is done, whatever came of it.
    ///
    /// # Errors
    ///
    /// Any failure of the trees or of the log.
    pub(super) fn adopt_one_part(&mut self, adopting: &mut Adopting) -> Result<bool, TreeError> {
        // As of any write, the reserve of the disk is not for it.
        let reserve_bytes = self.shared.disk_reserve_bytes.load(Ordering::Relaxed);
        let part_bytes = self.shared.config.tuning.part_bytes;
        let outcome = if !self.may_write(reserve_bytes.saturating_add(2 * part_bytes))? {
            Err(WriteError::DiskFull)
        } else if let Some(rows) = &mut adopting.rows {
            match self.adopt_rows(rows, &mut adopting.parts)? {
                Ok(true) => return Ok(false),
                Ok(false) => {
                    adopting.rows = None;
                    return Ok(false);
                }
                Err(refusal) => Err(refusal),
            }
        } else {
            self.name_adopted(adopting)?
        };
        if outcome.is_err() {
            self.checkpoints.discard(std::mem::take(&mut adopting.parts));
        }
        reply(&adopting.done, outcome);
        Ok(true)
    }

    /// Writes rows into one part until it is full; true if there are more.
    fn adopt_rows(
        &mut self,
        rows: &mut MergeRows<'static>,
        parts: &mut Vec<Arc<Part>>,
    ) -> Result<Result<bool, WriteError>, TreeError> {
        let part_bytes = self.shared.config.tuning.part_bytes;
        let id = self.checkpoints.manifest.next_part;
        self.checkpoints.manifest.next_part += 1;
        self.parts.begin(id)?;
        let (mut contexts, mut rows_count, mut own) = (ContextTableBuilder::default(), 0, Vec::new());
        let mut is_more = false;
        while let Some((key, row)) = rows.next_row() {
            let intern = |context: &[u8]| -> Result<_, ReadError> {
                rows_count += 1;
                let number = contexts.intern(context).ok_or_else(ContextSource::missing)?;
                Ok(ContextRef { table: TableId::of_stored(id), number }.encode())
            };
            own.clear();
            row::replace_contexts(row, intern, &mut own).map_err(TreeError::Read)?;
            if FIRST_NETWORK_KEY <= key {
                self.shared.networks.note(key);
            }
            self.parts.add(key, &own)?;
            let table = contexts.contexts();
            let context_bytes = table.bytes_count() + table.count() as usize * CONTEXT_OVERHEAD_BYTES;
            if CONTEXTS_BYTES_MAX <= context_bytes
                || part_bytes <= self.parts.raw_bytes() + context_bytes as u64
            {
                is_more = true;
                break;
            }
        }
        self.shared.beat(&self.shared.compaction_beat_ms);
        let mut tables = BTreeMap::new();
        if 0 < contexts.contexts().count() {
            let table = StoredTable::write(&self.shared.trees, id, contexts.contexts(), rows_count)?;
            tables.insert(id, Arc::new(table));
        }
        parts.extend(self.parts.finish(tables)?.map(Arc::new));
        match rows.error() {
            Some(error) => {
                // The file is not the store's: what is stored is as good as before.
                tracing::error!(%error, "a replacement was given up");
                Ok(Err(WriteError::Closed))
            }
            None => Ok(Ok(is_more)),
        }
    }

    /// Has the history tell all keys of a run. They are read again because other steps have come between its parts.
    fn tell_adopted(&mut self, run: &Run) -> Result<(), TreeError> {
        let trees = Arc::clone(&self.shared.trees);
        let mut rows = MergeRows::new(vec![run.source(&trees, None)]);
        self.checkpoints.history.begin();
        let mut told_count = 0_u64;
        while let Some((key, row)) = rows.next_row() {
            self.checkpoints.history.push(key, row);
            told_count += 1;
            if told_count.is_multiple_of(TOLD_BETWEEN_BEATS) {
                self.shared.beat(&self.shared.compaction_beat_ms);
            }
        }
        self.shared.beat(&self.shared.compaction_beat_ms);
        rows.finish().map_err(TreeError::Read)
    }

    /// Makes the parts the newest run.
    fn name_adopted(&mut self, adopting: &mut Adopting) -> Result<Result<(), WriteError>, TreeError> {
        let supplier = adopting.renewal.supplier;
        let is_there =
            |compactor: &Self| compactor.shared.view().catalogue.supplier_by_id(supplier).is_some();
        if !is_there(self) {
            return Ok(Err(WriteError::NoSupplier));
        }
        if !self.flush()? {
            return Ok(Err(WriteError::DiskFull));
        }
        let manifest = &mut self.checkpoints.manifest;
        let run =
            Run { id: manifest.next_run, parts: std::mem::take(&mut adopting.parts), merged_through: None };
        manifest.next_run += 1;
        manifest.renewals.note(adopting.renewal);
        if let Some(record) = &mut manifest.history {
            record.wide.note_renewal(UNNUMBERED, supplier);
        }
        let sequence = manifest.sequence;
        let stored = Arc::clone(&self.checkpoints.stored_catalogue);
        self.tell_adopted(&run)?;
        let mut runs = self.shared.view().runs.clone();
        runs.insert(0, run);
        self.checkpoints.write(sequence, &stored, None, 0, runs)?;
        // Without its supplier it is nothing: a removal that was acknowledged goes before this answer.
        Ok(if is_there(self) { Ok(()) } else { Err(WriteError::NoSupplier) })
    }
}
