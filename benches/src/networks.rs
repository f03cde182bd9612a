//! Networks of many lengths, and addresses that none of them holds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sluice_model::{Indicator, matching::address_or_network, network::Network};

use crate::FeedRow;

/// Lengths of the networks of each family.
const LENGTHS: u64 = 20;
/// The shortest IPv4 network: shorter ones would soon hold everything.
const IPV4_SHORTEST: u64 = 12;
/// The shortest IPv6 network, as they are given out.
const IPV6_SHORTEST: u64 = 29;

/// Networks of twenty lengths of each family, `count` of each.
pub fn networks(count: usize) -> Vec<Indicator> {
    let mut dice = Dice(1);
    let numbers = (0..LENGTHS).cycle().take(count);
    let texts = numbers.flat_map(|number| {
        let (ipv4, ipv6) = (dice.ipv4(), dice.ipv6());
        [format!("{ipv4}/{}", IPV4_SHORTEST + number), format!("{ipv6}/{}", IPV6_SHORTEST + number)]
    });
    texts.filter_map(|text| Indicator::parse(&text).ok()).collect()
}

/// Indicators as rows without context and tags.
pub fn rows(indicators: &[Indicator]) -> Vec<FeedRow> {
    let row = |one: &Indicator| FeedRow { key: one.key().to_vec(), context: Vec::new(), tags: Vec::new() };
    indicators.iter().map(row).collect()
}

/// Addresses that none of some networks holds, `count` of each family: first IPv4, then IPv6.
pub fn strange_addresses(networks: &[Indicator], count: usize) -> [Vec<Indicator>; 2] {
    let mut keys: Vec<&[u8]> = networks.iter().map(Indicator::key).collect();
    keys.sort_unstable();
    let is_strange = |address: &Indicator| {
        let Some(address) = address_or_network(address.key()) else { return false };
        let is_stored = |holder: Network| match Indicator::parse(&holder.to_string()) {
            Ok(holder) => keys.binary_search(&holder.key()).is_ok(),
            Err(_) => false,
        };
        !address.holders(u128::MAX).any(is_stored)
    };
    let mut dice = Dice(2);
    let mut draw = |draw: fn(&mut Dice) -> IpAddr| {
        let drawn = std::iter::repeat_with(|| Indicator::parse(&draw(&mut dice).to_string()));
        drawn.flatten().filter(is_strange).take(count).collect()
    };
    [draw(Dice::ipv4), draw(Dice::ipv6)]
}

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn ipv4(&mut self) -> IpAddr {
        let [_, _, _, _, octets @ ..] = self.roll().to_be_bytes();
        Ipv4Addr::from(octets).into()
    }

    /// One of 65,536 prefixes of 32 bits that are next to one another, as most that are in use are.
    fn ipv6(&mut self) -> IpAddr {
        let (high, low) = (self.roll() & 0xffff_ffff_ffff, self.roll());
        Ipv6Addr::from_bits(0x2a02 << 112 | u128::from(high) << 64 | u128::from(low)).into()
    }
}
