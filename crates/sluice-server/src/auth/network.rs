//! Which part of the address space counts as one client, and which as its neighborhood.
//!
//! In: an address as the socket tells it. Out: the address that stands for the whole part. An IPv4 client is its
//! address and an IPv6 client its /64, since it can pick any address in there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[cfg(test)]
mod tests;

/// Bits that an IPv6 client picks as it likes.
const CLIENT_V6_BITS: u32 = 64;

/// Bits that tell neighbors apart: a /24.
const NEIGHBORS_V4_BITS: u32 = 8;

/// Bits that tell neighbors apart: a /48, which is what one customer gets at most.
const NEIGHBORS_V6_BITS: u32 = 80;

/// The part of an address that one client holds.
pub(crate) fn of_client(address: IpAddr) -> IpAddr {
    cut(address, 0, CLIENT_V6_BITS)
}

/// The part of an address that clients with something in common hold.
pub(crate) fn of_neighbors(address: IpAddr) -> IpAddr {
    cut(address, NEIGHBORS_V4_BITS, NEIGHBORS_V6_BITS)
}

/// Clears the last bits. A mapped address is the IPv4 address.
fn cut(address: IpAddr, v4_bits: u32, v6_bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() >> v4_bits << v4_bits)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> v6_bits << v6_bits)),
    }
}
