//! A supplier's holdings replaced by a feed, in one commit.
//!
//! In: sorted slices of a feed, in its order ([`Feed`]). Out: the supplier holds what an upload of the feed into an empty
//! supplier would leave, and [`Changes`] says how much that changed; or only what it would change ([`Store::plan`]).
//! A row without a context leaves none; a row without tags leaves those of the indicator, which are not the supplier's.
//!
//! ```text
//!  slices ─► chunks, sorted, in files ─┐
//!                                      ├─► join by key (diff.rs) ─► difference, sorted, in a file ─► guard
//!  view ─► rows of all, by key ────────┘                                                              │
//!                       small: slices of one write, one commit frame that carries the renewal ◄───────┤
//!                       large: a run of its own, named by the next manifest with the renewal ◄────────┘
//! ```
//!
//! *What is written* is the difference. What has not changed is renewed by one number (`renewals.rs`).
//!
//! *At once:* a commit frame is durable or not, and so is a manifest; rows and renewal become visible in one view. The
//! run of a large difference is written aside by the compaction thread, a part at a time between other work; nothing
//! names its parts before, and a start sweeps what nothing names (`compact/adopt.rs`).
//!
//! *Nothing comes between:* from before the view of the join is taken until the difference is visible, the log thread
//! refuses other commits of the supplier with [`WriteError::Busy`], or keeps them until then
//! ([`Write::commit_after_replacement`](crate::Write::commit_after_replacement)), and merges drop nothing of it. A removal of the
//! supplier goes through, and the replacement then fails.
//!
//! *Memory* does not grow with the feed: see [`Feed::reading_bytes`].

mod diff;
mod feed;
mod outcome;

use std::{sync::Arc, thread, time::Duration};

use crossbeam_channel::bounded;
use sluice_model::{SupplierId, limits};

use self::{diff::Diff, feed::KEPT_MEMTABLE_BYTES_MAX};
pub use self::{
    feed::Feed,
    outcome::{Changes, FeedMode, ReplaceError},
};
use crate::{
    admission,
    allow_list::is_list,
    error::WriteError,
    memtable::SliceBuilder,
    merge::MergeRows,
    renewals::Renewal,
    requests::{CompactionRequest, LogRequest},
    shared::Shared,
    spool::Chunk,
    store::Store,
};

/// How often at most.
const FLUSHES_MAX: u32 = 4;

/// How long a replacement that is ready waits for room, in steps.
const ROOM_STEP: Duration = Duration::from_millis(250);
const ROOM_STEPS_MAX: u32 = 480;

/// Keeps other writes of a supplier, and merges, from what it holds, as long as it lives.
struct Hold<'a> {
    shared: &'a Shared,
    supplier: SupplierId,
}

impl<'a> Hold<'a> {
    fn take(shared: &'a Shared, supplier: SupplierId) -> Result<Self, WriteError> {
        let (reply, answer) = bounded(1);
        let asked = shared.log_requests.send(LogRequest::Hold { supplier, reply });
        asked.map_err(|_log_ended| WriteError::Closed)?;
        let Some(is_held) = shared.wait_for(&answer) else { return Err(shared.gone()) };
        if is_held { Ok(Self { shared, supplier }) } else { Err(admission::REPLACED) }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.shared.replaced.lock().remove(&self.supplier);
        // When the log thread has ended, nothing waits.
        let _has_ended = self.shared.log_requests.send(LogRequest::Released).is_err();
    }
}

impl Shared {
    /// Why a thread does not answer any more.
    fn gone(&self) -> WriteError {
        if self.has_failed() { WriteError::Failed } else { WriteError::Closed }
    }
}

impl Store {
    /// Begins to gather a feed. Nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: why no write can be taken now.
    pub fn begin_feed(&self) -> Result<Feed, WriteError> {
        self.shared.admit()?;
        Ok(Feed::new(Arc::clone(&self.shared)))
    }

    /// Tells what a feed would change, if that is wanted to the end. Blocking: reads all that is stored.
    ///
    /// # Errors
    ///
    /// [`ReplaceError`], but not [`ReplaceError::Shrinks`].
    pub fn plan(
        &self,
        supplier: SupplierId,
        feed: &Feed,
        mode: FeedMode,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Changes, ReplaceError> {
        self.spare_memtable()?;
        let snapshot = self.snapshot();
        let mut diff = Diff::new(&snapshot, supplier, mode, self.shared.config.clock.now_seconds())?;
        diff.join(feed, || self.go_on(is_wanted), None)
    }

    /// Has a supplier hold a feed and nothing else, unless that removes more than `shrink_percent_max` per cent of what it
    /// holds. Blocking: reads all that is stored, and waits for the disk. As long as nothing is written, it ends when
    /// `is_wanted` says that nobody wants it any more.
    ///
    /// # Errors
    ///
    /// [`ReplaceError`].
    pub fn replace(
        &self,
        supplier: SupplierId,
        feed: Feed,
        shrink_percent_max: u8,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Changes, ReplaceError> {
        let shared = &*self.shared;
        let held = Hold::take(shared, supplier).map_err(ReplaceError::Write)?;
        // A step that has begun before does not know of it, nor perhaps of a longer retention.
        if !self.ask_compaction(CompactionRequest::Pass) {
            return Err(ReplaceError::Write(shared.gone()));
        }
        self.spare_memtable()?;
        let snapshot = self.snapshot();
        let stamp = self.stamp_seconds();
        let now_seconds = shared.config.clock.now_seconds();
        let mut diff = Diff::new(&snapshot, supplier, FeedMode::Replace, now_seconds)?;
        let mut rows = feed.writer()?;
        let changes = diff.join(&feed, || self.go_on(is_wanted), Some((stamp, &mut rows)))?;
        let chunk = rows.finish()?;
        let guarded = diff.with_hidden(changes);
        // The view keeps what merges replace, the feed its files.
        drop(diff);
        drop((snapshot, feed));
        if let Some(shrunk) =
            [changes, guarded].into_iter().find(|changes| changes.removes_over(shrink_percent_max))
        {
            return Err(ReplaceError::Shrinks(shrunk));
        }
        let go_on = || self.go_on(is_wanted);
        let renewal = Renewal { supplier, stamp };
        if chunk.raw_bytes() <= shared.config.tuning.replaced_bytes_written_max {
            self.write_rows(&Arc::new(chunk), renewal, &go_on)?;
        } else {
            self.adopt(chunk, renewal, &go_on)?;
        }
        drop(held);
        Ok(changes)
    }

    /// Returns without an error if a replacement, of which nothing is written yet, is to go on.
    fn go_on(&self, is_wanted: &dyn Fn() -> bool) -> Result<(), ReplaceError> {
        if self.shared.has_failed() || self.shared.is_closed() {
            return Err(ReplaceError::Write(self.shared.gone()));
        }
        if is_wanted() { Ok(()) } else { Err(ReplaceError::Unwanted) }
    }

    /// Flushes a memtable that a view should not keep.
    fn spare_memtable(&self) -> Result<(), ReplaceError> {
        // Others fill it again meanwhile.
        for _ in 0..FLUSHES_MAX {
            if self.memtable_bytes() <= KEPT_MEMTABLE_BYTES_MAX {
                break;
            }
            if !self.checkpoint() {
                let shared = &self.shared;
                let is_there = !shared.has_failed() && !shared.is_closed();
                return Err(ReplaceError::Write(if is_there { WriteError::DiskFull } else { shared.gone() }));
            }
        }
        Ok(())
    }

    /// Commits rows and renewal as one write.
    fn write_rows(
        &self,
        chunk: &Arc<Chunk>,
        renewal: Renewal,
        go_on: &dyn Fn() -> Result<(), ReplaceError>,
    ) -> Result<(), ReplaceError> {
        let write = wait_for_room(go_on, || self.begin_renewal(renewal))?;
        let mut rows = MergeRows::new(vec![Chunk::source(chunk)]);
        let (mut slice, mut slice_bytes, mut index) = (SliceBuilder::new(), 0, 0);
        while let Some((key, row)) = rows.next_row() {
            slice.push(key, row).map_err(|error| {
                tracing::error!(%error, "a row of a replacement cannot be stored");
                ReplaceError::Write(WriteError::Failed)
            })?;
            slice_bytes += key.len() + row.len();
            if limits::SLICE_BYTES <= slice_bytes {
                let full = std::mem::replace(&mut slice, SliceBuilder::new()).finish();
                write.append(index, full).map_err(ReplaceError::Write)?;
                (slice_bytes, index) = (0, index + 1);
            }
        }
        rows.finish().map_err(ReplaceError::Read)?;
        if !slice.is_empty() {
            write.append(index, slice.finish()).map_err(ReplaceError::Write)?;
        }
        let (told, answer) = bounded(1);
        write.commit(Box::new(move |outcome| crate::requests::reply(&told, outcome)));
        let outcome = self.shared.wait_for(&answer).unwrap_or_else(|| Err(self.shared.gone()));
        outcome.map_err(ReplaceError::Write)
    }

    /// Has the compaction thread make a run of the rows, and name it together with the renewal.
    fn adopt(
        &self,
        chunk: Chunk,
        renewal: Renewal,
        go_on: &dyn Fn() -> Result<(), ReplaceError>,
    ) -> Result<(), ReplaceError> {
        wait_for_room(go_on, || self.shared.admit())?;
        let (done, answer) = bounded(1);
        let chunk = Arc::new(chunk);
        if is_list(&self.catalogue(), renewal.supplier) {
            let mut rows = MergeRows::new(vec![Chunk::source(&chunk)]);
            let mut allowed = self.shared.allowed.adding();
            while let Some((key, _)) = rows.next_row() {
                allowed.push(key);
            }
            drop(allowed);
            rows.finish().map_err(ReplaceError::Read)?;
            self.shared.make_room_for_allowed();
        }
        let rows = MergeRows::new(vec![Chunk::source(&chunk)]);
        let asked = self.shared.compaction_requests.send(CompactionRequest::Adopt { rows, renewal, done });
        asked.map_err(|_ended| ReplaceError::Write(WriteError::Closed))?;
        let outcome = self.shared.wait_for(&answer).unwrap_or_else(|| Err(self.shared.gone()));
        outcome.map_err(ReplaceError::Write)
    }
}

/// Asks again while the store is busy, for a bounded time: the whole feed would have to be sent again.
fn wait_for_room<T>(
    go_on: &dyn Fn() -> Result<(), ReplaceError>,
    ask: impl Fn() -> Result<T, WriteError>,
) -> Result<T, ReplaceError> {
    let mut left = ROOM_STEPS_MAX;
    loop {
        go_on()?;
        match ask() {
            Err(WriteError::Busy { .. }) if 0 < left => thread::sleep(ROOM_STEP),
            outcome => return outcome.map_err(ReplaceError::Write),
        }
        left -= 1;
    }
}

#[cfg(test)]
mod tests;
