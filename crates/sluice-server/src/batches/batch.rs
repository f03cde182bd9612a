//! A running batch, in the hands of the request that imports.
//!
//! In: steps of the import as they become durable, and its end. Out: records for the thread that writes them, in order. One that
//! is dropped without an end has failed.

use std::{mem, pin::Pin, sync::Arc};

use sluice_ingest::{ImportReport, Keeper, RejectsFrame, StepPlace};

use super::{
    entry::Told,
    id::BatchId,
    ledger::Ledger,
    live::Live,
    summary::{BatchState, ChangeCounts, Failure, RowCounts, Summary},
    writer::{BatchCommand, WaitFor},
};
use crate::clock::now_ms;

/// Why refused rows are missing of a batch that has too many.
pub(crate) const TOO_MANY: &str = "They are more than is kept of one batch";

/// See the module.
pub(crate) struct Batch {
    ledger: Arc<Ledger>,
    pub(crate) id: BatchId,
    live: Arc<Live>,
    /// Whether its id is a key of its client.
    is_keyed: bool,
    has_ended: bool,
}

impl Batch {
    pub(super) fn new(ledger: Arc<Ledger>, id: BatchId, live: Arc<Live>, is_keyed: bool) -> Self {
        Self { ledger, id, live, is_keyed, has_ended: false }
    }

    /// Takes what its steps come to.
    pub(crate) fn keeper(&self) -> Arc<dyn Keeper> {
        Arc::new(BatchKeeper { ledger: Arc::clone(&self.ledger), id: self.id, live: Arc::clone(&self.live) })
    }

    /// Has it written down that it is running.
    pub(crate) async fn tell_begin(&self) {
        let _telling = self.live.telling().await;
        let summary = self.ledger.summary(self.id);
        if let Some(summary) = summary {
            self.live.set_told();
            self.ledger.write(BatchCommand::Summary(summary)).await;
        }
    }

    /// Waits until somebody wants it cancelled.
    pub(crate) async fn cancelled(&self) {
        self.live.cancelled().await;
    }

    /// Ends it, waits until that is written, and tells what is kept of it. `report` is what all its steps came to.
    ///
    /// One that is short, and of which nobody will want to know more, only has to outlive the process: many imports are
    /// short, and would wait for a second sync.
    pub(crate) async fn end(
        mut self,
        state: BatchState,
        report: &ImportReport,
        failure: Option<Failure>,
    ) -> Option<Told> {
        let is_plain = state == BatchState::Done
            && report.refused_count + report.allowed_count == 0
            && report.changes.is_none();
        let is_short = is_plain && !self.is_keyed && !self.live.has_told();
        let wait = if is_short { WaitFor::Writing } else { WaitFor::Sync };
        let summary = self.ended(state, Some(report), failure)?;
        let is_recorded = self.ledger.write_last(summary, wait).await;
        let told = self.ledger.index.lock().get(self.id).map(Told::of)?;
        Some(Told { is_recorded, ..told })
    }

    /// Its last summary. Nobody is told that it has ended before the refused rows that are on their way to be written have
    /// their places: whoever sees the end reads all of them.
    fn ended(
        &mut self,
        state: BatchState,
        report: Option<&ImportReport>,
        failure: Option<Failure>,
    ) -> Option<Summary> {
        self.has_ended = true;
        self.ledger.count(state);
        let summary = self.ledger.summary(self.id)?;
        let counts = report.map_or(summary.counts, |report| RowCounts::default().with(report));
        Some(Summary { state, updated_ms: now_ms(), failure, counts, ..summary })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.has_ended {
            let failure = Failure { problem: "internal".into(), detail: "The request broke off".into() };
            if let Some(summary) = self.ended(BatchState::Failed, None, Some(failure)) {
                self.ledger.write_later(summary);
            }
        }
    }
}

impl RowCounts {
    /// With what a step came to.
    fn with(self, step: &ImportReport) -> Self {
        Self {
            rows: self.rows + step.rows_count,
            accepted: self.accepted + step.accepted_count,
            short_of_tags: self.short_of_tags + step.short_of_tags_count,
            refused: self.refused + step.refused_count,
            allowed: self.allowed + step.allowed_count,
            unread: self.unread + step.unread_count,
            not_to_ids: self.not_to_ids + step.left_out_count(),
            committed_lines: self.committed_lines.max(step.committed_lines),
            commit: step.commit.or(self.commit),
            changes: step.changes.map(ChangeCounts::of).or(self.changes),
        }
    }
}

/// What an import tells of its steps.
struct BatchKeeper {
    ledger: Arc<Ledger>,
    id: BatchId,
    live: Arc<Live>,
}

impl Keeper for BatchKeeper {
    fn takes_rejects(&self) -> bool {
        self.live.has_room()
    }

    fn keep<'k>(
        &'k self,
        step: &'k ImportReport,
        place: StepPlace,
        rejects: Vec<RejectsFrame>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'k>> {
        Box::pin(async move {
            let _telling = self.live.telling().await;
            let packed_count: u64 = rejects.iter().map(|frame| u64::from(frame.count)).sum();
            let mut is_cut = packed_count < step.refused_count + step.allowed_count;
            for frame in rejects {
                if self.live.take_room(frame.packed.len()) {
                    self.ledger.write(BatchCommand::Rejects(self.id, frame)).await;
                } else {
                    is_cut = true;
                }
            }
            let mut summary = None;
            if let Some(entry) = self.ledger.index.lock().get_mut(self.id) {
                let told_lines = entry.summary.counts.committed_lines;
                let counts = mem::take(&mut entry.summary.counts).with(step);
                // Those of the last step are told by the answer, which comes next: a short import is its answer alone.
                let committed_lines =
                    if place == StepPlace::Within { counts.committed_lines } else { told_lines };
                entry.summary.counts = RowCounts { committed_lines, ..counts };
                entry.summary.updated_ms = now_ms();
                if is_cut {
                    entry.miss(TOO_MANY);
                }
                summary = Some(entry.summary.clone());
            }
            // Of the last step, the end tells.
            if let Some(summary) = summary.filter(|_| place == StepPlace::Within) {
                self.live.set_told();
                self.ledger.write(BatchCommand::Summary(summary)).await;
            }
        })
    }
}
