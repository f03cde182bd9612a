//! Lists for devices: what they may be called.
//!
//! In: a name as a client sent it. Out: a name that keeps its rule: it becomes that of sets of firewalls and of files, so it is short, begins with a
//! letter and has no dot. What is on a list is no matter of the vocabulary.

use std::fmt::{self, Display, Formatter};

#[cfg(test)]
mod tests;

/// Bytes of a list's name: the longest name of a set of ipset has 31, of which `-v4-new` takes 7.
pub const LIST_NAME_BYTES_MAX: usize = 24;

/// The name of a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ListName(Box<str>);

impl ListName {
    /// Takes up to [`LIST_NAME_BYTES_MAX`] lower-case Latin letters, digits, `-` and `_`, a letter first; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = text.len() <= LIST_NAME_BYTES_MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        is_name.then(|| Self(text.into()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for ListName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
