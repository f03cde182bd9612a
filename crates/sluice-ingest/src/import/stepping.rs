//! The steps of an import: each begins once there is room for it, and ends once it is long or old enough.
//!
//! In: how many more bytes are to be held, and the time. Out: a step that may hold them; rows that become durable. Two steps are
//! under way at most: one is filled while the one before it is being committed.

use std::{sync::Arc, time::Duration};

use sluice_model::limits;
use sluice_store::WriteError;
use tokio::time::Instant;

use super::{
    Import,
    allowed::AllowList,
    gather::{Gathering, ROOM_RETRY_TIME},
    step::{Step, StepPlace},
};
use crate::{
    error::IngestError,
    upload::{RowWork, validate::UploadAction},
};

/// Time after which the rows so far become durable.
const STEP_TIME_MAX: Duration = Duration::from_secs(5);

impl Import {
    /// When the rows so far are to become durable although nothing more arrives, by [`flush`](Self::flush); `None` if there are
    /// none.
    pub fn due(&self) -> Option<Instant> {
        self.step.as_ref().map(|_step| self.step_began + STEP_TIME_MAX)
    }

    /// Makes the rows so far durable, and waits for that.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed).
    pub async fn flush(&mut self) -> Result<(), IngestError> {
        self.end_rows().await?;
        self.settle().await
    }

    /// Has the rows so far committed.
    pub(super) async fn end_rows(&mut self) -> Result<(), IngestError> {
        if let Some((cutter, _)) = &mut self.reading
            && let Some(slice) = cutter.flush()
        {
            self.dispatch(slice, false).await?;
        }
        if self.step.as_ref().is_some_and(Step::is_empty) {
            self.step = None;
        }
        self.end_step(StepPlace::Within).await?;
        if self.begun_bytes() != 0 {
            // They wait for the end of their row, however long that takes: in a step, whose permit they have.
            self.make_room(0).await?;
        }
        Ok(())
    }

    /// Bytes that have arrived and are in no step yet.
    fn begun_bytes(&self) -> usize {
        self.begin.len() + self.reading.as_ref().map_or(0, |(cutter, _)| cutter.kept_bytes())
    }

    /// Waits until the present step may hold so many more bytes.
    pub(super) async fn make_room(&mut self, bytes: usize) -> Result<(), IngestError> {
        let since = Instant::now();
        loop {
            let room = match self.begin_step().await {
                Ok(()) => self.grow(bytes).await,
                Err(error) => Err(error),
            };
            match room {
                Err(IngestError::Write(WriteError::Busy { .. })) if self.has_ended_step => {
                    // What others wait for is given back first.
                    self.end_step(StepPlace::Within).await?;
                    self.settle().await?;
                    tokio::time::sleep(ROOM_RETRY_TIME).await;
                }
                // A write began after this one was let in, or a replacement of its supplier.
                Err(IngestError::Write(WriteError::Busy { .. }))
                    if self.step.is_none() && since.elapsed() < self.rules.room_wait_max =>
                {
                    tokio::time::sleep(ROOM_RETRY_TIME).await;
                }
                room => return room,
            }
        }
    }

    async fn grow(&self, bytes: usize) -> Result<(), IngestError> {
        let Some(step) = &self.step else { return Err(IngestError::Internal) };
        let memory = Arc::clone(step.memory());
        if memory.take_body(bytes).await? {
            memory.wait_for_memtable(&self.store).await?;
        }
        Ok(())
    }

    /// Begins a step, if there is none.
    pub(super) async fn begin_step(&mut self) -> Result<(), IngestError> {
        if self.step.is_some() {
            return Ok(());
        }
        let asked = self.rules.skip_allowed.then_some(&self.rules.upload);
        let allowed = AllowList::of(&self.store, asked, &self.pools.allow_lists).await?;
        let mut upload = self.rules.upload.clone();
        if let UploadAction::Put { now_seconds, .. } = &mut upload.action {
            *now_seconds = self.store.stamp_seconds();
        }
        if self.gathered.is_none() {
            self.gathered = Gathering::begin(&self.store, self.rules.mode)?;
        }
        let (from_line, keeper) = (self.rules.from_line, Arc::clone(&self.rules.keeper));
        let missing = self.rules.missing_tags.clone();
        let rows = match &self.gathered {
            Some(_) => RowWork::gather(&self.store, upload, missing),
            None => RowWork::begin(&self.store, upload, missing)?,
        };
        // Kept for as long as nothing begins.
        let permit = match self.permit.take() {
            Some(permit) => permit,
            None => self.budget.take(limits::HEAD_PERMIT_BYTES, None)?,
        };
        let step =
            Step::begin(&self.pools, permit, (rows, allowed), from_line, keeper, self.gathered.clone());
        step.memory().take_body(self.begun_bytes()).await?;
        self.step_began = Instant::now();
        self.step = Some(step);
        Ok(())
    }

    /// Has the present step committed, once the one before is.
    pub(super) async fn end_step(&mut self, place: StepPlace) -> Result<(), IngestError> {
        let Some(step) = self.step.take() else { return Ok(()) };
        if step.is_empty() && self.has_ended_step {
            return Ok(());
        }
        self.settle().await?;
        self.committing = Some(step.end(Arc::clone(&self.rules.told), place));
        self.has_ended_step = true;
        Ok(())
    }

    /// Waits for the step that is being committed.
    pub(super) async fn settle(&mut self) -> Result<(), IngestError> {
        if let Some(committing) = &mut self.committing {
            let committed = committing.await;
            self.committing = None;
            let Ok(committed) = committed else { return Err(IngestError::Internal) };
            self.report.absorb(committed?);
        }
        Ok(())
    }
}
