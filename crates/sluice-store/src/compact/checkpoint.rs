//! Checkpoints: the outcome of a flush or of a step of a merge becomes durable, then visible, and what it replaced
//! goes.
//!
//! The order: trees synced, manifest replaced, view changed, log trimmed, dropped parts removed. So a crash anywhere
//! leaves either the old state or the new. A failure of the trees is final and fails the store.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, atomic::Ordering},
};

use crossbeam_channel::{Sender, bounded};
use sluice_model::hex;

use super::policy::named_tables;
use crate::{
    catalogue::{Catalogue, StoredCatalogue},
    contexts::StoredTable,
    error::TreeError,
    history::{History, HistoryWriter, UNNUMBERED},
    manifest::{Manifest, RunEntry},
    requests::LogRequest,
    run::{Part, Run, parts_of},
    shared::Shared,
    snapshot::{PinnedCheckpoint, SnapshotError},
    trees,
};

/// What the manifest names, and what no manifest names any more.
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
    /// As of the last checkpoint; numbers given and merges begun since go into the next.
    pub(super) manifest: Manifest,
    /// Takes the keys of what a step changes.
    pub(super) history: HistoryWriter,
    /// Catalogue as the manifest names it.
    pub(super) stored_catalogue: Arc<Catalogue>,
    /// Parts that no manifest names any more, or the next will not name, waiting for their last reader.
    pub(super) dropped_parts: Vec<Arc<Part>>,
    /// The tables that the manifest names, by number.
    tables: BTreeMap<u32, Arc<StoredTable>>,
    /// Tables that no manifest names any more, waiting for the last part that names them.
    dropped_tables: Vec<Arc<StoredTable>>,
}

impl Checkpoints {
    /// Goes on from what recovery found.
    pub(super) fn new(
        shared: Arc<Shared>,
        manifest: Manifest,
        history: HistoryWriter,
        stored_catalogue: Arc<Catalogue>,
    ) -> Self {
        let tables = named_tables(&shared.view().runs);
        let (dropped_parts, dropped_tables) = (Vec::new(), Vec::new());
        Self { shared, manifest, history, stored_catalogue, dropped_parts, tables, dropped_tables }
    }

    /// Makes the trees durable, then the manifest that names `runs`, then shows them in the place of the
    /// `flushed_count` oldest slices, then forgets what the old view needed.
    ///
    /// `sequence` and `catalogue` are those of the newest commit that the runs have; `shown_as` is the commit whose view the runs
    /// make up, unless they show something else. Then they get a number of their own.
    ///
    /// # Errors
    ///
    /// Any failure of sled or of the disk, and [`TreeError::LogEnded`].
    pub(super) fn write(
        &mut self,
        sequence: u64,
        catalogue: &Arc<Catalogue>,
        shown_as: Option<u64>,
        flushed_count: usize,
        runs: Vec<Run>,
    ) -> Result<(), TreeError> {
        let history = self.write_history(shown_as)?;
        let replaced = self.store_catalogue(catalogue)?;
        self.shared.trees.sync()?;
        let log_lsn = self.ask_log(|reply| LogRequest::KeepFrom { sequence, reply })?;
        self.manifest.sequence = sequence;
        self.manifest.log_lsn = log_lsn;
        self.manifest.next_txn = self.shared.next_txn.load(Ordering::SeqCst);
        self.manifest.runs = runs.iter().map(run_entry).collect();
        let tables = named_tables(&runs);
        self.manifest.tables = tables.values().map(|table| table.meta).collect();
        self.manifest.stamps = Some(self.shared.stamps.record());
        self.manifest.write(&self.shared.config.data_dir).map_err(TreeError::io("write the manifest"))?;
        self.show(flushed_count, runs, history)?;
        self.ask_log(|reply| LogRequest::Trim { keep_from: log_lsn, reply })?;
        if let Some(replaced) = replaced {
            replaced.remove(&self.shared.trees)?;
        }
        for (id, table) in std::mem::replace(&mut self.tables, tables) {
            if !self.tables.contains_key(&id) {
                self.dropped_tables.push(table);
            }
        }
        self.remove_dropped()
    }

    /// Makes durable which keys the step has touched, and has the manifest name it; the history as it is then, if it is another one.
    fn write_history(&mut self, shown_as: Option<u64>) -> Result<Option<History>, TreeError> {
        let (stamp, left_bytes) = (self.shared.stamps.ages().stamp, self.shared.disk_left_bytes());
        let before = Arc::clone(&self.shared.view().history);
        let history = self.history.end(&before, shown_as, stamp, left_bytes);
        let Some(history) = history.map_err(TreeError::io("write the history"))? else { return Ok(None) };
        if let Some(before) = self.manifest.history.take() {
            let record = self.history.record(&history, before).map_err(TreeError::io("sync the history"))?;
            self.manifest.history = Some(record);
        }
        Ok(Some(history))
    }

    /// Puts the outcome of a step into the view. What changes beside commits is shown by the log thread, so that all that
    /// has a higher number comes later.
    fn show(
        &mut self,
        flushed_count: usize,
        runs: Vec<Run>,
        history: Option<History>,
    ) -> Result<(), TreeError> {
        let (shared, renewals) = (Arc::clone(&self.shared), self.manifest.renewals.clone());
        let is_unsettled = history.as_ref().is_some_and(History::is_unsettled);
        let is_another = history.is_some();
        // A replacement that is adopted.
        let renewed = match &self.manifest.history {
            Some(record) if is_unsettled => record.wide.suppliers_since(UNNUMBERED - 1),
            _ => Vec::new(),
        };
        let show = move |number: Option<u64>| {
            shared.publish(|view| {
                // Only the compaction thread touches runs and the oldest slices; the log thread may have added since.
                view.memtable.drop_oldest(flushed_count);
                view.runs = runs;
                Arc::make_mut(&mut view.renewals).absorb(&renewals);
                view.sequence = number.unwrap_or(view.sequence);
                let Some(mut history) = history else { return };
                let wide_in_view = Arc::make_mut(&mut view.wide);
                if let Some(number) = number {
                    history.settle(number);
                    for supplier in renewed {
                        wide_in_view.note_renewal(number, supplier);
                    }
                }
                wide_in_view.forget_through(history.horizon);
                view.history = Arc::new(history);
            });
        };
        if is_unsettled {
            let number = self
                .ask_log(|reply| LogRequest::Number { show: Box::new(|number| show(Some(number))), reply })?;
            if let Some(record) = &mut self.manifest.history {
                record.settle(number);
            }
        } else {
            show(None);
        }
        if is_another {
            self.history.sweep(&self.shared.view().history);
        }
        Ok(())
    }

    /// Writes the manifest of the last checkpoint again when it remembers too little of the time.
    ///
    /// # Errors
    ///
    /// Any failure of the disk, a full one left aside: what is remembered can wait.
    pub(super) fn record_stamps(&mut self) -> Result<(), TreeError> {
        if !self.shared.stamps.is_due(self.manifest.stamps.as_ref()) {
            return Ok(());
        }
        self.manifest.stamps = Some(self.shared.stamps.record());
        match self.manifest.write(&self.shared.config.data_dir) {
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Err(TreeError::io("write the manifest")(error))
            }
            _ => Ok(()),
        }
    }

    /// Keeps what the manifest names readable.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Damaged`].
    pub(super) fn pin(&self) -> Result<PinnedCheckpoint, SnapshotError> {
        let runs = &self.shared.view().runs;
        PinnedCheckpoint::new(&self.shared.trees, &self.manifest, runs, self.tables.values())
    }

    /// Asks the log thread for something and waits for its answer.
    fn ask_log<T>(&self, request: impl FnOnce(Sender<T>) -> LogRequest) -> Result<T, TreeError> {
        let (reply, answer) = bounded(1);
        // When the log thread has ended, the answer is lost with the request.
        drop(self.shared.log_requests.send(request(reply)));
        self.shared.wait_for(&answer).ok_or(TreeError::LogEnded)
    }

    /// Writes the catalogue if it changed; returns the one that the manifest names no more after that.
    fn store_catalogue(&mut self, catalogue: &Arc<Catalogue>) -> Result<Option<StoredCatalogue>, TreeError> {
        if Arc::ptr_eq(catalogue, &self.stored_catalogue) {
            return Ok(None);
        }
        let generation = self.manifest.catalogue.map_or(1, |stored| stored.generation + 1);
        let stored = StoredCatalogue::write(&self.shared.trees, generation, catalogue)?;
        self.stored_catalogue = Arc::clone(catalogue);
        Ok(self.manifest.catalogue.replace(stored))
    }

    /// Removes from the trees what no manifest names and no reader holds.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(super) fn remove_dropped(&mut self) -> Result<(), TreeError> {
        let trees = &self.shared.trees;
        for part in self.dropped_parts.extract_if(.., |part| Arc::strong_count(part) == 1) {
            part.remove(trees)?;
        }
        // A part that went may have been the last that named a table.
        for table in self.dropped_tables.extract_if(.., |table| Arc::strong_count(table) == 1) {
            table.remove(trees)?;
        }
        Ok(())
    }

    /// Gives up parts that no manifest names, with the tables that they brought.
    pub(super) fn discard(&mut self, parts: Vec<Arc<Part>>) {
        let own = parts.iter().flat_map(|part| &part.tables);
        self.dropped_tables.extend(own.filter(|table| !self.tables.contains_key(&table.meta.id)).cloned());
        self.dropped_parts.extend(parts);
    }

    /// Removes from the trees what a flush or merge that did not finish left there.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(super) fn sweep_unnamed(&self) -> Result<(), TreeError> {
        let view = self.shared.view();
        let named: Vec<u32> = parts_of(&view.runs).map(|part| part.meta.id).collect();
        let trees = &self.shared.trees;
        let tables: Vec<u32> = self.tables.keys().copied().collect();
        let swept = trees::sweep_parts(&trees.indicators, 0, &named)?
            + trees::sweep_parts(&trees.contexts, 0, &tables)?
            + trees::sweep_parts(&trees.suppliers, 4, &named)?
            + trees::sweep_parts(&trees.tags, 4, &named)?
            + StoredCatalogue::sweep_others(self.manifest.catalogue, trees)?;
        if 0 < swept {
            tracing::info!(pieces = swept, "removed what an unfinished flush or merge had left");
        }
        Ok(())
    }
}

fn run_entry(run: &Run) -> RunEntry {
    RunEntry {
        id: run.id,
        parts: run.parts.iter().map(|part| part.meta.clone()).collect(),
        merged_through: run.merged_through.as_deref().map(hex::encode),
    }
}
