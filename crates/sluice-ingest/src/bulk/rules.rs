//! What a bulk request does, as its caller decides it.

use std::{sync::Arc, time::Duration};

use sluice_model::SupplierId;

/// What an index is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BulkTarget {
    /// A supplier that may be changed.
    Supplier {
        /// Whose indicators they are.
        id: SupplierId,
        /// Whether defanged forms are refanged before they are judged.
        refang: bool,
        /// Whether it is the list of false positives, which takes no contexts.
        is_false_positive: bool,
    },
    /// No supplier.
    Unknown,
    /// One of several suppliers whose names differ in nothing but case.
    Ambiguous,
    /// A supplier that the user may not change.
    Forbidden,
}

/// Decides what an index is.
pub type FindTarget = Arc<dyn Fn(&str) -> BulkTarget + Send + Sync>;

/// What a bulk request does.
#[derive(Clone)]
pub struct BulkRules {
    /// What an index is.
    pub target: FindTarget,
    /// The index of actions that name none.
    pub index: Option<String>,
    /// Whether a document that is refused is told as accepted, for clients that send all of a request again otherwise. It is
    /// in the receipt then.
    pub hides_refusals: bool,
    /// How long to wait for a store that takes no write at present.
    pub busy_wait_max: Duration,
    /// Told how many indicators were deleted, once that is durable. It must not block.
    pub told: Arc<dyn Fn(u64) + Send + Sync>,
}
