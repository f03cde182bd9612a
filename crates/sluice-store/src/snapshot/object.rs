//! One object of a snapshot as bytes: the stored blocks of a part, of a table of contexts or of a catalogue.
//!
//! | part | bytes |
//! |---|---|
//! | object | magic 8, version u32, then records; the last one is the byte 0 |
//! | record | tree u8, owner u32, part u32, first piece u32, pieces u32, length u32, the block as stored |
//!
//! Numbers are big-endian. Each block begins with its own checksum; that nothing is missing is told by the length and
//! SHA-256 of the whole object ([`ObjectDigest`]), which whoever lists the objects keeps.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sluice_model::varint::take_array;

use super::stored_block::{BlockPlace, TreeName};
use crate::{
    block,
    digest::{DigestWriter, ObjectDigest},
};

const MAGIC: [u8; 8] = *b"SluiceOb";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 8 + 4;
const END: u8 = 0;
const RECORD_HEAD_BYTES: usize = 1 + 5 * 4;
/// Longest block: a filter or an index of a part is a few mebibytes, and a catalogue may be a little longer.
const BLOCK_BYTES_MAX: usize = 256 << 20;

/// What an object of a snapshot is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectId {
    /// A part of a run, by number.
    Part(u32),
    /// A table of contexts, by number.
    Contexts(u32),
    /// The names of suppliers, tags and tenants.
    Catalogue,
}

/// Writes what every object begins with.
pub(super) fn write_head(to: &mut dyn Write) -> io::Result<()> {
    to.write_all(&MAGIC)?;
    to.write_all(&VERSION.to_be_bytes())
}

/// Writes one block.
pub(super) fn write_block(place: &BlockPlace, stored: &[u8], to: &mut dyn Write) -> io::Result<()> {
    let length = u32::try_from(stored.len()).map_err(io::Error::other)?;
    to.write_all(&[place.tree as u8])?;
    for number in [place.owner, place.part, place.from, place.pieces, length] {
        to.write_all(&number.to_be_bytes())?;
    }
    to.write_all(stored)
}

/// Writes what every object ends with.
pub(super) fn write_end(to: &mut dyn Write) -> io::Result<()> {
    to.write_all(&[END])
}

/// Reads an object that arrives in pieces of any length. Holds what has arrived of one block.
pub(crate) struct ObjectReader {
    digest: DigestWriter,
    unread: Vec<u8>,
    has_head: bool,
    has_ended: bool,
}

impl ObjectReader {
    /// Expects the first byte.
    pub(crate) fn new() -> Self {
        Self { digest: DigestWriter::new(), unread: Vec::new(), has_head: false, has_ended: false }
    }

    /// Takes the next bytes, and shows every block that is whole with them to `visit`.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes, or what `visit` says.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        mut visit: impl FnMut(&BlockPlace, &[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        self.digest.write_all(bytes).map_err(|error| error.to_string())?;
        self.unread.extend_from_slice(bytes);
        let mut rest = self.unread.as_slice();
        if !self.has_head {
            let Some((mut head, after)) = rest.split_at_checked(HEAD_BYTES) else { return Ok(()) };
            if take_array(&mut head) != Some(MAGIC) || take_array(&mut head) != Some(VERSION.to_be_bytes()) {
                return Err("it is no object of a snapshot, or of a later version".to_owned());
            }
            (self.has_head, rest) = (true, after);
        }
        while let Some(tree) = rest.first() {
            if self.has_ended {
                return Err("bytes follow its end".to_owned());
            }
            if *tree == END {
                (self.has_ended, rest) = (true, rest.get(1..).unwrap_or(&[]));
                continue;
            }
            let Some((place, length)) = record_head(rest)? else { break };
            let Some((record, after)) = rest.split_at_checked(RECORD_HEAD_BYTES + length) else { break };
            let stored = record.get(RECORD_HEAD_BYTES..).unwrap_or(&[]);
            block::unseal(stored)?;
            visit(&place, stored)?;
            rest = after;
        }
        let read_bytes = self.unread.len() - rest.len();
        self.unread.drain(..read_bytes);
        Ok(())
    }

    /// Length and checksum of all that was taken.
    ///
    /// # Errors
    ///
    /// When the end has not come.
    pub(crate) fn finish(self) -> Result<ObjectDigest, String> {
        if self.has_ended { Ok(self.digest.finish()) } else { Err("it is cut short".to_owned()) }
    }
}

/// Place and length of the block of a record; `None` while its head is not whole.
fn record_head(mut rest: &[u8]) -> Result<Option<(BlockPlace, usize)>, String> {
    if rest.len() < RECORD_HEAD_BYTES {
        return Ok(None);
    }
    let tree = take_array::<1>(&mut rest).and_then(|[tree]| TreeName::from_byte(tree));
    let mut numbers = [0; 5];
    for number in &mut numbers {
        *number = take_array(&mut rest).map_or(0, u32::from_be_bytes);
    }
    let [owner, part, from, pieces, length] = numbers;
    let length = length as usize;
    let Some(tree) = tree.filter(|_| length <= BLOCK_BYTES_MAX) else {
        return Err("a record makes no sense".to_owned());
    };
    let place = BlockPlace { tree, owner, part, from, pieces };
    Ok(Some((place, length)))
}

#[cfg(test)]
mod tests;
