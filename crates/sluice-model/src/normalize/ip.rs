//! Addresses: the texts that stand for one by themselves, and the numeric names that browsers take for one.
//!
//! A name whose last label is a number is an IPv4 address in 1 to 4 parts, each decimal, octal (leading `0`) or
//! hexadecimal (leading `0x`), the last one filling what the others leave; or it is nothing at all. That is the rule
//! of the WHATWG URL standard.

use std::net::{IpAddr, Ipv4Addr};

use super::NotAnIndicator;

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
            *octet = u8::try_from(value).ok().filter(|_| digits > 0)?;
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
    *octet = u8::try_from(value).ok().filter(|_| digits > 0)?;
    octets_left.next().is_none().then(|| octets.into())
}

/// Reads a host name whose last label is a number. `None` when it is not; empty labels do not count.
///
/// # Errors
///
/// The last label is a number, but the name is no IPv4 address.
pub(super) fn parse_numeric_name(name: &str) -> Result<Option<Ipv4Addr>, NotAnIndicator> {
    if !name.rsplit('.').find(|label| !label.is_empty()).is_some_and(is_number) {
        return Ok(None);
    }
    let mut labels = name.split('.').filter(|label| !label.is_empty()).peekable();
    let mut bits_left = u32::BITS;
    let mut address = 0_u64;
    while let Some(label) = labels.next() {
        let value = parse_part(label).ok_or(NotAnIndicator)?;
        let part_bits = if labels.peek().is_some() { u8::BITS } else { bits_left };
        if bits_left == 0 || value >> part_bits != 0 {
            return Err(NotAnIndicator);
        }
        address = address << part_bits | value;
        bits_left -= part_bits;
    }
    u32::try_from(address).map(|bits| Some(Ipv4Addr::from_bits(bits))).map_err(|_too_large| NotAnIndicator)
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit()) || hexadecimal_digits(label).is_some()
}

/// The digits after `0x` when the label is a hexadecimal number; there may be none, which stands for zero.
fn hexadecimal_digits(label: &str) -> Option<&str> {
    let digits = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"))?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
}

fn parse_part(label: &str) -> Option<u64> {
    let (digits, radix) = match hexadecimal_digits(label) {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if label.starts_with('0') => (label, 8),
        None => (label, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().map(u64::from)
}
