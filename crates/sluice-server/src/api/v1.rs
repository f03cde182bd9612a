//! The `/v1` interface: everything of ours that is not CyberTrace.
//!
//! In: an admitted request. Out: a response, or a problem as of RFC 9457. What requests there are stands in [`table`].

mod account_operations;
pub(crate) mod accounts;
pub(crate) mod batch_list;
pub(crate) mod batches;
pub(crate) mod changes;
mod explanation;
pub(crate) mod export;
mod export_operations;
mod filters;
pub(crate) mod indicators;
mod intake;
mod list_operations;
pub(crate) mod lists;
pub(crate) mod lookup;
mod lookup_operations;
pub(crate) mod lookup_parameters;
pub(crate) mod operations;
pub(crate) mod parameters;
mod pieces;
mod progress;
mod rejects;
pub(crate) mod table;
mod tag_creator;
mod times;

/// Whether a path belongs to this interface, whether or not there is such a request.
pub(crate) fn is_path(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}
