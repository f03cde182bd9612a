//! What is written into a data directory whose bytes are compared: something of everything.
//!
//! Change it with the format alone: the fixtures have come of it, and a change here looks like one of the format. One thread writes, and
//! time stands still, so flushes and merges happen only where they are asked for.

use std::{
    fmt::Write as _,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use sluice_model::{
    Confidence, RetentionMinutes, SupplierName, TagId, TagName, TagWeight, TenantId, TenantName, Vendor,
    normalize::{normalize_into, normalize_spelled},
    row::{HoldingChange, TagsChange, encode},
};

use crate::{
    Clock, OpenError, Slice, SliceBuilder, Store, StoreConfig,
    catalogue::{CatalogueChange, SupplierPatch, SupplierSettings, TagPatch},
};

/// Time stands still.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now_seconds(&self) -> u32 {
        1_800_000_000
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Opens a directory as it is opened for the fixtures.
pub(super) fn open(data_dir: &Path) -> Result<Store, OpenError> {
    let tenants = vec![TenantName::parse("Europe").unwrap()];
    let config = StoreConfig { tenants, clock: Arc::new(Still), ..StoreConfig::at(data_dir) };
    Store::open(config, Box::new(|cause| panic!("{cause}")))
}

/// An element: an indicator, its tags if they are set, and its context if it has one.
type Element<'a> = (&'a str, Option<&'a [&'a str]>, Option<&'a str>);

/// Of every kind, with contexts that repeat, and one that takes several pieces.
const FIRST: [Element<'static>; 15] = [
    ("44d88612fea8a8f36de82e1278abb02f", Some(&["PHISHING"]), Some(r#"{"first":1}"#)),
    ("3395856ce81f2b7382dee72602f798b642f14140", None, Some(r#"{"first":1}"#)),
    ("275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f", None, None),
    ("192.0.2.7", Some(&["PHISHING", "BOTNET"]), Some(r#"{"port":443}"#)),
    ("2001:db8::7", None, Some(r#"{"port":443}"#)),
    ("192.0.2.0/24", Some(&["BOTNET"]), Some(r#"{"size":"24"}"#)),
    ("2001:db8::/32", None, None),
    ("host.example.com", Some(&["BOTNET", "GONE"]), Some(r#"{"first":1}"#)),
    ("*.example.org", None, Some(r#"{"mask":true}"#)),
    ("www.example.net", None, None),
    ("http://example.com/dir/file?q=1", None, Some(r#"{"first":1}"#)),
    ("example.com/dir/*", Some(&["PHISHING"]), Some(r#"{"prefix":true}"#)),
    ("http://192.0.2.9:8080/x", None, None),
    ("https://www.example.com/Dir/UPPER/", None, Some(r#"{"first":1}"#)),
    ("ftp://example.com/dir", None, None),
];

/// Writes everything, and leaves the last of it in the log.
pub(super) fn write_history(data_dir: &Path) {
    let store = open(data_dir).unwrap();
    for (name, retention) in [("Feed", 5_256_000), ("Gone", 60), ("Before", 10_080), ("Whole", 60)] {
        create_supplier(&store, name, retention);
    }
    for (name, weight) in [("PHISHING", 3), ("BOTNET", 5), ("GONE", 1)] {
        let (name, weight) = (TagName::parse(name).unwrap(), TagWeight::new(weight).unwrap());
        change(&store, CatalogueChange::CreateTag { name, weight });
    }
    put(&store, "Feed", &FIRST);
    put(&store, "Gone", &[("host.example.com", None, Some("{}")), ("198.51.100.1", None, None)]);
    put(&store, "Before", &[("192.0.2.7", None, Some(r#"{"other":"supplier"}"#))]);
    put(&store, "Whole", &[("192.0.2.77", None, Some("{}")), ("http://example.com/A", None, None)]);
    replace(&store, "Whole", &[("192.0.2.77", None, Some("{}")), ("http://example.com/a:B", None, None)]);
    assert!(store.checkpoint());
    let mut long = String::from(r#"{"long":""#);
    for number in 0..3_000 {
        write!(long, "{number:x}").unwrap();
    }
    long.push_str(r#""}"#);
    put(&store, "Feed", &[("long.example.com", None, Some(&long)), ("192.0.2.7", Some(&[]), None)]);
    delete(&store, "Feed", &["2001:db8::7"]);
    rename_and_set(&store);
    assert!(store.checkpoint());
    assert!(store.compact());
    put(&store, "Feed", &[("second.example.com", Some(&["BOTNET"]), Some(r#"{"second":2}"#))]);
    assert!(store.checkpoint());
    // From here on it is in the log alone.
    put(
        &store,
        "After",
        &[("third.example.com", None, Some(r#"{"third":3}"#)), ("203.0.113.0/29", None, None)],
    );
    put(
        &store,
        "After",
        &[("http://192.0.2.7:8443", None, None), ("http://third.example.com/A", None, None)],
    );
    replace(&store, "Whole", &[("192.0.2.77", None, Some("{}")), ("http://example.com/a:b", None, None)]);
    delete(&store, "Feed", &["www.example.net", "not.there.example.com"]);
    let abandoned = store.begin().unwrap();
    abandoned.append(0, slice(&store, "Feed", &[("abandoned.example.com", None, None)])).unwrap();
    change(&store, CatalogueChange::RemoveSupplier { name: SupplierName::parse("Gone").unwrap() });
    change(&store, CatalogueChange::RemoveTag { name: TagName::parse("GONE").unwrap() });
    create_supplier(&store, "Late", 60);
    put(&store, "Late", &[("host.example.com", Some(&["PHISHING"]), None)]);
    store.halt();
    drop(abandoned);
}

fn rename_and_set(store: &Store) {
    let (tenant, name) = (TenantId::GENERAL, SupplierName::parse("Before").unwrap());
    let after = SupplierName::parse("After").unwrap();
    let patch = SupplierPatch {
        name: Some(after.clone()),
        confidence: Some(confidence(7)),
        ..SupplierPatch::default()
    };
    change(store, CatalogueChange::UpdateSupplier { tenant, name, patch });
    let tenant = store.catalogue().tenant("Europe").unwrap();
    let patch = SupplierPatch { enabled: Some(false), ..SupplierPatch::default() };
    change(store, CatalogueChange::UpdateSupplier { tenant, name: after, patch });
    let patch = TagPatch { weight: Some(TagWeight::new(4).unwrap()), ..TagPatch::default() };
    change(store, CatalogueChange::UpdateTag { name: TagName::parse("BOTNET").unwrap(), patch });
}

fn confidence(percent: u8) -> Confidence {
    Confidence::new(percent).unwrap()
}

fn create_supplier(store: &Store, name: &str, retention: u32) {
    let settings = SupplierSettings {
        confidence: confidence(80),
        retention: RetentionMinutes::new(retention).unwrap(),
        vendor: Vendor::parse("Example Vendor").unwrap(),
        enabled: true,
        refang: false,
    };
    change(store, CatalogueChange::CreateSupplier { name: SupplierName::parse(name).unwrap(), settings });
}

fn change(store: &Store, change: CatalogueChange) {
    let (done, answer) = mpsc::channel();
    store.change_catalogue(change, Box::new(move |outcome| done.send(outcome).unwrap()));
    answer.recv().unwrap().unwrap();
}

fn put(store: &Store, supplier: &str, elements: &[Element<'_>]) {
    commit(store, slice(store, supplier, elements));
}

fn replace(store: &Store, supplier: &str, elements: &[Element<'_>]) {
    let id = store.catalogue().supplier(TenantId::GENERAL, supplier).unwrap().id;
    let mut feed = store.begin_feed().unwrap();
    feed.add(&[slice(store, supplier, elements)]).unwrap();
    store.replace(id, feed, 100, &|| true).unwrap();
}

fn delete(store: &Store, supplier: &str, indicators: &[&str]) {
    let supplier = store.catalogue().supplier(TenantId::GENERAL, supplier).unwrap().id;
    let mut rows = SliceBuilder::new();
    for indicator in indicators {
        let mut row = Vec::new();
        encode(supplier, HoldingChange::Release, TagsChange::Keep, &mut row);
        rows.push(&key(indicator), &row).unwrap();
    }
    commit(store, rows.finish());
}

fn commit(store: &Store, slice: Slice) {
    let write = store.begin().unwrap();
    write.append(0, slice).unwrap();
    let (done, answer) = mpsc::channel();
    write.commit(Box::new(move |outcome| done.send(outcome).unwrap()));
    answer.recv().unwrap().unwrap();
}

fn slice(store: &Store, supplier: &str, elements: &[Element<'_>]) -> Slice {
    let catalogue = store.catalogue();
    let supplier = catalogue.supplier(TenantId::GENERAL, supplier).unwrap().id;
    let mut rows = SliceBuilder::new();
    for (indicator, tags, context) in elements {
        let ids: Option<Vec<TagId>> =
            tags.map(|tags| tags.iter().map(|name| catalogue.tag(name).unwrap().id).collect());
        let tags = ids.as_deref().map_or(TagsChange::Keep, TagsChange::Replace);
        let (updated, context) = (store.stamp_seconds(), context.map(str::as_bytes));
        let (mut key, mut spelling, mut row) = (Vec::new(), Vec::new(), Vec::new());
        normalize_spelled(indicator, &mut key, &mut String::new(), &mut spelling).unwrap();
        encode(supplier, HoldingChange::Hold { updated, context, spelling: &spelling }, tags, &mut row);
        rows.push(&key, &row).unwrap();
    }
    rows.finish()
}

/// The key of an indicator.
pub(super) fn key(indicator: &str) -> Vec<u8> {
    let mut key = Vec::new();
    normalize_into(indicator, &mut key).unwrap();
    key
}
