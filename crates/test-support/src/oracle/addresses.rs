//! Addresses and networks of section 10, in all notations.
//!
//! In: a text, or a host. Out: an address, a network, or a reason.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::value::{Refusal, Value};

/// Shortest prefix of a network of each family.
const BITS_MIN: (u32, u32) = (8, 16);

/// An address as it may stand alone: four decimal parts, or any legal text of IPv6.
pub(crate) fn plain(text: &str) -> Option<IpAddr> {
    four_parts(text).map(IpAddr::V4).or_else(|| text.parse::<Ipv6Addr>().ok().map(canonical))
}

/// IPv6 as it is stored: what maps an address of IPv4 is that address.
pub(crate) fn canonical(address: Ipv6Addr) -> IpAddr {
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

/// Four decimal parts without leading zeros.
pub(crate) fn four_parts(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<_> = text.split('.').collect();
    if parts.len() != 4 || has_leading_zero(&parts) {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, part) in octets.iter_mut().zip(parts) {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    Some(Ipv4Addr::from(octets))
}

/// Whether a part can be read as octal.
pub(crate) fn has_leading_zero(parts: &[&str]) -> bool {
    parts.iter().any(|part| 1 < part.len() && part.starts_with('0'))
}

/// One to four parts, each decimal, octal or hexadecimal; the last one fills what is left.
pub(crate) fn in_any_notation(text: &str) -> Option<Ipv4Addr> {
    let parts: Option<Vec<u64>> = text.split('.').map(number).collect();
    let parts = parts.filter(|parts| parts.len() <= 4)?;
    let (last, first) = parts.split_last()?;
    let mut address = 0;
    for part in first {
        address = address << 8 | Some(*part).filter(|part| *part < 256)?;
    }
    let free_bits = 8 * (4 - first.len());
    if *last >> free_bits != 0 {
        return None;
    }
    u32::try_from(address << free_bits | last).ok().map(Ipv4Addr::from)
}

fn number(part: &str) -> Option<u64> {
    let lower = part.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if 1 < lower.len() && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Whether the last label of a name says that this is meant to be an address.
pub(crate) fn ends_with_number(name: &str) -> bool {
    let label = name.rsplit('.').next().unwrap();
    let is_decimal = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    is_decimal || hexadecimal.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// A network; `None` when the text does not look like one, or no address has so many bits.
pub(crate) fn network(text: &str) -> Option<Result<Value, Refusal>> {
    let (address, bits) = text.split_once('/')?;
    let is_number = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u32 = bits.parse().ok().filter(|_| is_number)?;
    let (address, mut bits) = match address.parse::<Ipv6Addr>() {
        Ok(address) if bits <= 128 => (IpAddr::V6(address), bits),
        Ok(_) => return None,
        Err(_) => (IpAddr::V4(four_parts(address).filter(|_| bits <= 32)?), bits),
    };
    let mut first = first_of(address, bits);
    if let IpAddr::V6(mapped) = first
        && let Some(mapped) = mapped.to_ipv4_mapped()
        && 96 <= bits
    {
        // A network of what maps addresses of IPv4 is theirs.
        (first, bits) = (IpAddr::V4(mapped), bits - 96);
    }
    let (bits_min, bits_max) = if first.is_ipv4() { (BITS_MIN.0, 32) } else { (BITS_MIN.1, 128) };
    Some(if bits < bits_min {
        Err(Refusal::WideNetwork)
    } else if bits == bits_max {
        Ok(Value::Address(first))
    } else {
        Ok(Value::Network(first, bits))
    })
}

/// The address with all but its first bits cleared.
pub(crate) fn first_of(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            IpAddr::V4(Ipv4Addr::from(u32::from(address) & !(u32::MAX.checked_shr(bits).unwrap_or(0))))
        }
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & !(u128::MAX.checked_shr(bits).unwrap_or(0))))
        }
    }
}

/// Whether a text names several addresses: `192.0.2.1-9`, `192.0.2.*`, `192.0.2.x`, `192.0.2.XXX`,
/// `192.0.2.1-192.0.2.9`, and the like of IPv6.
pub(crate) fn is_range(text: &str) -> bool {
    if let Some((first, last)) = text.split_once('-')
        && plain(first).is_some()
        && plain(last).is_some()
    {
        return true;
    }
    is_range_of_parts(text) || is_range_of_groups(text)
}

fn is_wildcard(part: &str) -> bool {
    part == "*" || !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'x' | b'X'))
}

fn is_range_of_parts(text: &str) -> bool {
    let is_number = |digits: &str| digits.parse::<u8>().is_ok();
    let is_range =
        |part: &str| part.split_once('-').is_some_and(|(first, last)| is_number(first) && is_number(last));
    let is_several = |part: &str| is_wildcard(part) || is_range(part);
    let parts: Vec<_> = text.split('.').collect();
    let are_all_parts = parts.iter().all(|part| is_number(part) || is_several(part));
    let are_some_numbers = parts.iter().any(|part| !is_wildcard(part));
    parts.len() == 4 && are_all_parts && are_some_numbers && parts.iter().any(|part| is_several(part))
}

fn is_range_of_groups(text: &str) -> bool {
    if let Some((first, last)) = text.split_once('-') {
        return first.parse::<Ipv6Addr>().is_ok() && u16::from_str_radix(last, 16).is_ok();
    }
    let groups = text.split(':');
    let first: Vec<_> = groups.map(|group| if is_wildcard(group) { "0" } else { group }).collect();
    let first = first.join(":");
    first != text && first.parse::<Ipv6Addr>().is_ok()
}
