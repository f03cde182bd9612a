//! Byte permits: who may hold how much of the memory set aside for bodies.
//!
//! In: wishes for bytes. Out: a [`Permit`], which gives them back when it is dropped, or [`Busy`] with the time
//! after which it is worth asking again, computed from the rate at which bytes were given back of late.
//!
//! Never waits. A wish for more than the whole budget is taken as a wish for all of it, so that every request
//! can run alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;

/// The longest advice, in seconds; also given while nothing drains.
const RETRY_AFTER_SECONDS_MAX: u32 = 60;

/// Seconds over which the drain rate is averaged.
const DRAIN_MEMORY_SECONDS: f64 = 10.0;

/// The bytes are taken; nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many bodies are being taken in; try again in {retry_after_seconds} s")]
pub struct Busy {
    /// Seconds after which enough bytes should be free, at least 1.
    pub retry_after_seconds: u32,
}

/// The bytes set aside for bodies. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bytes_max: usize,
    held_bytes: Mutex<Held>,
    started: Instant,
}

#[derive(Debug)]
struct Held {
    bytes: usize,
    drain: Drain,
}

impl Budget {
    /// Sets `bytes_max` bytes aside.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let held_bytes = Mutex::new(Held { bytes: 0, drain: Drain::default() });
        Self { shared: Arc::new(Shared { bytes_max, held_bytes, started: Instant::now() }) }
    }

    /// Takes `bytes` bytes, or all if that is more than there is.
    ///
    /// # Errors
    ///
    /// [`Busy`] when they are not free.
    pub(crate) fn take(&self, bytes: usize) -> Result<Permit, Busy> {
        let bytes = bytes.min(self.shared.bytes_max);
        self.shared.take(bytes)?;
        Ok(Permit { budget: self.clone(), bytes: AtomicUsize::new(bytes) })
    }

    /// Bytes held by permits.
    pub(crate) fn held_bytes(&self) -> usize {
        self.shared.held_bytes.lock().bytes
    }
}

impl Shared {
    fn take(&self, bytes: usize) -> Result<(), Busy> {
        let mut held = self.held_bytes.lock();
        let free_bytes = self.bytes_max - held.bytes;
        if bytes <= free_bytes {
            held.bytes += bytes;
            return Ok(());
        }
        let retry_after_seconds =
            held.drain.seconds_until(bytes - free_bytes, self.started.elapsed().as_secs_f64());
        Err(Busy { retry_after_seconds })
    }

    fn give_back(&self, bytes: usize) {
        let mut held = self.held_bytes.lock();
        held.bytes -= bytes;
        held.drain.add(bytes, self.started.elapsed().as_secs_f64());
    }
}

/// The right to hold bytes of bodies or answers. Dropping it gives them back.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    bytes: AtomicUsize,
}

impl Permit {
    /// Bytes it stands for.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Makes it stand for at least `bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`Busy`] when those it lacks are not free; it then stands for what it did before.
    pub(crate) fn cover(&self, bytes: usize) -> Result<(), Busy> {
        let present = self.bytes();
        if bytes <= present {
            return Ok(());
        }
        self.budget.shared.take(bytes - present)?;
        // Two threads that grow it at once both pay and both add: it never stands for less than was paid.
        self.bytes.fetch_add(bytes - present, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.shared.give_back(self.bytes());
    }
}

/// How fast bytes are given back: an average that forgets, in bytes and seconds since some start.
#[derive(Clone, Copy, Debug, Default)]
struct Drain {
    /// Bytes given back, each weighed by how lately.
    bytes: f64,
    at_seconds: f64,
    first_seconds: Option<f64>,
}

impl Drain {
    fn add(&mut self, bytes: usize, now_seconds: f64) {
        self.bytes = self.faded(now_seconds) + as_float(bytes);
        self.at_seconds = now_seconds;
        self.first_seconds.get_or_insert(now_seconds);
    }

    fn faded(&self, now_seconds: f64) -> f64 {
        self.bytes * (-(now_seconds - self.at_seconds).max(0.0) / DRAIN_MEMORY_SECONDS).exp()
    }

    /// Seconds until `bytes` more will have been given back, if all goes on as before; within 1 and 60.
    fn seconds_until(&self, bytes: usize, now_seconds: f64) -> u32 {
        let Some(first_seconds) = self.first_seconds else { return 1 };
        // Young averages have seen only a part of the time they stand for.
        let age_seconds = (now_seconds - first_seconds).max(1.0);
        let seen_seconds = DRAIN_MEMORY_SECONDS * (1.0 - (-age_seconds / DRAIN_MEMORY_SECONDS).exp());
        let bytes_per_second = self.faded(now_seconds) / seen_seconds;
        let seconds = (as_float(bytes) / bytes_per_second).ceil();
        (1..RETRY_AFTER_SECONDS_MAX)
            .find(|candidate| seconds <= f64::from(*candidate))
            .unwrap_or(RETRY_AFTER_SECONDS_MAX)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits of a byte count")]
fn as_float(bytes: usize) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests;
