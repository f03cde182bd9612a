//! Which supplier an index is, where case makes a difference and where it makes none.

use std::sync::{Arc, mpsc};

use sluice_ingest::BulkTarget;
use sluice_model::{Confidence, RetentionMinutes, SupplierName, Vendor};
use sluice_store::{
    Store, StoreConfig,
    catalogue::{CatalogueChange, SupplierSettings},
};

use super::{INDEX_BYTES_MAX, Indices};
use crate::auth::role::{Identity, Role};

/// Asks for indices in a store with these suppliers.
fn with_indices(suppliers: &[&str], ask: impl FnOnce(&Indices, &dyn Fn(BulkTarget) -> String)) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}"))).unwrap();
    for name in suppliers {
        let settings = SupplierSettings {
            confidence: Confidence::new(1_u8).unwrap(),
            retention: RetentionMinutes::new(60_u32).unwrap(),
            vendor: Vendor::parse("").unwrap(),
            enabled: true,
            refang: false,
        };
        let change = CatalogueChange::CreateSupplier { name: SupplierName::parse(name).unwrap(), settings };
        let (done, outcome) = mpsc::channel();
        store.change_catalogue(change, Box::new(move |result| done.send(result).unwrap()));
        outcome.recv().unwrap().unwrap();
    }
    let catalogue = store.catalogue();
    let identity = Identity { role: Role::Administrator, tenants: vec![], list: None };
    let indices = Indices::new(Arc::clone(&catalogue), Arc::default(), identity);
    ask(&indices, &|target| match target {
        BulkTarget::Supplier { id, .. } => catalogue.supplier_by_id(id).unwrap().name.as_str().to_owned(),
        other => format!("{other:?}"),
    });
    store.halt();
}

#[test]
fn where_case_decides_only_the_same_spelling_is_meant() {
    with_indices(&["Feed", "FEED", "Other"], |indices, told| {
        for (index, want) in [
            ("Feed", "Feed"),
            ("FEED", "FEED"),
            ("feed", "Ambiguous"),
            ("other", "Other"),
            ("OTHER", "Other"),
            ("none", "Unknown"),
        ] {
            // Asked for again it is the same.
            for _ in 0..2 {
                assert_eq!(told(indices.target(index)), want, "{index}");
            }
        }
    });
}

#[test]
fn what_is_longer_than_any_name_is_not_even_remembered() {
    with_indices(&[], |indices, told| {
        assert_eq!(told(indices.target(&"x".repeat(INDEX_BYTES_MAX + 1))), "Unknown");
        assert!(indices.remembered.lock().is_empty());
        assert_eq!(told(indices.target(&"x".repeat(INDEX_BYTES_MAX))), "Unknown");
        assert_eq!(indices.remembered.lock().len(), 1);
    });
}
