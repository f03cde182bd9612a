//! Sorted keys with outlines as bytes, and back: what neighbors share is left out.
//!
//! A stored block is `length | crc32c | entries`. An entry is `varint(shared) varint(rest) rest`, the key by what it shares with the
//! one before, then `varint(outline length + 1) outline`, or 0 where the outline is that of the entry before. The first entry of a block shares
//! nothing.

use sluice_model::{
    ranges::bytes_at,
    varint::{push_varint, take, take_array, take_varint},
};

use crate::rows::{push_prefixed, push_row, shared_bytes, take_prefixed};

/// Bytes of entries after which a block is full.
const BLOCK_BYTES: usize = 12 * 1024;

/// Bytes of keys and outlines after which it is full too: long keys that share much are short as entries.
pub(super) const UNPACKED_BYTES: usize = 48 * 1024;

/// Bytes before the entries.
pub(super) const HEADER_BYTES: usize = 2 * size_of::<u32>();

/// A block that is being filled.
#[derive(Debug, Default)]
pub(super) struct OutlineBlock {
    stored: Vec<u8>,
    unpacked_bytes: usize,
    last_key: Vec<u8>,
    last_outline: Vec<u8>,
}

impl OutlineBlock {
    /// Forgets what was added.
    pub(super) fn clear(&mut self) {
        self.stored.clear();
        self.unpacked_bytes = 0;
        self.last_key.clear();
        self.last_outline.clear();
    }

    /// Adds an entry, without an outline if that of the entry before is its own; keys ascend. True once the block is full.
    pub(super) fn push(&mut self, key: &[u8], outline: Option<&[u8]>) -> bool {
        if self.stored.is_empty() {
            self.stored.resize(HEADER_BYTES, 0);
        }
        let shared = shared_bytes(&self.last_key, key);
        let rest = bytes_at(key, shared..);
        push_varint(&mut self.stored, shared as u64);
        push_prefixed(&mut self.stored, rest);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(rest);
        match outline.filter(|outline| self.last_outline != *outline) {
            None => self.stored.push(0),
            Some(outline) => {
                push_varint(&mut self.stored, outline.len() as u64 + 1);
                self.stored.extend_from_slice(outline);
                self.last_outline.clear();
                self.last_outline.extend_from_slice(outline);
            }
        }
        self.unpacked_bytes += key.len() + self.last_outline.len();
        BLOCK_BYTES <= self.stored.len() || UNPACKED_BYTES <= self.unpacked_bytes
    }

    /// The block as stored; `None` if nothing was added.
    pub(super) fn finish(&mut self) -> Option<&[u8]> {
        let (header, entries) = self.stored.split_first_chunk_mut::<HEADER_BYTES>()?;
        let length = u32::try_from(entries.len()).ok()?;
        let sum = crc32c::crc32c(entries);
        *header = (u64::from(length) << u32::BITS | u64::from(sum)).to_be_bytes();
        Some(&self.stored)
    }
}

/// Length and checksum of the entries that follow a header.
pub(super) fn header(bytes: [u8; HEADER_BYTES]) -> (usize, u32) {
    let [l0, l1, l2, l3, sum @ ..] = bytes;
    (u32::from_be_bytes([l0, l1, l2, l3]) as usize, u32::from_be_bytes(sum))
}

/// Frames entries as rows; `None` when they are not that.
pub(super) fn unpack(mut entries: &[u8], framed: &mut Vec<u8>) -> Option<()> {
    let (mut key, mut outline): (Vec<u8>, &[u8]) = (Vec::new(), &[]);
    while !entries.is_empty() {
        let shared = usize::try_from(take_varint(&mut entries)?).ok()?;
        if key.len() < shared {
            return None;
        }
        key.truncate(shared);
        key.extend_from_slice(take_prefixed(&mut entries)?);
        match usize::try_from(take_varint(&mut entries)?).ok()? {
            0 => {}
            length => outline = take(&mut entries, length - 1)?,
        }
        push_row(framed, &key, outline);
    }
    Some(())
}

/// A record of the list of batches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BatchRecord {
    /// Which file has its blocks.
    pub(super) file: u32,
    /// From which byte on.
    pub(super) from: u64,
    /// How many.
    pub(super) bytes: u64,
    pub(super) number: u64,
    /// When it was written, as the store stamps updates.
    pub(super) stamp: u32,
}

impl BatchRecord {
    /// Bytes of one.
    pub(super) const BYTES: usize = 36;

    /// As stored.
    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut told = self.file.to_be_bytes().to_vec();
        for number in [self.from, self.bytes, self.number] {
            told.extend(number.to_be_bytes());
        }
        told.extend(self.stamp.to_be_bytes());
        told.extend(crc32c::crc32c(&told).to_be_bytes());
        bytes.copy_from_slice(&told);
        bytes
    }

    /// Reads it back; `None` when it is not what was written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let record = Self {
            file: u32::from_be_bytes(take_array(&mut rest)?),
            from: u64::from_be_bytes(take_array(&mut rest)?),
            bytes: u64::from_be_bytes(take_array(&mut rest)?),
            number: u64::from_be_bytes(take_array(&mut rest)?),
            stamp: u32::from_be_bytes(take_array(&mut rest)?),
        };
        // There is one form of a record, so this compares the checksum too.
        if record.to_bytes() == bytes { Some(record) } else { None }
    }
}
