//! Cursors: how far a reader has come, in a text that it keeps and cannot make up.
//!
//! In: the number of a data directory, that of a commit in it, and up to which second what has expired was told. Out: `c1.` and 48
//! hexadecimal digits, the last eight of them a checksum of the others; and back. Nothing is kept of a reader but what it keeps
//! itself. Commits are counted in each data directory on its own, so the number of one means nothing in another: a restored
//! copy goes on from the same number with other commits. The digits mean nothing to the reader, so another form can take their
//! place under another prefix.

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use crate::hex;

const PREFIX: &str = "c1.";
const TOLD_BYTES: usize = 2 * size_of::<u64>() + size_of::<u32>();
const BYTES: usize = TOLD_BYTES + size_of::<u32>();

/// A state of a store: all commits up to a number, and nothing of later ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// The number of the data directory.
    pub store: u64,
    /// The number of the last commit.
    pub commit: u64,
    /// The second, since 1970-01-01 UTC, by which it was judged what has expired.
    pub judged_seconds: u32,
}

/// The text is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the text is no cursor")]
pub struct NotACursor;

impl Display for Cursor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut told = [self.store.to_be_bytes(), self.commit.to_be_bytes()].concat();
        told.extend(self.judged_seconds.to_be_bytes());
        write!(f, "{PREFIX}{}{:08x}", hex::encode(&told), crc32c::crc32c(&told))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 2 * BYTES);
        let bytes = digits.and_then(hex::decode).ok_or(NotACursor)?;
        let (store, rest) = bytes.split_first_chunk().ok_or(NotACursor)?;
        let (commit, rest) = rest.split_first_chunk().ok_or(NotACursor)?;
        let (judged_seconds, _checksum) = rest.split_first_chunk().ok_or(NotACursor)?;
        let cursor = Self {
            store: u64::from_be_bytes(*store),
            commit: u64::from_be_bytes(*commit),
            judged_seconds: u32::from_be_bytes(*judged_seconds),
        };
        // There is one text of a cursor, so this compares the checksum too.
        if cursor.to_string() == text { Ok(cursor) } else { Err(NotACursor) }
    }
}

#[cfg(test)]
mod tests;
