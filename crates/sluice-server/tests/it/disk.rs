//! What a stopped daemon has left in its directory, read and written without it.

use std::path::Path;

use sluice_model::{
    SupplierId, TenantId,
    normalize::normalize_into,
    row::{self, HoldingChange, TagsChange},
};
use sluice_store::{Record, SliceBuilder, Store, StoreConfig, Tuning};
use test_support::stopped::commit_and_close;

fn open(dir: &Path) -> Store {
    let (data_dir, tuning) = (dir.to_owned(), Tuning::default());
    let config = StoreConfig { tuning, ..StoreConfig::at(data_dir) };
    Store::open(config, Box::new(|cause| panic!("{cause}"))).unwrap()
}

fn key_of(indicator: &str) -> Vec<u8> {
    let mut key = Vec::new();
    normalize_into(indicator, &mut key).unwrap();
    key
}

/// The tags of indicators, in the order in which the tags were created.
pub(crate) fn tags(dir: &Path, indicators: &[&str]) -> Vec<String> {
    let store = open(dir);
    let (snapshot, mut record) = (store.snapshot(), Record::new());
    let told = indicators.iter().map(|indicator| {
        assert!(snapshot.get(&key_of(indicator), &mut record).unwrap(), "{indicator} is not stored");
        let tags = record.tags().filter_map(|tag| snapshot.catalogue().tag_by_id(tag));
        let names: Vec<_> = tags.map(|tag| tag.name.as_str()).collect();
        format!("{indicator}: {}", names.join(" "))
    });
    let told = told.collect();
    store.close();
    told
}

/// Adds indicators to a supplier of General, each as if last updated at its number of seconds since 1970.
pub(crate) fn add_updated_at(dir: &Path, supplier: &str, indicators: &[(&str, u32)]) {
    let store = open(dir);
    let supplier: SupplierId = store.catalogue().supplier(TenantId::GENERAL, supplier).unwrap().id;
    let mut rows = SliceBuilder::new();
    for (indicator, updated) in indicators {
        let mut row = Vec::new();
        let holding = HoldingChange::Hold { updated: *updated, context: None, spelling: &[] };
        row::encode(supplier, holding, TagsChange::Keep, &mut row);
        rows.push(&key_of(indicator), &row).unwrap();
    }
    commit_and_close(&store, rows);
}
