//! What is known of one batch.
//!
//! In: what becomes of an import. Out: the form in which it is kept and told. Plain data.

use serde::{Deserialize, Serialize};
use sluice_store::Changes;
use utoipa::ToSchema;

use super::id::BatchId;

/// How far a batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BatchState {
    /// Its body is being read.
    Running,
    /// All of its body is judged, and what was accepted is durable.
    Done,
    /// Its body was given up; what was committed stays.
    Failed,
    /// Somebody has cancelled it; what was committed stays.
    Cancelled,
}

/// The action of what a bulk request had refused.
pub(crate) const BULK_ACTION: &str = "bulk";

/// How long a key of a client stands for the batch that it was first sent with.
const KEY_TIME_MS: u64 = 24 * 3_600 * 1_000;

impl BatchState {
    /// Those in which a batch ends, with the word for each.
    pub(crate) const ENDED: [(Self, &'static str); 3] =
        [(Self::Done, "done"), (Self::Failed, "failed"), (Self::Cancelled, "cancelled")];
}

/// What was asked, of whom and by whom: the same for as long as the batch is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Name of the tenant.
    pub(crate) tenant: Box<str>,
    /// Name of the supplier at that time.
    pub(crate) supplier: Box<str>,
    /// `add` or `delete`, or [`BULK_ACTION`].
    pub(crate) action: Box<str>,
    /// Names and values of the parameters that were given, as an object of JSON.
    pub(crate) parameters: Box<str>,
    /// Who asked.
    pub(crate) user: Box<str>,
}

impl Asked {
    /// Whether the same is asked, by whomever.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self { tenant, supplier, action, parameters, user: _ } = self;
        *tenant == other.tenant
            && *supplier == other.supplier
            && *action == other.action
            && *parameters == other.parameters
    }
}

/// Counts of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RowCounts {
    pub(crate) rows: u64,
    pub(crate) accepted: u64,
    /// Those of the accepted ones that were taken without all of their tags.
    #[serde(default)]
    pub(crate) short_of_tags: u64,
    pub(crate) refused: u64,
    /// Those that the allow list kept out; in neither count.
    #[serde(default)]
    pub(crate) allowed: u64,
    /// Those of the refused ones that could not be read.
    pub(crate) unread: u64,
    /// Those of the refused ones that are attributes of MISP which are not for detection.
    #[serde(default)]
    pub(crate) not_to_ids: u64,
    /// Lines up to which everything is durable.
    pub(crate) committed_lines: u64,
    /// Number of a commit as of which all of it can be read, once it has ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<u64>,
    /// Of a replacement or a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<ChangeCounts>,
}

/// Counts of indicators by what a replacement has changed of them, or a plan would.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct ChangeCounts {
    #[schema(required = false)]
    pub(crate) added: u64,
    #[schema(required = false)]
    pub(crate) changed: u64,
    #[schema(required = false)]
    pub(crate) unchanged: u64,
    #[schema(required = false)]
    pub(crate) removed: u64,
}

impl ChangeCounts {
    /// The same as the store tells it.
    pub(crate) fn of(changes: Changes) -> Self {
        let Changes { added, changed, unchanged, removed } = changes;
        Self { added, changed, unchanged, removed }
    }
}

/// Why a batch failed, as its client was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Name of the type of the problem.
    pub(crate) problem: Box<str>,
    /// In plain English.
    pub(crate) detail: Box<str>,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) id: BatchId,
    /// Whether its client has chosen the id, by which it comes back to it.
    #[serde(default)]
    pub(crate) is_keyed: bool,
    pub(crate) asked: Asked,
    pub(crate) state: BatchState,
    /// Times in milliseconds since 1970; `updated_ms` is that of the end once there is one.
    pub(crate) began_ms: u64,
    pub(crate) updated_ms: u64,
    pub(crate) counts: RowCounts,
    pub(crate) failure: Option<Failure>,
    /// Why not all of the refused rows are kept, if they are not.
    pub(crate) rejects_missing: Option<Box<str>>,
}

impl Summary {
    /// Whether its id, sent again, still stands for it.
    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.updated_ms.saturating_add(KEY_TIME_MS)
    }
}
