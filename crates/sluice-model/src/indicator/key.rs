//! The layout of keys: the byte strings under which indicators are stored.
//!
//! A key is a kind byte and a payload: 1 MD5, 2 SHA1, 3 SHA256, 4 IPv4, 5 IPv6 (binary, network order), 6 URL, 7 IPv4
//! network, 8 IPv6 network (its lowest address, then a byte with the length of the prefix). A URL's payload is the host with its labels reversed, each followed by `.`, then the rest of the normal form, which is
//! empty or begins with `/`: `sub.example.com/a?b` is `com.example.sub./a?b`. An IPv4 host is reversed likewise, an
//! IPv6 host is the one label `[2001:db8::1]`. So a host's URLs and sub-domains follow it in key order, and each of
//! its parent domains is a prefix of it.
//!
//! Reads and writes the layout; that a payload is in normal form is up to [`normalize`](super::normalize).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use crate::hex;

use super::{kind::IndicatorKind, network::Network};

/// Kind byte of an MD5 key.
pub(super) const MD5: u8 = 1;
/// Kind byte of a SHA1 key.
pub(super) const SHA1: u8 = 2;
/// Kind byte of a SHA256 key.
pub(super) const SHA256: u8 = 3;
/// Kind byte of an IPv4 key.
pub(super) const IPV4: u8 = 4;
/// Kind byte of an IPv6 key.
pub(super) const IPV6: u8 = 5;
/// Kind byte of a URL key.
pub(super) const URL: u8 = 6;
/// Kind byte of the key of an IPv4 network.
pub(super) const IPV4_NETWORK: u8 = 7;
/// Kind byte of the key of an IPv6 network.
pub(super) const IPV6_NETWORK: u8 = 8;

/// Bytes by which the key of a URL is longer than its normal form: the kind byte and the dot after the host.
pub(super) const URL_KEY_OVERHEAD_BYTES: usize = 2;

/// The longest text of an IPv4 address.
const IPV4_TEXT_BYTES_MAX: usize = "255.255.255.255".len();

/// What a key says.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyView<'a> {
    /// A hash and its digest.
    Hash(IndicatorKind, &'a [u8]),
    /// An address.
    Address(IpAddr),
    /// A network.
    Network(Network),
    /// A URL: the host in key form, its last dot included, and the rest.
    Url { host: &'a str, rest: &'a str },
}

impl<'a> KeyView<'a> {
    /// Reads a key; `None` for bytes that are not one.
    pub(super) fn read(key: &'a [u8]) -> Option<Self> {
        let (kind, payload) = key.split_first()?;
        match (*kind, payload.len()) {
            (MD5, 16) => Some(Self::Hash(IndicatorKind::Md5, payload)),
            (SHA1, 20) => Some(Self::Hash(IndicatorKind::Sha1, payload)),
            (SHA256, 32) => Some(Self::Hash(IndicatorKind::Sha256, payload)),
            (IPV4, _) => Some(Self::Address(<[u8; 4]>::try_from(payload).ok()?.into())),
            (IPV6, _) => Some(Self::Address(<[u8; 16]>::try_from(payload).ok()?.into())),
            (IPV4_NETWORK, 5) => read_network::<4>(payload).map(Self::Network),
            (IPV6_NETWORK, 17) => read_network::<16>(payload).map(Self::Network),
            (URL, _) => {
                let payload = str::from_utf8(payload).ok()?;
                // Hosts are short: byte by byte is faster than any search that has to be set up.
                let host_bytes = payload.bytes().position(|byte| byte == b'/').unwrap_or(payload.len());
                let (host, rest) = payload.split_at(host_bytes);
                if host.strip_suffix('.')?.is_empty() { None } else { Some(Self::Url { host, rest }) }
            }
            _ => None,
        }
    }

    /// The kind of indicator.
    pub(super) fn kind(self) -> IndicatorKind {
        match self {
            Self::Hash(kind, _) => kind,
            Self::Address(_) => IndicatorKind::Ip,
            Self::Network(_) => IndicatorKind::Network,
            Self::Url { .. } => IndicatorKind::Url,
        }
    }

    /// Appends the normal form as text.
    pub(super) fn write(self, text: &mut String) {
        match self {
            Self::Hash(_, digest) => hex::append(digest, text),
            Self::Address(IpAddr::V4(address)) => write_ipv4(address, text),
            Self::Address(IpAddr::V6(address)) => text.push_str(&address.to_string()),
            Self::Network(network) => text.push_str(&network.to_string()),
            Self::Url { host, rest } => {
                text.reserve(host.len() + rest.len());
                let mut labels = host.strip_suffix('.').unwrap_or(host);
                while let Some(dot) = labels.bytes().rposition(|byte| byte == b'.') {
                    let (before, label) = labels.split_at(dot);
                    text.push_str(label.strip_prefix('.').unwrap_or(label));
                    text.push('.');
                    labels = before;
                }
                text.push_str(labels);
                text.push_str(rest);
            }
        }
    }

    /// The word for what the indicator is, one of [`KIND_WORDS`].
    fn kind_word(self) -> &'static str {
        match self {
            Self::Hash(IndicatorKind::Md5, _) => "md5",
            Self::Hash(IndicatorKind::Sha1, _) => "sha1",
            Self::Hash(..) => "sha256",
            Self::Address(IpAddr::V4(_)) => "ipv4",
            Self::Address(IpAddr::V6(_)) => "ipv6",
            Self::Network(_) => "cidr",
            Self::Url { rest: "", .. } => "domain",
            Self::Url { .. } => "url",
        }
    }
}

/// Appends the normal form of a key to `text` and returns its kind, and the word for that, one of [`KIND_WORDS`].
///
/// `None` for bytes that are not a key; `text` is as before then. Allocates nothing but what `text` needs to grow, and
/// the text of an IPv6 address or of a network.
pub fn write_normal_form(key: &[u8], text: &mut String) -> Option<(IndicatorKind, &'static str)> {
    let view = KeyView::read(key)?;
    view.write(text);
    Some((view.kind(), view.kind_word()))
}

/// The words for what an indicator is, as clients of `/v1` read and write them, in the order of keys; a host and its URLs stand among
/// each other.
pub const KIND_WORDS: [&str; 8] = ["md5", "sha1", "sha256", "ipv4", "ipv6", "domain", "url", "cidr"];

/// With which bytes the keys begin of indicators for which there is a word; `None` for any other word.
pub fn key_bytes_of_kind(word: &str) -> Option<RangeInclusive<u8>> {
    Some(match word {
        "md5" => MD5..=MD5,
        "sha1" => SHA1..=SHA1,
        "sha256" => SHA256..=SHA256,
        "ipv4" => IPV4..=IPV4,
        "ipv6" => IPV6..=IPV6,
        "domain" | "url" => URL..=URL,
        "cidr" => IPV4_NETWORK..=IPV6_NETWORK,
        _ => return None,
    })
}

/// The word for what the indicator of a key is, one of [`KIND_WORDS`]; `None` for bytes that are not a key.
pub fn kind_word(key: &[u8]) -> Option<&'static str> {
    KeyView::read(key).map(KeyView::kind_word)
}

/// Appends the key of an address; an IPv4 address mapped into IPv6 is the IPv4 address.
pub(super) fn append_address(address: IpAddr, key: &mut Vec<u8>) {
    match address.to_canonical() {
        IpAddr::V4(address) => append_ipv4(address, key),
        IpAddr::V6(address) => {
            key.push(IPV6);
            key.extend_from_slice(&address.octets());
        }
    }
}

/// Appends the key of an IPv4 address.
pub(super) fn append_ipv4(address: Ipv4Addr, key: &mut Vec<u8>) {
    let [a, b, c, d] = address.octets();
    key.extend_from_slice(&[IPV4, a, b, c, d]);
}

/// Appends the key of a network that can be stored.
pub(super) fn append_network(network: Network, key: &mut Vec<u8>) {
    match network.address() {
        IpAddr::V4(address) => {
            key.push(IPV4_NETWORK);
            key.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            key.push(IPV6_NETWORK);
            key.extend_from_slice(&address.octets());
        }
    }
    key.push(network.length());
}

/// Appends an address as the host of a URL key, its last dot included.
pub(super) fn append_address_host(address: IpAddr, key: &mut Vec<u8>) {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            for octet in address.octets().into_iter().rev() {
                for_each_digit(octet, |digit| key.push(digit));
                key.push(b'.');
            }
        }
        IpAddr::V6(address) => {
            key.push(b'[');
            key.extend_from_slice(address.to_string().as_bytes());
            key.extend_from_slice(b"].");
        }
    }
}

/// Reads the host of a URL key as an address; `None` when it is a name.
///
/// A name's top-level label is never a number and never begins with a bracket, so the first label tells.
pub(super) fn host_address(host: &str) -> Option<IpAddr> {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.strip_suffix("].")?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let first_label = host.split('.').next()?;
    if !first_label.as_bytes().iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut octets = [0_u8; 4];
    for (octet, label) in octets.iter_mut().rev().zip(host.split('.')) {
        *octet = label.parse().ok()?;
    }
    Some(IpAddr::V4(octets.into()))
}

/// Reads the payload of a network's key; `None` when that is no network as they are stored.
fn read_network<const OCTETS: usize>(payload: &[u8]) -> Option<Network>
where
    IpAddr: From<[u8; OCTETS]>,
{
    let (octets, length) = payload.split_first_chunk::<OCTETS>()?;
    let address = IpAddr::from(*octets);
    let network = Network::around(address, *length.first()?);
    if network.address() == address && network.is_storable() { Some(network) } else { None }
}

fn write_ipv4(address: Ipv4Addr, text: &mut String) {
    let mut bytes = [b'.'; IPV4_TEXT_BYTES_MAX];
    let mut left = bytes.iter_mut();
    for (index, octet) in address.octets().into_iter().enumerate() {
        if 0 < index {
            left.next();
        }
        for_each_digit(octet, |digit| {
            if let Some(byte) = left.next() {
                *byte = digit;
            }
        });
    }
    let left_bytes = left.len();
    let written = bytes.get(..bytes.len() - left_bytes).unwrap_or_default();
    // Digits and dots are ASCII.
    text.push_str(str::from_utf8(written).unwrap_or(""));
}

/// Hands out the decimal digits of an octet; the formatting machinery would cost more than all the rest.
fn for_each_digit(octet: u8, mut take: impl FnMut(u8)) {
    if 100 <= octet {
        take(b'0' + octet / 100);
    }
    if 10 <= octet {
        take(b'0' + octet / 10 % 10);
    }
    take(b'0' + octet % 10);
}

#[cfg(test)]
mod tests;
