//! Copies of an indicator: other values of the same kind and about the same length, as many as are wanted.
//!
//! In: a value as it stands in a feed, and the number of a copy. Out: the text that replaces a part of the value, the
//! same on every run. Hashes and addresses are combined with a mask of the copy, so the distances inside a feed stay
//! as they are: neighbors in a network stay neighbors. The label of a host that is registered is replaced by one
//! drawn from it and the copy, so what shares a domain in the feed shares one in each copy.
//!
//! Copies of hashes and labels do not meet but by a chance of 2^-39 and less. Masked IPv4 addresses of two copies of
//! a real feed are equal once in several thousand: there are not more of them.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use sluice_model::{Indicator, IndicatorKind};

/// Digits at the start of a hash that differ in each copy.
const HASH_DIGITS: usize = 16;
/// Letters of a label that differ in each copy.
const LABEL_LETTERS: usize = 8;
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Which copy of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edition {
    /// One that is pushed; number 0 is the feed as it is.
    Stored(u32),
    /// One that never is, to look up what is not there.
    Unknown(u32),
}

/// How the copies of one value are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern {
    /// What of the value is replaced.
    pub(super) span: Range<u16>,
    change: Change,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Change {
    Hash(u64),
    Address(IpAddr),
    /// The hash of the registered label.
    Label(u64),
    /// The hash of a host that is a public suffix: a label is put in front of it.
    LabelBefore(u64),
}

impl Edition {
    /// Differs for each edition; zero for the feed itself.
    fn mask(self) -> u64 {
        match self {
            Self::Stored(number) => mixed(u64::from(number)),
            Self::Unknown(number) => mixed(1 << 32 | u64::from(number)),
        }
    }

    /// Differs for each edition while there are less than 2^31 of either sort; zero for the feed itself.
    fn small_mask(self) -> u32 {
        let mut mixed = match self {
            Self::Stored(number) => number,
            Self::Unknown(number) => !number,
        };
        mixed = (mixed ^ mixed >> 16).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35);
        mixed ^ mixed >> 16
    }

    /// The address that takes the place of `address`; twice gives `address` again.
    pub(super) fn address(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() ^ self.small_mask()).into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() ^ u128::from(self.small_mask())).into()
            }
        }
    }
}

impl Pattern {
    /// Finds how copies of a value are made; `None` when it is not an indicator, or none whose copies would be.
    pub(super) fn of(value: &str) -> Option<Self> {
        let kind = Indicator::parse(value).ok()?.kind();
        let pattern = match kind {
            IndicatorKind::Md5 | IndicatorKind::Sha1 | IndicatorKind::Sha256 => {
                let head = u64::from_str_radix(value.get(..HASH_DIGITS)?, 16).ok()?;
                Self { span: span(0..HASH_DIGITS)?, change: Change::Hash(head) }
            }
            IndicatorKind::Ip | IndicatorKind::Url => Self::of_host(value)?,
            // Other bits of its address may be none that count.
            IndicatorKind::Network => return None,
        };
        // A host may be at its limits, or in a notation that we do not know.
        let copy = Indicator::parse(&pattern.copy(value, Edition::Stored(1))).ok()?;
        (copy.kind() == kind).then_some(pattern)
    }

    fn of_host(value: &str) -> Option<Self> {
        if let Ok(address) = value.parse() {
            return Some(Self { span: span(0..value.len())?, change: Change::Address(address) });
        }
        let host = host(value);
        let text = value.get(host.clone())?;
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Some(address) = bare.and_then(|text| text.parse::<Ipv6Addr>().ok()) {
            return Some(Self {
                span: span(host.start + 1..host.end - 1)?,
                change: Change::Address(IpAddr::V6(address)),
            });
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self { span: span(host)?, change: Change::Address(address.into()) });
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let Some(domain) = psl::domain(name.as_bytes()) else {
            return Some(Self {
                span: span(host.start..host.start)?,
                change: Change::LabelBefore(hash(name.as_bytes())),
            });
        };
        let start = host.start + (name.len() - domain.as_bytes().len());
        let label = domain.as_bytes().split(|byte| *byte == b'.').next()?;
        let is_plain = label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let replaced = if is_plain { label.len().min(LABEL_LETTERS) } else { label.len() };
        Some(Self { span: span(start..start + replaced)?, change: Change::Label(hash(label)) })
    }

    /// The address that the value is or has as its host.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self.change {
            Change::Address(address) => Some(address.to_canonical()),
            Change::Hash(_) | Change::Label(_) | Change::LabelBefore(_) => None,
        }
    }

    /// Appends what stands in the place of the span.
    pub(super) fn write(&self, edition: Edition, out: &mut Vec<u8>) {
        match self.change {
            Change::Hash(head) => out.extend(digits(head ^ edition.mask())),
            Change::Address(address) => {
                // Writing into memory does not fail.
                let _is_written = write!(out, "{}", edition.address(address)).is_ok();
            }
            Change::Label(hash) => out.extend(letters(hash, edition)),
            Change::LabelBefore(hash) => {
                out.extend(letters(hash, edition));
                out.push(b'.');
            }
        }
    }

    /// Most bytes by which a copy is longer than the value.
    pub(super) fn growth_bytes_max(&self) -> usize {
        let written = match self.change {
            Change::Hash(_) => HASH_DIGITS,
            Change::Address(IpAddr::V4(_)) => "255.255.255.255".len(),
            // The longest form; one that ends in an IPv4 address is shorter.
            Change::Address(IpAddr::V6(_)) => 39,
            Change::Label(_) => LABEL_LETTERS,
            Change::LabelBefore(_) => LABEL_LETTERS + 1,
        };
        written.saturating_sub(self.span.len())
    }

    /// A whole copy.
    fn copy(&self, value: &str, edition: Edition) -> String {
        let mut copy = Vec::with_capacity(value.len() + self.growth_bytes_max());
        let (start, end) = (usize::from(self.span.start), usize::from(self.span.end));
        copy.extend_from_slice(value.as_bytes().get(..start).unwrap_or_default());
        self.write(edition, &mut copy);
        copy.extend_from_slice(value.as_bytes().get(end..).unwrap_or_default());
        String::from_utf8_lossy(&copy).into_owned()
    }
}

fn span(range: Range<usize>) -> Option<Range<u16>> {
    Some(u16::try_from(range.start).ok()?..u16::try_from(range.end).ok()?)
}

/// Where the host stands in a URL, without user-info and port.
fn host(value: &str) -> Range<usize> {
    let mut start = value.find("://").map_or(0, |scheme| scheme + 3);
    // A query may have a URL in it.
    if value.find(['/', '?', '#']).is_some_and(|first| first + 2 < start) {
        start = 0;
    }
    let rest = value.get(start..).unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let end = start + authority.len();
    let host = authority.rsplit_once('@').map_or(authority, |(_user_info, after)| after);
    start = end - host.len();
    let length = if host.starts_with('[') {
        host.find(']').map_or(host.len(), |bracket| bracket + 1)
    } else {
        host.find(':').unwrap_or(host.len())
    };
    start..start + length
}

fn digits(mut value: u64) -> [u8; HASH_DIGITS] {
    std::array::from_fn(|_| {
        value = value.rotate_left(4);
        DIGITS.get(usize::from(low_byte(value) & 15)).copied().unwrap_or_default()
    })
}

/// A label of letters and digits that tells, in its last letter, whether its edition is stored.
fn letters(hash: u64, edition: Edition) -> [u8; LABEL_LETTERS] {
    let mut bits = mixed(hash ^ edition.mask());
    bits = match edition {
        Edition::Stored(_) => bits & !(1 << 24),
        Edition::Unknown(_) => bits | 1 << 24,
    };
    std::array::from_fn(|_| {
        bits = bits.rotate_left(5);
        LETTERS.get(usize::from(low_byte(bits) & 31)).copied().unwrap_or_default()
    })
}

fn low_byte(value: u64) -> u8 {
    let [.., low] = value.to_be_bytes();
    low
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0x5851_f42d_4c95_7f2d, |hash, byte| mixed(hash ^ u64::from(*byte)))
}

/// A permutation of 64 bits that keeps zero (the end of splitmix64).
fn mixed(value: u64) -> u64 {
    let mut mixed = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests;
