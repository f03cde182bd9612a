//! The background thread: memtable to runs, many runs to few, old log to nothing.
//!
//! In: time, and wishes for a look or a checkpoint. Out: a checkpoint after each flush and each step of a merge:
//! trees synced, manifest replaced, view changed, log trimmed, dropped parts removed, in this order, so that a
//! crash anywhere leaves either the old state or the new. A failure of the trees is final and fails the store.

mod merging;
mod scribe;
mod survival;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use sluice_model::{hex, limits::MEMTABLE_BYTES_MAX};

pub(crate) use self::scribe::scribe;
use self::{scribe::Scribe, survival::Survival};
use crate::{
    catalogue::{Catalogue, StoredCatalogue},
    clock::now_seconds,
    committer::Message,
    error::TreeError,
    manifest::{Manifest, RunEntry},
    merge::{MergeRows, Source},
    repack::{Origin, Repacker},
    run::{Book, Part, Run},
    shared::Shared,
    trees,
};

/// Age of the oldest unflushed write at which the memtable is flushed, however small: keeps the log short.
const FLUSH_AGE: Duration = Duration::from_secs(30);
/// Silence after a write at which a memtable of some size is flushed: readers find runs faster than many slices.
const QUIET_AFTER: Duration = Duration::from_secs(1);
/// Heap bytes of a memtable that is worth a run of its own as soon as writes pause.
const QUIET_FLUSH_BYTES: usize = 4 * 1024 * 1024;
/// How often the keeper looks when nobody asks.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Free bytes beside its own output that a step wants.
const STEP_ROOM_BYTES: u64 = 64 * 1024 * 1024;
/// A step ends after reading so many times the bytes of a part, also when hardly any row survives.
const STEP_PARTS_READ_MAX: u64 = 4;

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
    scribe: Scribe,
    /// As of the last checkpoint.
    manifest: Manifest,
    /// Catalogue as the manifest names it.
    stored_catalogue: Arc<Catalogue>,
    /// Parts that no manifest names any more, waiting for their last reader.
    dropped: Vec<Arc<Part>>,
    /// The books that the manifest names, by number.
    books: BTreeMap<u32, Arc<Book>>,
    /// Books that no manifest names any more, waiting for the last part that names them.
    dropped_books: Vec<Arc<Book>>,
    /// When the memtable was last seen empty.
    empty_at: Instant,
    /// Number of the newest commit seen, and since when.
    newest: (u64, Instant),
    /// When the last flush ended.
    flushed_at: Instant,
    /// Bytes of log that the last checkpoint could not trim, because a write under way needs them.
    log_kept_bytes: u64,
    /// Whether the last step that asked for room found none.
    lacks_room: bool,
    /// How long the steps of the merge under way took, if it is for the sake of dead rows.
    dead_merge_took: Option<Duration>,
    /// Until when no other such merge begins.
    dead_merge_rest: Instant,
}

impl Keeper {
    /// Prepares the thread.
    pub(crate) fn new(
        shared: Arc<Shared>,
        wishes: Receiver<Wish>,
        scribe: Scribe,
        manifest: Manifest,
        stored_catalogue: Arc<Catalogue>,
    ) -> Self {
        let now = Instant::now();
        let books = named_books(&shared.view().runs);
        Self {
            books,
            dropped_books: Vec::new(),
            shared,
            wishes,
            scribe,
            manifest,
            stored_catalogue,
            dropped: Vec::new(),
            empty_at: now,
            newest: (0, now),
            flushed_at: now,
            log_kept_bytes: 0,
            lacks_room: false,
            dead_merge_took: None,
            dead_merge_rest: now,
        }
    }

    /// Serves wishes until [`Wish::Stop`] or a failure.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.sweep_unnamed() {
            return self.shared.fail(&error.to_string());
        }
        let mut wait = LOOK_INTERVAL;
        while !self.shared.has_failed() {
            self.shared.keeper_beat.beat();
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
        if view.memtable.slices().is_empty() && Arc::ptr_eq(&view.catalogue, &self.stored_catalogue) {
            self.empty_at = Instant::now();
        }
        if view.sequence != self.newest.0 {
            self.newest = (view.sequence, Instant::now());
        }
        let is_quiet = QUIET_FLUSH_BYTES <= view.memtable.bytes() && QUIET_AFTER <= self.newest.1.elapsed();
        let is_due = is_quiet
            || self.shared.tuning.flush_bytes <= view.memtable.bytes()
            || FLUSH_AGE <= self.empty_at.elapsed()
            || self.log_kept_bytes + self.shared.tuning.log_bytes <= self.log_bytes();
        let is_pressing = MEMTABLE_BYTES_MAX / 2 <= view.memtable.bytes();
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
        // Packed rows and contexts take a third of their heap bytes, incompressible ones nearly all of them; sled needs
        // about twice that.
        if !self.has_room(2 * self.shared.view().memtable.bytes() as u64) {
            return Ok(false);
        }
        let (started, now_seconds) = (Instant::now(), now_seconds());
        let (slices, bytes, sequence, catalogue, is_bottom) = self.shared.publish(|view| {
            view.memtable.freeze();
            let is_bottom = view.runs.is_empty();
            let slices = view.memtable.slices().to_vec();
            (slices, view.memtable.bytes(), view.sequence, Arc::clone(&view.catalogue), is_bottom)
        });
        self.shared.begin_covers_anew();
        let run_id = self.manifest.next_run;
        let mut run = Run { id: run_id, parts: Vec::new(), merged_through: None };
        let sources = slices.iter().rev().map(|slice| Source::slice(slice)).collect();
        let mut rows = MergeRows::new(sources);
        let survives = Survival::of_newest(&catalogue, now_seconds, is_bottom);
        let mut repacker =
            Repacker::new(slices.iter().map(|slice| (slice.table(), Origin::Slice(slice.contexts()))));
        let mut is_more = !slices.is_empty();
        while is_more {
            let (part, last_key) = self.write_part(&mut rows, &survives, &mut repacker, BTreeMap::new())?;
            run.parts.extend(part.map(Arc::new));
            is_more = last_key.is_some();
        }
        rows.finish().map_err(TreeError::Read)?;
        drop(repacker);
        self.manifest.next_run += 1;
        let flushed_count = slices.len();
        drop(slices);
        let mut runs = self.shared.view().runs.clone();
        if !run.parts.is_empty() {
            runs.insert(0, run);
        }
        self.checkpoint(sequence, &catalogue, flushed_count, runs)?;
        self.flushed_at = Instant::now();
        self.empty_at = self.flushed_at;
        self.log_kept_bytes = self.log_bytes();
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        if QUIET_FLUSH_BYTES <= bytes {
            self.shared.flush_rate.store(bytes as u64 * 1_000 / elapsed_ms, Ordering::Relaxed);
            tracing::debug!(bytes, elapsed_ms, "flushed the memtable");
        }
        Ok(true)
    }

    fn log_bytes(&self) -> u64 {
        self.shared.log_bytes.load(Ordering::Relaxed)
    }

    /// Tells whether the disk has room for a step that writes about so many bytes. Without it the log keeps what it
    /// has, and runs stay as they are: sled does not survive a full disk.
    fn has_room(&mut self, bytes: u64) -> bool {
        let has_room = STEP_ROOM_BYTES + bytes <= self.shared.disk.free_bytes();
        // Said when it begins, not at every look.
        let lacked_room = std::mem::replace(&mut self.lacks_room, !has_room);
        if !has_room && !lacked_room {
            tracing::warn!(bytes, "no room on the disk for a flush or merge");
        }
        has_room
    }

    /// Writes rows into one part until it is full; the last key read is `None` once the rows are at their end.
    /// `books` are those that the rows may name and keep.
    fn write_part(
        &mut self,
        rows: &mut MergeRows<'_>,
        survives: &Survival<'_>,
        repacker: &mut Repacker<'_>,
        mut books: BTreeMap<u32, Arc<Book>>,
    ) -> Result<(Option<Part>, Option<Vec<u8>>), TreeError> {
        let trees = Arc::clone(&self.shared.trees);
        let part_bytes = self.shared.tuning.part_bytes;
        let id = self.manifest.next_part;
        self.manifest.next_part += 1;
        self.scribe.begin(id)?;
        repacker.begin(id);
        let (mut settled, mut own, mut last_key) = (Vec::new(), Vec::new(), None);
        let mut read_bytes = 0;
        while let Some((key, mut row)) = rows.next_row() {
            read_bytes += (key.len() + row.len()) as u64;
            if let Some(left) = survives.settle(key, row, &mut settled) {
                row = left;
                if !repacker.is_idle() {
                    own.clear();
                    repacker.repack(row, &mut own).map_err(TreeError::Read)?;
                    row = &own;
                }
                self.scribe.add(key, row)?;
            }
            let written_bytes = self.scribe.raw_bytes() + repacker.bytes_count() as u64;
            if part_bytes <= written_bytes || STEP_PARTS_READ_MAX * part_bytes <= read_bytes {
                last_key = Some(key.to_vec());
                break;
            }
        }
        self.shared.keeper_beat.beat();
        if let Some((contexts, rows)) = repacker.own() {
            books.insert(id, Arc::new(Book::write(&trees, id, contexts, rows)?));
        }
        Ok((self.scribe.finish(books)?, last_key))
    }

    /// Makes the trees durable, then the manifest that names `runs`, then shows them in the place of the
    /// `flushed_count` oldest slices, then forgets what the old view needed.
    fn checkpoint(
        &mut self,
        sequence: u64,
        catalogue: &Arc<Catalogue>,
        flushed_count: usize,
        runs: Vec<Run>,
    ) -> Result<(), TreeError> {
        let replaced = self.store_catalogue(catalogue)?;
        self.shared.trees.sync()?;
        let log_lsn = self.ask_log(|reply| Message::KeepFrom { sequence, reply })?;
        self.manifest.sequence = sequence;
        self.manifest.log_lsn = log_lsn;
        self.manifest.next_txn = self.shared.next_txn.load(Ordering::SeqCst);
        self.manifest.runs = runs.iter().map(run_entry).collect();
        let books = named_books(&runs);
        self.manifest.books = books.values().map(|book| book.meta).collect();
        self.manifest.write(&self.shared.data_dir).map_err(TreeError::io("write the manifest"))?;
        self.shared.publish(|view| {
            // Only the keeper touches runs and the oldest slices; the log thread may have added since.
            view.memtable.drop_oldest(flushed_count);
            view.runs = runs;
        });
        self.ask_log(|reply| Message::Trim { keep_from: log_lsn, reply })?;
        if let Some(replaced) = replaced {
            replaced.remove(&self.shared.trees)?;
        }
        let before = std::mem::replace(&mut self.books, books);
        self.dropped_books
            .extend(before.into_values().filter(|book| !self.books.contains_key(&book.meta.id)));
        self.remove_dropped()
    }

    /// Asks the log thread for something and waits for its answer.
    fn ask_log<T>(&self, message: impl FnOnce(Sender<T>) -> Message) -> Result<T, TreeError> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        let asked = self.shared.messages.send(message(reply)).ok();
        asked.and_then(|()| self.shared.wait_for(&answer)).ok_or(TreeError::LogEnded)
    }

    /// Writes the catalogue if it changed; returns the one that the manifest names no more after that.
    fn store_catalogue(&mut self, catalogue: &Arc<Catalogue>) -> Result<Option<StoredCatalogue>, TreeError> {
        if Arc::ptr_eq(catalogue, &self.stored_catalogue) {
            return Ok(None);
        }
        let generation = self.manifest.catalogue.map_or(0, |stored| stored.generation) + 1;
        let stored = StoredCatalogue::write(&self.shared.trees, generation, catalogue)?;
        self.stored_catalogue = Arc::clone(catalogue);
        Ok(self.manifest.catalogue.replace(stored))
    }

    fn remove_dropped(&mut self) -> Result<(), TreeError> {
        let (gone, held): (Vec<_>, Vec<_>) =
            self.dropped.drain(..).partition(|part| Arc::strong_count(part) == 1);
        self.dropped = held;
        gone.iter().try_for_each(|part| part.remove(&self.shared.trees))?;
        drop(gone);
        let (gone, held): (Vec<_>, Vec<_>) =
            self.dropped_books.drain(..).partition(|book| Arc::strong_count(book) == 1);
        self.dropped_books = held;
        gone.iter().try_for_each(|book| book.remove(&self.shared.trees))
    }

    /// Removes from the trees what a flush or merge that did not finish left there.
    fn sweep_unnamed(&self) -> Result<(), TreeError> {
        let view = self.shared.view();
        let named: Vec<u32> =
            view.runs.iter().flat_map(|run| run.parts.iter().map(|part| part.meta.id)).collect();
        let trees = &self.shared.trees;
        let books: Vec<u32> = self.books.keys().copied().collect();
        let swept = trees::sweep_parts(&trees.indicators, 0, &named)?
            + trees::sweep_parts(&trees.contexts, 0, &books)?
            + trees::sweep_parts(&trees.suppliers, 4, &named)?
            + trees::sweep_parts(&trees.tags, 4, &named)?
            + StoredCatalogue::sweep_others(self.manifest.catalogue, trees)?;
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

/// The books that the parts of these runs name, by number.
fn named_books(runs: &[Run]) -> BTreeMap<u32, Arc<Book>> {
    let parts = runs.iter().flat_map(|run| &run.parts);
    parts.flat_map(|part| &part.books).map(|book| (book.meta.id, Arc::clone(book))).collect()
}

fn run_entry(run: &Run) -> RunEntry {
    RunEntry {
        id: run.id,
        parts: run.parts.iter().map(|part| part.meta.clone()).collect(),
        merged_through: run.merged_through.as_deref().map(hex::encode),
    }
}
