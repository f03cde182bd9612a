//! Who is next for a password check: three lines by standing, each with a share of the hashing of its own.
//!
//! In: checks that are wanted, with the standing and address of their clients, and how they ended. Out: which check is
//! next, and which are refused. Known pairs come before known addresses, and these before strangers, while their
//! [`Share`] lasts. Within a line, whoever has the least against him comes first: failures of the last hour in the same
//! neighborhood, a check of it that waits, and, counted more, failures of the address itself and its checks that wait.
//! Among equals a lot is drawn on arrival, so that nothing is won by being early. When a line is full, the last in this
//! order is refused.
//!
//! Say 50,000 strangers guess from 200 neighborhoods. One guess a second is checked, each neighborhood's in turn, and
//! whoever comes from elsewhere is before them all. Nobody who is known notices.
//!
//! No clock and no threads: the caller says what time it is.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    expiring::Expiring,
    known::Standing,
    network,
    share::{EARNED_EVERY, LEFT_BY_CROWD, Share},
};

#[cfg(test)]
mod tests;

/// Checks that wait in one line.
const WAITING_MAX: usize = 256;

/// Longest wait in a line.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long failures are remembered, from the first one on.
const FAILURES_REMEMBERED: Duration = Duration::from_hours(1);

/// Addresses and neighborhoods remembered, each. More than can fail in that time.
const FAILED_MAX: usize = 32_768;

/// How many failures of neighbors weigh as much as one of one's own. More than they can have while one waits, since
/// what stands against a check is counted when it arrives.
const OWN_WEIGHT: u32 = 8;

const _: () = assert!(WAIT_MAX.as_millis() / EARNED_EVERY.as_millis() + 1 < OWN_WEIGHT as u128);

/// A check that is next.
pub(crate) struct Turn<Job> {
    /// What to do.
    pub(crate) job: Job,
    /// Of whom.
    pub(crate) standing: Standing,
    /// From where.
    pub(crate) address: IpAddr,
}

/// See the module.
pub(crate) struct Lines<Job> {
    known_pairs: Line<Job>,
    known_addresses: Line<Job>,
    strangers: Line<Job>,
    failures: Expiring<IpAddr, u32>,
    neighbors_failures: Expiring<IpAddr, u32>,
    lots: RandomState,
    lots_drawn: u64,
}

struct Line<Job> {
    /// By what stands against them, and by lot.
    waiting: BTreeMap<(u32, u64), Waiting<Job>>,
    share: Share,
}

struct Waiting<Job> {
    job: Job,
    address: IpAddr,
    since: Instant,
}

impl<Job> Default for Lines<Job> {
    fn default() -> Self {
        let line = || Line { waiting: BTreeMap::new(), share: Share::default() };
        Self {
            known_pairs: line(),
            known_addresses: line(),
            strangers: line(),
            failures: Expiring::new(FAILURES_REMEMBERED, FAILED_MAX),
            neighbors_failures: Expiring::new(FAILURES_REMEMBERED, FAILED_MAX),
            lots: RandomState::new(),
            lots_drawn: 0,
        }
    }
}

impl<Job> Lines<Job> {
    /// Puts a check into its line. Returns the one that is refused for it, possibly the same.
    pub(crate) fn enter(
        &mut self,
        standing: Standing,
        address: IpAddr,
        job: Job,
        now: Instant,
    ) -> Option<Job> {
        let own = count(&mut self.failures, address, now);
        let neighborhood = network::of_neighbors(address);
        let neighbors = count(&mut self.neighbors_failures, neighborhood, now);
        self.lots_drawn += 1;
        let lot = self.lots.hash_one(self.lots_drawn);
        let waiting = &mut self.line(standing).waiting;
        let also_waiting = waiting.values().filter(|other| other.address == address).count();
        let is_near = |other: &Waiting<Job>| network::of_neighbors(other.address) == neighborhood;
        let neighbors = neighbors.saturating_add(u32::from(waiting.values().any(is_near)));
        let own = own.saturating_add(u32::try_from(also_waiting).unwrap_or(u32::MAX));
        let against = own.saturating_mul(OWN_WEIGHT).saturating_add(neighbors);
        // Two lots are never the same, but if they are, one of the two is refused.
        let refused = waiting.insert((against, lot), Waiting { job, address, since: now });
        if waiting.len() <= WAITING_MAX {
            return refused.map(|other| other.job);
        }
        waiting.pop_last().map(|(_, last)| last.job)
    }

    /// Takes out those who have waited for too long.
    pub(crate) fn take_late(&mut self, now: Instant) -> Vec<Job> {
        let mut late = Vec::new();
        for line in self.in_order() {
            let is_late =
                |_: &_, waiting: &mut Waiting<Job>| WAIT_MAX <= now.saturating_duration_since(waiting.since);
            late.extend(line.waiting.extract_if(.., is_late).map(|(_, waiting)| waiting.job));
        }
        late
    }

    /// Takes out the next; `None` if there is none, or its share is used up.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Turn<Job>> {
        let standings = [Standing::KnownPair, Standing::KnownAddress, Standing::Stranger];
        for (standing, line) in standings.into_iter().zip(self.in_order()) {
            let left = if line.waiting.len() == 1 { 0 } else { LEFT_BY_CROWD };
            if line.waiting.is_empty() || !line.share.take(left, now) {
                continue;
            }
            if let Some((_, Waiting { job, address, .. })) = line.waiting.pop_first() {
                return Some(Turn { job, standing, address });
            }
        }
        None
    }

    /// Notes that a check was right, which costs nothing.
    pub(crate) fn note_success(&mut self, standing: Standing) {
        self.line(standing).share.give_back();
    }

    /// Notes that a check failed.
    pub(crate) fn note_failure(&mut self, address: IpAddr, now: Instant) {
        let neighborhood = network::of_neighbors(address);
        for (failures, key) in [(&mut self.failures, address), (&mut self.neighbors_failures, neighborhood)] {
            match failures.get_mut(&key, now) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => failures.insert(key, 1, now),
            }
        }
    }

    /// Returns true if nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        let lines = [&self.known_pairs, &self.known_addresses, &self.strangers];
        lines.iter().all(|line| line.waiting.is_empty())
    }

    fn in_order(&mut self) -> [&mut Line<Job>; 3] {
        [&mut self.known_pairs, &mut self.known_addresses, &mut self.strangers]
    }

    fn line(&mut self, standing: Standing) -> &mut Line<Job> {
        match standing {
            Standing::KnownPair => &mut self.known_pairs,
            Standing::KnownAddress => &mut self.known_addresses,
            Standing::Stranger => &mut self.strangers,
        }
    }
}

fn count(failures: &mut Expiring<IpAddr, u32>, key: IpAddr, now: Instant) -> u32 {
    failures.get_mut(&key, now).map_or(0, |(_, count)| *count)
}
