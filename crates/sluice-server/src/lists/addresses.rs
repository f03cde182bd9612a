//! Addresses and networks as stretches of numbers: merged, without what is allowed, and as networks again.
//!
//! In: networks of one family in any order, and those that are allowed. Out: the fewest stretches, ascending, that hold the same but
//! what is allowed. A network that is held by another one is never told apart; neighbors become one where that is wanted. No network is ever
//! wider than one that can be stored.

use std::{
    cmp::Reverse,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use sluice_model::network::{IPV4_LENGTHS, IPV6_LENGTHS, Network};

#[cfg(test)]
mod tests;

/// How much an entry is worth if not all can stay: first by trust, then by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Rank {
    /// Confidence of the supplier that is trusted most.
    pub(super) confidence: u8,
    /// The second of the last update.
    pub(super) updated_seconds: u32,
}

/// A family of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    V4,
    V6,
}

/// Neighboring addresses of one family, as numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stretch {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) rank: Rank,
}

impl Family {
    /// The family of a network.
    pub(super) fn of(network: Network) -> Self {
        if network.address().is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl Stretch {
    /// The addresses of a network.
    pub(super) fn of(network: Network, rank: Rank) -> Self {
        let (first, bits) = match network.address() {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let others = u128::MAX.checked_shr(128 - bits + u32::from(network.length())).unwrap_or(0);
        Self { first, last: first | others, rank }
    }

    /// The same as networks, the fewest that are not too wide.
    pub(super) fn networks(self, family: Family) -> Box<dyn Iterator<Item = IpNet>> {
        match family {
            Family::V4 => {
                // Numbers of the family have no more bits.
                let [first, last] = [self.first, self.last]
                    .map(|number| Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)));
                Box::new(Ipv4Subnets::new(first, last, *IPV4_LENGTHS.start()).map(IpNet::V4))
            }
            Family::V6 => {
                let [first, last] = [self.first, self.last].map(Ipv6Addr::from_bits);
                Box::new(Ipv6Subnets::new(first, last, *IPV6_LENGTHS.start()).map(IpNet::V6))
            }
        }
    }
}

/// Has each address in one stretch alone, and neighbors of equal confidence in one if `merges`. What is held by another one says nothing of that.
pub(super) fn cover(stretches: &mut Vec<Stretch>, merges: Merging) {
    stretches.sort_unstable_by_key(|one| (one.first, u128::MAX - one.last, Reverse(one.rank)));
    stretches.dedup_by(|next, kept| {
        if next.last <= kept.last {
            return true;
        }
        // Networks lie beside each other, or one in the other.
        let is_near = kept.last.checked_add(1) == Some(next.first)
            && kept.rank.confidence == next.rank.confidence
            && merges == Merging::Neighbors;
        if is_near {
            kept.last = next.last;
            kept.rank = kept.rank.max(next.rank);
        }
        is_near
    });
}

/// Which stretches become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Merging {
    /// Those that are held by another one.
    Held,
    /// Neighbors of equal confidence, too.
    Neighbors,
}

/// Cuts what is allowed out of stretches; both are as [`cover`] leaves them.
pub(super) fn subtract(stretches: &[Stretch], allowed: &[Stretch]) -> Vec<Stretch> {
    let mut left = Vec::with_capacity(stretches.len());
    let mut from = 0;
    for stretch in stretches {
        from += allowed.iter().skip(from).take_while(|one| one.last < stretch.first).count();
        let mut rest = Some(*stretch);
        for one in allowed.iter().skip(from).take_while(|one| one.first <= stretch.last) {
            let Some(now) = rest else { break };
            if now.first < one.first {
                left.push(Stretch { last: one.first - 1, ..now });
            }
            rest = one
                .last
                .checked_add(1)
                .filter(|first| *first <= now.last)
                .map(|first| Stretch { first, ..now });
        }
        left.extend(rest);
    }
    left
}

/// Whether an address or network lies wholly in what is allowed.
pub(super) fn is_held(stretch: Stretch, allowed: &[Stretch]) -> bool {
    let place = allowed.partition_point(|one| one.first <= stretch.first);
    match allowed.split_at(place) {
        ([.., before], _) => stretch.last <= before.last,
        _ => false,
    }
}
