//! What the allow lists hold, for the filter of them.
//!
//! In: a snapshot. Out: the filter, with all that the lists hold in it, and in all later snapshots, since what is written for
//! them is noted before it is visible.

use std::sync::Arc;

use sluice_model::{SupplierId, row::Row};

use super::view::Snapshot;
use crate::{
    allow_list::{Adding, AllowFilter, is_list},
    error::ReadError,
};

impl Snapshot {
    /// What the allow lists of all tenants may hold. Blocking the first time, when what they hold is read.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when that cannot be read.
    pub fn allow_filter(&self) -> Result<&Arc<AllowFilter>, ReadError> {
        self.allowed.fill(|adding| self.add_listed(adding))?;
        Ok(&self.allowed)
    }

    fn add_listed(&self, adding: &mut Adding<'_>) -> Result<(), ReadError> {
        let is_list = |supplier: SupplierId| is_list(self.catalogue(), supplier);
        for slice in self.view.memtable.slices() {
            for (key, row) in slice.rows() {
                let row = Row::decode(row);
                if row.is_some_and(|row| row.holdings().any(|holding| is_list(holding.supplier))) {
                    adding.push(key);
                }
            }
        }
        self.listed_keys(is_list, |key| adding.push(key))
    }
}
