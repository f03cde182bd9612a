//! The short way for values that are nearly in normal form, which is most of what feeds send.
//!
//! In: any text. Out: its key, by a pass or two over the bytes, or `None` for everything that needs a rule spelled
//! out: escapes, capital letters in a host, user-info, fragments, dot segments, odd numbers, networks, any fault.
//! With the key comes whether it says enough of how the text is spelled ([`spelling`](super::spelling)), as far as that is
//! known. Such a text goes the long way, so this module may refuse what it likes, but what it takes must be what the long way
//! makes of it, to the byte; a law holds it to that.
//!
//! Only the order of the steps is here. Each step stands beside the one of the long way that it shortens: the scheme
//! and the port in [`url`], the name in [`host`], the rest in [`path`].

use std::net::Ipv4Addr;

use crate::limits;

use super::{
    super::{
        key,
        kind::{IndicatorKind, Recognized},
    },
    host, ip, network, path, url,
};

/// Appends the key of a URL, domain or IPv4 address; `None` and `key` as before when the text is not plain.
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Option<(Recognized, bool)> {
    // The first byte tells it from nearly every name, and an address needs none of what follows.
    if let Some(address) = ip::parse_dotted(text.as_bytes()) {
        key::append_ipv4(address, key);
        return Some((IndicatorKind::Ip.into(), true));
    }
    if limits::INDICATOR_BYTES_MAX < text.len() {
        return None;
    }
    let start = key.len();
    let recognized = append_url(url::without_plain_scheme(text.as_bytes()), key);
    if recognized.is_none() || limits::INDICATOR_BYTES_MAX + key::URL_KEY_OVERHEAD_BYTES < key.len() - start {
        key.truncate(start);
        return None;
    }
    recognized
}

fn append_url(text: &[u8], key: &mut Vec<u8>) -> Option<(Recognized, bool)> {
    let (host, after) = host::split_plain(text)?;
    let rest = url::without_plain_port(after)?;
    let has_port = rest.len() != after.len();
    if host.last()?.is_ascii_digit()
        && let Some(address) = ip::parse_dotted(host)
    {
        let (recognized, is_enough) = append_address_url(address, rest, key)?;
        return Some((recognized, is_enough && !has_port));
    }
    key.push(key::URL);
    let www_labels = host::append_plain_name(host, key)?;
    let host_end = key.len();
    path::append_plain(rest, key)?;
    let is_enough = !has_port && says_enough(rest, host_end, key);
    Some((Recognized { kind: IndicatorKind::Url, www_labels }, is_enough))
}

/// Returns true if a rest is spelled as in the key, or is the lone slash behind a host.
fn says_enough(rest: &[u8], host_end: usize, key: &[u8]) -> bool {
    rest == b"/" || key.get(host_end..) == Some(rest)
}

/// Appends the key of an address with a rest, or of the address alone if the rest comes to nothing.
fn append_address_url(address: Ipv4Addr, rest: &[u8], key: &mut Vec<u8>) -> Option<(Recognized, bool)> {
    if matches!(rest, b"" | b"/") {
        key::append_ipv4(address, key);
        return Some((IndicatorKind::Ip.into(), true));
    }
    // Without a scheme before it, it would be a network.
    if network::is_plain_length(rest) {
        return None;
    }
    key.push(key::URL);
    key::append_address_host(address.into(), key);
    let host_end = key.len();
    path::append_plain(rest, key)?;
    // An empty query leaves the address alone as well. It is rare, so the long way may see to it.
    if key.len() == host_end {
        return None;
    }
    Some((IndicatorKind::Url.into(), says_enough(rest, host_end, key)))
}
