//! What the daemon says of the rows of a request.

use std::fs::File;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Counts, and the rows that were refused, as far as they are told. Also what a problem tells of the rows before it.
#[derive(Deserialize, Debug, Default)]
pub(super) struct Receipt {
    /// The key of the request, which no other server knows.
    #[serde(default)]
    pub(super) batch: String,
    pub(super) rows: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// Rows that an allow list kept out.
    #[serde(default)]
    pub(super) allowed: u64,
    pub(super) committed_lines: u64,
    #[serde(flatten)]
    pub(super) changes: Option<Changes>,
    #[serde(default)]
    pub(super) rejects: Vec<Reject>,
    /// All of them, as the daemon tells them, where these are not all and more are wanted.
    #[serde(skip)]
    pub(super) all_rejects: Option<File>,
}

/// What a replacement has changed, or a plan would change.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) unchanged: u64,
    pub(super) removed: u64,
}

/// A row that was refused.
#[derive(Deserialize, Debug)]
pub(super) struct Reject {
    /// Of the body, from 1.
    pub(super) line: u64,
    /// Of the body.
    pub(super) byte: u64,
    pub(super) reason: String,
    #[serde(default)]
    pub(super) hint: String,
    pub(super) value: Option<Box<RawValue>>,
    /// The element, where all rejects of a batch are told.
    pub(super) row: Option<Box<RawValue>>,
}
