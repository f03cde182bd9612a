//! Contexts, kept once: a row in the store has a reference in the place of its context.
//!
//! In: contexts as clients sent them. Out: numbers in a table of distinct contexts, and [`ContextRef`]s that name a
//! table and a number in it. Feeds repeat a few contexts over and over, so rows shrink to a third, and merging rows
//! moves no contexts at all: to the model a reference is just bytes. A table belongs to a slice of the memtable or is
//! stored in the trees ([`StoredTable`]).

mod dictionary;
mod reference;
mod rewrite;
mod source;
mod stored;
mod table;

pub use self::reference::ContextRef;
pub(crate) use self::{
    reference::TableId,
    rewrite::ContextRewriter,
    source::ContextSource,
    stored::{StoredTable, StoredTableMeta},
    table::{ContextTable, ContextTableBuilder, hash_of},
};
