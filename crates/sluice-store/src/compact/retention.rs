//! What of a row a flush or merge keeps.
//!
//! In: rows with nothing older below them, a view, the ages of stamps. Out: the same rows without what no one will
//! ever ask for again: released and expired holdings, those of removed suppliers, removed tags. Rows above older ones
//! are kept whole, because what is released in them hides what lies below.
//!
//! A row is judged by what the rows above it may still need. A newer one may renew a holding without sending its
//! context, or give the indicator a holder without sending its tags: so where there may be one, what has expired
//! stays, and so do the tags. A body that is still under way is not a row yet: what expires before its renewal is
//! committed has expired, as readers saw it.
//!
//! What has expired is judged by the time that the store has been running since (`stamps.rs`), not by the clock of the
//! day: that may be wrong, and what is dropped does not come back. So rows go a little later than readers lose sight of
//! them, by the time that the store was down during their retention. A replacement renews what its supplier holds
//! without touching it (`renewals.rs`); while one is under way, nothing of the supplier is dropped.

use std::{cell::Cell, collections::BTreeSet};

use sluice_model::{
    SupplierId, TagId,
    row::{self, Row},
};

use crate::{
    catalogue::Catalogue, filter, manifest::MergeEntry, memtable::Memtable, read::View, renewals::Renewals,
    run::Run, shared::Shared, stamps::Ages,
};

/// What expiry is judged by.
#[derive(Debug)]
pub(super) struct Moment {
    ages: Ages,
    /// Suppliers that are being replaced.
    replaced: BTreeSet<SupplierId>,
}

impl Moment {
    /// The present. The view to be judged is taken after it, never before.
    ///
    /// A replacement holds its supplier, then judges what has expired, then renews the rest, then lets go. If it held the
    /// supplier before this moment and has not let go, nothing of the supplier is dropped. If it let go before, the view
    /// has the renewal. If it comes later, what has expired now has expired for it too, so it counts on none of that.
    pub(super) fn now(shared: &Shared) -> Self {
        let ages = shared.stamps.ages();
        Self { ages, replaced: shared.replaced.lock().clone() }
    }
}

/// What a step leaves of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// All that a reader could see.
    All,
    /// Less than that.
    Less,
}

/// How much of a row readers can see: tags and holdings.
fn seen(row: &[u8]) -> (usize, usize) {
    let Some(row) = Row::decode(row) else { return (0, 0) };
    (row.tags().count(), row.holdings().filter(|holding| !holding.is_released()).count())
}

/// What of a row that has nothing older below it is worth keeping.
pub(super) struct Retention<'a> {
    catalogue: &'a Catalogue,
    /// Without older rows below, released and expired holdings can go.
    is_bottom: bool,
    renewals: &'a Renewals,
    moment: Moment,
    /// Where newer rows of the same keys may lie.
    newer_slices: Option<&'a Memtable>,
    newer_runs: Vec<&'a Run>,
}

impl<'a> Retention<'a> {
    /// Judges the newest rows of a view, which is of that moment or later.
    pub(super) fn of_newest(view: &'a View, moment: Moment, is_bottom: bool) -> Self {
        let (catalogue, renewals) = (&*view.catalogue, &*view.renewals);
        Self { catalogue, is_bottom, renewals, moment, newer_slices: None, newer_runs: Vec::new() }
    }

    /// Judges the inputs of a merge as of a view, which is of that moment or later.
    pub(super) fn of_merge(view: &'a View, merge: &MergeEntry, moment: Moment, is_bottom: bool) -> Self {
        // What the merge has written so far lies below the keys to come.
        let is_other = |run: &&Run| run.id != merge.output && !merge.inputs.contains(&run.id);
        Self {
            newer_slices: Some(&view.memtable),
            newer_runs: view.runs.iter().filter(is_other).collect(),
            ..Self::of_newest(view, moment, is_bottom)
        }
    }

    /// What is left of a row without what is dead, perhaps in `kept`, and whether that is all that a reader could see, even if a newer row
    /// comes to lie above it before the step is visible; `None` when nothing is left.
    pub(super) fn drop_dead<'r>(
        &self,
        key: &[u8],
        row: &'r [u8],
        kept: &'r mut Vec<u8>,
    ) -> (Option<&'r [u8]>, Left) {
        if !self.is_bottom {
            return (Some(row), Left::All);
        }
        let has_expired = Cell::new(false);
        let keeps = |supplier, updated| {
            let keeps = self.keeps(supplier, updated);
            has_expired.set(has_expired.get() || !keeps && self.is_known(supplier));
            keeps
        };
        let knows = |tag: TagId| self.catalogue.tag_by_id(tag).is_some();
        kept.clear();
        let mut is_left = row::drop_dead(row, keeps, knows, kept);
        if (has_expired.get() || !is_left) && self.has_newer(key) {
            kept.clear();
            is_left = row::drop_dead(row, |supplier, _| self.is_known(supplier), knows, kept)
                || row::keep_tags(row, knows, kept);
        }
        let left = if is_left { kept.as_slice() } else { &[] };
        let is_all = left == row || seen(left) == seen(row);
        (is_left.then_some(left), if is_all { Left::All } else { Left::Less })
    }

    /// Returns true if there may be a newer row of a key. Asks filters only.
    fn has_newer(&self, key: &[u8]) -> bool {
        let hash = filter::hash(key);
        self.newer_slices.is_some_and(|memtable| memtable.may_contain(hash))
            || self.newer_runs.iter().any(|run| run.may_contain(key, hash))
    }

    /// Returns true if a holding with this last update still counts.
    pub(super) fn keeps(&self, supplier: SupplierId, updated: u32) -> bool {
        let Some(known) = self.catalogue.supplier_by_id(supplier) else { return false };
        let Moment { ages, replaced } = &self.moment;
        self.renewals.running_seconds(ages, supplier, updated)
            < known.settings.retention.get().saturating_mul(60)
            || replaced.contains(&supplier)
    }

    fn is_known(&self, supplier: SupplierId) -> bool {
        self.catalogue.supplier_by_id(supplier).is_some()
    }
}
