//! Rows by what they are, ascending by key: for exports.
//!
//! In: a selection and the key behind which to begin. Out: each holding that is wanted, with the texts of its context and all
//! that its row says, one after the other until the reader has enough. Everything is of one snapshot, so it lies still however long
//! the reader takes; what that keeps from being removed is the reader's to bound.
//!
//! Rows are read a window at a time: first [`WINDOW_BYTES`] of those that are wanted, then the contexts of the window in the order in which
//! they lie in their tables, then they are shown. Rows come from a merge of all slices and runs; where posting lists tell that only
//! few rows can be wanted, from those blocks alone that have one (`listed`). Memory: a block of each run, the window, [`CONTEXTS_BYTES_MAX`],
//! and a posting list; nothing of it follows the number of rows.

mod changed;
mod listed;

use sluice_model::{SupplierId, TagId, key_bytes_of_kind, kind_word, limits, row::RowHolding};

pub use self::changed::{Changed, ChangedRows, ChangesAsked, RemovalReason};
pub(super) use self::listed::ListedRows;
use super::{
    rows::{held, tags_of},
    view::Snapshot,
    workers::{PassingThread, counted},
};
use crate::{
    contexts::{ContextRef, ContextSource},
    error::ReadError,
    merge::{MergeRows, Source},
    rows::{push_row, row_from},
    run::Listing,
};

/// Bytes of rows of a window.
const WINDOW_BYTES: usize = limits::MIB;

/// Holdings of a window: each has a context to be sorted.
const WINDOW_HOLDINGS: usize = 16 * 1_024;

/// Bytes of contexts that are read at a time: the longest one fits.
const CONTEXTS_BYTES_MAX: usize = limits::ELEMENT_BYTES_MAX + 2 * limits::MIB;

/// Rows that are looked at for a window, so that the reader is asked in time whether it is still there.
const ROWS_SEEN_MAX: usize = 128 * 1_024;

/// How many rows are merged in the time in which one is found by a posting list and read.
const ROWS_MERGED_FOR_LISTED: u64 = 8;

/// Which rows are wanted: those that a supplier holds, with one of the tags and of one of the kinds.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Whose holdings are wanted, ascending by number, each with the seconds after which they expire.
    pub suppliers: Vec<(SupplierId, u64)>,
    /// Tags of which a row has one; without any, tags do not matter.
    pub tags: Vec<TagId>,
    /// Words for kinds ([`kind_word`]) of which a row is one; without any, kinds do not matter.
    pub kinds: Vec<&'static str>,
    /// Holdings that were not updated after this second are left out.
    pub updated_after: Option<u64>,
    /// Whether contexts are not wanted, which then are not read: all are empty.
    pub without_contexts: bool,
    /// Rows that are wanted at most.
    pub rows_max: u64,
    /// The present by the clock of the day.
    pub now_seconds: u32,
}

/// A holding that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct SelectedHolding<'a> {
    /// The key of the indicator.
    pub key: &'a [u8],
    /// Who holds it.
    pub supplier: SupplierId,
    /// The second, since 1970-01-01 UTC, of its last update.
    pub updated_seconds: u64,
    /// The second in which it expires.
    pub expires_seconds: u64,
    /// Text of the context; empty if there is none.
    pub context: &'a [u8],
    /// How it was sent, if the key does not tell.
    pub spelling: &'a [u8],
    /// Whether it is the first of its row that is shown.
    pub is_first: bool,
    /// Whether it is the last one.
    pub is_last: bool,
    row: &'a [u8],
}

impl SelectedHolding<'_> {
    /// The tags of the indicator as last sent; the catalogue may not know them all any more.
    pub fn tags(&self) -> impl Iterator<Item = TagId> {
        tags_of(self.row)
    }
}

/// Whether a reader wants more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// It does.
    More,
    /// It does not.
    Enough,
}

impl Snapshot {
    /// Shows the holdings of a selection whose keys are behind `after`, until `visit` wants no more. Now and then it is asked without a
    /// holding, while none is met. Blocking.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read; what was shown until then was right.
    pub fn select(
        &self,
        selection: &Selection,
        after: &[u8],
        mut visit: impl FnMut(Option<&SelectedHolding<'_>>) -> Wanted,
    ) -> Result<(), ReadError> {
        debug_assert!(selection.suppliers.is_sorted(), "they are searched");
        let (first, end) = selection.key_bounds();
        let after = after.max(first.as_slice());
        let listing = self.listing(selection);
        let mut rows = match &listing {
            Some(listing) => Candidates::Listed(Box::new(ListedRows::new(self, listing, after))),
            None => Candidates::All(MergeRows::new(self.sources_after(after))),
        };
        let (mut window, mut left) = (Window::default(), selection.rows_max);
        while 0 < left && !window.is_last {
            window.fill(self, &mut rows, (selection, end), &mut left)?;
            let wanted = match window.shown.as_slice() {
                [] => visit(None),
                shown => self.show(&window.framed, shown, &mut visit)?,
            };
            if wanted == Wanted::Enough {
                return Ok(());
            }
        }
        if window.is_last { rows.finish() } else { Ok(()) }
    }

    /// By which posting lists rows are found, if that is less work than merging them all.
    fn listing(&self, selection: &Selection) -> Option<Listing> {
        let suppliers = selection.suppliers.iter().map(|(supplier, _)| *supplier).collect();
        let (suppliers, tags) = (Listing::Suppliers(suppliers), Listing::Tags(selection.tags.clone()));
        let (mut of_suppliers, mut of_tags, mut all) = (0, 0, 0);
        for part in self.parts() {
            of_suppliers += suppliers.rows_of(part);
            of_tags += tags.rows_of(part);
            all += u64::from(part.meta.rows);
        }
        let by_tags = !selection.tags.is_empty() && of_tags < of_suppliers;
        let (rows, listing) = if by_tags { (of_tags, tags) } else { (of_suppliers, suppliers) };
        (rows.saturating_mul(ROWS_MERGED_FOR_LISTED) < all).then_some(listing)
    }

    /// Slices and runs behind a key, newest first.
    fn sources_after<'a>(&'a self, after: &'a [u8]) -> Vec<Source<'a>> {
        let mut sources = self.slices_after(after);
        for run in &self.view.runs {
            sources.push(run.source(&self.trees, Some(after)));
        }
        sources
    }

    /// Slices behind a key, newest first.
    fn slices_after<'a>(&'a self, after: &'a [u8]) -> Vec<Source<'a>> {
        let slices = self.view.memtable.slices().iter().rev();
        slices.map(|slice| Source::rows(slice.rows_bytes_after(after))).collect()
    }

    /// Shows holdings of a window; as many at a time as their contexts fit into memory.
    fn show(
        &self,
        framed: &[u8],
        shown: &[Shown],
        visit: &mut impl FnMut(Option<&SelectedHolding<'_>>) -> Wanted,
    ) -> Result<Wanted, ReadError> {
        let named: Vec<ContextRef> = shown.iter().filter_map(|shown| shown.context).collect();
        let Some(texts) = self.read_contexts(&named, CONTEXTS_BYTES_MAX, &PassingThread)? else {
            let (one, other) = shown.split_at(shown.len() / 2);
            if one.is_empty() {
                return Err(ReadError::TooLong);
            }
            return match self.show(framed, one, visit)? {
                Wanted::More => self.show(framed, other, visit),
                Wanted::Enough => Ok(Wanted::Enough),
            };
        };
        let mut place = 0;
        for of_row in shown.chunk_by(|one, other| one.row == other.row) {
            let Some(first) = of_row.first() else { continue };
            let (key, row) = row_from(framed, first.row);
            let mut holdings = held(row);
            for shown in of_row {
                let Some(holding) = holdings.find(|holding| holding.supplier == shown.supplier) else {
                    return Err(ContextSource::missing());
                };
                let mut context: &[u8] = &[];
                if shown.context.is_some() {
                    context = texts.get(place);
                    place += 1;
                }
                let holding = SelectedHolding {
                    key,
                    supplier: shown.supplier,
                    updated_seconds: shown.updated_seconds,
                    expires_seconds: shown.expires_seconds,
                    context,
                    spelling: holding.spelling,
                    is_first: shown.is_first,
                    is_last: shown.is_last,
                    row,
                };
                if visit(Some(&holding)) == Wanted::Enough {
                    return Ok(Wanted::Enough);
                }
            }
        }
        Ok(Wanted::More)
    }

    /// When a holding was updated and when it expires, if it is wanted.
    fn times_if_wanted(&self, selection: &Selection, holding: &RowHolding<'_>) -> Option<(u64, u64)> {
        let suppliers = &selection.suppliers;
        let place = suppliers.binary_search_by_key(&holding.supplier, |(supplier, _)| *supplier).ok()?;
        let (_, retention_seconds) = suppliers.get(place)?;
        let age_seconds = self.age_seconds(holding.supplier, holding.updated, selection.now_seconds);
        let updated_seconds = u64::from(selection.now_seconds).saturating_sub(age_seconds);
        let is_late = match selection.updated_after {
            Some(after) => after < updated_seconds,
            None => true,
        };
        let is_wanted = is_late && age_seconds < *retention_seconds;
        is_wanted.then_some((updated_seconds, updated_seconds + retention_seconds))
    }
}

impl Selection {
    /// The key behind which those of the kinds begin, and the first byte of keys that lie behind all of them.
    fn key_bounds(&self) -> (Vec<u8>, Option<u8>) {
        let (mut first, mut end) = (None, None);
        for range in self.kinds.iter().filter_map(|kind| key_bytes_of_kind(kind)) {
            first = Some(first.map_or(*range.start(), |first: u8| first.min(*range.start())));
            end = end.max(Some(*range.end() + 1));
        }
        (first.into_iter().collect(), end)
    }

    /// Whether a row can be wanted, whoever holds it.
    fn takes(&self, key: &[u8], row: &[u8]) -> bool {
        if !self.kinds.is_empty() && kind_word(key).is_none_or(|kind| !self.kinds.contains(&kind)) {
            return false;
        }
        self.tags.is_empty() || tags_of(row).any(|tag| self.tags.contains(&tag))
    }
}

/// Where rows come from.
enum Candidates<'a> {
    All(MergeRows<'a>),
    Listed(Box<ListedRows<'a>>),
}

impl Candidates<'_> {
    /// The next key and its row; `None` at the end or after a read error.
    fn next_row(&mut self) -> Option<(&[u8], &[u8])> {
        match self {
            Self::All(rows) => rows.next_row(),
            Self::Listed(rows) => rows.next_row(),
        }
    }

    /// Says if they ended because something could not be read.
    fn finish(self) -> Result<(), ReadError> {
        match self {
            Self::All(rows) => rows.finish(),
            Self::Listed(rows) => rows.finish(),
        }
    }
}

/// A holding that is to be shown.
struct Shown {
    /// Where its row begins in the window.
    row: u32,
    supplier: SupplierId,
    updated_seconds: u64,
    expires_seconds: u64,
    context: Option<ContextRef>,
    is_first: bool,
    is_last: bool,
}

/// Some rows, with references in the places of contexts.
#[derive(Default)]
struct Window {
    framed: Vec<u8>,
    shown: Vec<Shown>,
    /// Whether no row is behind it, or none that can be read.
    is_last: bool,
}

impl Window {
    /// Takes the next rows in the place of those that it has, `left` at most. There may be none although more come.
    fn fill(
        &mut self,
        snapshot: &Snapshot,
        rows: &mut Candidates<'_>,
        (selection, end): (&Selection, Option<u8>),
        left: &mut u64,
    ) -> Result<(), ReadError> {
        self.framed.clear();
        self.shown.clear();
        let mut seen_count = 0;
        while self.framed.len() < WINDOW_BYTES
            && self.shown.len() < WINDOW_HOLDINGS
            && seen_count < ROWS_SEEN_MAX
            && 0 < *left
        {
            let Some((key, row)) = rows.next_row() else {
                self.is_last = true;
                break;
            };
            if end.is_some() && end <= key.first().copied() {
                self.is_last = true;
                break;
            }
            seen_count += 1;
            if selection.takes(key, row) && self.take(snapshot, selection, row)? {
                push_row(&mut self.framed, key, row);
                *left -= 1;
            }
        }
        Ok(())
    }

    /// Takes the holdings of a row that are wanted, and returns true if there are any. The row is to be pushed then.
    fn take(&mut self, snapshot: &Snapshot, selection: &Selection, row: &[u8]) -> Result<bool, ReadError> {
        let from = counted(self.framed.len())?;
        let first = self.shown.len();
        for holding in held(row) {
            let Some((updated_seconds, expires_seconds)) = snapshot.times_if_wanted(selection, &holding)
            else {
                continue;
            };
            let context = match holding.context {
                _ if selection.without_contexts => None,
                [] => None,
                named => Some(ContextRef::read(named).ok_or_else(ContextSource::missing)?),
            };
            let (supplier, is_first) = (holding.supplier, self.shown.len() == first);
            self.shown.push(Shown {
                row: from,
                supplier,
                updated_seconds,
                expires_seconds,
                context,
                is_first,
                is_last: false,
            });
        }
        let has_any = first < self.shown.len();
        if let Some(last) = self.shown.last_mut()
            && has_any
        {
            last.is_last = true;
        }
        Ok(has_any)
    }
}

#[cfg(test)]
mod tests;
