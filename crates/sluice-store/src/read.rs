//! What readers see, and how they read it: keys to rows, references in rows to the texts of contexts.
//!
//! In: keys, then context references, in any order ([`Snapshot::read_rows`], [`Snapshot::read_contexts`]). Out: what
//! is stored, found again by the place of what was asked. Both steps sort what is asked and go through the store once,
//! page by page, so the more is asked at once the less each costs; and a reader that has no use for a row (it has
//! expired, or is of another tenant) leaves its contexts alone.
//!
//! A long read is cut into batches, which [`Workers`] of the caller share. Memory follows what the caller allows, not
//! what is asked. Exports read rows by what they are ([`Snapshot::select`]). Single keys ([`Snapshot::get`]), full scans and the keys
//! of a supplier or tag are for tests and tools.

mod allowed;
mod block_cache;
mod contexts;
mod counts;
mod merger;
mod one;
mod rows;
mod scan;
mod select;
mod view;
mod workers;

pub(crate) use self::{block_cache::BlockCache, view::View};
pub use self::{
    contexts::ReadContexts,
    counts::ReadCounts,
    one::Record,
    rows::{ReadRows, RowNumbers, StoredHolding, StoredRow},
    select::{Changed, ChangedRows, ChangesAsked, RemovalReason, SelectedHolding, Selection, Wanted},
    view::Snapshot,
    workers::{SingleThread, Workers},
};
