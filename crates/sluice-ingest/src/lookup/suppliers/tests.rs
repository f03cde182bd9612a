//! Made once for each catalogue, not for each lookup, and not when a lookup begins.

use std::sync::Arc;

use sluice_model::TenantId;
use sluice_store::SingleThread;

use super::{SuppliersCache, TENANTS_KEPT_MAX};
use crate::{
    fixture::Fixture,
    lookup::{candidates::Candidates, detect::Detector, rank::Matches, text::AnswerText},
    memory::RequestMemory,
};

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
    assert_eq!((first.by_rank.len(), second.by_rank.len()), (3, 4));
    assert!(Arc::ptr_eq(&second, &get(TenantId::GENERAL)));
    assert!(cache.kept.lock().len() <= TENANTS_KEPT_MAX);
}

#[test]
fn a_lookup_that_begins_makes_nothing() {
    let fixture = Fixture::new();
    let cache = SuppliersCache::default();
    let rules = crate::fixture::lookup_rules();
    let look_up = || {
        let detector = Detector::new(fixture.store.snapshot(), rules, cache.clone());
        let permit = fixture.ingestor.reserve(None, 1 << 10).unwrap();
        let memory = RequestMemory::new(permit, 0);
        let mut candidates = Candidates::new(&memory);
        candidates.add("a.example", rules.scope, &detector.snapshot).unwrap();
        candidates.ask_filters(&detector.snapshot).unwrap();
        let places = candidates.places_of(&(0..1));
        let keys: Vec<_> = places.clone().map(|place| candidates.key(place)).collect();
        let found = detector.read(&keys, usize::MAX, &SingleThread).unwrap().unwrap();
        let mut text = AnswerText::new(&memory, 0, 0);
        Matches::new(&detector, &candidates, &found, 0, 0).rank(places, &mut text).unwrap();
    };
    look_up();
    assert!(cache.kept.lock().is_empty(), "a miss needs no suppliers");
    fixture.hold("Feed", &["a.example"]);
    look_up();
    assert_eq!(cache.kept.lock().len(), 1);
}
