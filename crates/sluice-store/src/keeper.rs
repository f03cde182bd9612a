//! The background thread: memtable to runs, many runs to few, old log to nothing.
//!
//! In: time, and wishes for a look or a checkpoint. Out: a checkpoint after each flush and each step of a merge:
//! trees synced, manifest replaced, view changed, log trimmed, dropped parts removed, in this order, so that a
//! crash anywhere leaves either the old state or the new. A failure of the trees is final and fails the store.

mod merging;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use sluice_model::{SupplierId, TagId, operation};

use crate::{
    catalogue::Catalogue,
    committer::Message,
    error::TreeError,
    manifest::{Manifest, RunEntry, to_hex},
    merge::{MergeRows, Source},
    run::{Part, PartWriter, Run},
    shared::{MEMTABLE_BYTES_MAX, Shared},
    trees::{self, guarded},
    view::View,
};

/// Age of the oldest unflushed write at which the memtable is flushed, however small: keeps the log short.
const FLUSH_AGE: Duration = Duration::from_secs(30);
/// How often the keeper looks when nobody asks.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Free bytes beside the memtable's own size that a flush wants.
const FLUSH_ROOM_BYTES: u64 = 64 * 1024 * 1024;

/// What the keeper is asked for.
pub(crate) enum Wish {
    /// Look whether there is something to do.
    Look,
    /// Flush and checkpoint; true when it is done.
    Checkpoint(Sender<bool>),
    /// Merge everything into one run; true when it is done.
    Compact(Sender<bool>),
    /// End the thread.
    Stop,
}

/// State of the keeper.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    wishes: Receiver<Wish>,
    /// As of the last checkpoint.
    manifest: Manifest,
    /// Catalogue as the tree holds it.
    stored_catalogue: Arc<Catalogue>,
    /// Parts that no manifest names any more, waiting for their last reader.
    dropped: Vec<Arc<Part>>,
    /// When the memtable was last seen empty.
    empty_at: Instant,
    /// When the last flush ended.
    flushed_at: Instant,
}

impl Keeper {
    /// Prepares the thread.
    pub(crate) fn new(
        shared: Arc<Shared>,
        wishes: Receiver<Wish>,
        manifest: Manifest,
        stored_catalogue: Arc<Catalogue>,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            wishes,
            manifest,
            stored_catalogue,
            dropped: Vec::new(),
            empty_at: now,
            flushed_at: now,
        }
    }

    /// Serves wishes until [`Wish::Stop`] or a failure.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.sweep_unnamed() {
            return self.shared.fail(&error.to_string());
        }
        let mut wait = LOOK_INTERVAL;
        loop {
            let wished = match self.wishes.recv_timeout(wait) {
                Ok(Wish::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Wish::Checkpoint(done)) => self.flush().map(|is_done| tell(&done, is_done)),
                Ok(Wish::Compact(done)) => self.compact().map(|is_done| tell(&done, is_done)),
                Ok(Wish::Look) | Err(RecvTimeoutError::Timeout) => Ok(()),
            };
            match wished.and_then(|()| self.look()) {
                // Wishes come first again, but there is no reason to wait for one.
                Ok(has_worked) => wait = if has_worked { Duration::ZERO } else { LOOK_INTERVAL },
                Err(error) => return self.shared.fail(&error.to_string()),
            }
        }
    }

    /// Does one step of what is due; tells whether there was anything.
    ///
    /// Merges go before flushes while the memtable has room, so that copies of the same rows do not pile up on
    /// the disk; a memtable without room goes before everything, so that writes need not wait.
    fn look(&mut self) -> Result<bool, TreeError> {
        self.remove_dropped()?;
        let view = self.shared.view();
        if view.slices.is_empty() && Arc::ptr_eq(&view.catalogue, &self.stored_catalogue) {
            self.empty_at = Instant::now();
        }
        let is_due =
            self.shared.tuning.flush_bytes <= view.memtable_bytes || FLUSH_AGE <= self.empty_at.elapsed();
        let is_pressing = MEMTABLE_BYTES_MAX / 2 <= view.memtable_bytes;
        drop(view);
        if is_due && is_pressing {
            return self.flush();
        }
        if self.merge_step()? {
            return Ok(true);
        }
        if is_due { self.flush() } else { Ok(false) }
    }

    /// Moves the memtable into a new run and makes a checkpoint of it; false when there is no room for that.
    fn flush(&mut self) -> Result<bool, TreeError> {
        let (slices, bytes, sequence, catalogue, is_bottom) = self.shared.publish(|view| {
            view.frozen_count = view.slices.len();
            let is_bottom = view.runs.is_empty();
            (view.slices.clone(), view.memtable_bytes, view.sequence, Arc::clone(&view.catalogue), is_bottom)
        });
        let started = Instant::now();
        let room_bytes = FLUSH_ROOM_BYTES + bytes as u64;
        if self.shared.disk.free_bytes() < room_bytes && !slices.is_empty() {
            self.shared.publish(|view| view.frozen_count = 0);
            tracing::warn!(room_bytes, "no room to flush; the log keeps what it has");
            return Ok(false);
        }
        let run_id = self.manifest.next_run;
        let mut run = Run { id: run_id, parts: Vec::new(), merged_through: None };
        let sources = slices.iter().rev().map(|slice| Source::slice(slice)).collect();
        let mut rows = MergeRows::new(sources);
        let survives = Survival::of(&catalogue, is_bottom);
        let mut is_more = !slices.is_empty();
        while is_more {
            let (part, last_key) = self.write_part(&mut rows, &survives)?;
            run.parts.extend(part.map(Arc::new));
            is_more = last_key.is_some();
        }
        rows.finish().map_err(TreeError::Read)?;
        self.manifest.next_run += 1;
        let frozen_count = slices.len();
        drop(slices);
        self.checkpoint(sequence, &catalogue, |view| {
            view.slices.drain(..frozen_count.min(view.slices.len()));
            view.frozen_count = 0;
            view.memtable_bytes = view.slices.iter().map(|slice| slice.heap_bytes()).sum();
            if !run.parts.is_empty() {
                view.runs.insert(0, run);
            }
        })?;
        self.flushed_at = Instant::now();
        self.empty_at = self.flushed_at;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        if 0 < bytes {
            self.shared.flush_rate.store(bytes as u64 * 1_000 / elapsed_ms, Ordering::Relaxed);
            tracing::debug!(bytes, elapsed_ms, "flushed the memtable");
        }
        Ok(true)
    }

    /// Writes rows into one part until it is full; the last key read is `None` once the rows are at their end.
    fn write_part(
        &mut self,
        rows: &mut MergeRows<'_>,
        survives: &Survival<'_>,
    ) -> Result<(Option<Part>, Option<Vec<u8>>), TreeError> {
        let trees = Arc::clone(&self.shared.trees);
        let mut writer = PartWriter::new(&trees, self.manifest.next_part, self.shared.tuning.part_bytes);
        self.manifest.next_part += 1;
        let (mut settled, mut last_key) = (Vec::new(), Vec::new());
        while let Some((key, row)) = rows.next_row() {
            if survives.is_bottom {
                settled.clear();
                if operation::settle(row, survives.keeps(), survives.knows(), &mut settled) {
                    writer.add(key, &settled)?;
                }
            } else {
                writer.add(key, row)?;
            }
            if writer.is_full() {
                last_key.extend_from_slice(key);
                return Ok((writer.finish()?, Some(last_key)));
            }
        }
        Ok((writer.finish()?, None))
    }

    /// Makes the trees durable, then the view that `change` makes, then forgets what the old one needed.
    fn checkpoint(
        &mut self,
        sequence: u64,
        catalogue: &Arc<Catalogue>,
        change: impl FnOnce(&mut View),
    ) -> Result<(), TreeError> {
        self.store_catalogue(catalogue)?;
        self.shared.trees.sync()?;
        // Built before it is published, so that the manifest is on disk before anybody relies on it.
        let mut next = View::clone(&self.shared.view());
        change(&mut next);
        let log_lsn = self.keep_log_from(sequence)?;
        self.manifest.sequence = sequence;
        self.manifest.log_lsn = log_lsn;
        self.manifest.next_txn = self.shared.next_txn.load(Ordering::SeqCst);
        self.manifest.runs = next.runs.iter().map(run_entry).collect();
        self.manifest.write(&self.shared.data_dir).map_err(TreeError::io("write the manifest"))?;
        self.shared.publish(|view| {
            // Only the keeper touches runs and the oldest slices; the log thread may have added since.
            let drained = view.frozen_count - next.frozen_count.min(view.frozen_count);
            view.slices.drain(..drained.min(view.slices.len()));
            view.frozen_count = next.frozen_count;
            view.memtable_bytes = view.slices.iter().map(|slice| slice.heap_bytes()).sum();
            view.runs = next.runs;
        });
        if self.shared.messages.send(Message::Trim(log_lsn)).is_err() {
            tracing::debug!("the log thread has ended; the log is trimmed at the next start");
        }
        self.remove_dropped()
    }

    fn keep_log_from(&self, sequence: u64) -> Result<u64, TreeError> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        let asked = self.shared.messages.send(Message::KeepFrom { sequence, reply });
        // A log thread that is gone leaves the log as it is; so does the manifest.
        asked.ok().and_then(|()| answer.recv().ok()).ok_or(TreeError::LogEnded)
    }

    fn store_catalogue(&mut self, catalogue: &Arc<Catalogue>) -> Result<(), TreeError> {
        if Arc::ptr_eq(catalogue, &self.stored_catalogue) {
            return Ok(());
        }
        let tree = &self.shared.trees.catalogue;
        let diff = Catalogue::diff(&self.stored_catalogue, catalogue);
        for (key, effect) in diff.puts {
            let text = serde_json::to_vec(&effect)
                .map_err(|error| TreeError::Io { action: "encode the catalogue", source: error.into() })?;
            guarded(|| tree.insert(key, text))?;
        }
        for key in diff.removes {
            guarded(|| tree.remove(key))?;
        }
        self.stored_catalogue = Arc::clone(catalogue);
        Ok(())
    }

    fn remove_dropped(&mut self) -> Result<(), TreeError> {
        let (gone, held): (Vec<_>, Vec<_>) =
            self.dropped.drain(..).partition(|part| Arc::strong_count(part) == 1);
        self.dropped = held;
        gone.iter().try_for_each(|part| part.remove(&self.shared.trees))
    }

    /// Removes from the trees what a flush or merge that did not finish left there.
    fn sweep_unnamed(&self) -> Result<(), TreeError> {
        let view = self.shared.view();
        let named: Vec<u32> =
            view.runs.iter().flat_map(|run| run.parts.iter().map(|part| part.meta.id)).collect();
        let trees = &self.shared.trees;
        let swept = trees::sweep_parts(&trees.indicators, 0, &named)?
            + trees::sweep_parts(&trees.suppliers, 4, &named)?
            + trees::sweep_parts(&trees.tags, 4, &named)?;
        if 0 < swept {
            tracing::info!(pieces = swept, "removed what an unfinished flush or merge had left");
        }
        Ok(())
    }
}

fn tell(done: &Sender<bool>, is_done: bool) {
    if done.send(is_done).is_err() {
        tracing::debug!("nobody waited for the checkpoint any more");
    }
}

fn run_entry(run: &Run) -> RunEntry {
    RunEntry {
        id: run.id,
        parts: run.parts.iter().map(|part| part.meta.clone()).collect(),
        merged_through: run.merged_through.as_deref().map(to_hex),
    }
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn now_seconds() -> u32 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX)
}

/// What of a row that has nothing older below it is worth keeping.
pub(crate) struct Survival<'a> {
    catalogue: &'a Catalogue,
    /// Without older rows below, released and expired holdings can go.
    is_bottom: bool,
    /// Holdings updated at this second or before are expired, by supplier.
    expired_through: BTreeMap<SupplierId, u32>,
}

impl<'a> Survival<'a> {
    /// Judges by this catalogue and the present time.
    pub(crate) fn of(catalogue: &'a Catalogue, is_bottom: bool) -> Self {
        let now = now_seconds();
        let expired_through = catalogue
            .all_suppliers()
            .map(|supplier| {
                let seconds = supplier.settings.retention.get().saturating_mul(60);
                (supplier.id, now.saturating_sub(seconds))
            })
            .collect();
        Self { catalogue, is_bottom, expired_through }
    }

    /// Tells whether a holding with this last update still counts.
    pub(crate) fn keeps(&self) -> impl Fn(SupplierId, u32) -> bool {
        |supplier, updated| self.expired_through.get(&supplier).is_some_and(|through| *through < updated)
    }

    fn knows(&self) -> impl Fn(TagId) -> bool {
        |tag| self.catalogue.tag_by_id(tag).is_some()
    }
}
