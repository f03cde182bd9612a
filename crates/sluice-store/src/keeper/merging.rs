//! Which runs are merged, when, and how one step of it goes.
//!
//! Runs stand in tiers of size, each [`FAN_IN`] times as large as the one before. A tier that is full becomes one run
//! of the next, so the number of runs grows with the logarithm of the data, and each row is rewritten about once a
//! tier. An idle store goes on merging neighbours of similar size. A step writes one part, so it takes a fraction
//! of a second and the room of a part; then flushes have their turn.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Keeper, TreeError, named_books, survival::Survival};
use crate::{
    clock::now_seconds,
    manifest::MergeEntry,
    merge::MergeRows,
    repack::{Origin, Repacker},
    run::{Book, Part, Run},
    view::View,
};

/// Time after the last flush from which the store counts as idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// Runs of one tier that become one of the next.
const FAN_IN: usize = 8;
/// Stored bytes up to which a run is of the lowest tier: what a flush of a full memtable makes.
const TIER_BYTES: u64 = 32 * 1024 * 1024;
/// When idle, runs up to this many times as large as all newer ones together are merged with them.
const IDLE_RATIO: u64 = 2;
/// Share of rows of removed or expired holdings, in percent, from which everything is rewritten.
const DEAD_PERCENT_MAX: u64 = 25;
/// Rest after such a merge, at least: some rows may have to stay dead, because others renew the same indicators all
/// the time.
const DEAD_REST_MIN: Duration = Duration::from_secs(10);
/// Rest after such a merge for the time that it took.
const DEAD_REST_SHARE: u32 = 4;
/// A book with fewer of its rows left, in percent, is left at the next merge.
const BOOK_ROWS_PERCENT_MIN: u64 = 50;

impl Keeper {
    /// Does one step of the merge under way, or of one that is due; false when none is.
    pub(super) fn merge_step(&mut self) -> Result<bool, TreeError> {
        if self.manifest.merge.is_none() && !self.start_due_merge()? {
            return Ok(false);
        }
        if !self.has_room(2 * self.shared.tuning.part_bytes) {
            return Ok(false);
        }
        self.merge_one_part(self.shared.tuning.book_bytes_min).map(|()| true)
    }

    /// Merges all runs into one, flushing first; false when there is no room for that.
    pub(super) fn compact(&mut self) -> Result<bool, TreeError> {
        if !self.flush()? {
            return Ok(false);
        }
        while self.manifest.merge.is_some() {
            self.merge_one_part(self.shared.tuning.book_bytes_min)?;
        }
        let view = self.shared.view();
        if !view.runs.is_empty() {
            self.start_merge(&view.runs);
        }
        drop(view);
        // All books are left, so no context stays that no row names.
        while self.manifest.merge.is_some() {
            self.merge_one_part(u64::MAX)?;
        }
        self.remove_dropped()?;
        self.shared.trees.sync()?;
        Ok(true)
    }

    /// Starts the merge that is due, if any is.
    fn start_due_merge(&mut self) -> Result<bool, TreeError> {
        if self.dead_merge_rest <= Instant::now() && has_many_dead(&self.shared.view()) {
            // Expired holdings stay where a newer row may renew them. With those rows among the inputs, few will.
            if self.shared.view().memtable.slices().is_empty() || self.flush()? {
                self.dead_merge_took = Some(Duration::ZERO);
                self.start_merge(&self.shared.view().runs);
                return Ok(true);
            }
        }
        let view = self.shared.view();
        let inputs = view.runs.get(..self.due_count(&view)).unwrap_or_default();
        if 1 < inputs.len() {
            self.start_merge(inputs);
        }
        Ok(1 < inputs.len())
    }

    fn start_merge(&mut self, inputs: &[Run]) {
        let inputs = inputs.iter().map(|run| run.id).collect();
        self.manifest.merge = Some(MergeEntry { output: self.manifest.next_run, inputs });
        self.manifest.next_run += 1;
    }

    fn end_merge(&mut self) {
        self.manifest.merge = None;
        if let Some(took) = self.dead_merge_took.take() {
            self.dead_merge_rest = Instant::now() + DEAD_REST_MIN.max(DEAD_REST_SHARE * took);
        }
    }

    /// How many of the newest runs are due to become one.
    fn due_count(&self, view: &View) -> usize {
        let sizes: Vec<u64> = view.runs.iter().map(Run::stored_bytes).collect();
        let idle = if IDLE_AFTER <= self.flushed_at.elapsed() { idle_count(&sizes) } else { 0 };
        full_tier_count(&sizes).max(idle)
    }

    /// Writes the next part of the merge under way and makes a checkpoint of it. Books of fewer stored bytes than
    /// `book_bytes_min` are gathered.
    fn merge_one_part(&mut self, book_bytes_min: u64) -> Result<(), TreeError> {
        let Some(merge) = self.manifest.merge.clone() else { return Ok(()) };
        let (began, now_seconds) = (Instant::now(), now_seconds());
        let view = self.shared.view();
        let inputs: Vec<Run> =
            view.runs.iter().filter(|run| merge.inputs.contains(&run.id)).cloned().collect();
        let Some(oldest) = inputs.last() else {
            self.end_merge();
            return Ok(());
        };
        let is_bottom = view.runs.last().is_some_and(|last| last.id == oldest.id);
        let trees = Arc::clone(&self.shared.trees);
        let mut rows = MergeRows::new(inputs.iter().map(|run| run.source(&trees, None)).collect());
        let survival = Survival::of_merge(&view, &merge, now_seconds, is_bottom);
        let (left, kept) = judge_books(&view, &inputs, book_bytes_min);
        let origins = left.iter().map(|book| (book.table(), Origin::book(&trees, book)));
        let mut repacker = Repacker::new(origins);
        let (part, last_key) = self.write_part(&mut rows, &survival, &mut repacker, kept)?;
        drop(repacker);
        rows.finish().map_err(TreeError::Read)?;
        let mut next_runs = view.runs.clone();
        let dropped = advance(&mut next_runs, &merge, part.map(Arc::new), last_key.as_deref());
        if let Some(took) = &mut self.dead_merge_took {
            *took += began.elapsed();
        }
        if last_key.is_none() {
            self.end_merge();
        }
        drop(survival);
        drop((view, inputs, left));
        self.dropped.extend(dropped);
        // A merge moves rows between runs; what the log holds beyond the last flush stays where it is.
        let (sequence, stored) = (self.manifest.sequence, Arc::clone(&self.stored_catalogue));
        self.checkpoint(sequence, &stored, 0, next_runs)
    }
}

fn tier(stored_bytes: u64) -> u32 {
    (stored_bytes / TIER_BYTES).checked_ilog(FAN_IN as u64).map_or(0, |tier| tier + 1)
}

/// How many of the newest runs make up full tiers; `sizes` are in stored bytes, newest first.
fn full_tier_count(sizes: &[u64]) -> usize {
    let mut due = 0;
    // Whatever is newer goes along, so that runs stay in the order of their history.
    for highest in 0..=sizes.iter().map(|size| tier(*size)).max().unwrap_or(0) {
        let upto = sizes.iter().take_while(|size| tier(**size) <= highest).count();
        if FAN_IN <= upto - sizes.iter().take(upto).take_while(|size| tier(**size) < highest).count() {
            due = upto;
        }
    }
    due
}

/// How many of the newest runs are near enough in size to be merged when there is nothing else to do.
fn idle_count(sizes: &[u64]) -> usize {
    let (mut newer_bytes, mut due) = (0_u64, 0);
    for (index, size) in sizes.iter().enumerate() {
        if 0 < index && *size <= newer_bytes * IDLE_RATIO {
            due = index + 1;
        }
        newer_bytes += size;
    }
    due
}

/// Divides the books that the inputs name into those that are not worth keeping and the rest, by number.
fn judge_books(view: &View, inputs: &[Run], bytes_min: u64) -> (Vec<Arc<Book>>, BTreeMap<u32, Arc<Book>>) {
    let rows_by_book = rows_by_book(view);
    let (mut left, mut kept) = (Vec::new(), BTreeMap::new());
    for (id, book) in named_books(inputs) {
        let rows = rows_by_book.get(&id).copied().unwrap_or_default();
        let is_thin = rows * 100 < u64::from(book.meta.rows) * BOOK_ROWS_PERCENT_MIN;
        if is_thin || book.meta.stored_bytes < bytes_min {
            left.push(book);
        } else {
            kept.insert(id, book);
        }
    }
    (left, kept)
}

/// How many rows of all parts name each book. An indicator counts once for each run that has it.
fn rows_by_book(view: &View) -> BTreeMap<u32, u64> {
    let mut rows_by_book = BTreeMap::new();
    for (book, rows) in view.runs.iter().flat_map(|run| &run.parts).flat_map(|part| &part.index.books) {
        *rows_by_book.entry(*book).or_default() += u64::from(*rows);
    }
    rows_by_book
}

/// Tells whether a large share of the stored holdings belongs to nobody or has expired.
fn has_many_dead(view: &View) -> bool {
    let survival = Survival::of_newest(&view.catalogue, now_seconds(), true);
    let (mut dead, mut all) = (0_u64, 0_u64);
    for part in view.runs.iter().flat_map(|run| &run.parts) {
        for (supplier, summary) in &part.index.suppliers {
            all += u64::from(summary.rows);
            if !survival.keeps(*supplier, summary.newest_updated) {
                dead += u64::from(summary.rows);
            }
        }
    }
    0 < dead && all * DEAD_PERCENT_MAX <= dead * 100
}

/// Puts the new part into the output run and takes out of the inputs what lies in it; returns the parts that
/// nobody needs any more.
fn advance(
    runs: &mut Vec<Run>,
    merge: &MergeEntry,
    part: Option<Arc<Part>>,
    last_key: Option<&[u8]>,
) -> Vec<Arc<Part>> {
    let mut dropped = Vec::new();
    for run in runs.iter_mut().filter(|run| merge.inputs.contains(&run.id)) {
        let Some(last_key) = last_key else {
            dropped.append(&mut run.parts);
            continue;
        };
        let kept_from = run.parts.partition_point(|part| part.index.first_key() <= last_key);
        // The last of them may go on beyond the key.
        dropped.extend(run.parts.drain(..kept_from.saturating_sub(1)));
        run.merged_through = Some(last_key.into());
    }
    if let Some(part) = part {
        if let Some(output) = runs.iter_mut().find(|run| run.id == merge.output) {
            output.parts.push(part);
        } else {
            let position = runs.iter().position(|run| merge.inputs.contains(&run.id)).unwrap_or(0);
            let parts = vec![part];
            runs.insert(position, Run { id: merge.output, parts, merged_through: None });
        }
    }
    if last_key.is_none() {
        runs.retain(|run| !merge.inputs.contains(&run.id));
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::{FAN_IN, TIER_BYTES, full_tier_count, idle_count};

    /// Flushes of equal size into an ever busy store: how many runs there are at most, and how often a byte is
    /// rewritten.
    fn history(flushes: u64) -> (usize, u64) {
        let (mut sizes, mut runs_max, mut rewritten) = (Vec::new(), 0, 0);
        for _ in 0..flushes {
            sizes.insert(0, TIER_BYTES);
            let due = full_tier_count(&sizes);
            if 1 < due {
                let merged = sizes.drain(..due).sum();
                rewritten += merged;
                sizes.insert(0, merged);
            }
            runs_max = runs_max.max(sizes.len());
        }
        (runs_max, rewritten / TIER_BYTES)
    }

    #[test]
    fn runs_stay_few_and_rows_are_rewritten_once_a_tier() {
        let (runs_max, rewritten) = history(1_000);
        assert!(runs_max <= 4 * FAN_IN, "{runs_max} runs");
        assert!(rewritten <= 4 * 1_000, "{rewritten} flushes rewritten");
    }

    #[test]
    fn a_tier_is_merged_when_it_is_full_and_newer_runs_go_along() {
        let (small, large) = (TIER_BYTES / 2, TIER_BYTES * 2);
        assert_eq!(full_tier_count(&[small; FAN_IN - 1]), 0);
        assert_eq!(full_tier_count(&[small; FAN_IN]), FAN_IN);
        assert_eq!(full_tier_count(&[&[small][..], &[large; FAN_IN]].concat()), FAN_IN + 1);
        assert_eq!(full_tier_count(&[&[large; 2][..], &[TIER_BYTES * 1_000]].concat()), 0);
    }

    #[test]
    fn an_idle_store_merges_what_is_near_in_size() {
        assert_eq!(idle_count(&[10, 20, 1_000]), 2);
        assert_eq!(idle_count(&[10, 21]), 0);
        assert_eq!(idle_count(&[]), 0);
    }
}
