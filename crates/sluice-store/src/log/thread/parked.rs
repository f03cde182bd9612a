//! Commits that wait for the end of a replacement of their supplier. Their writes are open meanwhile, so what they have in the log may be
//! given up as that of any other.

use std::sync::Arc;

use super::LogThread;
use crate::{
    error::WriteError,
    requests::{Completion, Txn},
};

impl LogThread {
    /// Commits a write, or keeps that for later if its supplier is being replaced.
    pub(super) fn commit_or_park(&mut self, txn: Arc<Txn>, done: Completion<WriteError>) {
        if self.check_held(&txn).is_ok() { self.commit(&txn, done) } else { self.parked.push((txn, done)) }
    }

    /// Commits what waits and need not any more, in the order in which it came.
    pub(super) fn commit_parked(&mut self) {
        for (txn, done) in std::mem::take(&mut self.parked) {
            self.commit_or_park(txn, done);
        }
    }

    /// Refuses all that waits.
    pub(super) fn refuse_parked(&mut self, refusal: &WriteError) {
        for (_, done) in std::mem::take(&mut self.parked) {
            done(Err(refusal.clone()));
        }
    }
}
