//! How many wrong passwords reach the hash: ten a minute for an address and user, sixty for an address.
//!
//! In: an address and a user before each check, and how the check ended. Out: permission to check, or the seconds to
//! wait. Only failures are counted, in a window that starts with the first of them; a check under way holds a place
//! among them until it ends, so that many at once cannot pass together. Say nine failures are counted and one check
//! is under way: the next is refused for a second. If the check under way succeeds, its place is free again; if it
//! fails, it is the tenth, and the next is refused until the window ends.
//!
//! An address is that of a client (see `network`). No clock: the caller says what time it is.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{expiring::Expiring, network};

#[cfg(test)]
mod tests;

/// Failures of one address and user that reach the hash in a window.
const FAILURES_PER_USER_MAX: u32 = 10;

/// Failures of one address that reach the hash in a window.
const FAILURES_PER_ADDRESS_MAX: u32 = 60;

/// Length of the window.
const WINDOW: Duration = Duration::from_mins(1);

/// Entries in each of the two maps.
const ENTRIES_MAX: usize = 65_536;

/// Seconds to wait for the end of checks under way.
const UNDER_WAY_RETRY_SECONDS: u32 = 1;

/// Failures, counted.
pub(crate) struct Throttle {
    by_user: Expiring<(u64, u64), u32>,
    by_address: Expiring<u64, u32>,
    under_way: Vec<Attempt>,
    hasher: RandomState,
}

/// Permission to check one password; to be given back to either [`Throttle::release`] or
/// [`Throttle::count_failure`], once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Attempt {
    user: (u64, u64),
    address: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            by_user: Expiring::new(WINDOW, ENTRIES_MAX),
            by_address: Expiring::new(WINDOW, ENTRIES_MAX),
            under_way: Vec::new(),
            hasher: RandomState::new(),
        }
    }
}

impl Throttle {
    /// Permits a check, or says how many seconds to wait before the next.
    ///
    /// # Errors
    ///
    /// The seconds until the window of the address, or of the address and user, ends; at least 1.
    pub(crate) fn admit(&mut self, address: IpAddr, user: &str, now: Instant) -> Result<Attempt, u32> {
        let address = self.hasher.hash_one(network::of_client(address));
        let user = (address, self.hasher.hash_one(user));
        let (mut of_user, mut of_address) = (0, 0);
        for other in &self.under_way {
            of_user += u32::from(other.user == user);
            of_address += u32::from(other.address == address);
        }
        check(&mut self.by_user, user, of_user, FAILURES_PER_USER_MAX, now)?;
        check(&mut self.by_address, address, of_address, FAILURES_PER_ADDRESS_MAX, now)?;
        let attempt = Attempt { user, address };
        self.under_way.push(attempt);
        Ok(attempt)
    }

    /// Ends an attempt that was not a failure: the password was right, or it was not checked.
    pub(crate) fn release(&mut self, attempt: &Attempt) {
        if let Some(at) = self.under_way.iter().position(|other| other == attempt) {
            self.under_way.swap_remove(at);
        }
    }

    /// Ends an attempt that was a failure.
    pub(crate) fn count_failure(&mut self, attempt: &Attempt, now: Instant) {
        self.release(attempt);
        count(&mut self.by_user, attempt.user, now);
        count(&mut self.by_address, attempt.address, now);
    }
}

fn check<Key: Copy + Eq + Hash>(
    failures: &mut Expiring<Key, u32>,
    key: Key,
    under_way: u32,
    count_max: u32,
    now: Instant,
) -> Result<(), u32> {
    let (started, count) = match failures.get_mut(&key, now) {
        Some((started, count)) => (started, *count),
        None => (now, 0),
    };
    if count_max <= count {
        let left = (started + WINDOW).saturating_duration_since(now);
        // Never more than the window, though `now` may be a little older than its start.
        let seconds = left.as_secs().min(WINDOW.as_secs() - 1);
        return Err(u32::try_from(seconds).unwrap_or(u32::MAX).saturating_add(1));
    }
    if under_way < count_max - count { Ok(()) } else { Err(UNDER_WAY_RETRY_SECONDS) }
}

fn count<Key: Copy + Eq + Hash>(failures: &mut Expiring<Key, u32>, key: Key, now: Instant) {
    match failures.get_mut(&key, now) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => failures.insert(key, 1, now),
    }
}
