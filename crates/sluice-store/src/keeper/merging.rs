//! Which runs are merged, when, and how one step of it goes.
//!
//! Runs are kept in a geometric order of size: the newest ones are merged as soon as together they are as large
//! as the next older one, earlier when the store is idle. So their number grows with the logarithm of the
//! data, and each row is rewritten about as often. A step writes one part, so it takes a fraction of a second
//! and the room of a part; then flushes have their turn.

use std::{sync::Arc, time::Duration};

use super::{Keeper, Survival, TreeError};
use crate::{
    manifest::MergeEntry,
    merge::MergeRows,
    run::{Part, Run},
    view::View,
};

/// Time after the last flush from which the store counts as idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// When idle, runs up to this many times as large as all newer ones together are merged with them.
const IDLE_RATIO: u64 = 2;
/// Share of rows of removed or expired holdings, in percent, from which everything is rewritten.
const DEAD_PERCENT_MAX: u64 = 25;

impl Keeper {
    /// Does one step of the merge under way, or of one that is due; false when none is.
    pub(super) fn merge_step(&mut self) -> Result<bool, TreeError> {
        let view = self.shared.view();
        if self.manifest.merge.is_none() {
            let inputs_count = self.due_count(&view);
            if inputs_count < 2 && !(inputs_count == 1 && has_many_dead(&view)) {
                return Ok(false);
            }
            self.start_merge(view.runs.get(..inputs_count).unwrap_or_default());
        }
        drop(view);
        if !self.has_room(2 * self.shared.tuning.part_bytes) {
            return Ok(false);
        }
        self.merge_one_part().map(|()| true)
    }

    /// Merges all runs into one, flushing first; false when there is no room for that.
    pub(super) fn compact(&mut self) -> Result<bool, TreeError> {
        if !self.flush()? {
            return Ok(false);
        }
        while self.manifest.merge.is_some() {
            self.merge_one_part()?;
        }
        let view = self.shared.view();
        if !view.runs.is_empty() {
            self.start_merge(&view.runs);
        }
        drop(view);
        while self.manifest.merge.is_some() {
            self.merge_one_part()?;
        }
        self.remove_dropped()?;
        self.shared.trees.sync()?;
        Ok(true)
    }

    fn start_merge(&mut self, inputs: &[Run]) {
        let inputs = inputs.iter().map(|run| run.id).collect();
        self.manifest.merge = Some(MergeEntry { output: self.manifest.next_run, inputs });
        self.manifest.next_run += 1;
    }

    /// How many of the newest runs are due to become one.
    fn due_count(&self, view: &View) -> usize {
        if has_many_dead(view) {
            return view.runs.len();
        }
        let is_idle = IDLE_AFTER <= self.flushed_at.elapsed();
        let ratio = if is_idle { IDLE_RATIO } else { 1 };
        let (mut newer_bytes, mut due) = (0_u64, 0);
        for (index, run) in view.runs.iter().enumerate() {
            if 0 < index && run.stored_bytes() <= newer_bytes * ratio {
                due = index + 1;
            }
            newer_bytes += run.stored_bytes();
        }
        due
    }

    /// Writes the next part of the merge under way and makes a checkpoint of it.
    fn merge_one_part(&mut self) -> Result<(), TreeError> {
        let Some(merge) = self.manifest.merge.clone() else { return Ok(()) };
        let view = self.shared.view();
        let inputs: Vec<Run> =
            view.runs.iter().filter(|run| merge.inputs.contains(&run.id)).cloned().collect();
        let Some(oldest) = inputs.last() else {
            self.manifest.merge = None;
            return Ok(());
        };
        let is_bottom = view.runs.last().is_some_and(|last| last.id == oldest.id);
        let catalogue = Arc::clone(&view.catalogue);
        let trees = Arc::clone(&self.shared.trees);
        let mut rows = MergeRows::new(inputs.iter().map(|run| run.source(&trees, None)).collect());
        let survival = Survival::of(&catalogue, is_bottom);
        let (part, last_key) = self.write_part(&mut rows, &survival)?;
        rows.finish().map_err(TreeError::Read)?;
        let mut next_runs = view.runs.clone();
        let dropped = advance(&mut next_runs, &merge, part.map(Arc::new), last_key.as_deref());
        if last_key.is_none() {
            self.manifest.merge = None;
        }
        drop((view, inputs));
        self.dropped.extend(dropped);
        // A merge moves rows between runs; what the log holds beyond the last flush stays where it is.
        let (sequence, stored) = (self.manifest.sequence, Arc::clone(&self.stored_catalogue));
        self.checkpoint(sequence, &stored, 0, next_runs)
    }
}

/// Tells whether a large share of the stored holdings belongs to nobody or has expired.
fn has_many_dead(view: &View) -> bool {
    let survival = Survival::of(&view.catalogue, true);
    let keeps = survival.keeps();
    let (mut dead, mut all) = (0_u64, 0_u64);
    for part in view.runs.iter().flat_map(|run| &run.parts) {
        for (supplier, summary) in &part.index.suppliers {
            all += u64::from(summary.rows);
            if !keeps(*supplier, summary.newest_updated) {
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
