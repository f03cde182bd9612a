//! One step of compaction: a flush of the memtable, or one part of a merge, and the checkpoint of it.
//!
//! A step of a merge writes one part, so it takes a fraction of a second and the disk space of a part; then flushes
//! have their turn. The rows are merged here and handed to the parts thread, which packs them meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    checkpoint::Checkpoints,
    parts_thread::PartsHandle,
    policy,
    retention::{Left, Moment, Retention},
};
use crate::{
    contexts::{ContextRewriter, ContextSource, StoredTable},
    error::TreeError,
    manifest::MergeEntry,
    merge::{MergeRows, Source},
    read::View,
    run::{Part, Run},
    shared::Shared,
};

/// Heap bytes of a memtable that is worth a run of its own as soon as writes pause, and whose flush shows how fast
/// flushes are.
pub(super) const SIZABLE_FLUSH_BYTES: usize = 4 * 1024 * 1024;
/// Free bytes on the disk beside its own output that a step wants.
const STEP_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// A step ends after reading so many times the bytes of a part, also when hardly any row is kept.
const STEP_PARTS_READ_MAX: u64 = 4;
/// Rest after a merge for the sake of dead rows, at least: some rows may have to stay dead, because others renew the
/// same indicators all the time.
const DEAD_REST_MIN: Duration = Duration::from_secs(10);
/// Rest after such a merge for the time that it took.
const DEAD_REST_SHARE: u32 = 4;

/// Which keys a step has the history tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// Of all rows.
    AllRows,
    /// Of those of which less is left than readers could see.
    LessLeft,
}

/// Does the steps, one at a time.
pub(super) struct Compactor {
    pub(super) shared: Arc<Shared>,
    pub(super) parts: PartsHandle,
    pub(super) checkpoints: Checkpoints,
    /// When the last flush ended, as all times here by [`Clock::elapsed`](crate::Clock::elapsed).
    pub(super) flushed_at: Duration,
    /// Bytes of log that the checkpoint of the last flush could not trim, because a write under way needs them.
    pub(super) log_kept_bytes: u64,
    /// Whether the disk lacked space for the last step that asked.
    lacks_space: bool,
    /// Whether what an unfinished step of an earlier life had left in the trees is gone.
    is_swept: bool,
    /// How long the steps of the merge under way took, if it is for the sake of dead rows.
    dead_merge_took: Option<Duration>,
    /// Until when no other such merge begins.
    pub(super) dead_merge_rest: Duration,
}

impl Compactor {
    /// Begins with nothing under way but what the manifest says.
    pub(super) fn new(shared: Arc<Shared>, parts: PartsHandle, checkpoints: Checkpoints) -> Self {
        let now = shared.config.clock.elapsed();
        Self {
            shared,
            parts,
            checkpoints,
            flushed_at: now,
            log_kept_bytes: 0,
            lacks_space: false,
            is_swept: false,
            dead_merge_took: None,
            dead_merge_rest: now,
        }
    }

    /// Moves the memtable into a new run and makes a checkpoint of it; false when the disk has no space for that.
    ///
    /// The log thread goes on meanwhile. Say three slices reach up to commit 7: they are frozen, so they are not
    /// joined with newer ones, and the run is made of them. Commits 8 and 9 bring two more slices before it is written.
    /// The checkpoint then is one of commit 7: the view loses its three oldest slices and gets the run in the same
    /// moment, the two others stay in memory, and the log is kept from commit 8 on.
    ///
    /// # Errors
    ///
    /// Any failure of the trees or of the log.
    pub(super) fn flush(&mut self) -> Result<bool, TreeError> {
        // Packed rows and contexts take a third of their heap bytes, incompressible ones nearly all of them; sled needs
        // about twice that.
        if !self.may_write(2 * self.shared.view().memtable.bytes() as u64)? {
            return Ok(false);
        }
        let (started, moment) = (Instant::now(), Moment::now(&self.shared));
        let frozen = self.shared.publish(|view| {
            view.memtable.freeze();
            view.clone()
        });
        // Slices to come get other filters, so that those of the frozen ones can go with them.
        self.shared.filters.begin_anew();
        self.shared.joined_filters.begin_anew();
        self.checkpoints.history.begin();
        let run = self.write_run(&frozen, moment)?;
        let (sequence, catalogue) = (frozen.sequence, Arc::clone(&frozen.catalogue));
        let is_known = |supplier| frozen.catalogue.supplier_by_id(supplier).is_some();
        self.checkpoints.manifest.renewals = frozen.renewals.of_known(is_known);
        if let Some(record) = &mut self.checkpoints.manifest.history {
            record.wide.clone_from(&frozen.wide);
        }
        let (flushed_count, bytes) = (frozen.memtable.slices().len(), frozen.memtable.bytes());
        drop(frozen);
        let mut runs = self.shared.view().runs.clone();
        if !run.parts.is_empty() {
            runs.insert(0, run);
        }
        self.checkpoints.write(sequence, &catalogue, Some(sequence), flushed_count, runs)?;
        self.flushed_at = self.shared.config.clock.elapsed();
        self.log_kept_bytes = self.shared.log_bytes.load(Ordering::Relaxed);
        self.shared.measures.flush_times.note_time(started.elapsed());
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        if SIZABLE_FLUSH_BYTES <= bytes {
            self.shared.flush_rate.store(bytes as u64 * 1_000 / elapsed_ms, Ordering::Relaxed);
            tracing::debug!(bytes, elapsed_ms, "flushed the memtable");
        }
        Ok(true)
    }

    /// Writes the run that the slices of a view make up; without parts when none of their rows is kept.
    fn write_run(&mut self, frozen: &View, moment: Moment) -> Result<Run, TreeError> {
        let slices = frozen.memtable.slices();
        let (mut sources, mut contexts) = (Vec::new(), Vec::new());
        for slice in slices.iter().rev() {
            sources.push(Source::rows(slice.rows_bytes()));
            contexts.push((slice.table(), ContextSource::Slice(slice.contexts())));
        }
        let mut rows = MergeRows::new(sources);
        let retention = Retention::of_newest(frozen, moment, frozen.runs.is_empty());
        let mut rewriter = ContextRewriter::new(contexts.into_iter());
        let mut run = Run { id: self.checkpoints.manifest.next_run, parts: Vec::new(), merged_through: None };
        let mut is_more = !slices.is_empty();
        while is_more {
            let (part, last_key) =
                self.write_part(&mut rows, &retention, &mut rewriter, Told::AllRows, BTreeMap::new())?;
            run.parts.extend(part.map(Arc::new));
            is_more = last_key.is_some();
        }
        rows.finish().map_err(TreeError::Read)?;
        self.checkpoints.manifest.next_run += 1;
        Ok(run)
    }

    /// Returns true if the disk has space for a step that writes about so many bytes; then nothing is left of an unfinished
    /// step, whose parts may have the numbers of those to come. Without space the log keeps what it has, and runs stay as
    /// they are: sled does not survive a full disk.
    ///
    /// # Errors
    ///
    /// Any failure of the trees.
    pub(super) fn may_write(&mut self, bytes: u64) -> Result<bool, TreeError> {
        let has_space = self.has_space(bytes);
        // Said when it begins, not at every look.
        let lacked_space = std::mem::replace(&mut self.lacks_space, !has_space);
        if has_space {
            self.clean_up()?;
        } else if !lacked_space {
            tracing::warn!(bytes, "no space on the disk for a flush or merge");
        }
        // The disk may have become full between the two looks; then nothing was swept.
        Ok(has_space && self.is_swept)
    }

    /// Removes from the trees what nothing names any more, when there is space: sled writes also to remove.
    ///
    /// # Errors
    ///
    /// Any failure of the trees.
    pub(super) fn clean_up(&mut self) -> Result<(), TreeError> {
        if !self.has_space(0) {
            return Ok(());
        }
        if !self.is_swept {
            self.checkpoints.sweep_unnamed()?;
            self.is_swept = true;
        }
        self.checkpoints.remove_dropped()
    }

    fn has_space(&self, bytes: u64) -> bool {
        STEP_FREE_BYTES.saturating_add(bytes) <= self.shared.disk_free_bytes()
    }

    /// Writes rows into one part until it is full; the last key read is `None` once the rows are at their end.
    /// `tables` are those that the rows may name and keep.
    fn write_part(
        &mut self,
        rows: &mut MergeRows<'_>,
        retention: &Retention<'_>,
        rewriter: &mut ContextRewriter<'_>,
        told: Told,
        mut tables: BTreeMap<u32, Arc<StoredTable>>,
    ) -> Result<(Option<Part>, Option<Vec<u8>>), TreeError> {
        let part_bytes = self.shared.config.tuning.part_bytes;
        let id = self.checkpoints.manifest.next_part;
        self.checkpoints.manifest.next_part += 1;
        self.parts.begin(id)?;
        rewriter.begin(id);
        let (mut kept, mut own, mut last_key) = (Vec::new(), Vec::new(), None);
        let mut read_bytes = 0;
        while let Some((key, mut row)) = rows.next_row() {
            read_bytes += (key.len() + row.len()) as u64;
            let (left, how_much) = retention.drop_dead(key, row, &mut kept);
            if told == Told::AllRows || how_much == Left::Less {
                self.checkpoints.history.push(key, row);
            }
            if how_much == Left::Less {
                self.checkpoints.history.set_unnumbered();
            }
            if let Some(left) = left {
                row = left;
                if !rewriter.is_idle() {
                    own.clear();
                    rewriter.rewrite(row, &mut own).map_err(TreeError::Read)?;
                    row = &own;
                }
                self.parts.add(key, row)?;
            }
            let written_bytes = self.parts.raw_bytes() + rewriter.bytes_count() as u64;
            if part_bytes <= written_bytes || STEP_PARTS_READ_MAX * part_bytes <= read_bytes {
                last_key = Some(key.to_vec());
                break;
            }
        }
        self.shared.beat(&self.shared.compaction_beat_ms);
        if let Some((contexts, rows)) = rewriter.own() {
            tables.insert(id, Arc::new(StoredTable::write(&self.shared.trees, id, contexts, rows)?));
        }
        Ok((self.parts.finish(tables)?, last_key))
    }

    /// Begins to merge runs, newest first, into one.
    pub(super) fn start_merge(&mut self, inputs: &[Run]) {
        let manifest = &mut self.checkpoints.manifest;
        let inputs = inputs.iter().map(|run| run.id).collect();
        manifest.merge = Some(MergeEntry { output: manifest.next_run, inputs });
        manifest.next_run += 1;
    }

    /// Begins to merge all runs because much in them is dead.
    pub(super) fn start_dead_merge(&mut self) {
        self.dead_merge_took = Some(Duration::ZERO);
        self.start_merge(&self.shared.view().runs);
    }

    fn end_merge(&mut self) {
        self.checkpoints.manifest.merge = None;
        if let Some(took) = self.dead_merge_took.take() {
            let rest = DEAD_REST_MIN.max(DEAD_REST_SHARE * took);
            self.dead_merge_rest = self.shared.config.clock.elapsed() + rest;
        }
    }

    /// Writes the next part of the merge under way and makes a checkpoint of it. Tables of fewer stored bytes than
    /// `context_table_bytes_min` are gathered into one of its own.
    ///
    /// # Errors
    ///
    /// Any failure of the trees or of the log.
    pub(super) fn merge_one_part(&mut self, context_table_bytes_min: u64) -> Result<(), TreeError> {
        let Some(merge) = self.checkpoints.manifest.merge.clone() else { return Ok(()) };
        let (began, moment) = (Instant::now(), Moment::now(&self.shared));
        let view = self.shared.view();
        let inputs: Vec<Run> =
            view.runs.iter().filter(|run| merge.inputs.contains(&run.id)).cloned().collect();
        let Some(oldest) = inputs.last() else {
            self.end_merge();
            return Ok(());
        };
        let is_bottom = view.runs.last().is_some_and(|last| last.id == oldest.id);
        let retention = Retention::of_merge(&view, &merge, moment, is_bottom);
        let (rewritten, kept) = policy::judge_tables(&view, &inputs, context_table_bytes_min);
        let trees = Arc::clone(&self.shared.trees);
        let mut rows = MergeRows::new(inputs.iter().map(|run| run.source(&trees, None)).collect());
        let sources = rewritten.iter().map(|table| (table.id(), ContextSource::stored(&trees, table)));
        let mut rewriter = ContextRewriter::new(sources);
        self.checkpoints.history.begin();
        let (part, last_key) = self.write_part(&mut rows, &retention, &mut rewriter, Told::LessLeft, kept)?;
        drop(rewriter);
        rows.finish().map_err(TreeError::Read)?;
        let mut next_runs = view.runs.clone();
        let dropped = advance(&mut next_runs, &merge, part.map(Arc::new), last_key.as_deref());
        if let Some(took) = &mut self.dead_merge_took {
            *took += began.elapsed();
        }
        if last_key.is_none() {
            self.end_merge();
        }
        // A dropped part is removed only once nothing refers to it.
        drop(retention);
        drop((view, inputs, rewritten));
        self.checkpoints.dropped_parts.extend(dropped);
        // A merge moves rows between runs; what the log holds beyond the last flush stays where it is.
        let sequence = self.checkpoints.manifest.sequence;
        let stored = Arc::clone(&self.checkpoints.stored_catalogue);
        self.checkpoints.write(sequence, &stored, None, 0, next_runs)?;
        self.shared.measures.merge_times.note_time(began.elapsed());
        Ok(())
    }
}

/// Puts the new part into the output run and takes the parts that it replaces out of the inputs. Returns those.
///
/// Say a new part ends at key 50. An input with parts that begin at 10, 40 and 70 loses the first. The second stays:
/// it may go on beyond 50. From now on the run counts from beyond 50 only (`merged_through`), so the rows up to there
/// are seen once, in the output. At the end of the rows there is no last key, and the inputs go whole.
fn advance(
    runs: &mut Vec<Run>,
    merge: &MergeEntry,
    part: Option<Arc<Part>>,
    last_key: Option<&[u8]>,
) -> Vec<Arc<Part>> {
    let mut dropped = Vec::new();
    for run in runs.iter_mut() {
        if !merge.inputs.contains(&run.id) {
            continue;
        }
        let Some(last_key) = last_key else {
            dropped.append(&mut run.parts);
            continue;
        };
        let begun_count = run.parts.partition_point(|part| part.index.first_key() <= last_key);
        dropped.extend(run.parts.drain(..begun_count.saturating_sub(1)));
        run.merged_through = Some(last_key.into());
    }
    if let Some(part) = part {
        if let Some(output) = runs.iter_mut().find(|run| run.id == merge.output) {
            output.parts.push(part);
        } else {
            let position = runs.iter().position(|run| merge.inputs.contains(&run.id)).unwrap_or(0);
            runs.insert(position, Run { id: merge.output, parts: vec![part], merged_through: None });
        }
    }
    if last_key.is_none() {
        runs.retain(|run| !merge.inputs.contains(&run.id));
    }
    dropped
}

#[cfg(test)]
mod tests;
