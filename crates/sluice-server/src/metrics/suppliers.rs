//! Indicators accepted and refused, by supplier.
//!
//! In: the supplier of a body, and what became of its elements. Out: counts, under the names that tenant and supplier have
//! when they are told. There may be a million suppliers, so only those that send first are counted by name, and all others
//! together as `other`; which they are is decided anew at each start. Finding the counts of a supplier takes no lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sluice_ingest::{BulkCounts, ImportReport, Receipt, Unsupported};
use sluice_model::{Rejection, SupplierId};
use sluice_store::catalogue::Catalogue;

use super::{
    declared::{ACCEPTED, REFUSED},
    exposition::{Exposition, Labels, Value},
};

#[cfg(test)]
mod tests;

/// Suppliers that are counted by name, all tenants together.
pub(super) const SUPPLIERS_TOLD_MAX: usize = 100;

/// Places for them: more, so that a search soon meets a free one.
const PLACES: usize = 256;

/// What stands in a place that is free; the others have the number of a supplier plus one.
const FREE: u64 = 0;

/// The reason of rows that could not be read as such; elements always can.
const UNREAD: &str = "not_a_row";

/// The label of tenant and supplier of all others.
const OTHER: &str = "other";

/// What a request does with indicators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IndicatorAction {
    /// Adds them.
    Add,
    /// Deletes them.
    Delete,
}

#[derive(Debug, Default)]
struct SupplierCounts {
    supplier: AtomicU64,
    added: AtomicU64,
    deleted: AtomicU64,
    refused: [AtomicU64; Rejection::REASONS.len()],
    unsupported: [AtomicU64; Unsupported::REASONS.len()],
    unread: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct SupplierMetrics {
    places: Box<[SupplierCounts]>,
    taken: AtomicUsize,
    others: SupplierCounts,
}

impl Default for SupplierMetrics {
    fn default() -> Self {
        let places = (0..PLACES).map(|_| SupplierCounts::default()).collect();
        Self { places, taken: AtomicUsize::new(0), others: SupplierCounts::default() }
    }
}

impl SupplierMetrics {
    /// Counts a body.
    pub(crate) fn note(&self, supplier: SupplierId, action: IndicatorAction, receipt: &Receipt) {
        let counts = self.counts(supplier);
        counts.accept(action, receipt.accepted_count);
        if receipt.rejected_count != 0 {
            counts.refuse(receipt.rejected_by_reason);
        }
    }

    /// Counts what is durable of an import.
    pub(crate) fn note_import(&self, supplier: SupplierId, action: IndicatorAction, report: &ImportReport) {
        let counts = self.counts(supplier);
        counts.accept(action, report.accepted_count);
        counts.refuse(report.refused_by_reason);
        for (count, more) in counts.unsupported.iter().zip(report.unsupported_by_reason) {
            count.fetch_add(more, Ordering::Relaxed);
        }
        counts.unread.fetch_add(report.unread_count, Ordering::Relaxed);
    }

    /// Counts what a bulk request did.
    pub(crate) fn note_bulk(&self, supplier: SupplierId, done: &BulkCounts) {
        let counts = self.counts(supplier);
        counts.accept(IndicatorAction::Add, done.added);
        counts.accept(IndicatorAction::Delete, done.deleted);
        counts.refuse(done.refused_by_reason);
        counts.unread.fetch_add(done.unread, Ordering::Relaxed);
    }

    /// The counts of a supplier: those that it has, or a free place as long as there may be more names.
    fn counts(&self, supplier: SupplierId) -> &SupplierCounts {
        let key = u64::from(supplier.0) + 1;
        // Numbers are given one after the other, so they lie apart as they are.
        let (before, from) = self.places.split_at(supplier.0 as usize % PLACES);
        for counts in from.iter().chain(before) {
            let mut found = counts.supplier.load(Ordering::Relaxed);
            if found == FREE {
                if SUPPLIERS_TOLD_MAX <= self.taken.fetch_add(1, Ordering::Relaxed) {
                    self.taken.fetch_sub(1, Ordering::Relaxed);
                    return &self.others;
                }
                let (free, relaxed) = (FREE, Ordering::Relaxed);
                match counts.supplier.compare_exchange(free, key, relaxed, relaxed) {
                    Ok(_free) => return counts,
                    // Somebody else was faster.
                    Err(now) => {
                        self.taken.fetch_sub(1, relaxed);
                        found = now;
                    }
                }
            }
            if found == key {
                return counts;
            }
        }
        &self.others
    }

    /// Tells the counts of all suppliers that still exist.
    pub(crate) fn tell(&self, catalogue: Option<&Catalogue>, to: &mut Exposition) {
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        let named = self.places.iter().filter_map(|counts| Some((counts.names(catalogue?)?, counts)));
        let others = ([OTHER.to_owned(), OTHER.to_owned()], &self.others);
        for ([tenant, supplier], counts) in named.chain([others]) {
            let labels = |name: &'static str, value: &'static str| -> Labels {
                let (tenant, supplier) = (tenant.clone().into(), supplier.clone().into());
                vec![("tenant", tenant), ("supplier", supplier), (name, value.into())]
            };
            for (action, count) in [("add", &counts.added), ("delete", &counts.deleted)] {
                accepted.push((labels("action", action), Value::Whole(count.load(Ordering::Relaxed))));
            }
            let reasons = Rejection::REASONS.into_iter().zip(&counts.refused);
            let unsupported = Unsupported::REASONS.into_iter().zip(&counts.unsupported);
            for (reason, count) in reasons.chain(unsupported).chain([(UNREAD, &counts.unread)]) {
                let count = count.load(Ordering::Relaxed);
                // Most suppliers have few reasons to be refused; the first is the most frequent one.
                if count != 0 || reason == Rejection::REASONS[0] {
                    refused.push((labels("reason", reason), Value::Whole(count)));
                }
            }
        }
        to.add(ACCEPTED, accepted);
        to.add(REFUSED, refused);
    }
}

impl SupplierCounts {
    fn accept(&self, action: IndicatorAction, accepted_count: u64) {
        let accepted = match action {
            IndicatorAction::Add => &self.added,
            IndicatorAction::Delete => &self.deleted,
        };
        accepted.fetch_add(accepted_count, Ordering::Relaxed);
    }

    fn refuse(&self, by_reason: [u64; Rejection::REASONS.len()]) {
        for (count, more) in self.refused.iter().zip(by_reason) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Names of tenant and supplier; `None` for a free place, or one whose supplier is removed.
    fn names(&self, catalogue: &Catalogue) -> Option<[String; 2]> {
        let number = self.supplier.load(Ordering::Relaxed).checked_sub(1)?;
        let supplier = catalogue.supplier_by_id(SupplierId(u32::try_from(number).ok()?))?;
        let tenant = catalogue.tenant_name(supplier.tenant)?;
        Some([tenant.to_owned(), supplier.name.as_str().to_owned()])
    }
}
