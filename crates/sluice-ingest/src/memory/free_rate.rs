//! How fast bytes come free, for the advice when to ask again.
//!
//! In: bytes given back, each with the second in which. Out: the seconds until so many more will be. No clock.
//!
//! If 1 MiB came back in each of the last 10 seconds, a request that lacks 5 MiB is told to come back in 5 seconds; if nothing
//! more came back for another 10 seconds, in 18: what came earlier counts less and less.

/// The longest advice, in seconds; also given while nothing comes free.
pub(super) const RETRY_AFTER_SECONDS_MAX: u32 = 60;

/// Seconds over which the rate is averaged.
const AVERAGE_SECONDS: f64 = 10.0;

/// An average that forgets, in bytes and seconds since some start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FreeRate {
    /// Bytes given back, each weighed by how lately.
    bytes: f64,
    at_seconds: f64,
    first_seconds: Option<f64>,
}

impl FreeRate {
    /// Adds bytes that came free.
    pub(super) fn add(&mut self, bytes: usize, now_seconds: f64) {
        self.bytes = self.faded(now_seconds) + as_float(bytes);
        self.at_seconds = now_seconds;
        self.first_seconds.get_or_insert(now_seconds);
    }

    fn faded(&self, now_seconds: f64) -> f64 {
        self.bytes * (-(now_seconds - self.at_seconds).max(0.0) / AVERAGE_SECONDS).exp()
    }

    /// Seconds until `bytes` more will have been given back, if all goes on as before; within 1 and 60.
    pub(super) fn seconds_until(&self, bytes: usize, now_seconds: f64) -> u32 {
        let Some(first_seconds) = self.first_seconds else { return 1 };
        // Young averages have seen only a part of the time they stand for.
        let age_seconds = (now_seconds - first_seconds).max(1.0);
        let seen_seconds = AVERAGE_SECONDS * (1.0 - (-age_seconds / AVERAGE_SECONDS).exp());
        let bytes_per_second = self.faded(now_seconds) / seen_seconds;
        let seconds = (as_float(bytes) / bytes_per_second).ceil();
        for candidate in 1..RETRY_AFTER_SECONDS_MAX {
            if seconds <= f64::from(candidate) {
                return candidate;
            }
        }
        RETRY_AFTER_SECONDS_MAX
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits of a byte count")]
fn as_float(bytes: usize) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests;
