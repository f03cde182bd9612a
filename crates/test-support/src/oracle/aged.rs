//! Values of an age: written into the store of a daemon that is stopped, because no client can make time pass.
//!
//! In: its directory, and for each supplier of each tenant some values. Out: rows whose last update was long ago.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sluice_model::{
    Indicator,
    row::{self, HoldingChange, TagsChange},
};
use sluice_store::{SliceBuilder, Store, StoreConfig};

use crate::stopped::commit_and_close;

/// A value, and who had it when.
pub(super) struct Aged {
    pub(super) tenant: &'static str,
    pub(super) supplier: &'static str,
    pub(super) text: String,
    /// Minutes since the last update.
    pub(super) age: u64,
}

/// Adds values as if last updated long ago. What the product would refuse is left out.
pub(super) fn add(data_dir: &Path, values: &[Aged]) {
    let store =
        Store::open(StoreConfig::at(data_dir.to_owned()), Box::new(|cause| panic!("{cause}"))).unwrap();
    let catalogue = store.catalogue();
    let mut rows = SliceBuilder::new();
    for Aged { tenant, supplier, text, age } in values {
        let Ok(indicator) = Indicator::parse(text) else { continue };
        let supplier = catalogue.supplier(catalogue.tenant(tenant).unwrap(), supplier).unwrap().id;
        let updated = SystemTime::now() - Duration::from_secs(60 * age);
        let updated = u32::try_from(updated.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let mut row = Vec::new();
        row::encode(
            supplier,
            HoldingChange::Hold { updated, context: None, spelling: &[] },
            TagsChange::Keep,
            &mut row,
        );
        rows.push(indicator.key(), &row).unwrap();
    }
    commit_and_close(&store, rows);
}
