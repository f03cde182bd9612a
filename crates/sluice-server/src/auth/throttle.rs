//! How many wrong passwords reach the hash: ten a minute for an address and user, sixty for an address.
//!
//! In: an address and a user before each check, and how the check ended. Out: leave to check, or the seconds to
//! wait. Only failures are counted; a check under way holds a place among them until it ends, so that many at
//! once cannot pass together. Both maps are bounded: the oldest entries go first.
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

/// Seconds to wait for the end of checks under way.
const UNDER_WAY_RETRY_SECONDS: u32 = 1;

/// Failures, counted.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    by_user: Windows<(u64, u64)>,
    by_address: Windows<u64>,
    under_way: Vec<Attempt>,
    hasher: RandomState,
}

/// Leave to check one password; to be given back to either [`Throttle::release`] or
/// [`Throttle::count_failure`], once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Attempt {
    user: (u64, u64),
    address: u64,
}

impl Throttle {
    /// Gives leave for a check, or says how many seconds to wait before the next.
    ///
    /// # Errors
    ///
    /// The seconds until the window of the address, or of the address and user, ends; at least 1.
    pub(crate) fn admit(&mut self, address: IpAddr, user: &str, now: Instant) -> Result<Attempt, u32> {
        let address = self.hasher.hash_one(network(address));
        let user = (address, self.hasher.hash_one(user));
        let attempt = Attempt { user, address };
        let of_user = self.under_way.iter().filter(|other| other.user == user).count();
        let of_address = self.under_way.iter().filter(|other| other.address == address).count();
        self.by_user.check(user, of_user, FAILURES_PER_USER_MAX, now)?;
        self.by_address.check(address, of_address, FAILURES_PER_ADDRESS_MAX, now)?;
        self.under_way.push(attempt);
        Ok(attempt)
    }

    /// Ends an attempt that was no failure: the password was right, or it was not checked.
    pub(crate) fn release(&mut self, attempt: &Attempt) {
        if let Some(at) = self.under_way.iter().position(|other| other == attempt) {
            self.under_way.swap_remove(at);
        }
    }

    /// Ends an attempt that was a failure.
    pub(crate) fn count_failure(&mut self, attempt: &Attempt, now: Instant) {
        self.release(attempt);
        self.by_user.count(attempt.user, now);
        self.by_address.count(attempt.address, now);
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
    fn check(&mut self, key: Key, under_way: usize, count_max: u32, now: Instant) -> Result<(), u32> {
        self.close_old(now);
        let window = self.open.get(&key);
        if let Some(window) = window.filter(|window| count_max <= window.count) {
            let left = (window.started + WINDOW).saturating_duration_since(now);
            // Never more than the window, though `now` may be a little older than its start.
            let seconds = left.as_secs().min(WINDOW.as_secs() - 1);
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX).saturating_add(1));
        }
        let places = count_max - window.map_or(0, |window| window.count);
        let has_place = u32::try_from(under_way).is_ok_and(|under_way| under_way < places);
        if has_place { Ok(()) } else { Err(UNDER_WAY_RETRY_SECONDS) }
    }

    fn count(&mut self, key: Key, now: Instant) {
        self.close_old(now);
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
