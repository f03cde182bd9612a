//! Hosts: an address or a name, to the reversed form that keys have.
//!
//! In: the host as it stands in the authority, without user-info and port. Out: its labels appended in reverse, each
//! followed by `.`, and the address when it is one. Escapes are decoded once; a name that is not ASCII goes through
//! IDNA (UTS 46, hyphens allowed); runs of dots and dots around the name do not count; then the numeric test, then
//! `www.` is removed as often as it stands there, as long as a dotted name remains (`www.com` stays).
//!
//! Where the contract is silent: `xn--` labels of ASCII names are kept as they are, valid or not; a zone id is
//! refused; a name without a dot is refused, and so is a mask of one (`*.com`); an international name has a limit
//! before conversion too ([`limits::UNICODE_HOST_BYTES_MAX`]), because conversion is slow.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{key, limits, percent};

use super::{NotAnIndicator, ip};

/// Appends the host in key form and tells its address when it is one; leaves bytes behind on failure.
///
/// # Errors
///
/// The text is no host.
pub(super) fn append(host: &str, key: &mut Vec<u8>) -> Result<Option<IpAddr>, NotAnIndicator> {
    let address = if let Some(bracketed) = host.strip_prefix('[') {
        let text = bracketed.strip_suffix(']').ok_or(NotAnIndicator)?;
        IpAddr::V6(text.parse::<Ipv6Addr>().map_err(|_not_an_address| NotAnIndicator)?)
    } else {
        let name = to_ascii(host)?;
        let name = name.trim_matches('.');
        match ip::parse_numeric_name(name)? {
            Some(address) => IpAddr::V4(address),
            None => return append_name(name, key).map(|()| None),
        }
    };
    key::append_address_host(address, key);
    Ok(Some(address))
}

/// Decodes escapes and converts an international name; an ASCII name without escapes is not copied.
fn to_ascii(host: &str) -> Result<Cow<'_, str>, NotAnIndicator> {
    if host.is_ascii() && !host.contains('%') {
        return Ok(Cow::Borrowed(host));
    }
    let decoded = String::from_utf8(percent::decode(host)).map_err(|_not_a_character| NotAnIndicator)?;
    if decoded.is_ascii() {
        return Ok(Cow::Owned(decoded));
    }
    if is_too_long_to_convert(&decoded) {
        return Err(NotAnIndicator);
    }
    Uts46::new()
        .to_ascii(decoded.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map(|name| Cow::Owned(name.into_owned()))
        .map_err(|_not_a_name| NotAnIndicator)
}

/// Tells whether an international name or one of its labels is over its limit, with every dot that IDNA knows.
fn is_too_long_to_convert(name: &str) -> bool {
    limits::UNICODE_HOST_BYTES_MAX < name.len()
        || name
            .split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'])
            .any(|label| limits::UNICODE_LABEL_BYTES_MAX < label.len())
}

/// Appends a name that has no dots around it; checks its labels, its length and that it is dotted.
fn append_name(name: &str, key: &mut Vec<u8>) -> Result<(), NotAnIndicator> {
    let (name, is_mask) = match name.strip_prefix("*.") {
        Some(masked) => (masked.trim_start_matches('.'), true),
        None => (without_www(name), false),
    };
    if !name.contains('.') {
        return Err(NotAnIndicator);
    }
    let start = key.len();
    for label in name.as_bytes().rsplit(|byte| *byte == b'.').filter(|label| !label.is_empty()) {
        if limits::LABEL_BYTES_MAX < label.len() || !label.iter().all(|byte| is_name_byte(*byte)) {
            return Err(NotAnIndicator);
        }
        key.extend(label.iter().map(u8::to_ascii_lowercase));
        key.push(b'.');
    }
    if is_mask {
        key.extend_from_slice(b"*.");
    }
    // The last dot of the key form is not one of the name's bytes.
    if limits::HOST_BYTES_MAX < key.len() - start - 1 { Err(NotAnIndicator) } else { Ok(()) }
}

fn without_www(mut name: &str) -> &str {
    while let Some((first, remainder)) = name.split_once('.') {
        let remainder = remainder.trim_start_matches('.');
        if !first.eq_ignore_ascii_case("www") || !remainder.contains('.') {
            break;
        }
        name = remainder;
    }
    name
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
