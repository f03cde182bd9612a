//! Made once for each catalogue, not for each lookup, and not when a lookup begins.

use std::sync::Arc;

use sluice_model::TenantId;

use super::{SuppliersCache, TENANTS_KEPT_MAX};
use crate::fixture::Fixture;

#[test]
fn suppliers_are_made_once_for_each_catalogue() {
    let fixture = Fixture::new();
    let cache = SuppliersCache::default();
    let get = |tenant| cache.get(&fixture.store.catalogue(), tenant);
    let first = get(TenantId::GENERAL);
    assert!(Arc::ptr_eq(&first, &get(TenantId::GENERAL)));
    let acme = fixture.store.catalogue().tenant("acme").unwrap();
    assert!(!Arc::ptr_eq(&first, &get(acme)));
    assert!(Arc::ptr_eq(&first, &get(TenantId::GENERAL)));
    fixture.create_supplier("Later", 10);
    let second = get(TenantId::GENERAL);
    assert_eq!((first.len(), second.len()), (3, 4));
    assert!(Arc::ptr_eq(&second, &get(TenantId::GENERAL)));
    assert!(cache.kept.lock().len() <= TENANTS_KEPT_MAX);
}

#[test]
fn a_lookup_that_begins_makes_nothing() {
    let fixture = Fixture::new();
    let cache = SuppliersCache::default();
    let rules = crate::fixture::lookup_rules();
    let detector = crate::detect::Detector::new(fixture.store.snapshot(), rules, cache.clone());
    assert!(cache.kept.lock().is_empty());
    detector
        .append_result("a.example", &mut crate::detect::ProbeBuffers::default(), &mut Vec::new())
        .unwrap();
    assert!(cache.kept.lock().is_empty(), "a miss needs no suppliers");
    fixture.hold("Feed", &["a.example"]);
    let detector = crate::detect::Detector::new(fixture.store.snapshot(), rules, cache.clone());
    detector
        .append_result("a.example", &mut crate::detect::ProbeBuffers::default(), &mut Vec::new())
        .unwrap();
    assert_eq!(cache.kept.lock().len(), 1);
}
