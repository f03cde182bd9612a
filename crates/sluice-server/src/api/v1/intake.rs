//! An import with its batch, from the first byte of its body to its end, whatever that is.
//!
//! In: a body. Out: a report, and why the import failed if it did; the batch has ended with it. A client that goes away in the
//! middle leaves both here, where they are brought to their end without it.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use sluice_ingest::{BodyError, Fault, Import, ImportReport, IngestError, RefusedRow};
use sluice_store::Changes;
use tokio::time::{Instant, sleep_until};

use crate::{
    batches::{
        Told,
        batch::Batch,
        id::BatchId,
        summary::{BatchState, Failure},
    },
    http::{
        body::BodyReader,
        problem::{BatchConflict, Cause, Unprocessable},
        problem_details,
    },
};

/// Time after which a batch is written down although it has committed nothing.
const BEGIN_TIME: Duration = Duration::from_secs(1);

/// What is told of a batch that may not outlive the service.
const UNRECORDED: &str =
    "The batch and its refused rows could not be written down, and may be gone after a restart";

/// See the module.
pub(super) struct Intake {
    /// `None` once they have ended.
    under_way: Option<(Import, Batch)>,
    began: Instant,
    is_told: bool,
}

/// What a body came to: a report, or why it was given up.
pub(super) type IntakeOutcome = Result<ImportReport, IntakeFailure>;

/// Why a body was given up, and where in it.
#[derive(PartialEq, Debug)]
pub(super) struct IntakeFailure {
    pub(super) cause: Cause,
    /// Offset of the first byte that cannot be read.
    pub(super) byte: Option<u64>,
    /// The line, element or row of a document that it belongs to.
    pub(super) line: Option<u64>,
    /// The same as a JSON Pointer, if there is one.
    pub(super) pointer: Option<String>,
}

impl From<Cause> for IntakeFailure {
    fn from(cause: Cause) -> Self {
        Self { cause, byte: None, line: None, pointer: None }
    }
}

/// Whether lines are passed over because they were sent before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resumed {
    No,
    Yes,
}

/// How an import ended.
pub(super) struct IntakeEnd {
    /// What is durable of it.
    pub(super) report: ImportReport,
    /// Why it failed.
    pub(super) failure: Option<IntakeFailure>,
    /// Its batch.
    pub(super) batch: BatchId,
    /// What is kept of it.
    pub(super) told: Option<Told>,
}

impl IntakeEnd {
    /// Why the batch may not outlive the service, if it may not.
    pub(super) fn batch_missing(&self) -> Option<&'static str> {
        self.told.as_ref().filter(|told| !told.is_recorded).map(|_| UNRECORDED)
    }
}

impl Intake {
    /// Begins.
    pub(super) fn new(import: Import, batch: Batch) -> Self {
        Self { under_way: Some((import, batch)), began: Instant::now(), is_told: false }
    }

    /// Reads a body to its end, or until its batch is cancelled.
    ///
    /// # Errors
    ///
    /// The cause, and the place in the body.
    pub(super) async fn take_in(&mut self, reader: &mut BodyReader<'_>) -> IntakeOutcome {
        let Some((import, batch)) = &mut self.under_way else { return Err(Cause::Internal.into()) };
        let (began, is_told) = (self.began, &mut self.is_told);
        let reading = async {
            while let Some(piece) = next_piece(reader, import).await? {
                let fed = import.feed(&piece).await;
                fed.map_err(|error| failure_of(error, import))?;
                if !*is_told && BEGIN_TIME <= began.elapsed() {
                    batch.tell_begin().await;
                    *is_told = true;
                }
            }
            let finished = import.finish().await;
            finished.map_err(|error| failure_of(error, import))
        };
        tokio::select! {
            biased;
            () = batch.cancelled() => {
                let detail = "The import was cancelled; what was committed stays";
                Err(Cause::BatchConflict(BatchConflict::Cancelled, detail.into()).into())
            }
            outcome = reading => outcome,
        }
    }

    /// Ends both, with what the body came to; also if nobody waits for that any more. `None` when the daemon ends. An import that
    /// is resumed may be without rows.
    pub(super) async fn end(mut self, outcome: IntakeOutcome, resumed: Resumed) -> Option<IntakeEnd> {
        let (import, batch) = self.under_way.take()?;
        tokio::spawn(end(import, batch, outcome, resumed)).await.ok()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if let Some((import, batch)) = self.under_way.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let cause = Cause::BadRequest("The client went away before the answer".into());
            drop(runtime.spawn(end(import, batch, Err(cause.into()), Resumed::No)));
        }
    }
}

async fn end(import: Import, batch: Batch, outcome: IntakeOutcome, resumed: Resumed) -> IntakeEnd {
    let (report, failure) = match outcome {
        Ok(report) if report.is_guarded => {
            let detail = shrink_detail(&report);
            (report, Some(Cause::Unprocessable(Unprocessable::ShrinkGuard, detail.into()).into()))
        }
        // A plan tells as much of no rows.
        Ok(report) if report.changes.is_some() => (report, None),
        Ok(report) if report.rows_count == report.unread_count && !is_over(&report, resumed) => {
            let detail = match report.refused.first() {
                Some(first) => format!("Not one row could be read. Of the first one: {}", first.hint),
                None => "Not one row could be read".to_owned(),
            };
            let mut failure: IntakeFailure = Cause::Unprocessable(Unprocessable::NoRow, detail.into()).into();
            if let Some(RefusedRow { line, byte, .. }) = report.refused.first() {
                (failure.byte, failure.line) = (Some(*byte), Some(*line));
                failure.pointer = import.pointer(*line);
            }
            (report, Some(failure))
        }
        Ok(report) => (report, None),
        Err(failure) => {
            let report = import.fail().await;
            // A replacement that was being written when it was given up is there all the same.
            let is_carried_out = report.changes.is_some() && !report.is_guarded;
            (report, Some(failure).filter(|_| !is_carried_out))
        }
    };
    let id = batch.id;
    let cause = failure.as_ref().map(|failure| &failure.cause);
    let state = match cause {
        None => BatchState::Done,
        Some(Cause::BatchConflict(BatchConflict::Cancelled, _)) => BatchState::Cancelled,
        Some(_) => BatchState::Failed,
    };
    let told = cause
        .map(|cause| Failure { problem: problem_details::name(cause).into(), detail: cause.reason().into() });
    let told = batch.end(state, &report, told).await;
    IntakeEnd { report, failure, batch: id, told }
}

/// The next piece of a body. While there is none, what came before becomes durable when it is time.
async fn next_piece(
    reader: &mut BodyReader<'_>,
    import: &mut Import,
) -> Result<Option<Bytes>, IntakeFailure> {
    let mut next = pin!(reader.next());
    loop {
        let due = import.due();
        tokio::select! {
            biased;
            piece = &mut next => return piece.map_err(IntakeFailure::from),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let flushed = import.flush().await;
                flushed.map_err(|error| failure_of(error, import))?;
            }
        }
    }
}

/// What a replacement that was not carried out would have done.
fn shrink_detail(report: &ImportReport) -> String {
    let Changes { changed, unchanged, removed, .. } = report.changes.unwrap_or_default();
    let held = changed + unchanged + removed;
    format!("It would remove {removed} of {held} indicators, which is more than max_shrink allows")
}

/// Whoever begins after the last line has nothing to send any more.
fn is_over(report: &ImportReport, resumed: Resumed) -> bool {
    resumed == Resumed::Yes && report.rows_count == 0
}

/// Why an import failed, and where in its body.
fn failure_of(error: IngestError, import: &Import) -> IntakeFailure {
    let IngestError::Body(error) = error else { return Cause::from(error).into() };
    let (byte, line) = (Some(error.byte()), import.line());
    let pointer = line.and_then(|line| import.pointer(line));
    IntakeFailure { cause: cause_of(&error), byte, line, pointer }
}

/// Why a body is refused.
fn cause_of(error: &BodyError) -> Cause {
    let detail = error.to_string();
    match error {
        BodyError::Syntax { fault: Fault::NoColumn, .. } => {
            Cause::Unprocessable(Unprocessable::InvalidParameter, detail.into())
        }
        _ => Cause::bad_request(detail),
    }
}

#[cfg(test)]
mod tests;
