//! What has changed since a commit, for readers who keep a copy of what is selected.
//!
//! In: the commit and the time that a reader has seen, and what it wants. Out: each row that may be another one now, as the snapshot
//! shows it; or that it is not shown any more, and why. Applied in any order to a copy of the state of that commit, this makes the
//! state of [`ChangedRows::commit`] of it, where what expires counts as expired from [`ChangedRows::judged_seconds`] on. A row may be
//! told that has not changed, and more than once; none is left out ([`history`](crate::history)).
//!
//! Keys come ascending from batches of the history and slices of the memtable, from the posting lists of suppliers and tags that have changed, and
//! from those of suppliers whose holdings may have expired. Their rows are read many at a time, and judged. What a reader is told of, it may
//! know of: a key that only others have touched is told if it is selected, and else not mentioned.
//!
//! *What has expired* is looked for when that costs little for the time that has passed since it was looked for last
//! ([`EXPIRED_ROWS_PER_SECOND`]), [`EXPIRED_LATE_SECONDS_MAX`] at the latest. Memory: as of a selection, and a block of [`BATCHES_AT_ONCE`] batches.

use sluice_model::{SupplierId, TagId, kind_word, row::Row};

use super::{
    super::{
        rows::{KEYS_AT_ONCE, ReadRows, held},
        view::{Snapshot, View},
    },
    ROWS_SEEN_MAX, SelectedHolding, Selection, Wanted, Window,
};
use crate::{
    error::ReadError,
    history::Batch,
    merge::{MergeRows, Source},
    rows::push_row,
    run::Listing,
};

/// Bytes of keys after which there are enough of them.
const KEYS_BYTES: usize = 1 << 20;

/// Batches whose keys are merged; of more, a key may be told more than once.
const BATCHES_AT_ONCE: usize = 64;

/// Rows among which what has expired is looked for, for each second that has passed since it was looked for last.
const EXPIRED_ROWS_PER_SECOND: u64 = 20_000;

/// After so many seconds it is looked for, however many rows there are.
const EXPIRED_LATE_SECONDS_MAX: u32 = 600;

/// Seconds by which the clock of the day may have been set back since a reader was told what has expired. Ages go on meanwhile, so what has expired
/// in the last so many seconds is told again, and what is shown again may be lacking as long. Beyond that it begins anew.
const CLOCK_BACK_SECONDS_MAX: u32 = 60;

/// Seconds by which what has expired is looked for further back than to the last time: ages may be off because they are counted in whole ones, and by
/// what the clock was set back.
const LOOK_BACK_SECONDS: u64 = 4 + CLOCK_BACK_SECONDS_MAX as u64;

/// What a reader has seen, and what it wants.
#[derive(Clone, Debug, Default)]
pub struct ChangesAsked {
    /// The newest commit that it has seen.
    pub commit: u64,
    /// Up to which second it was told what has expired.
    pub judged_seconds: u32,
    /// Which rows it wants now; how many does not matter.
    pub selection: Selection,
    /// Suppliers of whose holdings it may have been told since that commit, ascending by number: those that it wants, those that it does not
    /// want any more, and those that are gone.
    pub told: Vec<SupplierId>,
    /// Commits after which the answer may end.
    pub commits_max: u64,
}

/// What has become of a row.
#[derive(Clone, Copy, Debug)]
pub enum Changed<'a> {
    /// It is shown; a holding of it.
    Shown(&'a SelectedHolding<'a>),
    /// The row of this key is not.
    Removed(&'a [u8], RemovalReason),
    /// Nothing, but it takes a while: the reader is asked whether it is still there.
    Pause,
}

/// Why a row is not shown any more. Of several reasons, the last one here counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RemovalReason {
    /// Whoever held it has given it up.
    Deleted,
    /// Its supplier is gone, or disabled.
    Supplier,
    /// It has expired.
    Expired,
    /// It is still there and not what is wanted.
    Filter,
}

/// What is to be told, before it is read.
pub struct ChangedRows<'a> {
    snapshot: &'a Snapshot,
    asked: &'a ChangesAsked,
    commit: u64,
    judged_seconds: u32,
    batches: &'a [Batch],
    suppliers: Vec<SupplierId>,
    tags: Vec<TagId>,
    /// Whose holdings may have expired.
    expiring: Vec<SupplierId>,
    /// Whether the slices of the memtable are looked at for that.
    expires_in_memtable: bool,
}

/// Why a key is met.
enum Met<'a> {
    /// A row of it was touched.
    Touched,
    /// It may have one of the suppliers or tags.
    Wide(&'a [SupplierId], &'a [TagId]),
    /// A holding of it may have expired.
    Expired,
}

/// A key that was met: where it ends, and why it may be gone, if the reader may know of it.
type MetKey = (usize, Option<RemovalReason>);

impl Snapshot {
    /// Finds out what is to be told; `None` when the history does not reach back that far.
    pub fn changes<'a>(&'a self, asked: &'a ChangesAsked) -> Option<ChangedRows<'a>> {
        let View { history, wide, sequence, .. } = &*self.view;
        let now_seconds = asked.selection.now_seconds;
        let is_known = history.horizon.max(wide.horizon) <= asked.commit && asked.commit <= *sequence;
        if !is_known || now_seconds.saturating_add(CLOCK_BACK_SECONDS_MAX) < asked.judged_seconds {
            return None;
        }
        let mut suppliers = wide.suppliers_since(asked.commit);
        let tags = wide.tags_since(asked.commit);
        let from = history.batches.partition_point(|batch| batch.number <= asked.commit);
        let (_, mut batches) = history.batches.split_at(from);
        if batches.iter().any(Batch::is_damaged) {
            return None;
        }
        let mut commit = *sequence;
        // After a wide change, all is told as of one moment: rows of another one would have other names or settings.
        if suppliers.is_empty() && tags.is_empty() {
            let enough = asked.commit.saturating_add(asked.commits_max);
            let oldest_in_memtable =
                self.view.memtable.slices().iter().map(|slice| slice.oldest_commit()).min();
            // What is not in a run yet may be older than what a merge has told.
            if let Some(last) = batches.get(batches.partition_point(|batch| batch.number < enough))
                && oldest_in_memtable.is_none_or(|oldest| last.number < oldest)
            {
                commit = last.number;
                batches = batches.split_at(batches.partition_point(|batch| batch.number <= commit)).0;
            }
        }
        suppliers.retain(|supplier| asked.told.binary_search(supplier).is_ok());
        let mut changed = ChangedRows {
            snapshot: self,
            asked,
            commit,
            judged_seconds: asked.judged_seconds,
            batches,
            suppliers,
            tags,
            expiring: Vec::new(),
            expires_in_memtable: false,
        };
        changed.look_for_expired();
        Some(changed)
    }
}

impl ChangedRows<'_> {
    /// The commit whose state the reader has once it has been told all.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// Up to which second it has then been told what has expired.
    pub fn judged_seconds(&self) -> u32 {
        self.judged_seconds
    }

    /// Decides whether to look for what has expired, and whose.
    fn look_for_expired(&mut self) {
        let ChangesAsked { selection, judged_seconds, .. } = self.asked;
        let passed_seconds = selection.now_seconds.saturating_sub(*judged_seconds);
        if self.commit != self.snapshot.sequence() || passed_seconds == 0 {
            return;
        }
        let mut rows = 0;
        for (supplier, retention_seconds) in &selection.suppliers {
            let mut of_supplier = 0;
            for summary in self.snapshot.parts().filter_map(|part| part.index.suppliers.get(supplier)) {
                let youngest_seconds =
                    self.snapshot.age_seconds(*supplier, summary.newest_updated, selection.now_seconds);
                // If the youngest had expired before, all had.
                if youngest_seconds < retention_seconds + u64::from(passed_seconds) + LOOK_BACK_SECONDS {
                    of_supplier += u64::from(summary.rows);
                }
            }
            if 0 < of_supplier {
                self.expiring.push(*supplier);
                rows += of_supplier;
            }
        }
        if passed_seconds < EXPIRED_LATE_SECONDS_MAX
            && u64::from(passed_seconds) * EXPIRED_ROWS_PER_SECOND < rows
        {
            self.expiring.clear();
            return;
        }
        self.judged_seconds = selection.now_seconds;
        self.expires_in_memtable = true;
    }

    /// Tells all, until the reader has enough. Blocking.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when something cannot be read; what was told until then was right, and the reader is where it was.
    pub fn read(&self, mut visit: impl FnMut(Changed<'_>) -> Wanted) -> Result<(), ReadError> {
        let (view, trees) = (&self.snapshot.view, &self.snapshot.trees);
        let slices = || view.memtable.slices().iter().rev();
        let mut touched: Vec<Source<'_>> = Vec::new();
        if self.commit == view.sequence {
            touched.extend(slices().map(|slice| Source::framed(slice.rows_since(self.asked.commit))));
        }
        for some in self.batches.rchunks(BATCHES_AT_ONCE) {
            touched.extend(some.iter().rev().map(Batch::source));
            let keys = MergeRows::new(std::mem::take(&mut touched));
            if self.tell(keys, &Met::Touched, &mut visit)? == Wanted::Enough {
                return Ok(());
            }
        }
        if !touched.is_empty()
            && self.tell(MergeRows::new(touched), &Met::Touched, &mut visit)? == Wanted::Enough
        {
            return Ok(());
        }
        let of_suppliers = Listing::Suppliers(self.suppliers.clone());
        let (of_tags, expiring) =
            (Listing::Tags(self.tags.clone()), Listing::Suppliers(self.expiring.clone()));
        let listings = [
            (&of_suppliers, Met::Wide(&self.suppliers, &[]), !self.suppliers.is_empty()),
            (&of_tags, Met::Wide(&[], &self.tags), !self.tags.is_empty()),
            (&expiring, Met::Expired, self.expires_in_memtable),
        ];
        for (listing, met, _) in listings.iter().filter(|(_, _, is_wanted)| *is_wanted) {
            let mut sources: Vec<Source<'_>> =
                slices().map(|slice| Source::rows(slice.rows_bytes())).collect();
            sources.extend(view.runs.iter().map(|run| run.listed_source(trees, listing, b"")));
            if self.tell(MergeRows::new(sources), met, &mut visit)? == Wanted::Enough {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Tells what has become of the keys that are met.
    fn tell(
        &self,
        mut keys: MergeRows<'_>,
        met: &Met<'_>,
        visit: &mut impl FnMut(Changed<'_>) -> Wanted,
    ) -> Result<Wanted, ReadError> {
        let (mut bytes, mut ends): (Vec<u8>, Vec<MetKey>) = (Vec::new(), Vec::new());
        let mut is_last = false;
        while !is_last {
            bytes.clear();
            ends.clear();
            let mut seen_count = 0;
            while ends.len() < KEYS_AT_ONCE && bytes.len() < KEYS_BYTES && seen_count < ROWS_SEEN_MAX {
                let Some((key, row)) = keys.next_row() else {
                    is_last = true;
                    break;
                };
                seen_count += 1;
                let (is_met, reason) = self.meets(met, key, row);
                if is_met {
                    bytes.extend_from_slice(key);
                    ends.push((bytes.len(), reason));
                }
            }
            let mut from = 0;
            let mut met_keys: Vec<(&[u8], Option<RemovalReason>)> = Vec::with_capacity(ends.len());
            for (end, reason) in &ends {
                met_keys.push((bytes.get(from..*end).unwrap_or(&[]), *reason));
                from = *end;
            }
            if self.tell_some(&met_keys, visit)? == Wanted::Enough || visit(Changed::Pause) == Wanted::Enough
            {
                return Ok(Wanted::Enough);
            }
        }
        keys.finish().map(|()| Wanted::More)
    }

    /// Whether a key is met by what a stretch of history or a source says of it; and why it may be gone if that is all that is known.
    fn meets(&self, met: &Met<'_>, key: &[u8], row: &[u8]) -> (bool, Option<RemovalReason>) {
        let ChangesAsked { selection, told, .. } = self.asked;
        if !selection.kinds.is_empty() && kind_word(key).is_none_or(|kind| !selection.kinds.contains(&kind)) {
            return (false, None);
        }
        let Some(row) = Row::decode(row) else { return (false, None) };
        let (mut reason, mut is_met) = (None, false);
        match met {
            Met::Touched => is_met = row.sets_tags(),
            Met::Wide(_, tags) => is_met = row.tags().any(|tag| tags.binary_search(&tag).is_ok()),
            Met::Expired => {}
        }
        for holding in row.holdings().filter(|holding| told.binary_search(&holding.supplier).is_ok()) {
            let is_concerned = match met {
                Met::Touched => true,
                Met::Wide(suppliers, _) => suppliers.binary_search(&holding.supplier).is_ok(),
                Met::Expired => {
                    !holding.is_released() && self.expires_lately(holding.supplier, holding.updated)
                }
            };
            if !is_concerned {
                continue;
            }
            is_met = true;
            let is_there = self.snapshot.catalogue().supplier_by_id(holding.supplier).is_some();
            let why = match (is_there, holding.is_released()) {
                (false, _) => RemovalReason::Supplier,
                (true, false) => RemovalReason::Expired,
                (true, true) => RemovalReason::Deleted,
            };
            reason = reason.max(Some(why));
        }
        (is_met, reason)
    }

    /// Whether a holding has expired since the reader was told what has.
    fn expires_lately(&self, supplier: SupplierId, updated: u32) -> bool {
        let ChangesAsked { selection, judged_seconds, .. } = self.asked;
        let Some((_, retention_seconds)) = selection.suppliers.iter().find(|(wanted, _)| *wanted == supplier)
        else {
            return false;
        };
        let age_seconds = self.snapshot.age_seconds(supplier, updated, selection.now_seconds);
        let passed_seconds = u64::from(selection.now_seconds.saturating_sub(*judged_seconds));
        let expired_for = age_seconds.checked_sub(*retention_seconds);
        expired_for.is_some_and(|seconds| seconds <= passed_seconds + LOOK_BACK_SECONDS)
    }

    /// Reads the rows of keys and tells what they are now.
    fn tell_some(
        &self,
        mut met: &[(&[u8], Option<RemovalReason>)],
        visit: &mut impl FnMut(Changed<'_>) -> Wanted,
    ) -> Result<Wanted, ReadError> {
        while !met.is_empty() {
            let keys: Vec<&[u8]> = met.iter().map(|(key, _)| *key).collect();
            let (rows, count) = self.snapshot.read_first_rows(&keys)?;
            let (some, others) = met.split_at(count);
            if self.tell_read(some, rows, visit)? == Wanted::Enough {
                return Ok(Wanted::Enough);
            }
            met = others;
        }
        Ok(Wanted::More)
    }

    /// Tells what the rows of keys are now.
    fn tell_read(
        &self,
        met: &[(&[u8], Option<RemovalReason>)],
        rows: ReadRows,
        visit: &mut impl FnMut(Changed<'_>) -> Wanted,
    ) -> Result<Wanted, ReadError> {
        let (mut window, mut removed) = (Window::default(), Vec::new());
        for (place, (key, reason)) in met.iter().enumerate() {
            let row = rows.at(place).map_or(&[][..], |row| row.bytes());
            let selection = &self.asked.selection;
            if selection.takes(key, row) && window.take(self.snapshot, selection, row)? {
                push_row(&mut window.framed, key, row);
            } else if let Some(reason) = self.removal(row, *reason) {
                removed.push((*key, reason));
            }
        }
        drop(rows);
        let mut show = |holding: Option<&SelectedHolding<'_>>| match holding {
            Some(holding) => visit(Changed::Shown(holding)),
            None => Wanted::More,
        };
        if self.snapshot.show(&window.framed, &window.shown, &mut show)? == Wanted::Enough {
            return Ok(Wanted::Enough);
        }
        for (key, reason) in removed {
            if visit(Changed::Removed(key, reason)) == Wanted::Enough {
                return Ok(Wanted::Enough);
            }
        }
        Ok(Wanted::More)
    }

    /// Why a row that is not selected is gone; `None` if the reader does not know of it: nobody whose holdings it may have been told of has touched it, and none
    /// of them holds it.
    fn removal(&self, row: &[u8], known: Option<RemovalReason>) -> Option<RemovalReason> {
        let mut reason = None;
        for holding in held(row).filter(|holding| self.asked.told.binary_search(&holding.supplier).is_ok()) {
            let supplier = self.snapshot.catalogue().supplier_by_id(holding.supplier);
            let now_seconds = self.asked.selection.now_seconds;
            let age_seconds = self.snapshot.age_seconds(holding.supplier, holding.updated, now_seconds);
            let why = match supplier.map(|supplier| &supplier.settings) {
                Some(settings) if !settings.enabled => RemovalReason::Supplier,
                Some(settings) if settings.retention.seconds() <= age_seconds => RemovalReason::Expired,
                Some(_) => RemovalReason::Filter,
                None => RemovalReason::Supplier,
            };
            reason = reason.max(Some(why));
        }
        // What holds it still says more than what has touched it.
        reason.or(known)
    }
}
