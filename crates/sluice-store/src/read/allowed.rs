//! What the allow lists hold, for the filter of them.
//!
//! In: a snapshot. Out: the filter, with all that the lists hold in it, and in all later snapshots, since what is written for
//! them is noted before it is visible. No lock is held while it is read, and it may be given up.

use std::{ops::ControlFlow, sync::Arc};

use sluice_model::{SupplierId, row::Row};

use super::view::Snapshot;
use crate::{
    allow_list::{AllowFilter, is_list},
    error::ReadError,
};

impl Snapshot {
    /// What the allow lists of all tenants may hold. What they held at the start is in it once
    /// [`Store::knows_allow_lists`](crate::Store::knows_allow_lists).
    pub fn allow_filter(&self) -> &Arc<AllowFilter> {
        &self.allowed
    }

    /// Adds what the lists hold to the filter of them, as long as `is_wanted` says so; false if it was given up.
    pub(crate) fn read_allow_lists(&self, is_wanted: impl Fn() -> bool) -> Result<bool, ReadError> {
        let is_list = |supplier: SupplierId| is_list(self.catalogue(), supplier);
        self.allowed.expect(self.listed_count(is_list));
        let mut adding = self.allowed.adding();
        for slice in self.view.memtable.slices() {
            if !is_wanted() {
                return Ok(false);
            }
            for (key, row) in slice.rows() {
                let row = Row::decode(row);
                if row.is_some_and(|row| row.holdings().any(|holding| is_list(holding.supplier))) {
                    adding.push(key);
                }
            }
        }
        let read = self.listed_keys(is_list, |key| {
            adding.push(key);
            if is_wanted() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(read.is_continue())
    }
}
