//! What a list covers, held against a plain reading of the rules: random lists and feeds of few labels, paths and addresses, so that
//! most values have to do with one another.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use sluice_model::{TenantId, supplier::FALSE_POSITIVE};

use super::{Fixture, Kept};
use crate::{Announced, Format, ImportRules, UploadAction, UploadRules};

/// Under which others register names.
const SUFFIXES: [&str; 2] = ["co.uk", "duckdns.org"];

/// A value as it is written here: there is no other spelling of it but for the bits of a network behind its length.
#[derive(Debug, PartialEq)]
enum Reading<'v> {
    Hash(&'v str),
    /// An address is a network of all its bits.
    Network(IpAddr, u32),
    /// The host, with the `*.` of a mask, and what comes behind it.
    Url(&'v str, &'v str),
}

fn read(value: &str) -> Reading<'_> {
    if value.len() == 32 && !value.contains(['.', ':']) {
        return Reading::Hash(value);
    }
    let (start, rest) = value.find('/').map_or((value, ""), |slash| value.split_at(slash));
    match (start.parse::<IpAddr>(), rest.strip_prefix('/').map(str::parse)) {
        (Ok(address), None) => Reading::Network(address, bits(address).1),
        (Ok(address), Some(Ok(length))) => Reading::Network(address, length),
        _ => Reading::Url(start, rest),
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn is_in((inner, inner_length): (IpAddr, u32), (outer, length): (IpAddr, u32)) -> bool {
    let ((inner, inner_all), (outer, all)) = (bits(inner), bits(outer));
    inner_all == all && length <= inner_length && inner >> (all - length) == outer >> (all - length)
}

/// The rules of `feeding-v1.md`.
fn covers(listed: &str, value: &str) -> bool {
    match (read(listed), read(value)) {
        (Reading::Hash(one), Reading::Hash(other)) => one == other,
        (Reading::Network(outer, length), Reading::Network(inner, inner_length)) => {
            is_in((inner, inner_length), (outer, length))
        }
        (Reading::Network(outer, length), Reading::Url(host, _)) => {
            let host = host.trim_matches(['[', ']']).parse::<IpAddr>();
            host.is_ok_and(|host| is_in((host, bits(host).1), (outer, length)))
        }
        (Reading::Url(listed, rest), Reading::Url(host, tail)) => {
            let name = listed.strip_prefix("*.").unwrap_or(listed);
            let is_below = host.ends_with(&format!(".{name}"));
            let is_mask = name != listed;
            let is_level = if is_mask { is_below } else { host == listed };
            let is_under_name = !is_mask && rest.is_empty() && is_below && !SUFFIXES.contains(&name);
            is_under_name || (is_level && (rest.is_empty() || is_at(rest, tail)))
        }
        _ => false,
    }
}

/// Whether what a listed URL has behind its host names what another one has.
fn is_at(listed: &str, tail: &str) -> bool {
    let path = tail.split('?').next().unwrap_or_default();
    match listed.strip_suffix("/*") {
        _ if listed == tail || listed == path => true,
        Some(prefix) => path == prefix || path.starts_with(&format!("{prefix}/")),
        None => false,
    }
}

fn host() -> impl Strategy<Value = String> {
    let domains = ["example.com", "example.net", "example.co.uk", "co.uk", "one.duckdns.org", "duckdns.org"];
    let labels = select(vec!["", "", "a.", "b.", "a.a.", "b.a."]);
    (labels, select(domains.to_vec())).prop_map(|(labels, domain)| format!("{labels}{domain}"))
}

fn address() -> impl Strategy<Value = String> {
    (select(vec!["192.0.2.", "2001:db8::"]), 1_u8..8).prop_map(|(start, last)| format!("{start}{last}"))
}

fn value() -> impl Strategy<Value = String> {
    let path = || select(vec!["", "", "", "/x", "/x?q", "/x/y", "/x/y?q", "/z", "/x/*", "/x/y/*"]);
    let named = (select(vec!["", "", "*."]), host(), path());
    let of_address = (address(), path()).prop_map(|(address, path)| match path {
        "" => address,
        path if address.contains(':') => format!("[{address}]{path}"),
        path => address + path,
    });
    let network = (address(), 29_u8..33).prop_map(|(address, length)| {
        let length = if address.contains(':') { length + 96 } else { length };
        format!("{address}/{length}")
    });
    let hash = (0_u8..3).prop_map(|number| format!("{number:032x}"));
    prop_oneof![
        6 => named.prop_map(|(mask, host, path)| format!("{mask}{host}{path}")),
        2 => of_address,
        2 => network,
        1 => hash,
    ]
}

/// Imports a list of values, and gives the places of those that were refused, or left out as allowed.
fn told(fixture: &Fixture, rules: ImportRules, values: &[&str]) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let kept = Arc::new(Kept::default());
    let report = fixture.import_of(ImportRules { keeper: Arc::<Kept>::clone(&kept), ..rules }, values);
    let rows = kept.rows();
    assert_eq!(rows.len() as u64, report.refused_count + report.allowed_count);
    let place = |row: &serde_json::Value| usize::try_from(row["line"].as_u64().unwrap()).unwrap() - 1;
    let (allowed, refused) = rows.iter().partition::<Vec<_>, _>(|row| row["reason"] == "allow-listed");
    (refused.into_iter().map(place).collect(), allowed.into_iter().map(place).collect())
}

#[test]
fn a_list_covers_what_the_rules_say_and_nothing_else() {
    let fixture = Fixture::new();
    let feed = || fixture.import_rules(Announced::Exactly(Format::Lines));
    let of_list = fixture.rules(TenantId::GENERAL, FALSE_POSITIVE);
    let covered_count = std::cell::Cell::new(0);
    let histories = (vec(value(), 1..6), vec(value(), 1..40));
    TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() })
        .run(&histories, |(list, values)| {
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let put = UploadRules { takes_marks: false, ..of_list.clone() };
            let (unlisted, _) = told(&fixture, ImportRules { upload: put, ..feed() }, &list);
            let listed: Vec<&str> =
                (0..list.len()).filter(|place| !unlisted.contains(place)).map(|place| list[place]).collect();
            let (refused, allowed) = told(&fixture, feed(), &values);
            let covered: BTreeSet<usize> = (0..values.len())
                .filter(|place| !refused.contains(place))
                .filter(|place| listed.iter().any(|listed| covers(listed, values[*place])))
                .collect();
            prop_assert_eq!(&allowed, &covered, "{:?} of {:?}", listed, values);
            covered_count.set(covered_count.get() + covered.len());
            let delete = UploadRules { takes_marks: false, action: UploadAction::Delete, ..of_list.clone() };
            fixture.import_of(ImportRules { upload: delete, ..feed() }, &list);
            Ok(())
        })
        .unwrap();
    assert!(200 < covered_count.get(), "{}", covered_count.get());
}
