//! How many wrong passwords reach the hash: ten a minute for an address and user, sixty for an address.
//!
//! In: an address and a user before each check, and the news that a check succeeded. Out: leave to check, or the
//! seconds to wait. An attempt is counted before it is checked, so that many at once cannot pass together; a
//! success takes its count back. Both maps are bounded: the oldest entries go first.
//!
//! An IPv6 client is its /64, since it can pick any address in there. No clock: the caller says what time it is.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

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

/// Failures, counted.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    by_user: Windows<(u64, u64)>,
    by_address: Windows<u64>,
    hasher: RandomState,
}

/// Leave to check one password; to be taken back when it was right.
#[derive(Debug)]
pub(crate) struct Attempt {
    user: (u64, u64),
    address: u64,
}

impl Throttle {
    /// Counts an attempt, or says how many seconds to wait before the next.
    ///
    /// # Errors
    ///
    /// The seconds until the window of the address, or of the address and user, ends; at least 1.
    pub(crate) fn admit(&mut self, address: IpAddr, user: &str, now: Instant) -> Result<Attempt, u32> {
        let address = self.hasher.hash_one(network(address));
        let user = (address, self.hasher.hash_one(user));
        self.by_user.check(user, FAILURES_PER_USER_MAX, now)?;
        self.by_address.check(address, FAILURES_PER_ADDRESS_MAX, now)?;
        self.by_user.count(user, now);
        self.by_address.count(address, now);
        Ok(Attempt { user, address })
    }

    /// Takes an attempt back: the password was right, or it was never checked.
    pub(crate) fn forgive(&mut self, attempt: &Attempt) {
        self.by_user.uncount(attempt.user);
        self.by_address.uncount(attempt.address);
    }
}

/// The part of an address that one client holds.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[derive(Debug)]
struct Window {
    started: Instant,
    count: u32,
}

/// Counts per key within a window that starts with the first count.
#[derive(Debug)]
struct Windows<Key> {
    open: HashMap<Key, Window>,
    by_age: VecDeque<(Instant, Key)>,
}

impl<Key> Default for Windows<Key> {
    fn default() -> Self {
        Self { open: HashMap::new(), by_age: VecDeque::new() }
    }
}

impl<Key: Copy + Eq + Hash> Windows<Key> {
    fn check(&mut self, key: Key, count_max: u32, now: Instant) -> Result<(), u32> {
        self.close_old(now);
        match self.open.get(&key) {
            Some(window) if count_max <= window.count => {
                let left = (window.started + WINDOW).saturating_duration_since(now);
                Err(u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, key: Key, now: Instant) {
        if let Some(window) = self.open.get_mut(&key) {
            window.count = window.count.saturating_add(1);
            return;
        }
        if ENTRIES_MAX <= self.open.len() {
            self.close_oldest();
        }
        self.open.insert(key, Window { started: now, count: 1 });
        self.by_age.push_back((now, key));
    }

    fn uncount(&mut self, key: Key) {
        if let Some(window) = self.open.get_mut(&key) {
            window.count = window.count.saturating_sub(1);
        }
    }

    fn close_old(&mut self, now: Instant) {
        while self
            .by_age
            .front()
            .is_some_and(|(started, _)| WINDOW <= now.saturating_duration_since(*started))
        {
            self.close_oldest();
        }
    }

    fn close_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_front() {
            self.open.remove(&key);
        }
    }
}
