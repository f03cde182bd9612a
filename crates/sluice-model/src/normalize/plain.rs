//! The short way for values that are nearly in normal form, which is most of what feeds send.
//!
//! In: any text. Out: its key, by a pass or two over the bytes, or `None` for everything that needs a rule spelt
//! out elsewhere: escapes, capital letters in a host, user-info, fragments, dot segments, odd numbers, any fault.
//! Such a text goes the long way, so this module may refuse what it likes, but what it takes must be what the long
//! way makes of it, to the byte; a law holds it to that.

use crate::{indicator::IndicatorKind, key, limits};

use super::{ip, path};

/// Tells of each byte whether it may stand in a host that is as it should be.
const IS_HOST_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        #[expect(clippy::cast_possible_truncation, reason = "it ends at 255, and no other way is const")]
        let is_host = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        #[expect(clippy::indexing_slicing, reason = "in bounds, or it would not compile")]
        {
            table[byte] = is_host;
        }
        byte += 1;
    }
    table
};

/// Appends the key of a URL, domain or IPv4 address; `None` and `key` as before when the text is not plain.
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Option<IndicatorKind> {
    if limits::INDICATOR_BYTES_MAX < text.len() {
        return None;
    }
    let start = key.len();
    let kind = append_url(without_scheme(text.as_bytes()), key);
    if kind.is_none() || limits::INDICATOR_BYTES_MAX + key::URL_KEY_OVERHEAD_BYTES < key.len() - start {
        key.truncate(start);
        return None;
    }
    kind
}

fn without_scheme(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"http")
        .map(|after| after.strip_prefix(b"s").unwrap_or(after))
        .and_then(|after| after.strip_prefix(b"://"))
        .unwrap_or(text)
}

fn append_url(text: &[u8], key: &mut Vec<u8>) -> Option<IndicatorKind> {
    let host_end = text.iter().position(|byte| !is_host_byte(*byte)).unwrap_or(text.len());
    let (host, after) = text.split_at_checked(host_end)?;
    let rest = without_port(after)?;
    let address = if host.last()?.is_ascii_digit() { ip::parse_dotted(host) } else { None };
    if let Some(address) = address
        && matches!(rest, b"" | b"/")
    {
        key::append_address(address.into(), key);
        return Some(IndicatorKind::Ip);
    }
    let start = key.len();
    key.push(key::URL);
    match address {
        Some(address) => key::append_address_host(address.into(), key),
        None => append_name(without_www(host), key)?,
    }
    let host_end = key.len();
    path::append_if_plain(rest, key)?;
    match address {
        Some(address) if key.len() == host_end => {
            key.truncate(start);
            key::append_address(address.into(), key);
            Some(IndicatorKind::Ip)
        }
        _ => Some(IndicatorKind::Url),
    }
}

fn is_host_byte(byte: u8) -> bool {
    IS_HOST_BYTE.get(usize::from(byte)).copied().unwrap_or_default()
}

/// What follows the host and its port: nothing, or a text that begins with `/` or `?`.
fn without_port(after: &[u8]) -> Option<&[u8]> {
    let rest = match after.split_first() {
        Some((b':', port_and_rest)) => {
            let digits = port_and_rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            // Below 10,000 it is a port for certain.
            if !(1..=4).contains(&digits) {
                return without_long_port(port_and_rest, digits);
            }
            port_and_rest.get(digits..)?
        }
        _ => after,
    };
    matches!(rest.first(), None | Some(b'/' | b'?')).then_some(rest)
}

fn without_long_port(port_and_rest: &[u8], digits: usize) -> Option<&[u8]> {
    let (port, rest) = port_and_rest.split_at_checked(digits)?;
    let is_port = digits == 5 && port <= b"65535".as_slice();
    (is_port && matches!(rest.first(), None | Some(b'/' | b'?'))).then_some(rest)
}

fn without_www(mut host: &[u8]) -> &[u8] {
    while let Some(remainder) = host.strip_prefix(b"www.") {
        if !remainder.contains(&b'.') {
            break;
        }
        host = remainder;
    }
    host
}

/// Appends the labels of a name in reverse; leaves bytes behind on failure.
fn append_name(name: &[u8], key: &mut Vec<u8>) -> Option<()> {
    let length = name.len();
    if limits::HOST_BYTES_MAX < length {
        return None;
    }
    let start = key.len();
    key.resize(start + length + 1, b'.');
    let reversed = key.get_mut(start..)?;
    let mut label_end = length;
    while let Some(dot) = name.get(..label_end)?.iter().rposition(|byte| *byte == b'.') {
        append_label(name.get(dot + 1..label_end)?, length - label_end, reversed)?;
        label_end = dot;
    }
    // The top-level label begins with a digit if the name may be a number, and is all there is in one without a dot.
    if label_end == length || reversed.first()?.is_ascii_digit() {
        return None;
    }
    append_label(name.get(..label_end)?, length - label_end, reversed)
}

fn append_label(label: &[u8], at: usize, reversed: &mut [u8]) -> Option<()> {
    if label.is_empty() || limits::LABEL_BYTES_MAX < label.len() {
        return None;
    }
    reversed.get_mut(at..at + label.len())?.copy_from_slice(label);
    Some(())
}
