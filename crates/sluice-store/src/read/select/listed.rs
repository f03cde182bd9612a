//! The rows that posting lists name, as they are when all that the snapshot has of them is merged.
//!
//! In: a listing. Out: candidates, ascending by key; some of them may turn out to be no longer listed. Keys come from the listed
//! blocks of all runs and from the slices, which are merged without the others. Then their rows are read whole, many at a time,
//! because a row that is not listed may say more of the same indicator.

use std::ops::Range;

use sluice_model::ranges::bytes_at;

use super::super::{
    rows::{KEYS_AT_ONCE, ReadRows},
    view::Snapshot,
};
use crate::{error::ReadError, merge::MergeRows, run::Listing};

/// See the module.
pub(in super::super) struct ListedRows<'a> {
    snapshot: &'a Snapshot,
    listing: &'a Listing,
    keys: MergeRows<'a>,
    /// Keys that were met, one after the other, and where each ends.
    met: Vec<u8>,
    ends: Vec<usize>,
    /// The rows of some of them, and which these are.
    rows: Option<ReadRows>,
    read: Range<usize>,
    /// The one that comes next.
    next: usize,
    error: Option<ReadError>,
}

impl<'a> ListedRows<'a> {
    /// Begins behind a key.
    pub(in super::super) fn new(snapshot: &'a Snapshot, listing: &'a Listing, after: &'a [u8]) -> Self {
        let mut sources = snapshot.slices_after(after);
        for run in &snapshot.view.runs {
            sources.push(run.listed_source(&snapshot.trees, listing, after));
        }
        let keys = MergeRows::new(sources);
        let (met, ends, read) = (Vec::new(), Vec::new(), 0..0);
        Self { snapshot, listing, keys, met, ends, rows: None, read, next: 0, error: None }
    }

    /// The next key and its row; `None` at the end or after a read error.
    pub(in super::super) fn next_row(&mut self) -> Option<(&[u8], &[u8])> {
        let place = loop {
            if self.next == self.read.end {
                match self.read_more() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => {
                        self.error = Some(error);
                        return None;
                    }
                }
            }
            let place = self.next;
            self.next += 1;
            if self.row(place).is_some() {
                break place;
            }
        };
        Some((key_at(&self.met, &self.ends, place), self.row(place)?))
    }

    fn row(&self, place: usize) -> Option<&[u8]> {
        let row = self.rows.as_ref()?.at(place.checked_sub(self.read.start)?)?;
        Some(row.bytes())
    }

    /// Reads the rows of the next keys; false when there are none.
    fn read_more(&mut self) -> Result<bool, ReadError> {
        if self.error.is_some() {
            return Ok(false);
        }
        if self.next == self.ends.len() {
            self.meet_keys();
        }
        if self.next == self.ends.len() {
            return Ok(false);
        }
        let mut keys = Vec::with_capacity(self.ends.len() - self.next);
        for place in self.next..self.ends.len() {
            keys.push(key_at(&self.met, &self.ends, place));
        }
        let (rows, count) = self.snapshot.read_first_rows(&keys)?;
        self.rows = Some(rows);
        self.read = self.next..self.next + count;
        Ok(true)
    }

    /// Takes the next keys of rows that are listed in the place of those that were given out.
    fn meet_keys(&mut self) {
        self.met.clear();
        self.ends.clear();
        (self.next, self.read) = (0, 0..0);
        while self.ends.len() < KEYS_AT_ONCE
            && let Some((key, row)) = self.keys.next_row()
        {
            if self.listing.has(row) {
                self.met.extend_from_slice(key);
                self.ends.push(self.met.len());
            }
        }
    }

    /// Says if the rows ended because something could not be read.
    pub(in super::super) fn finish(self) -> Result<(), ReadError> {
        match self.error {
            Some(error) => Err(error),
            None => self.keys.finish(),
        }
    }
}

/// One of the keys that end at some bytes.
fn key_at<'m>(met: &'m [u8], ends: &[usize], place: usize) -> &'m [u8] {
    let from = if place == 0 { 0 } else { ends.get(place - 1).copied().unwrap_or(0) };
    bytes_at(met, from..ends.get(place).copied().unwrap_or(from))
}
