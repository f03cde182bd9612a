//! What a stop means for connections and bodies.
//!
//! In: when the stop begins, and until when bodies may arrive. Out: how many connections are open, those from before the
//! stop told apart from later ones; and which bodies cannot arrive in time, so that their clients are told so at once
//! instead of being cut off. Judged by what has arrived of a body so far. In which order a daemon stops is decided
//! elsewhere.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sluice_model::limits::{KIB, MIB};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

#[cfg(test)]
mod tests;

/// Time without a byte after which a connection is closed between two requests. Whoever asks more often is told by an
/// answer that the connection ends, and loses nothing.
const IDLE_TIME_MAX: Duration = Duration::from_millis(500);
/// Longest time that is waited for a client to take its last answer, while it still sends.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(2);
/// Time after which the rate of a body is known.
const WATCH_TIME: Duration = Duration::from_secs(1);
/// Bytes a second that any body may reach until then.
const EARLY_RATE: u64 = 4 * MIB as u64;
/// Bytes a second at which the rest of a body may arrive, however slow it was: the last bytes of a slow body are waited
/// for.
const LATE_RATE: u64 = 64 * KIB as u64;
/// Time from the begin of the stop, or its own if that is later, in which a body of unknown length has to end. Some never do.
const UNDECLARED_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a body that brings nothing is judged again: less and less of it can arrive in the time that is left.
const JUDGE_INTERVAL: Duration = Duration::from_millis(250);

/// Whether the daemon stops; shared by all connections.
#[derive(Debug)]
pub(crate) struct Stopping {
    began: OnceLock<Instant>,
    bodies_due: watch::Sender<Option<Instant>>,
    early_count: AtomicUsize,
    late_count: AtomicUsize,
    opened_count: AtomicU64,
}

impl Default for Stopping {
    fn default() -> Self {
        Self {
            began: OnceLock::new(),
            bodies_due: watch::Sender::new(None),
            early_count: AtomicUsize::new(0),
            late_count: AtomicUsize::new(0),
            opened_count: AtomicU64::new(0),
        }
    }
}

impl Stopping {
    /// The stop begins: what cannot arrive until `bodies_due` is refused, and each answer is the last of its connection.
    /// Called again, it moves that time.
    pub(crate) fn begin(&self, bodies_due: Instant) {
        let _first = self.began.get_or_init(Instant::now);
        self.bodies_due.send_replace(Some(bodies_due));
    }

    /// Returns true once the stop has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.began.get().is_some()
    }

    /// Waits for the begin of the stop.
    pub(crate) async fn begun(&self) {
        // Never an error: the sender is ours.
        drop(self.bodies_due.subscribe().wait_for(Option::is_some).await);
    }

    /// Until when a connection that has been idle since `since` is kept; `None` before the stop.
    pub(super) fn idle_deadline(&self, since: Instant) -> Option<Instant> {
        self.began.get().map(|began| since.max(*began) + IDLE_TIME_MAX)
    }

    /// Until when a client may take its last answer, which it was given at `since`; `None` before the stop.
    pub(super) fn farewell_deadline(&self, since: Instant) -> Option<Instant> {
        self.began.get().map(|began| since.max(*began) + FAREWELL_TIME_MAX)
    }

    /// Counts a connection for as long as the guard lives.
    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        // In this order, so that no moment shows one less than there are.
        self.early_count.fetch_add(1, Ordering::SeqCst);
        self.opened_count.fetch_add(1, Ordering::Relaxed);
        let is_late = self.has_begun();
        if is_late {
            self.late_count.fetch_add(1, Ordering::SeqCst);
            self.early_count.fetch_sub(1, Ordering::SeqCst);
        }
        OpenConnection { stopping: Arc::clone(self), is_late }
    }

    /// Connections that were open when the stop began, and still are.
    pub(crate) fn early_count(&self) -> usize {
        self.early_count.load(Ordering::SeqCst)
    }

    /// All connections that are open.
    pub(crate) fn open_count(&self) -> usize {
        self.early_count() + self.late_count.load(Ordering::SeqCst)
    }

    /// All connections that there ever were.
    pub(crate) fn opened_count(&self) -> u64 {
        self.opened_count.load(Ordering::Relaxed)
    }

    /// Returns true if the daemon stops before the body can be there.
    pub(crate) fn is_out_of_time(&self, arrival: &Arrival) -> bool {
        let (Some(began), Some(due)) = (self.began.get(), *self.bodies_due.borrow()) else { return false };
        !arrival.can_end(Instant::now(), arrival.due(*began, due))
    }

    /// Waits until [`Stopping::is_out_of_time`] holds for a body that brings nothing meanwhile.
    pub(crate) async fn out_of_time(&self, arrival: &Arrival) {
        self.begun().await;
        let mut due = self.bodies_due.subscribe();
        while !self.is_out_of_time(arrival) {
            // It makes no difference which of the two it was.
            drop(timeout(JUDGE_INTERVAL, due.changed()).await);
        }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    stopping: Arc<Stopping>,
    is_late: bool,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let count = if self.is_late { &self.stopping.late_count } else { &self.stopping.early_count };
        count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How far a body is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When it was first waited for.
    pub(crate) began: Instant,
    /// Bytes that have arrived.
    pub(crate) received_bytes: u64,
    /// Bytes that are missing, if that is known.
    pub(crate) missing_bytes: Option<u64>,
}

impl Arrival {
    /// A body of which nothing has arrived.
    pub(crate) fn announced(declared_bytes: Option<u64>) -> Self {
        Self { began: Instant::now(), received_bytes: 0, missing_bytes: declared_bytes }
    }

    /// Until when it has to arrive in a stop that began at `stopped`, and waits for bodies until `due`.
    fn due(&self, stopped: Instant, due: Instant) -> Instant {
        match self.missing_bytes {
            Some(_) => due,
            None => due.min(stopped.max(self.began) + UNDECLARED_TIME_MAX),
        }
    }

    /// Returns true if what is missing can arrive from `now` to `due`. At 1 MiB a second, with 27 s left, 27 MiB can. Of
    /// a body of unknown length, a byte is missing.
    fn can_end(&self, now: Instant, due: Instant) -> bool {
        let (taken, left) = (now.saturating_duration_since(self.began), due.saturating_duration_since(now));
        let least_rate = if taken < WATCH_TIME { EARLY_RATE } else { LATE_RATE };
        let own_rate = u128::from(self.received_bytes) * 1_000 / taken.as_millis().max(1);
        let possible_bytes = own_rate.max(u128::from(least_rate)) * left.as_millis() / 1_000;
        u128::from(self.missing_bytes.unwrap_or(1)) <= possible_bytes
    }
}
