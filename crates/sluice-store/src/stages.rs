//! A door for benches: steps of a write and a read that have no public call of their own.
//!
//! In: slices and keys. Out: what a step leaves for the next one. Nothing here decides anything; only the feature
//! `stages` builds it, and nothing promises that it stays.

use std::{io, path::Path};

use crate::{
    block,
    filter::{self, Hashes},
    log::{FrameKind, LogWriter},
    memtable::Slice,
};

/// Packs a slice as the log takes it.
///
/// # Errors
///
/// Only without memory.
pub fn pack(slice: &Slice) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    block::encode(&slice.to_bytes(), &mut payload)?;
    Ok(payload)
}

/// A log of its own.
pub struct Log(LogWriter);

impl Log {
    /// Begins a log in an empty directory.
    ///
    /// # Errors
    ///
    /// Any failure of the disk.
    pub fn create(dir: &Path) -> io::Result<Self> {
        LogWriter::create(dir, 0).map(Self).map_err(io::Error::other)
    }

    /// Appends the frame of a packed slice.
    ///
    /// # Errors
    ///
    /// Any failure of the disk.
    pub fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        self.0.append(FrameKind::Slice, 1, payload).map_err(io::Error::other)
    }

    /// Makes durable what was appended.
    ///
    /// # Errors
    ///
    /// Any failure of the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        self.0.sync().map_err(io::Error::other)
    }

    /// Forgets all full segments.
    ///
    /// # Errors
    ///
    /// Any failure of the disk.
    pub fn trim(&mut self) -> io::Result<()> {
        self.0.trim(self.0.segment_lsn()).map(|_bytes| ()).map_err(io::Error::other)
    }
}

/// Builds the filter of ascending keys; what is returned asks it for one key.
pub fn filter_of<'k>(keys: impl Iterator<Item = &'k [u8]>) -> impl Fn(&[u8]) -> bool {
    let mut hashes = Hashes::default();
    for key in keys {
        hashes.push(key);
    }
    let filter = hashes.build();
    move |key| filter.may_contain(filter::hash(key))
}
