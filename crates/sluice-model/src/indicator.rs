//! Indicators: values in normal form, held by their key.
//!
//! In: text from clients, or keys from the store. Out: a value that compares, sorts and prints as one thing however
//! it was spelled. What a spelling is worth is decided in [`crate::normalize`]; this is the word that the rest of
//! the daemon speaks. Paths that handle millions use keys in buffers of their own and [`write_normal_form`].

use std::fmt::{self, Debug, Display, Formatter};

use crate::{
    key::KeyView,
    normalize::{NotAnIndicator, normalize_into, recognize_into},
};

/// What an indicator is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum IndicatorKind {
    /// An MD5 digest, 16 bytes.
    Md5,
    /// A SHA-1 digest, 20 bytes.
    Sha1,
    /// A SHA-256 digest, 32 bytes.
    Sha256,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A URL, a bare domain or a `*.` mask.
    Url,
}

impl IndicatorKind {
    /// What follows the supplier's name and `_` in a category of a lookup answer.
    pub fn category_suffix(self) -> &'static str {
        match self {
            Self::Md5 => "Hash_MD5",
            Self::Sha1 => "Hash_SHA1",
            Self::Sha256 => "Hash_SHA256",
            Self::Ip => "IP",
            Self::Url => "URL",
        }
    }

    /// Tells the kind of indicator that a key belongs to; `None` for bytes that are no key.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        KeyView::read(key).map(KeyView::kind)
    }
}

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

    /// Takes a stored key. `None` for bytes that are no key; a key that was never written by us is not detected.
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
        IndicatorKind::of_key(&self.key).unwrap_or(IndicatorKind::Url)
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

/// Appends the normal form of a key to `text` and tells its kind.
///
/// `None` for bytes that are no key; `text` is as before then. Allocates nothing but what `text` needs to grow, and
/// the text of an IPv6 address.
pub fn write_normal_form(key: &[u8], text: &mut String) -> Option<IndicatorKind> {
    let view = KeyView::read(key)?;
    view.write(text);
    Some(view.kind())
}

#[cfg(test)]
mod tests;
