//! Byte permits: who may hold how much of the memory set aside for bodies.
//!
//! In: wishes for bytes. Out: a [`Permit`], which grows as bytes arrive and gives them back when it is dropped, or
//! [`Busy`] with the time after which it is worth asking again, computed from the rate at which bytes came back of
//! late. Who gets what is in `fairness`.
//!
//! A permit that cannot grow waits ([`Permit::grow`]) while others finish; when nothing came back for a while, the
//! youngest of those that wait is refused, which frees what it holds for the others. Also knows whether permits
//! and the memtable together may have passed what is planned for both.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use sluice_model::limits;
use tokio::sync::Notify;

use super::{
    fairness::{Fairness, Grant},
    free_rate::FreeRate,
};

/// The bytes are taken; nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many bodies are being taken in; try again in {retry_after_seconds} s")]
pub struct Busy {
    /// Seconds after which enough bytes should be free, at least 1.
    pub retry_after_seconds: u32,
}

/// How long a body waits for room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WaitLimits {
    /// Time without a byte given back after which the youngest that waits is refused.
    pub(crate) quiet: Duration,
    /// Longest time that anybody waits in one go.
    pub(crate) whole: Duration,
}

/// Those of the daemon: well under the stall time-outs of clients.
pub(crate) const WAIT_LIMITS: WaitLimits =
    WaitLimits { quiet: Duration::from_secs(5), whole: Duration::from_secs(30) };

/// The bytes set aside for bodies. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wait_limits: WaitLimits,
    started: Instant,
    state: Mutex<State>,
    /// Told whenever large bytes come back.
    freed: Notify,
}

#[derive(Debug)]
struct State {
    fairness: Fairness,
    free_rate: FreeRate,
    /// When large bytes last came back.
    freed_at: Instant,
    level: Option<Level>,
}

/// Bytes held by permits, and bytes ever granted, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    held_bytes: usize,
    granted_bytes: u64,
}

/// What permits and memtable held together at some moment. It grows only by what is granted from then on.
#[derive(Clone, Copy, Debug)]
struct Level {
    bytes: usize,
    mark: Mark,
}

impl Budget {
    /// Sets `bytes_max` bytes aside, and [`limits::SMALL_BYTES_BUDGET`] for small requests.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self::with(bytes_max, limits::SMALL_BYTES_BUDGET, WAIT_LIMITS)
    }

    pub(crate) fn with(large_bytes_max: usize, small_bytes_max: usize, wait_limits: WaitLimits) -> Self {
        let started = Instant::now();
        let state = State {
            fairness: Fairness::new(large_bytes_max, small_bytes_max),
            free_rate: FreeRate::default(),
            freed_at: started,
            level: None,
        };
        let shared = Shared { wait_limits, started, state: Mutex::new(state), freed: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Takes `bytes` bytes for a beginning; `expected` is what it may come to, if that is known.
    ///
    /// # Errors
    ///
    /// [`Busy`] when they are not free, or when what is expected could not even begin to arrive now.
    pub(crate) fn take(&self, bytes: usize, expected: Option<usize>) -> Result<Permit, Busy> {
        let mut state = self.shared.state.lock();
        let entry = match expected {
            Some(expected) if limits::SMALL_BODY_BYTES_MAX < expected => state.fairness.check_entry(expected),
            _ => Ok(()),
        };
        let taken = entry.and_then(|()| state.fairness.take(bytes));
        let grant = taken.map_err(|lacking| self.shared.busy(&state, lacking))?;
        drop(state);
        let permit =
            Permit { budget: self.clone(), bytes: AtomicUsize::new(0), ticket: AtomicU64::new(NO_TICKET) };
        permit.set(grant);
        Ok(permit)
    }

    /// Bytes held by permits.
    pub(crate) fn held_bytes(&self) -> usize {
        self.shared.state.lock().fairness.held_bytes()
    }

    /// The most that a single permit can come to.
    pub(crate) fn permit_bytes_max(&self) -> usize {
        self.shared.state.lock().fairness.large_bytes_max()
    }

    /// How long a body waits for room.
    pub(crate) fn wait_limits(&self) -> WaitLimits {
        self.shared.wait_limits
    }

    /// `None` while permits and memtable together are surely within what is planned for both; otherwise the
    /// memtable must be asked, and [`set_level`](Self::set_level) told with this mark, taken before.
    pub(crate) fn unsure(&self) -> Option<Mark> {
        let state = self.shared.state.lock();
        let mark =
            Mark { held_bytes: state.fairness.held_bytes(), granted_bytes: state.fairness.granted_bytes() };
        state.excess().is_none_or(|excess| excess > 0).then_some(mark)
    }

    /// Notes what the memtable held after `mark`. Rows that were committed in between count twice, never not.
    ///
    /// # Errors
    ///
    /// [`Busy`] when both together are over what is planned for both.
    pub(crate) fn set_level(&self, mark: Mark, memtable_bytes: usize) -> Result<(), Busy> {
        let mut state = self.shared.state.lock();
        state.level = Some(Level { bytes: mark.held_bytes + memtable_bytes, mark });
        match state.excess() {
            Some(excess) if excess > 0 => Err(self.shared.busy(&state, excess)),
            _ => Ok(()),
        }
    }
}

impl State {
    /// Bytes by which permits and memtable may be over what is planned; `None` when that was never asked.
    fn excess(&self) -> Option<usize> {
        let level = self.level?;
        let since = self.fairness.granted_bytes() - level.mark.granted_bytes;
        let bytes = level.bytes.saturating_add(usize::try_from(since).unwrap_or(usize::MAX));
        Some(bytes.saturating_sub(self.fairness.bytes_max() + limits::MEMTABLE_BYTES_MAX))
    }
}

impl Shared {
    fn busy(&self, state: &State, lacking_bytes: usize) -> Busy {
        let now_seconds = self.started.elapsed().as_secs_f64();
        Busy { retry_after_seconds: state.free_rate.seconds_until(lacking_bytes, now_seconds) }
    }

    /// Grows a permit, or notes that it waits. `Err` is how long it may wait for bytes to come back.
    fn grow_or_wait(
        &self,
        permit: &Permit,
        bytes: usize,
        since: Instant,
    ) -> Result<(), Result<Duration, Busy>> {
        let mut state = self.state.lock();
        let mut grant = permit.grant();
        let grown = state.fairness.grow(&mut grant, bytes);
        permit.set(grant);
        let Err(lacking) = grown else { return Ok(()) };
        let is_youngest = state.fairness.wait(&grant);
        let whole = self.wait_limits.whole.saturating_sub(since.elapsed());
        let quiet = self.wait_limits.quiet.saturating_sub(since.max(state.freed_at).elapsed());
        let left = if is_youngest { whole.min(quiet) } else { whole };
        Err(if left.is_zero() || lacking == usize::MAX { Err(self.busy(&state, lacking)) } else { Ok(left) })
    }

    /// Notes that bytes came back, and tells those that wait for such.
    fn note_freed(&self, mut state: MutexGuard<'_, State>, bytes: usize, is_large: bool) {
        state.free_rate.add(bytes, self.started.elapsed().as_secs_f64());
        if is_large {
            state.freed_at = Instant::now();
            drop(state);
            self.freed.notify_waiters();
        }
    }

    fn withdraw(&self, permit: &Permit) {
        let mut state = self.state.lock();
        let mut grant = permit.grant();
        state.fairness.withdraw(&mut grant);
        permit.set(grant);
        drop(state);
        // The next in line, or the next youngest, is another one now.
        self.freed.notify_waiters();
    }
}

/// Stands for no ticket; the first one is 1.
const NO_TICKET: u64 = 0;

/// The right to hold bytes of bodies or answers. Dropping it gives them back.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    // Both are written under the budget's lock only.
    bytes: AtomicUsize,
    ticket: AtomicU64,
}

impl Permit {
    /// Bytes it stands for.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn grant(&self) -> Grant {
        let ticket = self.ticket.load(Ordering::Relaxed);
        Grant { bytes: self.bytes(), ticket: (ticket != NO_TICKET).then_some(ticket) }
    }

    fn set(&self, grant: Grant) {
        self.bytes.store(grant.bytes, Ordering::Relaxed);
        self.ticket.store(grant.ticket.unwrap_or(NO_TICKET), Ordering::Relaxed);
    }

    /// Makes it stand for at least `bytes` bytes; waits, for a bounded time, while others have them.
    ///
    /// # Errors
    ///
    /// [`Busy`] when they did not come free; it then stands for what it did before.
    pub(crate) async fn grow(&self, bytes: usize) -> Result<(), Busy> {
        if bytes <= self.bytes() {
            return Ok(());
        }
        let shared = &self.budget.shared;
        let since = Instant::now();
        let mut waiting = None;
        loop {
            let mut freed = pin!(shared.freed.notified());
            freed.as_mut().enable();
            match shared.grow_or_wait(self, bytes, since) {
                Ok(()) => return Ok(()),
                Err(verdict) => {
                    waiting.get_or_insert(Waiting(self));
                    // Whether bytes came or time is up, the next round tells.
                    let _elapsed = tokio::time::timeout(verdict?, freed).await;
                }
            }
        }
    }

    /// Makes it stand for at least `bytes` bytes, now or not at all.
    ///
    /// # Errors
    ///
    /// [`Busy`] when those it lacks are not free; it then stands for what it did before.
    pub(crate) fn cover(&self, bytes: usize) -> Result<(), Busy> {
        if bytes <= self.bytes() {
            return Ok(());
        }
        let shared = &self.budget.shared;
        let mut state = shared.state.lock();
        let mut grant = self.grant();
        let grown = state.fairness.grow(&mut grant, bytes);
        if grown.is_err() {
            state.fairness.withdraw(&mut grant);
        }
        self.set(grant);
        grown.map_err(|lacking| shared.busy(&state, lacking))
    }

    /// Keeps `bytes` of its bytes, for what does not grow any more, and gives the others back.
    pub(crate) fn settle(&self, bytes: usize) {
        let shared = &self.budget.shared;
        let mut state = shared.state.lock();
        let mut grant = self.grant();
        let before = grant.bytes;
        let is_large = state.fairness.settle(&mut grant, bytes);
        self.set(grant);
        shared.note_freed(state, before - grant.bytes, is_large);
    }
}

/// A permit that waits; no longer, once this is dropped.
struct Waiting<'permit>(&'permit Permit);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.budget.shared.withdraw(self.0);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let shared = &self.budget.shared;
        let mut state = shared.state.lock();
        let grant = self.grant();
        let is_large = state.fairness.give_back(grant);
        shared.note_freed(state, grant.bytes, is_large);
    }
}

#[cfg(test)]
mod tests;
