//! Networks as clients write them: an address, `/` and the length of its prefix.
//!
//! In: a text without a scheme. Out: the network, host bits cleared. `/32` of IPv4 and `/128` of IPv6 are the address.
//! An IPv6 network of addresses that IPv4 is mapped to is that of IPv4, `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
//!
//! Where the contract is silent: an IPv6 address in brackets is the host of a URL, and so is an IPv4 address with a
//! number after it that no prefix is as long as (`192.0.2.1/443`); zeros before the length do not count; a dotted mask in
//! its place (`192.0.2.0/255.255.255.0`) is refused.

use std::net::IpAddr;

use super::{super::network::Network, ip};

/// Digits that a length has at most.
const LENGTH_DIGITS_MAX: usize = 3;
/// Bits before an IPv4 address that is mapped into IPv6.
const MAPPED_PREFIX_BITS: u8 = 96;

/// Reads a network of any length; `None` when the text is none.
pub(super) fn parse(text: &str) -> Option<Network> {
    let (address, length) = text.split_once('/')?;
    if !is_length(length) {
        return None;
    }
    let (address, length) = (ip::parse_bare(address)?, length.parse::<u8>().ok()?);
    let address_bits = Network::of_address(address).length();
    if address_bits < length {
        return None;
    }
    match (address.to_canonical(), length.checked_sub(MAPPED_PREFIX_BITS)) {
        (IpAddr::V4(mapped), Some(length)) if address.is_ipv6() => {
            Some(Network::around(mapped.into(), length))
        }
        _ => Some(Network::around(address, length)),
    }
}

/// Returns true if what follows the first `/` can be a length.
fn is_length(text: &str) -> bool {
    (1..=LENGTH_DIGITS_MAX).contains(&text.len()) && text.as_bytes().iter().all(u8::is_ascii_digit)
}

/// Returns true if a text is an IPv4 address and, in place of a length, which bits count or which do not: as a URL it
/// would match nothing that whoever sends it means.
pub(super) fn has_dotted_mask(text: &str) -> bool {
    let Some((address, mask)) = text.split_once('/') else { return false };
    ip::parse_dotted(address.as_bytes()).is_some() && is_dotted_mask(mask.as_bytes())
}

/// Returns true for `255.255.255.0` and `0.0.0.255`: ones and zeros that do not mix.
fn is_dotted_mask(text: &[u8]) -> bool {
    ip::parse_dotted(text).is_some_and(|mask| {
        let bits = mask.to_bits();
        bits.leading_ones() + bits.trailing_zeros() == u32::BITS
            || bits.leading_zeros() + bits.trailing_ones() == u32::BITS
    })
}

/// Returns true if the rest of a plain URL of an IPv4 address could make it a network.
pub(super) fn is_plain_length(rest: &[u8]) -> bool {
    let Some(length) = rest.strip_prefix(b"/") else { return false };
    length.len() <= LENGTH_DIGITS_MAX && length.iter().all(u8::is_ascii_digit) || is_dotted_mask(length)
}
