//! Which networks are worth asking for an address: a summary of all that are stored, in memory.
//!
//! In: the keys of networks, before they are visible. Out: for an address, the lengths of prefix of which a network
//! that holds it may be stored; the ordinary filters have the last word. So what an unknown address costs does not
//! follow the number of lengths that are stored somewhere, only of those that are stored near it, and without any
//! network it costs one look at a flag.
//!
//! Prefixes of some lengths are *nodes* ([`IPV4_LEVELS`], [`IPV6_LEVELS`]). A node knows the lengths of the networks
//! at and below it, up to the longest of its level, and whether there are nodes below it. A question goes from node to
//! node until there is none below, and for each length that they name, a bit says whether that very network is there. Say
//! `192.0.2.0/24` and `192.0.2.64/26` are stored. The node `192.0/16` has length 24 and nodes below, the node `192.0.2/24`
//! has length 26. `198.51.100.7` costs one look. `192.0.77.7` costs three: the first node, the bit of `192.0.77.0/24`, the
//! node `192.0.77/24`. Networks that hold several nodes of their level are noted in all of them: that is why the networks
//! of 29 to 32 bits that registries give out are told apart by the node of 32 bits, and not by a bit for each length.
//!
//! The first IPv4 nodes have a table with a place for each. All else is found by hash, and nothing tells two with the
//! same hash apart, so an answer can name too many lengths, never too few: more and more from some hundred thousand
//! networks on, until all lengths are asked for. Nothing is removed, so a deleted network costs questions until the
//! next start. Memory is [`SUMMARY_BYTES`] from the first network on, however many there are.
//!
//! It is added to while others read, with relaxed operations. That is enough as it is for shared filters: whoever looks
//! for a network has it from a view that was put in its place under a lock after the network was noted.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use sluice_model::{limits, matching::address_or_network, network::Network};

/// IPv4 prefixes of 16 and of 24 bits are nodes. With each level stands the longest network that its nodes know.
const IPV4_LEVELS: &[(u8, u8)] = &[(IPV4_TABLE_BITS, 24), (24, 31)];
/// The same for IPv6. A network of 29 bits has eight nodes of 32.
const IPV6_LEVELS: &[(u8, u8)] = &[(16, 28), (32, 48), (48, 64), (64, 80), (80, 96), (96, 112), (112, 127)];

/// Bits of the IPv4 nodes that have a table of their own.
const IPV4_TABLE_BITS: u8 = 16;
/// Words of that table.
const IPV4_WORDS: usize = 1 << IPV4_TABLE_BITS;
/// Words of all other nodes, as a power of two.
const NODE_WORDS_LOG: u32 = 17;
/// Words with a bit for each network, as a power of two.
const BIT_WORDS_LOG: u32 = 17;
/// Words of a summary: the table of IPv4 nodes, other nodes, bits.
const SUMMARY_WORDS: usize = IPV4_WORDS + (1 << NODE_WORDS_LOG) + (1 << BIT_WORDS_LOG);
/// Bytes of a summary, 1.25 MiB. They stay near the processor, and some hundred thousand networks have room.
const SUMMARY_BYTES: usize = SUMMARY_WORDS * size_of::<AtomicU32>();
const _: () = assert!(SUMMARY_BYTES <= limits::STANDING_BYTES / 64);

/// Of a node: there are nodes below it. Bit `n` of the others is the length that is `n` shorter than the longest one.
const HAS_BELOW: u32 = 1 << 31;

/// Knows of which lengths there are networks, and about where.
#[derive(Debug, Default)]
pub(crate) struct NetworkSummary {
    /// Made for the first network.
    words: OnceLock<Box<[AtomicU32]>>,
}

impl NetworkSummary {
    /// Returns true if no network was ever noted.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.words.get().is_none()
    }

    /// Notes a network by its key; to be done before it is visible. Other keys do not matter.
    pub(crate) fn note(&self, key: &[u8]) {
        if let Some(network) = address_or_network(key)
            && network.is_storable()
        {
            note(self.words.get_or_init(no_words), network);
        }
    }

    /// The lengths of which a network may be stored that holds an address or network: bit `n` is length `n`.
    #[inline]
    pub(crate) fn lengths_around(&self, held: Network) -> u128 {
        match self.words.get() {
            Some(words) => lengths_around(words, held),
            None => 0,
        }
    }
}

fn no_words() -> Box<[AtomicU32]> {
    let mut words = Vec::new();
    words.resize_with(SUMMARY_WORDS, AtomicU32::default);
    words.into()
}

fn note(words: &[AtomicU32], network: Network) {
    for &(node_bits, longest) in levels_of(network) {
        let shorter_by = longest.checked_sub(network.length());
        let said = shorter_by.map_or(HAS_BELOW, |shorter_by| 1 << shorter_by);
        let nodes_count = 1_u128 << node_bits.saturating_sub(network.length());
        for number in 0..nodes_count {
            if let Some(node) = node_of(words, network, node_bits, number) {
                node.fetch_or(said, Ordering::Relaxed);
            }
        }
        if shorter_by.is_some() {
            break;
        }
    }
    let (word, bit) = bit_of(words, network, network.length());
    if let Some(word) = word {
        word.fetch_or(bit, Ordering::Relaxed);
    }
}

fn lengths_around(words: &[AtomicU32], held: Network) -> u128 {
    let mut lengths = 0;
    for &(node_bits, longest) in levels_of(held) {
        let node = node_of(words, held, node_bits, 0).map_or(0, |node| node.load(Ordering::Relaxed));
        let mut named = node & !HAS_BELOW;
        while named != 0 {
            let shorter_by = u8::try_from(named.trailing_zeros()).unwrap_or(longest);
            let length = longest.saturating_sub(shorter_by);
            // The lowest bit goes.
            named &= named - 1;
            let (word, bit) = bit_of(words, held, length);
            let is_there = word.is_none_or(|word| word.load(Ordering::Relaxed) & bit != 0);
            lengths |= u128::from(is_there) << length;
        }
        if node & HAS_BELOW == 0 {
            break;
        }
    }
    lengths
}

/// The levels of a family: how many bits their nodes have, and the longest network that those know.
fn levels_of(network: Network) -> &'static [(u8, u8)] {
    if network.address().is_ipv4() { IPV4_LEVELS } else { IPV6_LEVELS }
}

/// The node with so many bits that a network is in; one of those that are in the network, if it is the shorter one.
fn node_of(words: &[AtomicU32], network: Network, node_bits: u8, number: u128) -> Option<&AtomicU32> {
    let bits = network.first_bits(node_bits) | number << (u128::BITS - u32::from(node_bits));
    if node_bits == IPV4_TABLE_BITS && network.address().is_ipv4() {
        return words.get((bits >> (u128::BITS - u32::from(IPV4_TABLE_BITS))) as usize);
    }
    let hash = hash(bits, node_bits, network.address().is_ipv6());
    words.get(IPV4_WORDS + (hash >> (u64::BITS - NODE_WORDS_LOG)) as usize)
}

/// The bit of the network that has the first bits of an address, and the word that it is in.
fn bit_of(words: &[AtomicU32], network: Network, length: u8) -> (Option<&AtomicU32>, u32) {
    let hash = hash(network.first_bits(length), length, network.address().is_ipv6());
    let place = IPV4_WORDS + (1 << NODE_WORDS_LOG) + (hash >> (u64::BITS - BIT_WORDS_LOG)) as usize;
    (words.get(place), 1 << (hash % u64::from(u32::BITS)))
}

/// Hash of the first bits of an address: the product of its halves, in which constants are mixed, folded.
fn hash(bits: u128, length: u8, is_ipv6: bool) -> u64 {
    let (high, low) = halves(bits);
    let family_and_length = u64::from(length) << 1 | u64::from(is_ipv6);
    let low = low ^ family_and_length.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ 0xa076_1d64_78bd_642f;
    let (high, low) = halves(u128::from(high ^ 0x9e37_79b9_7f4a_7c15) * u128::from(low));
    high ^ low
}

fn halves(bits: u128) -> (u64, u64) {
    ((bits >> u64::BITS) as u64, (bits << u64::BITS >> u64::BITS) as u64)
}

#[cfg(test)]
mod tests;
