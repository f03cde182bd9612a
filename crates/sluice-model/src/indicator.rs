//! Indicators: values in normal form, held by their key.
//!
//! In: text from clients, or keys from the store. Out: a value that compares, sorts and prints as one thing however
//! it was spelled: [`normalize`] says what a spelling is worth, `key` how it is stored, [`matching`] what a looked-up
//! value can match.
//!
//! The daemon itself handles millions of keys in buffers of its own and never makes an [`Indicator`]: that is the word
//! in which tools, benchmarks and tests speak of one value.

use std::fmt::{self, Debug, Display, Formatter};

mod ends;
mod key;
mod kind;
pub mod matching;
pub mod network;
pub mod normalize;
mod suffix;

pub use self::{
    ends::escape_blanks,
    key::{KIND_WORDS, key_bytes_of_kind, kind_word, write_normal_form},
    kind::{IndicatorKind, NotAnIndicator},
};
use self::{
    key::KeyView,
    normalize::{normalize_into, recognize_into},
};

/// A value in normal form. Ordered as its key is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Indicator {
    key: Box<[u8]>,
}

impl Indicator {
    /// Takes a value as a client sends it.
    ///
    /// # Errors
    ///
    /// [`NotAnIndicator`] when the value is of no known kind.
    pub fn parse(text: &str) -> Result<Self, NotAnIndicator> {
        let mut key = Vec::new();
        normalize_into(text, &mut key)?;
        Ok(Self { key: key.into() })
    }

    /// Takes a value as a client sends it, or a normal form that was printed by us: the latter may have white space
    /// in its path or query.
    ///
    /// # Errors
    ///
    /// [`NotAnIndicator`] when the value is neither.
    pub fn recognize(text: &str) -> Result<Self, NotAnIndicator> {
        let mut key = Vec::new();
        recognize_into(text, &mut key)?;
        Ok(Self { key: key.into() })
    }

    /// Takes a stored key. `None` for bytes that are not a key; a key that was never written by us is not detected.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        KeyView::read(key)?;
        Some(Self { key: key.into() })
    }

    /// The byte string under which the indicator is stored.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What the indicator is.
    pub fn kind(&self) -> IndicatorKind {
        // Each key was read when it was taken, so there is always a view.
        KeyView::read(&self.key).map_or(IndicatorKind::Url, KeyView::kind)
    }
}

impl Display for Indicator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write_normal_form(&self.key, &mut text);
        f.write_str(&text)
    }
}

impl Debug for Indicator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.kind(), self.to_string())
    }
}

#[cfg(test)]
mod tests;
