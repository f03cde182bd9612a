//! Hosts: an address or a name, to the reversed form that keys have.
//!
//! In: the host as it stands in the authority, without user-info and port. Out: its labels appended in reverse, each
//! followed by `.`, and the address when it is one. Escapes are decoded once; a name that is not ASCII goes through
//! IDNA (UTS 46, hyphens allowed); runs of dots and dots around the name do not count; then the numeric test, then
//! `www.` is removed as often as it stands there, as long as a dotted name remains (`www.com` stays), and counted,
//! because `*.example.com` is a mask of `www.example.com`.
//!
//! Where the contract is silent: `xn--` labels of ASCII names are kept as they are, valid or not; a zone id is
//! refused; a name without a dot is refused; an international name has a limit
//! before conversion too ([`limits::UNICODE_HOST_BYTES_MAX`]), because conversion is slow.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{limits, percent};

use super::{
    super::{ends, key, kind::NotAnIndicator, suffix},
    ip::{self, Notation},
    range,
};

/// What a host is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, or a mask of one.
    Name {
        /// How many `www.` were removed; 255 also for more.
        www_labels: u8,
    },
}

/// Whether each byte may stand in a plain host, which is printed as it was sent.
const IS_PLAIN_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        #[expect(clippy::cast_possible_truncation, reason = "it ends at 255, and no other way is const")]
        let is_plain = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        #[expect(clippy::indexing_slicing, reason = "in bounds, or it would not compile")]
        {
            table[byte] = is_plain;
        }
        byte += 1;
    }
    table
};

/// Appends the host in key form, and returns what it is; leaves bytes behind on failure.
///
/// # Errors
///
/// The text is not a host, is one that could mean another, or a mask that is too wide.
pub(super) fn append(host: &str, notation: Notation, key: &mut Vec<u8>) -> Result<Host, NotAnIndicator> {
    let address = if let Some(bracketed) = host.strip_prefix('[') {
        match bracketed.strip_suffix(']').map(|inside| (inside, inside.parse::<Ipv6Addr>())) {
            Some((_, Ok(address))) => IpAddr::V6(address),
            Some((inside, Err(_))) if range::is_ipv6_range(inside) => {
                return Err(NotAnIndicator::AddressRange);
            }
            _ => return Err(NotAnIndicator::Format),
        }
    } else {
        let name = to_ascii(host)?;
        let name = name.trim_matches('.');
        if !ip::is_numeric_name(name) {
            return append_name(name, key);
        }
        match ip::parse_numeric_name(name, notation) {
            Ok(address) => IpAddr::V4(address),
            // `192.0.2.1-192.0.2.9` ends with a number.
            Err(NotAnIndicator::Format) if range::is_ipv4_range(name) => {
                return Err(NotAnIndicator::AddressRange);
            }
            Err(reason) => return Err(reason),
        }
    };
    key::append_address_host(address, key);
    Ok(Host::Address(address))
}

/// Splits a text where the bytes of a plain host end.
pub(super) fn split_plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let host_end = text.iter().position(|byte| !is_plain_byte(*byte)).unwrap_or(text.len());
    text.split_at_checked(host_end)
}

fn is_plain_byte(byte: u8) -> bool {
    // A byte is always within the table, which the compiler sees as well.
    IS_PLAIN_BYTE.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Decodes escapes and converts an international name; an ASCII name without escapes is not copied.
fn to_ascii(host: &str) -> Result<Cow<'_, str>, NotAnIndicator> {
    if host.is_ascii() && !host.contains('%') {
        return Ok(Cow::Borrowed(host));
    }
    let Ok(decoded) = String::from_utf8(percent::decode(host)) else { return Err(NotAnIndicator::Format) };
    if decoded.is_ascii() {
        return Ok(Cow::Owned(decoded));
    }
    // Conversion would make a name of a range with a dash.
    if range::is_address_range(&decoded) {
        return Err(NotAnIndicator::AddressRange);
    }
    // Conversion would drop what cannot be seen.
    if decoded.contains(ends::is_blank) || is_too_long_to_convert(&decoded) {
        return Err(NotAnIndicator::Format);
    }
    let bytes = decoded.as_bytes();
    match Uts46::new().to_ascii(bytes, AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore) {
        Ok(name) => Ok(Cow::Owned(name.into_owned())),
        Err(_not_a_name) => Err(NotAnIndicator::Format),
    }
}

/// Returns true if an international name or one of its labels is over its limit, with every dot that IDNA knows.
fn is_too_long_to_convert(name: &str) -> bool {
    limits::UNICODE_HOST_BYTES_MAX < name.len()
        || name
            .split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'])
            .any(|label| limits::UNICODE_LABEL_BYTES_MAX < label.len())
}

/// Appends a name that has no dots around it; checks its labels, its length, that it is dotted and not a wide mask.
fn append_name(name: &str, key: &mut Vec<u8>) -> Result<Host, NotAnIndicator> {
    let masked = name.strip_prefix("*.");
    let is_mask = masked.is_some();
    let (name, www_labels) = match masked {
        Some(masked) => (masked.trim_start_matches('.'), 0),
        None => without_www(name),
    };
    if range::is_ipv4_range(name) {
        return Err(NotAnIndicator::AddressRange);
    }
    if !name.contains('.') && !is_mask {
        return Err(NotAnIndicator::Format);
    }
    let start = key.len();
    for label in name.rsplit('.') {
        if label.is_empty() {
            continue;
        }
        if limits::LABEL_BYTES_MAX < label.len() || !label.bytes().all(is_name_byte) {
            return Err(NotAnIndicator::Format);
        }
        key.extend(label.as_bytes().iter().map(u8::to_ascii_lowercase));
        key.push(b'.');
    }
    if is_mask {
        check_mask(key.get(start..).unwrap_or_default())?;
        key.extend_from_slice(b"*.");
    }
    // The last dot of the key form is not one of the name's bytes.
    if limits::HOST_BYTES_MAX + 1 < key.len() - start {
        return Err(NotAnIndicator::Format);
    }
    Ok(Host::Name { www_labels })
}

/// Checks that a mask of a host in key form may be held.
fn check_mask(masked: &[u8]) -> Result<(), NotAnIndicator> {
    match str::from_utf8(masked).ok().and_then(|masked| masked.strip_suffix('.')) {
        None => Err(NotAnIndicator::Format),
        Some(labels) if !labels.contains('.') || suffix::is_wide_mask(labels, 0) => {
            Err(NotAnIndicator::WideMask)
        }
        Some(_) => Ok(()),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The short way of [`append_name`], for a name of plain bytes; `None`, with bytes left behind, when that does not
/// tell what it is. Returns how many `www.` were removed.
///
/// Copies the labels from the end of the name to the front of room for all of them: `a.bc.com` into `........` gives
/// `com.....`, `com.bc..`, `com.bc.a`, and with the last dot `com.bc.a.`.
#[inline]
pub(super) fn append_plain_name(name: &[u8], key: &mut Vec<u8>) -> Option<u8> {
    let (name, www_labels) = without_plain_www(name);
    let length = name.len();
    if limits::HOST_BYTES_MAX < length {
        return None;
    }
    let start = key.len();
    key.resize(start + length + 1, b'.');
    let reversed = key.get_mut(start..)?;
    let mut label_end = length;
    while let Some(dot) = name.get(..label_end)?.iter().rposition(|byte| *byte == b'.') {
        copy_label(name.get(dot + 1..label_end)?, length - label_end, reversed)?;
        label_end = dot;
    }
    // The top-level label is all there is in a name without a dot. It begins with a digit if the name may be a number,
    // with a hyphen or placeholder if it may be several.
    let may_be_address = match reversed {
        [first, second, ..] => match first {
            b'0'..=b'9' | b'-' => true,
            b'x' => matches!(second, b'x' | b'.' | b'-' | b'0'..=b'9'),
            _ => false,
        },
        _ => true,
    };
    if label_end == length || may_be_address {
        return None;
    }
    copy_label(name.get(..label_end)?, length - label_end, reversed)?;
    Some(www_labels)
}

fn copy_label(label: &[u8], at: usize, reversed: &mut [u8]) -> Option<()> {
    if label.is_empty() || limits::LABEL_BYTES_MAX < label.len() {
        return None;
    }
    reversed.get_mut(at..at + label.len())?.copy_from_slice(label);
    Some(())
}

/// Removes `www.` as often as the name begins with it and remains dotted, and tells how often that was.
fn without_www(mut name: &str) -> (&str, u8) {
    let mut removed = 0_u8;
    while let Some((first, remainder)) = name.split_once('.') {
        let remainder = remainder.trim_start_matches('.');
        if !first.eq_ignore_ascii_case("www") || !remainder.contains('.') {
            break;
        }
        name = remainder;
        removed = removed.saturating_add(1);
    }
    (name, removed)
}

/// The short way of [`without_www`], for lower-case letters and single dots.
fn without_plain_www(mut name: &[u8]) -> (&[u8], u8) {
    let mut removed = 0_u8;
    while let Some(remainder) = name.strip_prefix(b"www.") {
        if !remainder.contains(&b'.') {
            break;
        }
        name = remainder;
        removed = removed.saturating_add(1);
    }
    (name, removed)
}
