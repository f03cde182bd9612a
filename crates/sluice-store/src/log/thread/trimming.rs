//! How much of the log is kept, of [`LogThread`].
//!
//! In: which commits are in the trees, and from where on the log is kept. Out: that place, and a log without the segments before it.

use std::sync::atomic::Ordering;

use super::{GIVEN_UP, LogThread};
use crate::log::LogError;

/// The log may begin so many times [`Tuning::log_bytes`](crate::Tuning) before its end for the sake of a write under
/// way: several large bodies at once need not be appended twice.
const OPEN_BEHIND_CHECKPOINTS: u64 = 2;

impl LogThread {
    /// Where the log must begin when commits up to `sequence` are in the trees.
    ///
    /// Say segments begin at 0, 64 and 128 MiB. Commits 1 to 7 have their first frames in the first, 8 and 9 in the
    /// second, and a write under way has its own in the third. With commits up to 7 in the trees the log must begin at
    /// 64 MiB, with commits up to 9 at 128. With nothing to keep, it goes on in a new segment, and all others can go.
    /// Writes under way that begin too far back do not count: their frames are given up.
    pub(super) fn keep_from(&mut self, sequence: u64) -> u64 {
        self.newest_by_segment.retain(|_, newest| sequence < *newest);
        self.open.retain(|_, open| open.txn.refusal().is_none());
        let behind_bytes = OPEN_BEHIND_CHECKPOINTS * self.shared.config.tuning.log_bytes;
        let oldest = self.log.lsn().saturating_sub(behind_bytes);
        for open in self.open.values_mut().filter(|open| open.first_segment_lsn < oldest) {
            open.first_segment_lsn = GIVEN_UP;
        }
        let mut keep_from = self.newest_by_segment.keys().next().copied().unwrap_or(self.log.lsn());
        for open in self.open.values().chain(self.carried.iter().map(|carried| &carried.open)) {
            keep_from = keep_from.min(open.first_segment_lsn);
        }
        if self.log.segment_lsn() < keep_from
            && let Err(error) = self.log.roll()
        {
            self.refuse_unsynced(&error);
        }
        keep_from.min(self.log.segment_lsn())
    }

    /// Gives up the segments before a place.
    pub(super) fn trim(&mut self, keep_from: u64) {
        match self.log.trim(keep_from) {
            Ok(_bytes) => {}
            Err(error @ LogError::Write(_)) => {
                tracing::warn!(%error, "old log segments stay for now");
            }
            Err(error) => drop(self.refuse_unsynced(&error)),
        }
        self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
    }
}
