//! Addresses: the texts that stand for one by themselves, and the numeric names that browsers take for one.
//!
//! Behind a scheme or user-info, a name whose last label is a number is an IPv4 address in 1 to 4 parts, each decimal, octal (leading `0`) or
//! hexadecimal (leading `0x`), the last one filling what the others leave; or it is nothing at all. That is the rule
//! of the WHATWG URL standard. A bare one has four decimal parts without leading zeros, or it is refused, because who
//! reads `010.0.0.1` or `443` may mean something else.

use std::net::{IpAddr, Ipv4Addr};

use super::super::kind::NotAnIndicator;

/// Which notations of an IPv4 address are read where a host stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Notation {
    /// Four decimal parts, where nothing but the number says that it is an address.
    Decimal,
    /// All of them, where a scheme or user-info says so.
    Any,
}

/// Reads IPv4 in dotted decimal, or IPv6 in any legal form, without brackets, zone or anything else around it.
pub(super) fn parse_bare(text: &str) -> Option<IpAddr> {
    let first = text.bytes().next()?;
    if first.is_ascii_hexdigit() || first == b':' { text.parse().ok() } else { None }
}

/// Reads IPv4 in dotted decimal of four parts, none of them with a leading zero.
pub(super) fn parse_dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut octets_left = octets.iter_mut();
    let (mut value, mut digits) = (0_u32, 0_u32);
    let mut octet = octets_left.next()?;
    for byte in text {
        if *byte == b'.' {
            *octet = to_octet(value, digits)?;
            octet = octets_left.next()?;
            (value, digits) = (0, 0);
        } else {
            // No digit may follow a leading zero, nor two more a number that is too large already.
            let is_digit_next = byte.is_ascii_digit() && (digits == 0 || 0 < value && value < 26);
            if !is_digit_next {
                return None;
            }
            value = value * 10 + u32::from(byte - b'0');
            digits += 1;
        }
    }
    *octet = to_octet(value, digits)?;
    if octets_left.next().is_some() { None } else { Some(octets.into()) }
}

fn to_octet(value: u32, digits: u32) -> Option<u8> {
    if digits == 0 { None } else { u8::try_from(value).ok() }
}

/// Returns true if the last label of a name without dots around it is a number: then it is an address or nothing.
pub(super) fn is_numeric_name(name: &str) -> bool {
    let (_before, last) = name.rsplit_once('.').unwrap_or(("", name));
    !last.is_empty() && (last.as_bytes().iter().all(u8::is_ascii_digit) || hexadecimal_digits(last).is_some())
}

/// Reads a host name whose last label is a number; empty labels do not count.
///
/// # Errors
///
/// It is no address, or not in the notation.
pub(super) fn parse_numeric_name(name: &str, notation: Notation) -> Result<Ipv4Addr, NotAnIndicator> {
    if notation == Notation::Any {
        return parse_any(name).ok_or(NotAnIndicator::Format);
    }
    let labels = || name.split('.').filter(|label| !label.is_empty());
    let count = labels().count();
    if count == 4 && labels().all(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        if labels().any(|label| 1 < label.len() && label.starts_with('0')) {
            return Err(NotAnIndicator::LeadingZero);
        }
        return parse_any(name).ok_or(NotAnIndicator::Format);
    }
    let is_number = count == 1 || parse_any(name).is_some();
    Err(if is_number { NotAnIndicator::BareNumber } else { NotAnIndicator::Format })
}

/// Reads every notation. `None` when the name is not an IPv4 address.
///
/// `192.168.257` is 192.168.1.1: each label but the last fills one octet, and 257 the two that are left.
fn parse_any(name: &str) -> Option<Ipv4Addr> {
    let (before, last) = name.rsplit_once('.').unwrap_or(("", name));
    let (mut address, mut bits_left) = (0_u64, u32::BITS);
    for label in before.split('.') {
        if !label.is_empty() {
            bits_left = bits_left.checked_sub(u8::BITS)?;
            address = address << u8::BITS | u64::from(u8::try_from(parse_part(label)?).ok()?);
        }
    }
    let value = u64::from(parse_part(last)?);
    if bits_left == 0 || value >> bits_left != 0 {
        return None;
    }
    let [_, _, _, _, octets @ ..] = (address << bits_left | value).to_be_bytes();
    Some(octets.into())
}

/// The digits after `0x` when the label is a hexadecimal number; there may be none, which stands for zero.
fn hexadecimal_digits(label: &str) -> Option<&str> {
    let digits = label.strip_prefix('0')?.strip_prefix(['x', 'X'])?;
    if digits.as_bytes().iter().all(u8::is_ascii_hexdigit) { Some(digits) } else { None }
}

fn parse_part(label: &str) -> Option<u32> {
    let (digits, radix) = match hexadecimal_digits(label) {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if label.starts_with('0') => (label, 8),
        None => (label, 10),
    };
    // `from_str_radix` would take a sign.
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}
