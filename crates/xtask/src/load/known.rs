//! What the daemon must know by now, and what it cannot: the values to look up.
//!
//! In: the ranges of indexes whose bodies were acknowledged. Out: stored values, evenly over those ranges, and unknown
//! ones of the same mix of kinds. An unknown value matches nothing that is stored: its registered label or digest was
//! never pushed, and an address is compared with those of all copies, also where it is the host of a URL.

use std::{collections::HashSet, net::IpAddr, ops::Range};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use parking_lot::Mutex;
use test_support::dice::Dice;

use super::{derive::Edition, feed::Feed};

/// Lines that are tried for a value before the feed is taken to have none.
const TRIES_MAX: usize = 10_000;

/// Odd, and near the golden share of 2^64: neighbors in rank lie far apart.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// How often which of the stored values is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Distribution {
    /// All as often.
    Uniform,
    /// The nth in rank 1/n times as often as the first, as in logs (Zipf, s = 1).
    Zipf,
}

/// What was acknowledged.
pub(super) struct Known<'feed> {
    feed: &'feed Feed,
    acknowledged: Mutex<Acknowledged>,
    /// In order.
    addresses: Vec<IpAddr>,
    copies: u32,
}

/// Ranges, each once.
#[derive(Default)]
struct Acknowledged {
    ranges: Vec<Range<usize>>,
    starts: HashSet<usize>,
}

impl<'feed> Known<'feed> {
    /// Nothing is known yet; indexes will be below `indexes_end`.
    pub(super) fn new(feed: &'feed Feed, indexes_end: usize) -> Result<Self> {
        let mut addresses: Vec<_> = feed.addresses(0..feed.lines()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let copies = u32::try_from(indexes_end.div_ceil(feed.lines())).context("too many copies")?;
        Ok(Self { feed, acknowledged: Mutex::default(), addresses, copies })
    }

    /// Takes note of a body that was acknowledged, for the first time or again.
    pub(super) fn acknowledge(&self, new: Range<usize>) {
        let mut acknowledged = self.acknowledged.lock();
        if !new.is_empty() && acknowledged.starts.insert(new.start) {
            acknowledged.ranges.push(new);
        }
    }

    /// Distinct indicators that are stored, as if no two copies met.
    pub(super) fn distinct(&self) -> usize {
        let ranges = &self.acknowledged.lock().ranges;
        // Bodies are cut where copies are not, so an indicator that is twice in a copy may count twice, or not at all.
        ranges.iter().map(|range| self.feed.distinct(range.end) - self.feed.distinct(range.start)).sum()
    }

    /// Appends a stored value; `false`, and nothing, when there is none yet.
    pub(super) fn draw_stored(&self, distribution: Distribution, dice: &mut Dice, out: &mut Vec<u8>) -> bool {
        (0..TRIES_MAX).any(|_| {
            let index = self.acknowledged.lock().draw(distribution, dice);
            index.is_some_and(|index| self.feed.write_value(index, out))
        })
    }

    /// Appends a value that is not stored; `false`, and nothing, when the feed has no line to make one from.
    pub(super) fn draw_unknown(&self, dice: &mut Dice, out: &mut Vec<u8>) -> bool {
        (0..TRIES_MAX).any(|_| {
            let line = dice.index(self.feed.lines());
            // Below 2^31, where masks of stored and unknown copies differ.
            let number = u32::try_from(dice.below(1 << 31)).unwrap_or_default();
            let address = self.feed.addresses(line..line + 1).next();
            let is_stored =
                address.is_some_and(|address| self.holds(Edition::Unknown(number).address(address)));
            !is_stored && self.feed.write_unknown(line, number, out)
        })
    }

    /// Returns true if any copy of the feed has the address.
    fn holds(&self, address: IpAddr) -> bool {
        (0..self.copies)
            .any(|copy| self.addresses.binary_search(&Edition::Stored(copy).address(address)).is_ok())
    }
}

impl Acknowledged {
    /// An index of an acknowledged element, if there is any.
    fn draw(&self, distribution: Distribution, dice: &mut Dice) -> Option<usize> {
        match distribution {
            Distribution::Uniform => {
                let range = self.ranges.get(dice.index(self.ranges.len().max(1)))?;
                Some(range.start + dice.index(range.len()))
            }
            Distribution::Zipf => {
                let count = self.ranges.iter().map(ExactSizeIterator::len).sum::<usize>() as u64;
                let mut place = scattered(zipf_rank(count, dice), count)?;
                for range in &self.ranges {
                    match place.checked_sub(range.len()) {
                        Some(beyond) => place = beyond,
                        None => return Some(range.start + place),
                    }
                }
                None
            }
        }
    }
}

/// A rank below `count`, n about 1/(n + 1) times as often as 0: the integral of 1/x, inverted.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, below 2^53, and cut on purpose"
)]
fn zipf_rank(count: u64, dice: &mut Dice) -> u64 {
    let share = dice.next() as f64 / u64::MAX as f64;
    let rank = ((count as f64).ln_1p() * share).exp() as u64 - 1;
    rank.min(count.saturating_sub(1))
}

/// Where the value of a rank lies among `count`, so that those of the first ranks are no neighbors; some places have
/// several ranks and some none.
fn scattered(rank: u64, count: u64) -> Option<usize> {
    let mixed = u128::from(rank.wrapping_add(1).wrapping_mul(SCATTER)) * u128::from(count);
    usize::try_from(mixed >> 64).ok().filter(|_| 0 < count)
}

#[cfg(test)]
mod tests;
