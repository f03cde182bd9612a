//! Checks of passwords: done, under way, or refused.
//!
//! In: a tag, with the address and user it came from. Out: a verdict known already, a check under way to wait for,
//! leave to start one, or a refusal. All of it is decided at once, so a password is under check at most once
//! however many requests carry it, and is remembered before it ceases to be under way. A [`Flight`] lands when
//! its job ends or is dropped, whether or not the request that began it is still there.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    cache::{Cache, Tag},
    throttle::{Attempt, Throttle},
};

#[cfg(test)]
mod tests;

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The password is the user's.
    Fits,
    /// It is not, or there is no such user.
    Wrong,
    /// It was not checked, since the queue is full.
    Unchecked,
    /// It could not be checked, for a reason of ours.
    Failed,
}

/// Where to hear the verdict. An end without one is [`Verdict::Failed`].
#[derive(Debug)]
pub(crate) struct Landing(watch::Receiver<Option<Verdict>>);

impl Landing {
    /// Waits for the verdict.
    pub(crate) async fn verdict(mut self) -> Verdict {
        match self.0.wait_for(Option::is_some).await {
            Ok(verdict) => verdict.unwrap_or(Verdict::Failed),
            Err(_closed) => Verdict::Failed,
        }
    }
}

/// What to do about a password.
#[derive(Debug)]
pub(crate) enum Step {
    /// It passed a moment ago.
    Known,
    /// It is under check for another request.
    Wait(Landing),
    /// It is to be checked.
    Check(Flight, Landing),
    /// Too many failures; the seconds to wait.
    Refuse(u32),
}

/// All that is known about passwords that were sent. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    cache: Cache,
    throttle: Throttle,
    /// Bounded by the queue of the password worker: a check that finds it full ends at once.
    flights: HashMap<Tag, watch::Receiver<Option<Verdict>>>,
}

impl Checks {
    /// Decides what to do about a password that `user` sent from `address`.
    pub(crate) fn ask(&self, tag: Tag, address: IpAddr, user: &str, now: Instant) -> Step {
        let mut board = self.0.lock();
        if board.cache.knows(&tag, now) {
            return Step::Known;
        }
        if let Some(verdict) = board.flights.get(&tag) {
            return Step::Wait(Landing(verdict.clone()));
        }
        let attempt = match board.throttle.admit(address, user, now) {
            Ok(attempt) => attempt,
            Err(retry_after_seconds) => return Step::Refuse(retry_after_seconds),
        };
        let (verdict_out, verdict_in) = watch::channel(None);
        board.flights.insert(tag, verdict_in.clone());
        let board = Arc::clone(&self.0);
        let flight = Flight { board, tag, attempt, verdict: Verdict::Unchecked, verdict_out };
        Step::Check(flight, Landing(verdict_in))
    }
}

/// A check under way; to be moved into its job. Dropped, it tells its verdict to all who wait.
#[derive(Debug)]
pub(crate) struct Flight {
    board: Arc<Mutex<Board>>,
    tag: Tag,
    attempt: Attempt,
    verdict: Verdict,
    verdict_out: watch::Sender<Option<Verdict>>,
}

impl Flight {
    /// Carries the check out and lands.
    pub(crate) fn run(mut self, check: impl FnOnce() -> Verdict) {
        // What stands here should `check` panic.
        self.verdict = Verdict::Failed;
        self.verdict = check();
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let now = Instant::now();
        {
            let mut board = self.board.lock();
            board.flights.remove(&self.tag);
            match self.verdict {
                Verdict::Fits => {
                    board.throttle.release(&self.attempt);
                    board.cache.remember(self.tag, now);
                }
                Verdict::Wrong => board.throttle.count_failure(&self.attempt, now),
                Verdict::Unchecked | Verdict::Failed => board.throttle.release(&self.attempt),
            }
        }
        self.verdict_out.send_replace(Some(self.verdict));
    }
}
