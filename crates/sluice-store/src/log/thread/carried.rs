//! Commits of writes whose frames were given up: they are appended again, one slice between other requests.

use super::LogThread;
use crate::error::WriteError;

impl LogThread {
    /// Appends one slice of the oldest write that is carried, or ends it when it has them all.
    pub(super) fn carry_one(&mut self) {
        let Some(mut carried) = self.carried.pop_front() else { return };
        let Some((index, slice)) = carried.open.slices.get(carried.appended_count) else {
            // Another replacement may have begun meanwhile.
            return if self.has_to_wait(&carried.open.txn, carried.if_replaced) {
                self.park(carried.open, carried.done);
            } else {
                self.end(carried.open, carried.done);
            };
        };
        let appended = match slice.to_payload(*index) {
            _ if self.shared.has_failed() => Err(WriteError::Failed),
            Some(payload) => self.append_slice(carried.open.txn.id, &payload),
            None => Err(WriteError::Failed),
        };
        match appended {
            Ok(()) => {
                carried.open.first_segment_lsn = carried.open.first_segment_lsn.min(self.log.segment_lsn());
                carried.appended_count += 1;
                self.carried.push_front(carried);
            }
            Err(refusal) => (carried.done)(Err(refusal)),
        }
    }
}
