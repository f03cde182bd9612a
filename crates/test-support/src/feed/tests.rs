//! The likeness to the real feed, measured: kinds, lengths, repeats, contexts and tags.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use sluice_model::{Indicator, IndicatorKind, TagName};

use super::{ROWS, SHARES, tags, write_row};

const SEED: u64 = 1;
const SAMPLE: u64 = 100_000;

fn rows() -> Vec<String> {
    let row = |number| {
        let mut row = String::new();
        write_row(SEED, number, &mut row);
        row
    };
    (0..SAMPLE).map(row).collect()
}

#[track_caller]
fn check(what: &str, got: usize, range: std::ops::RangeInclusive<usize>) {
    assert!(range.contains(&got), "{what}: {got}, not in {range:?}");
}

#[test]
fn shares_are_those_of_the_real_feed() {
    let mut kinds = BTreeMap::new();
    for (_, kind, rows) in SHARES {
        *kinds.entry(format!("{kind:?}")).or_insert(0) += rows;
    }
    let kinds: Vec<_> = kinds.iter().map(|(kind, rows)| (kind.as_str(), *rows)).collect();
    let want = [
        ("Domain", 327_722),
        ("Ipv4", 262_548),
        ("Ipv6", 10_359),
        ("Md5", 18_682),
        ("Sha1", 11_794),
        ("Sha256", 111_543),
        ("Url", 257_352),
    ];
    assert_eq!(kinds, want);
    assert_eq!(kinds.iter().map(|(_, rows)| rows).sum::<u64>(), ROWS as u64);
}

#[test]
fn a_row_depends_on_seed_and_number_alone() {
    let row = |seed, number| {
        let mut row = String::new();
        write_row(seed, number, &mut row);
        row
    };
    assert_eq!(row(7, 5), row(7, 5));
    assert_ne!(row(7, 5), row(8, 5));
    assert_ne!(row(7, 5), row(7, 6));
}

#[test]
fn indicators_are_of_the_right_kinds_and_repeat_as_seldom() {
    let (mut kinds, mut seen, mut bytes) = (HashMap::new(), HashSet::new(), 0);
    for row in rows() {
        let row: Value = serde_json::from_str(&row).unwrap();
        let text = row["indicator"].as_str().unwrap();
        let indicator = Indicator::parse(text).unwrap_or_else(|_| panic!("{text}"));
        bytes += text.len();
        *kinds.entry(indicator.kind()).or_insert(0) += 1;
        seen.insert(indicator);
    }
    // A URL that consists of an address is an address: in the real feed addresses are 31.5 %, and 27.3 % without them.
    check("addresses", kinds[&IndicatorKind::Ip], 29_500..=32_500);
    check("digests", kinds[&IndicatorKind::Sha256], 10_800..=11_500);
    check("bytes of indicators", bytes, 2_700_000..=2_950_000);
    // 2 % of a million are repeats, of a tenth of it a fifth of that.
    check("repeats", 100_000 - seen.len(), 200..=900);
}

#[test]
fn contexts_and_tags_are_as_many_and_as_long() {
    let all = tags();
    check("tags", all.len(), 2_200..=2_400);
    assert!(all.iter().all(|tag| TagName::parse(tag).unwrap().as_str() == tag));
    let (mut bytes, mut contexts, mut counts) = (0, HashSet::new(), [0; 3]);
    for text in rows() {
        bytes += text.len() + 1;
        let row: Value = serde_json::from_str(&text).unwrap();
        contexts.insert(row["context"].to_string());
        let tags = row.get("tags").map_or(&[][..], |tags| tags.as_array().unwrap());
        assert!(tags.iter().all(|tag| all.contains(tag.as_str().unwrap())), "{text}");
        counts[tags.len()] += 1;
    }
    // 225 bytes a row, 284,000 contexts of a million.
    check("bytes", bytes, 22_000_000..=23_200_000);
    check("contexts", contexts.len(), 30_000..=42_000);
    check("rows without tags", counts[0], 6_000..=8_000);
    check("rows with two tags", counts[2], 43_000..=49_000);
}
