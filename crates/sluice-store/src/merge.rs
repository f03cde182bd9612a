//! Many sorted sources to one sorted stream of merged rows.
//!
//! In: sources ordered newest first, each ascending by key without duplicates. Out: each key once, ascending,
//! with the rows of all sources merged by `row::merge`. The flush of the memtable, the background merges
//! and full scans are this one loop. Memory is one block a source.

use std::{borrow::Cow, ops::Range};

use sluice_model::{ranges::bytes_at, row, varint::varint_bytes};

use crate::{
    error::ReadError,
    rows::{Rows, long_key_prefix},
};

/// Gives rows block by block.
pub(crate) trait Blocks: Send {
    /// Replaces `framed` with the rows of the next block, framed; false at the end.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the block cannot be read.
    fn next_block(&mut self, framed: &mut Vec<u8>) -> Result<bool, ReadError>;
}

/// One sorted stretch of rows.
pub(crate) struct Source<'a> {
    bytes: Cow<'a, [u8]>,
    blocks: Option<Box<dyn Blocks + 'a>>,
    position: usize,
    key: Range<usize>,
    row: Range<usize>,
}

impl<'a> Source<'a> {
    /// Framed rows that are all there.
    pub(crate) fn rows(rows: &'a [u8]) -> Self {
        Self::framed(Cow::Borrowed(rows))
    }

    /// The same, perhaps of its own.
    pub(crate) fn framed(bytes: Cow<'a, [u8]>) -> Self {
        Self { bytes, blocks: None, position: 0, key: 0..0, row: 0..0 }
    }

    /// Rows that come block by block.
    pub(crate) fn blocks(blocks: impl Blocks + 'a) -> Self {
        Self { blocks: Some(Box::new(blocks)), ..Self::framed(Cow::Owned(Vec::new())) }
    }

    fn key(&self) -> &[u8] {
        bytes_at(&self.bytes, self.key.clone())
    }

    fn row(&self) -> &[u8] {
        bytes_at(&self.bytes, self.row.clone())
    }

    /// Moves to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            let bytes = self.bytes.as_ref();
            let mut rest = Rows(bytes_at(bytes, self.position..));
            if let Some((key, row)) = rest.next() {
                let row_end = bytes.len() - rest.0.len();
                self.row = row_end - row.len()..row_end;
                let varint = varint_bytes(row.len());
                let key_end = self.row.start - varint;
                self.key = key_end - key.len()..key_end;
                self.position = row_end;
                return Ok(true);
            }
            debug_assert_eq!(self.position, bytes.len(), "bytes after the last row are not a row");
            let (Some(blocks), Cow::Owned(buffer)) = (&mut self.blocks, &mut self.bytes) else {
                return Ok(false);
            };
            self.position = 0;
            if !blocks.next_block(buffer)? {
                return Ok(false);
            }
        }
    }
}

/// The merged stream.
pub(crate) struct MergeRows<'a> {
    /// Newest first: the index is the age.
    sources: Vec<Source<'a>>,
    /// Sources that are not at their end, each with the first 16 bytes of its key, which decide most comparisons; the
    /// smallest key, newest first among equals, on top.
    heap: Vec<(u128, usize)>,
    /// Whether the row on top was given out and is done with.
    is_top_done: bool,
    key: Vec<u8>,
    row: Vec<u8>,
    scratch: Vec<u8>,
    error: Option<ReadError>,
}

impl<'a> MergeRows<'a> {
    /// Starts at the first row of each source; `sources` are newest first.
    pub(crate) fn new(sources: Vec<Source<'a>>) -> Self {
        let (key, row, scratch) = (Vec::new(), Vec::new(), Vec::new());
        let mut merge =
            Self { sources, heap: Vec::new(), is_top_done: false, key, row, scratch, error: None };
        for source in 0..merge.sources.len() {
            if let Some(prefix) = merge.advance(source) {
                merge.heap.push((prefix, source));
            }
        }
        for position in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(position);
        }
        merge
    }

    /// The next key and its merged row; `None` at the end or after a read error.
    pub(crate) fn next_row(&mut self) -> Option<(&[u8], &[u8])> {
        if std::mem::take(&mut self.is_top_done) {
            self.advance_top();
        }
        if self.error.is_some() {
            return None;
        }
        let (_, newest) = *self.heap.first()?;
        // The next smallest key is below the top.
        if !self.is_same_key(1) && !self.is_same_key(2) {
            self.is_top_done = true;
            let source = self.sources.get(newest)?;
            return Some((source.key(), source.row()));
        }
        self.merge_top()
    }

    /// Merges the row on top with those of the same key below it.
    fn merge_top(&mut self) -> Option<(&[u8], &[u8])> {
        let newest = self.sources.get(self.heap.first()?.1)?;
        self.key.clear();
        self.key.extend_from_slice(newest.key());
        self.row.clear();
        self.row.extend_from_slice(newest.row());
        self.advance_top();
        while let Some(older) = self.heap.first().and_then(|(_, top)| self.sources.get(*top)) {
            if older.key() != self.key {
                break;
            }
            self.scratch.clear();
            row::merge(&self.row, older.row(), &mut self.scratch);
            std::mem::swap(&mut self.row, &mut self.scratch);
            self.advance_top();
        }
        if self.error.is_none() { Some((&self.key, &self.row)) } else { None }
    }

    /// Returns true if the source at a place of the heap stands at the key on top.
    fn is_same_key(&self, position: usize) -> bool {
        let (Some(top), Some(other)) = (self.heap.first(), self.heap.get(position)) else { return false };
        top.0 == other.0 && self.key_of(top.1) == self.key_of(other.1)
    }

    fn key_of(&self, source: usize) -> &[u8] {
        self.sources.get(source).map_or(&[], Source::key)
    }

    /// Says if the stream ended because a source could not be read.
    ///
    /// # Errors
    ///
    /// The first read error; the rows so far were right, the rest is missing.
    pub(crate) fn finish(self) -> Result<(), ReadError> {
        self.error.map_or(Ok(()), Err)
    }

    /// Why the stream ended early, if so.
    pub(crate) fn error(&self) -> Option<&ReadError> {
        self.error.as_ref()
    }

    /// Moves a source on; `None` at its end.
    fn advance(&mut self, source: usize) -> Option<u128> {
        let source = self.sources.get_mut(source)?;
        match source.advance() {
            Ok(true) => Some(long_key_prefix(source.key())),
            Ok(false) => None,
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }

    fn advance_top(&mut self) {
        let Some(top) = self.heap.first().copied() else { return };
        match self.advance(top.1) {
            Some(prefix) => {
                if let Some(top) = self.heap.first_mut() {
                    top.0 = prefix;
                }
            }
            None => {
                self.heap.swap_remove(0);
            }
        }
        self.sift_down(0);
    }

    fn sift_down(&mut self, mut position: usize) {
        loop {
            let (left, right) = (2 * position + 1, 2 * position + 2);
            let mut least = position;
            if self.is_before(left, least) {
                least = left;
            }
            if self.is_before(right, least) {
                least = right;
            }
            if least == position {
                return;
            }
            self.heap.swap(position, least);
            position = least;
        }
    }

    /// Compares two places of the heap; a place beyond its end is before nothing.
    fn is_before(&self, one: usize, two: usize) -> bool {
        let (Some(one), Some(two)) = (self.heap.get(one), self.heap.get(two)) else { return false };
        let order = one.0.cmp(&two.0).then_with(|| self.key_of(one.1).cmp(self.key_of(two.1)));
        order.then(one.1.cmp(&two.1)).is_lt()
    }
}
