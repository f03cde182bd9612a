//! The thread that writes batches down.
//!
//! In: refused rows and summaries, through a short queue, and last summaries. Out: records in segments, and their places in the
//! index. Whoever ends a batch waits until that is written, or for a sync, which is one for all that wait; everything is
//! synced within [`SYNC_INTERVAL`]. Old segments go when all of them are longer than they may be, or when nothing in them is young
//! enough; what is to stay of one is moved before (`moving`).
//!
//! A disk that takes nothing costs no import: refused rows that cannot be written are missed, which their batch tells;
//! summaries stay in memory and are tried again. The same goes for what was written before a sync that failed.

mod moving;

use std::{
    collections::VecDeque,
    io, mem,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sluice_ingest::RejectsFrame;
use tokio::sync::{mpsc, oneshot};

use super::{
    id::BatchId,
    index::{BATCHES_MAX, Index},
    journal::{self, BEGIN, FramePlace, OldSegment, SUMMARY, Segment},
    summary::Summary,
};
use crate::clock::now_ms;

/// What is to be written.
pub(super) enum BatchCommand {
    /// Refused rows of a batch.
    Rejects(BatchId, RejectsFrame),
    /// A batch begins anew.
    Begin(Summary),
    /// How far a batch is, with all that came before this.
    Summary(Summary),
    /// There are last summaries.
    Look,
    /// Nothing more comes.
    Close,
}

/// The last summaries of batches that the thread has not taken yet. `None` once it takes no more.
pub(super) type LastSummaries = Option<Vec<(Summary, Option<(WaitFor, oneshot::Sender<bool>)>)>>;

/// Until when somebody waits with a summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WaitFor {
    /// It is written: it outlives the process.
    Writing,
    /// It is durable: it outlives a power cut as well.
    Sync,
}

/// Commands that wait.
pub(super) const COMMANDS_QUEUED_MAX: usize = 4;

/// Longest time until what nobody waits for is durable.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// How often what is too old is looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);

/// Segments that all together have the length that they may have.
const SEGMENTS: u64 = 8;

/// A segment is ended after this part of the time that batches are kept.
const KEEP_PARTS: u32 = 8;

/// See the module.
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) keep: Duration,
    pub(super) bytes_max: u64,
    pub(super) index: Arc<Mutex<Index>>,
    /// Oldest first.
    pub(super) old: VecDeque<OldSegment>,
    pub(super) segment: Option<(Segment, Instant)>,
    pub(super) next_number: u64,
    /// Told of the length of all segments.
    pub(super) bytes: Arc<AtomicU64>,
    pub(super) last: Arc<Mutex<LastSummaries>>,
    /// Summaries that could not be written, with their kinds; of each batch the newest.
    pub(super) unwritten: VecDeque<(u8, Summary)>,
    /// Summaries since the last sync, in their order, with their kinds.
    pub(super) unsynced: Vec<(u8, Summary)>,
    /// Refused rows since then.
    pub(super) unsynced_frames: Vec<(BatchId, FramePlace)>,
    /// Segments that are gone but for their files.
    pub(super) unremoved: Vec<u64>,
    pub(super) is_failing: bool,
}

impl Drop for Writer {
    /// However its thread ends, nobody waits for it any more.
    fn drop(&mut self) {
        *self.last.lock() = None;
    }
}

impl Writer {
    /// Writes until it is told that nothing more comes.
    pub(super) fn run(mut self, mut commands_in: mpsc::Receiver<BatchCommand>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
            tracing::error!("batches are not kept: no timer for their thread");
            return;
        };
        let (mut synced, mut expired) = (Instant::now(), Instant::now());
        let mut is_closed = false;
        while !is_closed {
            let first = async { tokio::time::timeout(SYNC_INTERVAL, commands_in.recv()).await };
            let mut next = runtime.block_on(first).unwrap_or(None);
            // Before what is queued by now, which has all that was told of their batches before. What comes later waits, so
            // that those who are told do not.
            let mut last = self.last.lock().as_mut().map_or_else(Vec::new, mem::take);
            let mut queued_count = commands_in.len();
            while let Some(command) = next {
                is_closed |= matches!(command, BatchCommand::Close);
                self.carry_out(command);
                self.evict();
                next = if 0 < queued_count { commands_in.try_recv().ok() } else { None };
                queued_count = queued_count.saturating_sub(1);
            }
            is_closed |= commands_in.is_closed() && commands_in.is_empty();
            if is_closed {
                last.extend(self.last.lock().take().into_iter().flatten());
            }
            let mut waiting = Vec::new();
            for (summary, done) in last {
                let is_written = self.write_summary(SUMMARY, summary.clone());
                self.index.lock().end(summary);
                self.evict();
                match done {
                    Some((WaitFor::Sync, done)) => waiting.push(done),
                    Some((WaitFor::Writing, done)) => {
                        let _is_waited_for = done.send(is_written).is_ok();
                    }
                    None => {}
                }
            }
            if !waiting.is_empty() || is_closed || SYNC_INTERVAL <= synced.elapsed() {
                self.write_again();
                self.sync();
                synced = Instant::now();
            }
            for done in waiting {
                // Whoever comes while the disk takes nothing is not told apart.
                let _is_waited_for = done.send(self.unwritten.is_empty()).is_ok();
            }
            if EXPIRE_INTERVAL <= expired.elapsed() {
                self.expire();
                expired = Instant::now();
            }
        }
    }

    fn carry_out(&mut self, command: BatchCommand) {
        match command {
            BatchCommand::Rejects(id, frame) => {
                // What stands before the begin of a batch is not of it.
                let place = self
                    .begin_again(id)
                    .and_then(|()| self.append(|segment| segment.append_rejects(id, &frame)));
                let mut index = self.index.lock();
                let Some(entry) = index.get_mut(id) else { return };
                match place {
                    Ok(place) => {
                        entry.frames.push(place);
                        self.unsynced_frames.push((id, place));
                    }
                    Err(error) => entry.miss(&unwritten(&error)),
                }
            }
            BatchCommand::Begin(summary) => {
                self.write_summary(BEGIN, summary);
            }
            BatchCommand::Summary(summary) => {
                self.write_summary(SUMMARY, summary);
            }
            BatchCommand::Look | BatchCommand::Close => {}
        }
    }

    /// Writes a summary; false if that failed.
    fn write_summary(&mut self, kind: u8, mut summary: Summary) -> bool {
        let id = summary.id;
        // Which may find out that what was written before it is not durable.
        self.end_segment_in_time();
        // What could not be written is known here first.
        if let Some(entry) = self.index.lock().get(id) {
            summary.rejects_missing.clone_from(&entry.summary.rejects_missing);
        }
        // Whatever was not written of it before is older. If its begin was not, it begins with this.
        let is_begin_unwritten =
            self.unwritten.iter().any(|(kind, earlier)| earlier.id == id && *kind == BEGIN);
        let kind = if is_begin_unwritten { BEGIN } else { kind };
        self.unwritten.retain(|(_, earlier)| earlier.id != id);
        let is_written = self.append(|segment| segment.append_summary(kind, &summary)).is_ok();
        if is_written {
            let number = self.segment.as_ref().map(|(segment, _)| segment.number);
            if let Some(entry) = self.index.lock().get_mut(id) {
                entry.segment = number;
            }
            self.unsynced.push((kind, summary));
        } else if self.unwritten.len() < BATCHES_MAX {
            self.unwritten.push_back((kind, summary));
        }
        is_written
    }

    /// Writes the begin of a batch, if that could not be written before.
    fn begin_again(&mut self, id: BatchId) -> io::Result<()> {
        self.end_segment_in_time();
        let is_begin = |(kind, earlier): &(u8, Summary)| *kind == BEGIN && earlier.id == id;
        let Some((kind, summary)) =
            self.unwritten.iter().position(is_begin).and_then(|place| self.unwritten.remove(place))
        else {
            return Ok(());
        };
        if self.write_summary(kind, summary) {
            Ok(())
        } else {
            Err(io::Error::other("the begin of the batch could not be written"))
        }
    }

    /// Tries again what could not be written.
    fn write_again(&mut self) {
        // What is found lost meanwhile waits for the next time.
        for _ in 0..self.unwritten.len() {
            let Some((kind, summary)) = self.unwritten.pop_front() else { return };
            let is_written = self.write_summary(kind, summary);
            self.evict();
            if !is_written {
                return;
            }
        }
    }

    /// Appends to the present segment, or the next one.
    fn append<T>(&mut self, append: impl FnOnce(&mut Segment) -> io::Result<T>) -> io::Result<T> {
        let appended = self.room().and_then(append);
        match &appended {
            Ok(_) => {
                if mem::take(&mut self.is_failing) {
                    tracing::info!("batches are kept again");
                }
            }
            Err(error) => {
                if !mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(
                        %error,
                        "batches and their refused rows cannot be written, and are not kept; imports go on"
                    );
                }
            }
        }
        appended
    }

    /// The segment to write to.
    fn room(&mut self) -> io::Result<&mut Segment> {
        self.end_segment_in_time();
        let (segment, began) = if let Some(present) = self.segment.take() {
            present
        } else {
            let number = self.next_number;
            self.next_number += 1;
            (Segment::create(&self.dir, number)?, Instant::now())
        };
        Ok(&mut self.segment.insert((segment, began)).0)
    }

    /// Ends the present segment if it is long, old or broken.
    fn end_segment_in_time(&mut self) {
        let is_over = |(segment, began): &(Segment, Instant)| {
            let is_long = self.bytes_max / SEGMENTS <= segment.bytes;
            segment.is_broken || is_long || self.keep / KEEP_PARTS <= began.elapsed()
        };
        if self.segment.as_ref().is_some_and(is_over) {
            self.end_segment();
        }
    }

    fn end_segment(&mut self) {
        self.sync();
        if let Some((segment, _)) = self.segment.take() {
            let Segment { number, bytes, .. } = segment;
            self.old.push_back(OldSegment { number, bytes, changed_ms: now_ms() });
        }
    }

    /// Makes everything durable that was written. If that fails, it counts as not written, and whatever comes next begins a
    /// segment of its own: nobody knows what the disk has of this one.
    fn sync(&mut self) {
        let (summaries, frames) = (mem::take(&mut self.unsynced), mem::take(&mut self.unsynced_frames));
        if summaries.is_empty() && frames.is_empty() {
            return;
        }
        let Some((segment, _)) = &mut self.segment else { return };
        let Err(error) = segment.sync() else { return };
        segment.is_broken = true;
        if !mem::replace(&mut self.is_failing, true) {
            tracing::warn!(%error, "batches and their refused rows may not be durable; imports go on");
        }
        let mut index = self.index.lock();
        for (id, place) in frames {
            if let Some(entry) = index.get_mut(id) {
                entry.frames.retain(|kept| *kept != place);
                entry.miss(&unwritten(&error));
            }
        }
        drop(index);
        // Of each batch the newest, which has its begin if that is among them. There are few: those of a second.
        for (kind, summary) in summaries.into_iter().rev() {
            match self.unwritten.iter_mut().find(|(_, newer)| newer.id == summary.id) {
                Some((newer, _)) if kind == BEGIN => *newer = BEGIN,
                Some(_) => {}
                None => self.unwritten.push_front((kind, summary)),
            }
        }
    }

    /// Removes the oldest segments while all together are too long. What is to stay is moved before; a segment's length is
    /// left free for that.
    fn evict(&mut self) {
        // What was moved once is not moved again at once.
        let mut movable_count = self.old.len();
        loop {
            let present = self.segment.as_ref().map_or(0, |(segment, _)| segment.bytes);
            let bytes = self.old.iter().map(|segment| segment.bytes).sum::<u64>() + present;
            self.bytes.store(bytes, Ordering::Relaxed);
            if bytes <= self.bytes_max - self.bytes_max / SEGMENTS {
                return;
            }
            let Some(oldest) = self.old.pop_front() else { return };
            if 0 < movable_count {
                movable_count -= 1;
                self.move_out(oldest.number);
            }
            self.remove(oldest.number);
        }
    }

    /// Forgets what is too old.
    pub(super) fn expire(&mut self) {
        // Also if nothing is written any more.
        self.end_segment_in_time();
        let keep_ms = u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX);
        let before_ms = now_ms().saturating_sub(keep_ms);
        while let Some(oldest) = self.old.pop_front_if(|oldest| oldest.changed_ms < before_ms) {
            self.remove(oldest.number);
        }
        self.index.lock().expire(before_ms);
        self.evict();
        let dir = &self.dir;
        self.unremoved.retain(|number| journal::remove(dir, *number).is_err());
    }

    fn remove(&mut self, number: u64) {
        self.index.lock().forget_segment(number);
        if let Err(error) = journal::remove(&self.dir, number) {
            tracing::warn!(%error, number, "a file of old batches could not be removed");
            self.unremoved.push(number);
        }
    }
}

/// Why refused rows are missing that could not be written.
fn unwritten(error: &io::Error) -> String {
    format!("They could not be written: {}", error.kind())
}

#[cfg(test)]
mod tests;
