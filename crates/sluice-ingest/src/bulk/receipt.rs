//! What became of a bulk body, by supplier and by item.

use std::collections::BTreeMap;

use sluice_model::{Rejection, SupplierId};

use super::items::BulkItems;
use crate::import::report::ImportReport;

/// What became of the indicators of a supplier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BulkCounts {
    /// Indicators that were added.
    pub added: u64,
    /// Indicators that were deleted.
    pub deleted: u64,
    /// Indicators that were refused, by the place of their reason among [`Rejection::REASONS`].
    pub refused_by_reason: [u64; Rejection::REASONS.len()],
    /// Documents that could not be read, or have no indicator.
    pub unread: u64,
}

/// What became of a body.
#[derive(Debug)]
pub struct BulkReceipt {
    /// By supplier.
    pub counts: BTreeMap<SupplierId, BulkCounts>,
    /// Actions that were refused, also where that is hidden.
    pub refused_items: u64,
    /// What is told of each action.
    pub items: BulkItems,
    /// By supplier, if refusals are hidden: counts of its actions, and all that were refused, as far as there was room for them.
    pub kept: BTreeMap<SupplierId, ImportReport>,
}
