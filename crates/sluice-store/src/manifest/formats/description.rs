//! Everything that a store says, as text: names, rows, lists and what lookups meet.

use std::fmt::Write as _;

use sluice_model::{
    TenantId,
    matching::{MatchScope, address_or_network, candidate_keys, network_keys},
    normalize::{recognize_object, write_sent},
    write_normal_form,
};

use crate::{Record, Snapshot, Store, catalogue::Catalogue};

/// Values that match what is stored exactly, from below, or not at all.
const LOOKED_UP: [&str; 14] = [
    "44d88612fea8a8f36de82e1278abb02f",
    "192.0.2.7",
    "192.0.2.200",
    "http://192.0.2.9:8080/x",
    "2001:db8:7::1",
    "2001:db9::1",
    "203.0.113.6",
    "203.0.113.8",
    "https://deep.host.example.com/any?q=2",
    "http://example.com/dir/sub/other",
    "http://example.com/other",
    "sub.example.org",
    "www.example.net",
    "abandoned.example.com",
];

/// Describes all of it.
pub(super) fn describe(store: &Store) -> String {
    let snapshot = store.snapshot();
    let catalogue = snapshot.catalogue();
    let mut text = String::new();
    for tenant in [TenantId::GENERAL, catalogue.tenant("Europe").unwrap()] {
        writeln!(text, "tenant {} {:?}", tenant.0, catalogue.tenant_name(tenant)).unwrap();
        for supplier in catalogue.suppliers(tenant) {
            let keys = snapshot.keys_of_supplier(supplier.id).unwrap();
            let (id, name, settings) = (supplier.id.0, supplier.name.as_str(), &supplier.settings);
            writeln!(text, "  supplier {id} {name} {settings:?} holds {}", printed_all(&keys)).unwrap();
        }
    }
    for tag in catalogue.tags() {
        let keys = snapshot.keys_of_tag(tag.id).unwrap();
        let (id, name, weight) = (tag.id.0, tag.name.as_str(), tag.weight);
        writeln!(text, "tag {id} {name} {weight:?} of {}", printed_all(&keys)).unwrap();
    }
    let scanned = snapshot.scan(|key, record| {
        if is_held(catalogue, record) {
            writeln!(text, "row {}", described(catalogue, key, record)).unwrap();
        }
    });
    scanned.unwrap();
    for value in LOOKED_UP {
        writeln!(text, "{value} meets {}", met_by(&snapshot, value)).unwrap();
    }
    text
}

/// Returns true if a supplier that exists holds it: what merges have not dropped yet does not count.
fn is_held(catalogue: &Catalogue, record: &Record) -> bool {
    record.holdings().any(|holding| catalogue.supplier_by_id(holding.supplier).is_some())
}

fn described(catalogue: &Catalogue, key: &[u8], record: &Record) -> String {
    let tags = record.tags().filter_map(|id| catalogue.tag_by_id(id)).map(|tag| tag.name.as_str());
    let mut text = format!("{} [{}]", printed(key), tags.collect::<Vec<_>>().join(" "));
    for holding in record.holdings() {
        let Some(supplier) = catalogue.supplier_by_id(holding.supplier) else { continue };
        let (tenant, name, context) =
            (supplier.tenant.0, supplier.name.as_str(), String::from_utf8_lossy(holding.context));
        // A long one by its length and its end.
        let end = context.get(context.len().saturating_sub(40)..).unwrap();
        write!(text, ", {tenant}/{name} at {} {}:{end}", holding.updated, context.len()).unwrap();
        if !holding.spelling.is_empty() {
            text.push_str(" as ");
            write_sent(key, holding.spelling, &mut text).unwrap();
        }
    }
    text
}

fn printed(key: &[u8]) -> String {
    let mut text = String::new();
    write_normal_form(key, &mut text).unwrap();
    text
}

fn printed_all(keys: &[Vec<u8>]) -> String {
    keys.iter().map(|key| printed(key)).collect::<Vec<_>>().join(" ")
}

/// The stored indicators that a looked-up value matches.
fn met_by(snapshot: &Snapshot, value: &str) -> String {
    let (mut key, mut candidate, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let recognized = recognize_object(value, &mut key).unwrap();
    let mut visit = |candidate: &[u8]| {
        let mut record = Record::new();
        let is_there = snapshot.may_hold(candidate) && snapshot.get(candidate, &mut record).unwrap();
        if is_there && is_held(snapshot.catalogue(), &record) {
            found.push(candidate.to_vec());
        }
    };
    let may_have = |mark: &[u8]| snapshot.may_hold_prefix_mask(mark);
    let (www_labels, scope) = (recognized.www_labels, MatchScope::Levels);
    let walked = candidate_keys(&key, www_labels, scope, may_have, &mut candidate, |candidate| {
        visit(candidate.key);
        Ok::<(), ()>(())
    });
    walked.unwrap();
    if let Some(held) = address_or_network(&key) {
        let lengths = snapshot.network_lengths(held);
        let walked = network_keys(held, lengths, &mut candidate, |candidate| {
            visit(candidate.key);
            Ok::<(), ()>(())
        });
        walked.unwrap();
    }
    printed_all(&found)
}
