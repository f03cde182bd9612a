//! Byte permits: who may hold how much of the memory set aside for bodies.
//!
//! In: requests for bytes. Out: a [`Permit`], which grows as bytes arrive and gives them back when it is dropped, or
//! [`Busy`] with the time after which it is worth asking again, computed from the rate at which bytes came back of
//! late. Who gets what is in `fairness`.
//!
//! A permit that cannot grow waits ([`Permit::grow`]) while others finish; when nothing came back for a while, the
//! youngest of those that wait is refused, which frees what it holds for the others.
//!
//! What grows with the store takes memory that is planned for bodies ([`Budget::make_way`]): the large share shrinks with it.

use std::{
    pin::pin,
    sync::Arc,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use sluice_model::{limits, memory_plan::MemoryPlan};
use sluice_store::Histogram;
use tokio::sync::Notify;

use super::{
    fairness::{Fairness, Grant},
    free_rate::FreeRate,
    level::MemoryLevel,
};
use crate::measures::{IngestMeasures, waits};

/// Time without a byte given back after which the youngest permit that waits is refused.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(5);

/// Longest time that a permit waits in one go: well under the stall time-outs of clients.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Stands for no ticket; the first one is 1.
const NO_TICKET: u64 = 0;

/// The bytes are taken; nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many bodies are being taken in; try again in {retry_after_seconds} s")]
pub struct Busy {
    /// Seconds after which enough bytes should be free, at least 1.
    pub retry_after_seconds: u32,
}

/// The bytes set aside for bodies.
#[derive(Debug)]
pub(crate) struct Budget {
    plan: MemoryPlan,
    /// What grows with the store, as of the last look at it.
    stored_bytes: AtomicUsize,
    /// That of the large share, to be read without a lock.
    large_bytes_max: AtomicUsize,
    quiet_wait_max: Duration,
    pub(super) wait_max: Duration,
    started: Instant,
    /// How long permits waited whenever they grew.
    waits: Histogram,
    state: Mutex<BudgetState>,
    /// Told whenever large bytes come back.
    freed: Notify,
}

#[derive(Debug)]
struct BudgetState {
    fairness: Fairness,
    free_rate: FreeRate,
    /// When large bytes last came back.
    freed_at: Instant,
    /// As of the last look at the memtable.
    level: Option<MemoryLevel>,
}

impl Budget {
    /// Sets bytes aside as planned.
    pub(crate) fn new(plan: &MemoryPlan) -> Arc<Self> {
        Self::with(plan, QUIET_WAIT_MAX, WAIT_MAX)
    }

    pub(crate) fn with(plan: &MemoryPlan, quiet_wait_max: Duration, wait_max: Duration) -> Arc<Self> {
        let started = Instant::now();
        let state = BudgetState {
            fairness: Fairness::new(plan.body_bytes, plan.small_bytes),
            free_rate: FreeRate::default(),
            freed_at: started,
            level: None,
        };
        Arc::new(Self {
            plan: *plan,
            stored_bytes: AtomicUsize::new(0),
            large_bytes_max: AtomicUsize::new(plan.body_bytes),
            quiet_wait_max,
            wait_max,
            started,
            waits: waits(),
            state: Mutex::new(state),
            freed: Notify::new(),
        })
    }

    /// Takes `bytes` bytes for a beginning; `expected` is what it may come to, if that is known.
    ///
    /// # Errors
    ///
    /// [`Busy`] when they are not free, or when what is expected could not even begin to arrive now.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize, expected: Option<usize>) -> Result<Permit, Busy> {
        let mut state = self.state.lock();
        let fairness = &mut state.fairness;
        let entry = match expected {
            Some(expected) if limits::SMALL_BODY_BYTES_MAX < expected => fairness.check_entry(expected),
            _ => Ok(()),
        };
        match entry.and_then(|()| fairness.take(bytes)) {
            Ok(grant) => Ok(Permit {
                budget: Arc::clone(self),
                bytes: AtomicUsize::new(grant.bytes),
                ticket: AtomicU64::new(grant.ticket.unwrap_or(NO_TICKET)),
            }),
            Err(lacking) => Err(self.busy(&state, lacking)),
        }
    }

    /// The most that one permit can come to.
    pub(crate) fn large_bytes_max(&self) -> usize {
        self.large_bytes_max.load(Ordering::Relaxed)
    }

    /// Gives way to so many bytes of what grows with the store. Costs a look as long as they are as many as before.
    pub(crate) fn make_way(&self, stored_bytes: usize) {
        if self.stored_bytes.swap(stored_bytes, Ordering::Relaxed) == stored_bytes {
            return;
        }
        let mut state = self.state.lock();
        // Others may have noted another number meanwhile: that of the last one counts.
        let large_bytes_max = self.plan.body_bytes_beside(self.stored_bytes.load(Ordering::Relaxed));
        self.large_bytes_max.store(large_bytes_max, Ordering::Relaxed);
        if state.fairness.resize(large_bytes_max) {
            drop(state);
            self.freed.notify_waiters();
        }
    }

    /// How the permits are. The queues are left to others.
    pub(crate) fn measures(&self) -> IngestMeasures {
        let (permit_bytes_max, permit_bytes, permits_waiting) = {
            let fairness = &self.state.lock().fairness;
            (fairness.bytes_max(), fairness.held_bytes(), fairness.waiting_count())
        };
        let (permit_waits, queues) = (self.waits.read(), Vec::new());
        IngestMeasures { permit_bytes_max, permit_bytes, permits_waiting, permit_waits, queues }
    }

    /// Bytes held by permits.
    pub(crate) fn held_bytes(&self) -> usize {
        self.state.lock().fairness.held_bytes()
    }

    /// `None` while permits and memtable together are surely within what is planned for both. Otherwise the level of
    /// permits alone: the memtable must be asked, and [`set_level`](Self::set_level) told the level of both.
    pub(super) fn unsure(&self) -> Option<MemoryLevel> {
        let state = self.state.lock();
        match state.level {
            Some(level) if self.excess(&state, level) == 0 => None,
            _ => Some(MemoryLevel::of_permits(state.fairness.held_bytes(), state.fairness.granted_bytes)),
        }
    }

    /// Notes what permits and the memtable hold.
    ///
    /// # Errors
    ///
    /// [`Busy`] when that is over what is planned for both.
    pub(super) fn set_level(&self, level: MemoryLevel) -> Result<(), Busy> {
        let mut state = self.state.lock();
        state.level = Some(level);
        match self.excess(&state, level) {
            0 => Ok(()),
            excess => Err(self.busy(&state, excess)),
        }
    }

    /// Bytes by which permits and memtable may be over what is planned.
    fn excess(&self, state: &BudgetState, level: MemoryLevel) -> usize {
        let bytes_max = state.fairness.bytes_max() + self.plan.memtable_bytes;
        level.excess(state.fairness.granted_bytes, bytes_max)
    }

    fn busy(&self, state: &BudgetState, lacking_bytes: usize) -> Busy {
        let now_seconds = self.started.elapsed().as_secs_f64();
        Busy { retry_after_seconds: state.free_rate.seconds_until(lacking_bytes, now_seconds) }
    }

    /// Notes that bytes came back, and wakes the permits that wait for such.
    fn note_freed(&self, mut state: MutexGuard<'_, BudgetState>, bytes: usize, is_large: bool) {
        state.free_rate.add(bytes, self.started.elapsed().as_secs_f64());
        if is_large {
            state.freed_at = Instant::now();
            drop(state);
            self.freed.notify_waiters();
        }
    }
}

/// The right to hold bytes of bodies or answers. Dropping it gives them back.
#[derive(Debug)]
pub struct Permit {
    pub(super) budget: Arc<Budget>,
    // Both are written under the budget's lock only.
    bytes: AtomicUsize,
    ticket: AtomicU64,
}

impl Permit {
    /// Bytes it stands for.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The most that it can come to.
    pub(super) fn bytes_max(&self) -> usize {
        self.budget.large_bytes_max()
    }

    fn grant(&self) -> Grant {
        let ticket = self.ticket.load(Ordering::Relaxed);
        Grant { bytes: self.bytes(), ticket: (ticket != NO_TICKET).then_some(ticket) }
    }

    fn set(&self, grant: Grant) {
        self.bytes.store(grant.bytes, Ordering::Relaxed);
        self.ticket.store(grant.ticket.unwrap_or(NO_TICKET), Ordering::Relaxed);
    }

    /// Makes it stand for at least `bytes` bytes; waits, for a bounded time, while others have them. Returns false if it
    /// did so already.
    ///
    /// # Errors
    ///
    /// [`Busy`] when they did not come free; it then stands for what it did before.
    pub(super) async fn grow(&self, bytes: usize) -> Result<bool, Busy> {
        if bytes <= self.bytes() {
            return Ok(false);
        }
        let since = Instant::now();
        let mut waiting = None;
        loop {
            let mut freed = pin!(self.budget.freed.notified());
            freed.as_mut().enable();
            let asked = self.grow_or_wait(bytes, since);
            if asked == Ok(None) {
                let waited = if waiting.is_some() { since.elapsed() } else { Duration::ZERO };
                self.budget.waits.note_time(waited);
                return Ok(true);
            }
            // Made once: each that is dropped wakes all that wait.
            waiting.get_or_insert_with(|| WaitingPermit(self));
            if asked.is_err() {
                self.budget.waits.note_time(since.elapsed());
            }
            if let Some(left) = asked? {
                // Whether bytes came or time is up, the next round tells.
                let _elapsed = tokio::time::timeout(left, freed).await;
            }
        }
    }

    /// Grows, or notes that it waits; gives how long it may wait for bytes to come back.
    fn grow_or_wait(&self, bytes: usize, since: Instant) -> Result<Option<Duration>, Busy> {
        let budget = &self.budget;
        let mut state = budget.state.lock();
        let mut grant = self.grant();
        let grown = state.fairness.grow(&mut grant, bytes);
        self.set(grant);
        let Err(lacking) = grown else { return Ok(None) };
        let mut left = budget.wait_max.saturating_sub(since.elapsed());
        if state.fairness.wait(&grant) {
            left = left.min(budget.quiet_wait_max.saturating_sub(since.max(state.freed_at).elapsed()));
        }
        if left.is_zero() || lacking == usize::MAX {
            Err(budget.busy(&state, lacking))
        } else {
            Ok(Some(left))
        }
    }

    /// Makes it stand for at least `bytes` bytes, now or not at all.
    ///
    /// # Errors
    ///
    /// [`Busy`] when those it lacks are not free; it then stands for what it did before.
    pub(super) fn cover(&self, bytes: usize) -> Result<(), Busy> {
        if bytes <= self.bytes() {
            return Ok(());
        }
        let mut state = self.budget.state.lock();
        let mut grant = self.grant();
        let grown = state.fairness.grow(&mut grant, bytes);
        if grown.is_err() {
            state.fairness.withdraw(&mut grant);
        }
        self.set(grant);
        grown.map_err(|lacking| self.budget.busy(&state, lacking))
    }

    /// Keeps `bytes` of its bytes, for what does not grow any more, and gives the others back.
    pub(super) fn release_all_but(&self, bytes: usize) {
        let mut state = self.budget.state.lock();
        let mut grant = self.grant();
        let before = grant.bytes;
        let is_large = state.fairness.release_all_but(&mut grant, bytes);
        self.set(grant);
        self.budget.note_freed(state, before - grant.bytes, is_large);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock();
        let grant = self.grant();
        let is_large = state.fairness.release(grant);
        self.budget.note_freed(state, grant.bytes, is_large);
    }
}

/// A permit that waits; no longer, once this is dropped.
struct WaitingPermit<'permit>(&'permit Permit);

impl Drop for WaitingPermit<'_> {
    fn drop(&mut self) {
        let Self(permit) = self;
        let mut state = permit.budget.state.lock();
        let mut grant = permit.grant();
        state.fairness.withdraw(&mut grant);
        permit.set(grant);
        drop(state);
        // The next in line, or the next youngest, is another one now.
        permit.budget.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
