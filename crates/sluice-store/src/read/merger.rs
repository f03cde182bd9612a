//! Rows of many keys, each completed from one older source after the other.
//!
//! In: what the sources have, newest first. Out: the merged rows in one buffer. A row that grows leaves its old bytes
//! behind; when more than half of the buffer is such bytes, the rest moves together. So memory follows the rows that
//! there are, not the sources that had a part of them.

use sluice_model::{ranges::bytes_at, row};

use super::workers::{ReadBudget, counted};
use crate::error::ReadError;

/// Bytes of replaced rows that are left where they are, however few others there are.
const REPLACED_BYTES_MAX: usize = 64 * 1024;

/// Rows on their way to being complete, newest parts first.
pub(super) struct RowMerger<'a> {
    budget: &'a ReadBudget,
    /// The rows, and those that others have replaced.
    pub(super) bytes: Vec<u8>,
    /// Bytes that the budget was asked for.
    taken_bytes: usize,
    /// Bytes of rows that others have replaced.
    replaced_bytes: usize,
    /// From and to which byte each row goes; empty for none yet.
    pub(super) rows: Vec<(u32, u32)>,
    newer: Vec<u8>,
    older: Vec<u8>,
}

impl<'a> RowMerger<'a> {
    /// Begins with so many rows of which nothing is known.
    pub(super) fn new(count: usize, budget: &'a ReadBudget) -> Self {
        let (bytes, newer, older) = (Vec::new(), Vec::new(), Vec::new());
        Self { budget, bytes, taken_bytes: 0, replaced_bytes: 0, rows: vec![(0, 0); count], newer, older }
    }

    /// Adds what an older source has to row `number`; `get` appends that, and returns true if there is something.
    ///
    /// # Errors
    ///
    /// Those of `get`, and [`ReadError::TooLong`] when the budget is used up.
    #[inline]
    pub(super) fn take_older(
        &mut self,
        number: usize,
        get: impl FnOnce(&mut Vec<u8>) -> Result<bool, ReadError>,
    ) -> Result<(), ReadError> {
        let Some(row) = self.rows.get_mut(number) else { return Ok(()) };
        if row.0 == row.1 {
            let from = self.bytes.len();
            get(&mut self.bytes)?;
            *row = (counted(from)?, counted(self.bytes.len())?);
        } else {
            self.older.clear();
            if !get(&mut self.older)? {
                return Ok(());
            }
            self.newer.clear();
            self.newer.extend_from_slice(row_at(&self.bytes, *row));
            if row.1 as usize == self.bytes.len() {
                self.bytes.truncate(row.0 as usize);
            } else {
                self.replaced_bytes += self.newer.len();
            }
            let from = self.bytes.len();
            row::merge(&self.newer, &self.older, &mut self.bytes);
            *row = (counted(from)?, counted(self.bytes.len())?);
        }
        if REPLACED_BYTES_MAX.max(self.bytes.len() / 2) < self.replaced_bytes {
            self.compact()?;
        }
        if self.taken_bytes < self.bytes.len() {
            // Twice, because batches are put together in the end, and rows moved together before.
            self.budget.take(2 * (self.bytes.len() - self.taken_bytes))?;
            self.taken_bytes = self.bytes.len();
        }
        Ok(())
    }

    /// Forgets rows that others have replaced.
    fn compact(&mut self) -> Result<(), ReadError> {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.replaced_bytes);
        for row in &mut self.rows {
            if row.0 < row.1 {
                let from = bytes.len();
                bytes.extend_from_slice(row_at(&self.bytes, *row));
                *row = (counted(from)?, counted(bytes.len())?);
            }
        }
        self.budget.give_back(2 * self.taken_bytes.saturating_sub(bytes.len()));
        self.taken_bytes = self.taken_bytes.min(bytes.len());
        self.bytes = bytes;
        self.replaced_bytes = 0;
        Ok(())
    }
}

/// A row, from one byte to another.
pub(super) fn row_at(bytes: &[u8], (from, to): (u32, u32)) -> &[u8] {
    bytes_at(bytes, from as usize..to as usize)
}

#[cfg(test)]
mod tests;
