//! The id of a batch: a UUID, made here (version 7, RFC 9562) or brought by a client.
//!
//! In: a time and chance, or text. Out: a number, and the usual text with hyphens. What a client brings may be of any version.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[cfg(test)]
mod tests;

/// Where the groups of digits begin and end in the text.
const GROUPS: [(usize, usize); 5] = [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)];

/// Counts the ids that were made, so that no two have the same chance.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Chance: two keys of this process.
static CHANCE: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BatchId(pub(super) u128);

impl BatchId {
    /// Makes one of a time in milliseconds since 1970.
    pub(crate) fn make(now_ms: u64) -> Self {
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        let [high, low] = CHANCE.each_ref().map(|state| u128::from(state.hash_one(count)));
        let (version, variant) = (7_u128 << 76, 2_u128 << 62);
        let time = (u128::from(now_ms) & 0xffff_ffff_ffff) << 80;
        Self(time | version | (high & 0xfff) << 64 | variant | (low & 0x3fff_ffff_ffff_ffff))
    }

    /// Reads one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 || !text.is_ascii() {
            return None;
        }
        let mut number = 0_u128;
        for (from, to) in GROUPS {
            let digits = text.get(from..to)?;
            // A sign would be taken for a digit.
            if !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                || !matches!(text.get(to..=to), None | Some("-"))
            {
                return None;
            }
            number = number << (4 * digits.len()) | u128::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(number))
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let mut at = 0;
        for (from, to) in GROUPS {
            let length = to - from;
            let hyphen = if at == 0 { "" } else { "-" };
            write!(formatter, "{hyphen}{}", digits.get(at..at + length).unwrap_or(""))?;
            at += length;
        }
        Ok(())
    }
}

impl fmt::Debug for BatchId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for BatchId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BatchId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("no UUID"))
    }
}
