//! Commits that wait for the end of a replacement of their supplier. Their writes are open meanwhile, so what they have in the log may be
//! given up as that of any other.

use std::sync::Arc;

use super::{LogThread, OpenTxn};
use crate::{
    error::WriteError,
    requests::{Completion, IfReplaced, Txn},
};

impl LogThread {
    /// Returns true if a commit is to wait: its supplier is being replaced.
    pub(super) fn has_to_wait(&self, txn: &Txn, if_replaced: IfReplaced) -> bool {
        if_replaced == IfReplaced::Wait && self.check_held(txn).is_err()
    }

    /// Keeps a commit for later.
    pub(super) fn park(&mut self, open: OpenTxn, done: Completion<WriteError>) {
        self.parked.push((Arc::clone(&open.txn), done));
        self.open.insert(open.txn.id, open);
    }

    /// Commits what waits and need not any more, in the order in which it came.
    pub(super) fn commit_parked(&mut self) {
        for (txn, done) in std::mem::take(&mut self.parked) {
            self.commit(txn, IfReplaced::Wait, done);
        }
    }

    /// Refuses all that waits.
    pub(super) fn refuse_parked(&mut self, refusal: &WriteError) {
        for (_, done) in std::mem::take(&mut self.parked) {
            done(Err(refusal.clone()));
        }
    }
}
