//! The compaction thread: what is due, and in which order.
//!
//! In: time, and requests for a look, a checkpoint, a run of its own or one run. Out: flushes and steps of merges, one at a time. Merges
//! go before flushes while the memtable is not too full, so that copies of the same rows do not pile up on the disk; a
//! memtable that is nearly full goes before everything, so that writes need not wait.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{
    adopt::Adopting,
    checkpoint::Checkpoints,
    parts_thread::parts_thread,
    policy,
    retention::Moment,
    step::{Compactor, SIZABLE_FLUSH_BYTES},
};
use crate::{
    catalogue::Catalogue,
    error::TreeError,
    history::HistoryWriter,
    manifest::Manifest,
    requests::{CompactionRequest, reply},
    run::Run,
    shared::Shared,
    snapshot::{PinnedCheckpoint, SnapshotError},
    spare_room::SpareRoom,
};

/// Age of the oldest unflushed write at which the memtable is flushed, however small: keeps the log short.
const FLUSH_AGE: Duration = Duration::from_secs(30);
/// Silence after a write at which a memtable of some size is flushed: readers find runs faster than many slices.
const QUIET_AFTER: Duration = Duration::from_secs(1);
/// Time after the last flush from which the store counts as idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// How often the thread looks for work without a request.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// State of the thread.
pub(crate) struct CompactionThread {
    shared: Arc<Shared>,
    requests: Receiver<CompactionRequest>,
    compactor: Compactor,
    /// Runs to be written, each for somebody who waits; the first one is under way.
    adopting: VecDeque<Adopting>,
    spare_room: SpareRoom,
    /// When the memtable was last seen empty, as all times here by [`Clock::elapsed`](crate::Clock::elapsed).
    empty_at: Duration,
    /// Number of the newest commit seen.
    newest_sequence: u64,
    /// When it was first seen.
    newest_at: Duration,
}

impl CompactionThread {
    /// Prepares the thread, and what the parts thread is to run; the two end together. `manifest` and
    /// `stored_catalogue` are what recovery found.
    pub(crate) fn new(
        shared: Arc<Shared>,
        requests: Receiver<CompactionRequest>,
        manifest: Manifest,
        history: HistoryWriter,
        stored_catalogue: Arc<Catalogue>,
        spare_room: SpareRoom,
    ) -> (Self, impl FnOnce() + Send + 'static) {
        let now = shared.config.clock.elapsed();
        let (parts, run_parts) = parts_thread(Arc::clone(&shared.trees));
        let checkpoints = Checkpoints::new(Arc::clone(&shared), manifest, history, stored_catalogue);
        let compactor = Compactor::new(Arc::clone(&shared), parts, checkpoints);
        let (newest_sequence, newest_at) = (0, now);
        let adopting = VecDeque::new();
        let thread = Self {
            shared,
            requests,
            compactor,
            adopting,
            spare_room,
            empty_at: now,
            newest_sequence,
            newest_at,
        };
        (thread, run_parts)
    }

    /// Serves requests until [`CompactionRequest::Stop`] or a failure.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.serve() {
            self.shared.fail(&error.to_string());
        }
    }

    fn serve(&mut self) -> Result<(), TreeError> {
        self.compactor.checkpoints.record_stamps()?;
        self.keep_room();
        let mut wait = LOOK_INTERVAL;
        while !self.shared.has_failed() {
            self.shared.beat(&self.shared.compaction_beat_ms);
            match self.requests.recv_timeout(wait) {
                Ok(CompactionRequest::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(CompactionRequest::Checkpoint(done)) => reply(&done, self.compactor.flush()?),
                Ok(CompactionRequest::Pin(done)) => reply(&done, self.pin()?),
                Ok(CompactionRequest::Pass(done)) => reply(&done, true),
                Ok(CompactionRequest::Adopt { rows, renewal, done }) => {
                    self.adopting.push_back(Adopting::new(rows, renewal, done));
                }
                Ok(CompactionRequest::Compact(done)) => reply(&done, self.compact()?),
                Ok(CompactionRequest::Look) | Err(RecvTimeoutError::Timeout) => {}
            }
            // Requests come first again after each step, but there is no reason to wait for one.
            wait = if self.look()? { Duration::ZERO } else { LOOK_INTERVAL };
        }
        Ok(())
    }

    /// Does one step of what is due; false when nothing is.
    fn look(&mut self) -> Result<bool, TreeError> {
        self.compactor.clean_up()?;
        self.compactor.checkpoints.record_stamps()?;
        self.keep_room();
        let (view, now) = (self.shared.view(), self.shared.config.clock.elapsed());
        let stored_catalogue = &self.compactor.checkpoints.stored_catalogue;
        if view.memtable.slices().is_empty() && Arc::ptr_eq(&view.catalogue, stored_catalogue) {
            self.empty_at = now;
        }
        if view.sequence != self.newest_sequence {
            self.newest_sequence = view.sequence;
            self.newest_at = now;
        }
        let memtable_bytes = view.memtable.bytes();
        self.note_merge_debt(&view.runs);
        drop(view);
        let is_quiet = SIZABLE_FLUSH_BYTES <= memtable_bytes && self.newest_at + QUIET_AFTER <= now;
        let log_bytes = self.shared.log_bytes.load(Ordering::Relaxed);
        let is_due = is_quiet
            || self.shared.config.tuning.flush_bytes <= memtable_bytes
            || self.empty_at.max(self.compactor.flushed_at) + FLUSH_AGE <= now
            || self.compactor.log_kept_bytes + self.shared.config.tuning.log_bytes <= log_bytes;
        let is_pressing = self.shared.config.tuning.memtable_bytes_max / 2 <= memtable_bytes;
        // A run that is adopted takes long, and the log must not grow as long as that. On a full disk, it is given up.
        if is_due && (is_pressing || !self.adopting.is_empty()) {
            let is_flushed = self.compactor.flush()?;
            if is_flushed || self.adopting.is_empty() {
                return Ok(is_flushed);
            }
        }
        if let Some(adopting) = self.adopting.front_mut() {
            // Somebody waits for it, and so do writes of that supplier.
            if self.compactor.adopt_one_part(adopting)? {
                self.adopting.pop_front();
            }
            return Ok(true);
        }
        if self.merge_step()? {
            return Ok(true);
        }
        if is_due { self.compactor.flush() } else { Ok(false) }
    }

    /// Keeps as much room for the next start as it wants now.
    fn keep_room(&mut self) {
        self.spare_room.keep_for(self.shared.trees.disk_bytes(), self.shared.disk_free_bytes());
    }

    /// Notes how much is to be merged: the runs of the merge under way, and those that make up full tiers.
    fn note_merge_debt(&self, runs: &[Run]) {
        let sizes: Vec<u64> = runs.iter().map(Run::stored_bytes).collect();
        let due_count = policy::full_tier_count(&sizes);
        let merge = self.compactor.checkpoints.manifest.merge.as_ref();
        let is_due = |place: usize, run: &Run| {
            place < due_count || merge.is_some_and(|merge| merge.inputs.contains(&run.id))
        };
        let due = runs
            .iter()
            .zip(sizes)
            .enumerate()
            .filter(|(place, (run, _))| is_due(*place, run))
            .map(|(_, (_, bytes))| bytes);
        self.shared.measures.note_merge_debt(due.sum(), self.shared.now_ms());
    }

    /// Does one step of the merge under way, or of one that is due; false when none is.
    fn merge_step(&mut self) -> Result<bool, TreeError> {
        if self.compactor.checkpoints.manifest.merge.is_none() && !self.start_due_merge()? {
            return Ok(false);
        }
        if !self.compactor.may_write(2 * self.shared.config.tuning.part_bytes)? {
            return Ok(false);
        }
        self.compactor.merge_one_part(self.shared.config.tuning.context_table_bytes_min)?;
        Ok(true)
    }

    /// Starts the merge that is due, if any is.
    fn start_due_merge(&mut self) -> Result<bool, TreeError> {
        let now = self.shared.config.clock.elapsed();
        let moment = Moment::now(&self.shared);
        if self.compactor.dead_merge_rest <= now && policy::has_many_dead(&self.shared.view(), moment) {
            // Expired holdings stay where a newer row may renew them. With those rows among the inputs, few will.
            if self.shared.view().memtable.slices().is_empty() || self.compactor.flush()? {
                self.compactor.start_dead_merge();
                return Ok(true);
            }
        }
        let view = self.shared.view();
        let sizes: Vec<u64> = view.runs.iter().map(Run::stored_bytes).collect();
        let is_idle = self.compactor.flushed_at + IDLE_AFTER <= now;
        let idle_count = if is_idle { policy::idle_count(&sizes) } else { 0 };
        let due_count = policy::full_tier_count(&sizes).max(idle_count);
        match view.runs.get(..due_count) {
            Some(inputs) if 1 < inputs.len() => self.compactor.start_merge(inputs),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Pins a checkpoint of everything that is committed.
    fn pin(&mut self) -> Result<Result<PinnedCheckpoint, SnapshotError>, TreeError> {
        if !self.compactor.flush()? {
            return Ok(Err(SnapshotError::DiskFull));
        }
        Ok(self.compactor.checkpoints.pin())
    }

    /// Merges all runs into one, flushing first; false when the disk has no space for that.
    fn compact(&mut self) -> Result<bool, TreeError> {
        if !self.compactor.flush()? {
            return Ok(false);
        }
        self.finish_merge(self.shared.config.tuning.context_table_bytes_min)?;
        let view = self.shared.view();
        if !view.runs.is_empty() {
            self.compactor.start_merge(&view.runs);
        }
        drop(view);
        // All tables are rewritten, so no context stays that no row names.
        self.finish_merge(u64::MAX)?;
        self.compactor.checkpoints.remove_dropped()?;
        self.shared.trees.sync()?;
        Ok(true)
    }

    /// Does what is left of the merge under way.
    fn finish_merge(&mut self, context_table_bytes_min: u64) -> Result<(), TreeError> {
        while self.compactor.checkpoints.manifest.merge.is_some() {
            self.compactor.merge_one_part(context_table_bytes_min)?;
        }
        Ok(())
    }
}
