//! Checks of passwords: passed, under way, or refused.
//!
//! In: the fingerprint of a password, with the address and user it came from. Out: that it passed a moment ago, a
//! check under way to wait for, a check to carry out, or a refusal. All of it is decided under one lock, so however
//! many requests of the same standing carry a password, it is under check at most once, and it is remembered before it
//! ceases to be under way. Those who are known better do not wait for the check of those who are known less. A [`Check`]
//! ends when its job ends or is dropped, whether or not the request that began it is still there.
//!
//! An example: 200 requests arrive at once with the same right password. The first gets [`Step::Check`], 199 get
//! [`Step::Wait`], one hash is computed, and the 201st gets [`Step::Passed`] for five minutes.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    expiring::Expiring,
    known::Standing,
    throttle::{Attempt, Throttle},
};
use crate::http::problem::Cause;

#[cfg(test)]
mod tests;

/// How long a success is remembered, so that a busy client does not pay for a hash each time. Failures never are.
const REMEMBERED: Duration = Duration::from_mins(5);

/// Successes remembered at once.
const REMEMBERED_MAX: usize = 4_096;

/// Seconds to wait when others come first.
const REFUSED_RETRY_SECONDS: u32 = 2;

/// How a check ends: the password is the user's, or the cause to answer.
#[derive(Clone)]
pub(crate) struct Outcome(watch::Receiver<Option<Result<(), Cause>>>);

impl Outcome {
    /// Waits until the check has ended.
    ///
    /// # Errors
    ///
    /// [`Cause::Unauthorized`] if it is not the user's password or there is no such user,
    /// [`Cause::TooManyAttempts`] if others came first, [`Cause::Internal`] if it could not be checked.
    pub(crate) async fn wait(mut self) -> Result<(), Cause> {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(Cause::Internal)),
            Err(_closed) => Err(Cause::Internal),
        }
    }
}

/// What to do about a password.
pub(crate) enum Step {
    /// Nothing: it passed a moment ago.
    Passed,
    /// It is under check for another request.
    Wait(Outcome),
    /// It is to be checked.
    Check(Check, Outcome),
}

/// All that is known about passwords that were sent.
pub(crate) struct Checks {
    /// With the address that was told last.
    passed: Expiring<[u8; 32], Option<IpAddr>>,
    throttle: Throttle,
    /// Bounded by the lines of the password worker: a check that is refused there ends at once.
    under_way: HashMap<([u8; 32], Standing), Outcome>,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            passed: Expiring::new(REMEMBERED, REMEMBERED_MAX),
            throttle: Throttle::default(),
            under_way: HashMap::new(),
        }
    }
}

impl Checks {
    /// Recalls a password that passed a moment ago: true if this is news from `address`.
    pub(crate) fn recall(&mut self, fingerprint: &[u8; 32], address: IpAddr, now: Instant) -> Option<bool> {
        let (_, told) = self.passed.get_mut(fingerprint, now)?;
        Some(told.replace(address) != Some(address))
    }

    /// Decides what to do about a password that `user` sent from `address`.
    ///
    /// # Errors
    ///
    /// [`Cause::TooManyAttempts`] after too many failures.
    pub(crate) fn begin(
        this: &Arc<Mutex<Self>>,
        fingerprint: [u8; 32],
        standing: Standing,
        address: IpAddr,
        user: &str,
        now: Instant,
    ) -> Result<Step, Cause> {
        let mut checks = this.lock();
        if checks.passed.get_mut(&fingerprint, now).is_some() {
            return Ok(Step::Passed);
        }
        if let Some(outcome) = checks.under_way.get(&(fingerprint, standing)) {
            return Ok(Step::Wait(outcome.clone()));
        }
        let attempt = match checks.throttle.admit(address, user, now) {
            Ok(attempt) => attempt,
            Err(retry_after_seconds) => return Err(Cause::TooManyAttempts { retry_after_seconds }),
        };
        let (outcome_out, outcome_in) = watch::channel(None);
        let outcome = Outcome(outcome_in);
        checks.under_way.insert((fingerprint, standing), outcome.clone());
        // What it says if it is dropped unchecked.
        let unchecked = Err(Cause::TooManyAttempts { retry_after_seconds: REFUSED_RETRY_SECONDS });
        let checks = Arc::clone(this);
        let check = Check { checks, fingerprint, standing, attempt, outcome: unchecked, outcome_out };
        Ok(Step::Check(check, outcome))
    }
}

/// A check under way; to be moved into its job. Dropped, it tells its outcome to all who wait.
pub(crate) struct Check {
    checks: Arc<Mutex<Checks>>,
    fingerprint: [u8; 32],
    standing: Standing,
    attempt: Attempt,
    outcome: Result<(), Cause>,
    outcome_out: watch::Sender<Option<Result<(), Cause>>>,
}

impl Check {
    /// Carries the check out, ends it and returns its outcome.
    ///
    /// # Errors
    ///
    /// Whatever `check` says.
    pub(crate) fn run(mut self, check: impl FnOnce() -> Result<(), Cause>) -> Result<(), Cause> {
        // What stands here should `check` panic.
        self.outcome = Err(Cause::Internal);
        self.outcome = check();
        self.outcome.clone()
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let now = Instant::now();
        {
            let mut checks = self.checks.lock();
            checks.under_way.remove(&(self.fingerprint, self.standing));
            match self.outcome {
                Ok(()) => {
                    checks.throttle.release(&self.attempt);
                    checks.passed.insert(self.fingerprint, None, now);
                }
                Err(Cause::Unauthorized) => checks.throttle.count_failure(&self.attempt, now),
                Err(_) => checks.throttle.release(&self.attempt),
            }
        }
        self.outcome_out.send_replace(Some(self.outcome.clone()));
    }
}
