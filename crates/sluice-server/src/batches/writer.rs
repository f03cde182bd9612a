//! The thread that writes batches down.
//!
//! In: refused rows and summaries, through a short queue. Out: records in segments, and their places in the index. Whoever
//! wants to know that a summary is durable waits for a sync, which is one for all that wait; everything else is synced within
//! [`SYNC_INTERVAL`]. Old segments go when all of them are longer than they may be, or when nothing in them is young enough.
//!
//! A disk that takes nothing costs no import: refused rows that cannot be written are missed, which their batch tells;
//! summaries stay in memory and are tried again.

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
    journal::{self, BEGIN, OldSegment, SUMMARY, Segment},
    summary::Summary,
};
use crate::clock::now_ms;

/// What is to be written.
pub(super) enum BatchCommand {
    /// Refused rows of a batch.
    Rejects(BatchId, RejectsFrame),
    /// A batch begins anew.
    Begin(Summary),
    /// How far a batch is, with all that came before this. Told once it is durable.
    Summary(Summary, Option<oneshot::Sender<()>>),
    /// There are many summaries that nobody waits for.
    Look,
    /// Nothing more comes.
    Close,
}

/// Commands that wait.
pub(super) const COMMANDS_QUEUED_MAX: usize = 4;

/// Longest time until what nobody waits for is durable.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// How often what is too old is looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;

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
    /// Summaries that nobody waits for.
    pub(super) later: Arc<Mutex<Vec<Summary>>>,
    /// Summaries that could not be written, with their kinds; of each batch the newest.
    pub(super) unwritten: VecDeque<(u8, Summary)>,
    pub(super) is_failing: bool,
    pub(super) is_unsynced: bool,
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
            let mut waiting = Vec::new();
            let mut next = runtime.block_on(first).unwrap_or(None);
            // Before the rest of the queue, which has all that was told of their batches before.
            let later = mem::take(&mut *self.later.lock());
            while let Some(command) = next {
                is_closed |= matches!(command, BatchCommand::Close);
                self.carry_out(command, &mut waiting);
                next = commands_in.try_recv().ok();
            }
            is_closed |= commands_in.is_closed() && commands_in.is_empty();
            let last = if is_closed { mem::take(&mut *self.later.lock()) } else { vec![] };
            for summary in later.into_iter().chain(last) {
                self.write_summary(SUMMARY, summary);
            }
            if !waiting.is_empty() || is_closed || SYNC_INTERVAL <= synced.elapsed() {
                self.write_again();
                self.sync();
                synced = Instant::now();
            }
            for done in waiting {
                let _is_waited_for = done.send(()).is_ok();
            }
            if EXPIRE_INTERVAL <= expired.elapsed() {
                self.expire();
                expired = Instant::now();
            }
        }
    }

    fn carry_out(&mut self, command: BatchCommand, waiting: &mut Vec<oneshot::Sender<()>>) {
        match command {
            BatchCommand::Rejects(id, frame) => {
                let place = self.append(|segment| segment.append_rejects(id, &frame));
                let mut index = self.index.lock();
                let Some(entry) = index.get_mut(id) else { return };
                match place {
                    Ok(place) => entry.frames.push(place),
                    Err(error) => entry.miss(&format!("They could not be written: {}", error.kind())),
                }
            }
            BatchCommand::Begin(summary) => {
                self.write_summary(BEGIN, summary);
            }
            BatchCommand::Summary(summary, done) => {
                self.write_summary(SUMMARY, summary);
                waiting.extend(done);
            }
            BatchCommand::Look | BatchCommand::Close => {}
        }
    }

    /// Writes a summary; false if that failed.
    fn write_summary(&mut self, kind: u8, mut summary: Summary) -> bool {
        let id = summary.id;
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
        } else if self.unwritten.len() < BATCHES_MAX {
            self.unwritten.push_back((kind, summary));
        }
        is_written
    }

    /// Tries again what could not be written.
    fn write_again(&mut self) {
        while let Some((kind, summary)) = self.unwritten.pop_front() {
            if !self.write_summary(kind, summary) {
                return;
            }
        }
    }

    /// Appends to the present segment, or the next one.
    fn append<T>(&mut self, append: impl FnOnce(&mut Segment) -> io::Result<T>) -> io::Result<T> {
        let appended = self.room().and_then(append);
        match &appended {
            Ok(_) => {
                self.is_unsynced = true;
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
        self.evict();
        appended
    }

    /// The segment to write to.
    fn room(&mut self) -> io::Result<&mut Segment> {
        let is_over = |(segment, began): &(Segment, Instant)| {
            let is_long = self.bytes_max / SEGMENTS <= segment.bytes;
            segment.is_broken || is_long || self.keep / KEEP_PARTS <= began.elapsed()
        };
        if self.segment.as_ref().is_some_and(is_over) {
            self.end_segment();
        }
        let (segment, began) = if let Some(present) = self.segment.take() {
            present
        } else {
            let number = self.next_number;
            self.next_number += 1;
            (Segment::create(&self.dir, number)?, Instant::now())
        };
        Ok(&mut self.segment.insert((segment, began)).0)
    }

    fn end_segment(&mut self) {
        self.sync();
        if let Some((segment, _)) = self.segment.take() {
            let Segment { number, bytes, .. } = segment;
            self.old.push_back(OldSegment { number, bytes, changed_ms: now_ms() });
        }
    }

    /// Makes everything durable that was written. If that fails, whatever comes next begins a segment of its own.
    fn sync(&mut self) {
        if !mem::take(&mut self.is_unsynced) {
            return;
        }
        if let Some((segment, _)) = &mut self.segment
            && let Err(error) = segment.sync(&self.dir)
        {
            tracing::warn!(%error, "batches may not be durable");
            segment.is_broken = true;
        }
    }

    /// Removes the oldest segments while all together are too long.
    fn evict(&mut self) {
        loop {
            let present = self.segment.as_ref().map_or(0, |(segment, _)| segment.bytes);
            let bytes = self.old.iter().map(|segment| segment.bytes).sum::<u64>() + present;
            self.bytes.store(bytes, Ordering::Relaxed);
            if bytes <= self.bytes_max {
                return;
            }
            let Some(oldest) = self.old.pop_front() else { return };
            self.remove(oldest.number);
        }
    }

    /// Forgets what is too old.
    pub(super) fn expire(&mut self) {
        let keep_ms = u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX);
        let before_ms = now_ms().saturating_sub(keep_ms);
        while let Some(oldest) = self.old.pop_front_if(|oldest| oldest.changed_ms < before_ms) {
            self.remove(oldest.number);
        }
        self.index.lock().expire(before_ms);
        self.evict();
    }

    fn remove(&mut self, number: u64) {
        self.index.lock().forget_segment(number);
        if let Err(error) = journal::remove(&self.dir, number) {
            tracing::warn!(%error, number, "a file of old batches could not be removed");
        }
    }
}
