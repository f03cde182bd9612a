//! Networks: an address and how many of its first bits count.
//!
//! `192.0.2.7/24` is `192.0.2.0/24`: the bits that do not count are cleared. Networks of one family are never held by
//! those of the other; an IPv4 address mapped into IPv6 is IPv4 before it comes here. A single address counts as the
//! longest network, so that one way leads from either to the networks that hold it.

use std::{
    fmt::{self, Display, Formatter},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

/// Lengths of prefix that an IPv4 network may have.
pub const IPV4_LENGTHS: RangeInclusive<u8> = 8..=31;
/// Lengths of prefix that an IPv6 network may have.
pub const IPV6_LENGTHS: RangeInclusive<u8> = 16..=127;

/// A network, or an address as the longest one there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// The bits that do not count are 0.
    address: IpAddr,
    length: u8,
}

impl Network {
    /// A single address.
    pub fn of_address(address: IpAddr) -> Self {
        Self { address, length: address_bits(address) }
    }

    /// The network of an address of which the first `length` bits count; all of them, if there are not so many.
    pub fn around(address: IpAddr, length: u8) -> Self {
        let length = length.min(address_bits(address));
        let cleared_bits = address_bits(address) - length;
        let address = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(cleared_bits.into()).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(cleared_bits.into()).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        };
        Self { address, length }
    }

    /// Its lowest address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits of the address count.
    pub fn length(self) -> u8 {
        self.length
    }

    /// The first `length` bits of its address, from the highest bit on, zeros after them.
    pub fn first_bits(self, length: u8) -> u128 {
        let bits = match self.address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        bits & !u128::MAX.checked_shr(length.into()).unwrap_or(0)
    }

    /// Returns true if it is a single address.
    pub fn is_address(self) -> bool {
        self.length == address_bits(self.address)
    }

    /// Returns true if it is one that can be stored.
    pub fn is_storable(self) -> bool {
        storable_lengths(self.address).contains(&self.length)
    }

    /// The storable networks of some lengths that hold this one, itself left out: the longest first. Bit `n` of
    /// `lengths` is length `n`.
    pub fn holders(self, lengths: u128) -> impl Iterator<Item = Self> {
        let (first, last) = storable_lengths(self.address).into_inner();
        let shorter = (first..=last.min(self.length.saturating_sub(1))).rev();
        let wanted = shorter.filter(move |length| lengths >> length & 1 == 1);
        wanted.map(move |length| Self::around(self.address, length))
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Bits of an address of the same family.
fn address_bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Lengths of prefix that a stored network of the same family may have.
fn storable_lengths(address: IpAddr) -> RangeInclusive<u8> {
    match address {
        IpAddr::V4(_) => IPV4_LENGTHS,
        IpAddr::V6(_) => IPV6_LENGTHS,
    }
}

#[cfg(test)]
mod tests;
