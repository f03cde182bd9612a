//! A batch as readers have it: a stretch of a file, read block by block.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::block::{self, HEADER_BYTES};
use crate::{
    error::ReadError,
    merge::{Blocks, Source},
};

/// A file of batches. It stays readable when it is removed.
#[derive(Debug)]
pub(super) struct RowsFile {
    pub(super) number: u32,
    pub(super) file: File,
    /// Whether something in it could not be read.
    is_damaged: AtomicBool,
}

impl RowsFile {
    pub(super) fn new(number: u32, file: File) -> Self {
        Self { number, file, is_damaged: AtomicBool::new(false) }
    }
}

/// Keys that were touched, ascending, each with an outline of its row.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(super) rows: Arc<RowsFile>,
    pub(super) from: u64,
    pub(super) bytes: u64,
    /// The newest commit that it tells of.
    pub(crate) number: u64,
    pub(super) stamp: u32,
}

impl Batch {
    /// Whether something in its file could not be read: then it says too little.
    pub(crate) fn is_damaged(&self) -> bool {
        self.rows.is_damaged.load(Ordering::Relaxed)
    }

    /// Its entries as rows.
    pub(crate) fn source<'a>(&self) -> Source<'a> {
        let (batch, stored) = (self.clone(), Vec::new());
        let at = self.from;
        Source::blocks(BatchBlocks { batch, at, stored })
    }

    pub(super) fn end(&self) -> u64 {
        self.from + self.bytes
    }
}

struct BatchBlocks {
    batch: Batch,
    at: u64,
    stored: Vec<u8>,
}

impl BatchBlocks {
    fn read(&mut self, framed: &mut Vec<u8>) -> Result<(), String> {
        let file = &self.batch.rows.file;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, self.at).map_err(|error| error.to_string())?;
        let (length, sum) = block::header(header);
        let entries_at = self.at + HEADER_BYTES as u64;
        if self.batch.end() < entries_at.saturating_add(length as u64) {
            return Err("a block reaches beyond its batch".to_owned());
        }
        self.stored.resize(length, 0);
        file.read_exact_at(&mut self.stored, entries_at).map_err(|error| error.to_string())?;
        if crc32c::crc32c(&self.stored) != sum {
            return Err("a block fails its checksum".to_owned());
        }
        block::unpack(&self.stored, framed).ok_or("a block makes no sense")?;
        self.at = entries_at + length as u64;
        Ok(())
    }
}

impl Blocks for BatchBlocks {
    fn next_block(&mut self, framed: &mut Vec<u8>) -> Result<bool, ReadError> {
        framed.clear();
        if self.at == self.batch.end() {
            return Ok(false);
        }
        let (file, at) = (self.batch.rows.number, self.at);
        self.read(framed).map_err(|detail| {
            self.batch.rows.is_damaged.store(true, Ordering::Relaxed);
            ReadError::damaged(0, 0, format_args!("file {file} of the history, at {at}: {detail}"))
        })?;
        Ok(true)
    }
}
