//! Which suppliers' indicators a value matches, and in what order.

mod masks;
mod networks;
mod reference;

use std::{ops::Range, sync::Arc};

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use sluice_model::{Indicator, TenantId, matching::MatchScope};
use sluice_store::SingleThread;

use self::reference::{reference, without_gaps};
use super::Detector;
use crate::{
    IngestError, LookupRules, UploadAction,
    fixture::{EveryField, Fixture, NOW_SECONDS, lookup_rules},
    lookup::{
        candidates::Candidates, rank::Matches, render::Render, suppliers::SuppliersCache, text::AnswerText,
    },
    memory::RequestMemory,
};

#[track_caller]
fn check(fixture: &Fixture, object: &str, want: &Expect) {
    want.assert_eq(&fixture.detect(object));
}

#[test]
fn every_kind_has_its_category() {
    let fixture = Fixture::new();
    let (md5, sha1, sha256) = ("0A".repeat(16), "0B".repeat(20), "0C".repeat(32));
    let held = [
        &*md5,
        &*sha1,
        &*sha256,
        "192.0.2.1",
        "2001:DB8::1",
        "198.51.100.77/24",
        "http://www.Example.com:80/A/?q=%22",
    ];
    fixture.hold("Feed", &held);
    let seen: String = held.iter().map(|object| fixture.detect(object)).collect();
    expect![[r#"
        Feed Md5 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a {}
        Feed Sha1 0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b {}
        Feed Sha256 0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c {}
        Feed Ip 192.0.2.1 {}
        Feed Ip 2001:db8::1 {}
        Feed Network 198.51.100.0/24 {}
        Feed Url example.com/a/?q=" {}
    "#]]
    .assert_eq(&seen);
    check(&fixture, "example.com", &expect![""]);
    check(&fixture, "nonsense", &expect![""]);
}

#[test]
fn all_levels_match_the_most_specific_first() {
    let fixture = Fixture::new();
    let levels = [
        "a.b.example.com/x?q=1",
        "a.b.example.com/x",
        "a.b.example.com",
        "b.example.com",
        "*.example.com",
        "example.com",
    ];
    fixture.hold("Feed", &levels);
    fixture.hold("Feed", &["a.b.example.com/y", "c.example.com"]);
    check(
        &fixture,
        "https://A.b.example.com:8443/x?q=1",
        &expect![[r#"
            Feed Url a.b.example.com/x?q=1 {}
            Feed Url a.b.example.com/x {}
            Feed Url a.b.example.com {}
            Feed Url b.example.com {}
            Feed Url *.example.com {}
            Feed Url example.com {}
        "#]],
    );
    let exact = LookupRules { scope: MatchScope::Exact, ..lookup_rules() };
    expect![[r#"
        Feed Url b.example.com {}
    "#]]
    .assert_eq(&fixture.detect_with(exact, "b.example.com/"));
    assert_eq!(fixture.detect_with(exact, "d.example.com"), "");
}

#[test]
fn suppliers_come_by_confidence_then_name() {
    let fixture = Fixture::new();
    for (name, confidence) in [("Zeta", 90), ("beta", 20), ("Alpha", 20)] {
        fixture.create_supplier(name, confidence);
    }
    for name in ["Alpha", "beta", "Feed", "Zeta"] {
        fixture.hold(name, &["example.com", "sub.example.com"]);
    }
    check(
        &fixture,
        "sub.example.com",
        &expect![[r#"
        Zeta Url sub.example.com {}
        Zeta Url example.com {}
        Feed Url sub.example.com {}
        Feed Url example.com {}
        Alpha Url sub.example.com {}
        Alpha Url example.com {}
        beta Url sub.example.com {}
        beta Url example.com {}
    "#]],
    );
}

#[test]
fn disabled_and_expired_holdings_do_not_count() {
    let fixture = Fixture::new();
    fixture.create_supplier("Off", 10);
    fixture.hold("Off", &["a.example"]);
    assert!(fixture.is_detected("a.example"));
    fixture.disable("Off");
    assert!(!fixture.is_detected("a.example"));
    fixture.hold("Feed", &["b.example"]);
    let at = |now_seconds| fixture.detect_with(LookupRules { now_seconds, ..lookup_rules() }, "b.example");
    assert_ne!(at(NOW_SECONDS + 3_599), "");
    assert_eq!(at(NOW_SECONDS + 3_600), "");
}

#[test]
fn tenants_see_their_own_only() {
    let fixture = Fixture::new();
    let acme = fixture.store.catalogue().tenant("acme").unwrap();
    fixture.hold("Feed", &["general.example"]);
    fixture.upload(fixture.rules(acme, "Feed"), "[{\"indicator\":\"acme.example\"}]").unwrap();
    let seen =
        |tenant, object| !fixture.detect_with(LookupRules { tenant, ..lookup_rules() }, object).is_empty();
    assert!(seen(TenantId::GENERAL, "general.example") && !seen(TenantId::GENERAL, "acme.example"));
    assert!(!seen(acme, "general.example") && seen(acme, "acme.example"));
}

#[test]
fn a_false_positive_is_detected_for_internal_ti_only() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["a.example", "192.0.2.1"]);
    fixture.hold("InternalTI", &["a.example"]);
    fixture.hold("FalsePositive", &["a.example", "192.0.2.1", "198.51.100.1"]);
    check(
        &fixture,
        "a.example",
        &expect![[r#"
        InternalTI Url a.example {}
    "#]],
    );
    check(&fixture, "192.0.2.1", &expect![[""]]);
    check(&fixture, "198.51.100.1", &expect![[""]]);
    fixture.delete("FalsePositive", "[{\"indicator\":\"192.0.2.1\"}]").unwrap();
    check(
        &fixture,
        "192.0.2.1",
        &expect![[r#"
        Feed Ip 192.0.2.1 {}
    "#]],
    );
}

/// A false positive suppresses its own level, and all levels when it names the value: as itself, its host or a mask.
#[test]
fn a_false_positive_reaches_the_levels_of_its_value() {
    let held = ["a.example.com/x?q=1", "a.example.com/x", "a.example.com", "example.com"];
    for (listed, want) in [
        ("a.example.com/x?q=1", expect![[""]]),
        ("a.example.com/x", expect![[""]]),
        ("a.example.com", expect![[""]]),
        (
            "example.com",
            expect![[r#"
            Feed Url a.example.com/x?q=1 {}
            Feed Url a.example.com/x {}
            Feed Url a.example.com {}
        "#]],
        ),
        ("*.example.com", expect![[""]]),
        ("*.example.com/x", expect![[""]]),
        ("a.example.com/x/*", expect![[""]]),
        (
            "a.example.com/y/*",
            expect![[r#"
            Feed Url a.example.com/x?q=1 {}
            Feed Url a.example.com/x {}
            Feed Url a.example.com {}
            Feed Url example.com {}
        "#]],
        ),
        (
            "other.example.com",
            expect![[r#"
            Feed Url a.example.com/x?q=1 {}
            Feed Url a.example.com/x {}
            Feed Url a.example.com {}
            Feed Url example.com {}
        "#]],
        ),
    ] {
        let fixture = Fixture::new();
        fixture.hold("Feed", &held);
        fixture.hold("FalsePositive", &[listed]);
        check(&fixture, "a.example.com/x?q=1", &want);
    }
}

const RETENTION_SECONDS_MAX: u32 = 5_256_000 * 60;

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(\\*\\.)?(([ab]|www)\\.){0,3}(example\\.com|b\\.co\\.uk|co\\.uk)(/[ab]?){0,2}(\\?[ab]|/\\*)?",
        2 => "(http://)?192\\.0\\.2\\.[1-3](/[ab])?(\\?a)?",
        2 => "192\\.0\\.2\\.[0-3]/(8|24|30|31|32)",
        1 => "2001:db8::[01]/(32|64|127|128)",
        1 => "[01]{32}",
        1 => Just("2001:db8::1".to_owned()),
        1 => Just("no indicator".to_owned()),
        1 => Just("a.example.com/a b".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The law behind what is accepted: it can be found, and on the list of false positives it suppresses.
    #[test]
    fn whatever_is_accepted_is_found_and_suppresses(
        values in vec("(\\*\\.)?(([ab]|www)\\.){0,3}(example\\.com|duckdns\\.org|co\\.uk|nordland\\.no|192\\.0\\.2\\.1)(/[ab*]{0,2}){0,3}(\\?[a/*]{1,2})?", 1..20),
        listed in any::<usize>(),
    ) {
        let fixture = Fixture::new();
        let values: Vec<_> = values.iter().filter_map(|text| Indicator::parse(text).ok()).collect();
        for value in &values {
            fixture.hold("Feed", &[&value.to_string()]);
        }
        for value in &values {
            let object = named_object(&value.to_string());
            let found = fixture.detect(&object);
            prop_assert!(found.contains(&format!(" {value} ")), "{:?} by {}: {}", value, object, found);
        }
        if !values.is_empty() {
            let listed = &values[listed % values.len()];
            fixture.hold("FalsePositive", &[&listed.to_string()]);
            let object = named_object(&listed.to_string());
            prop_assert_eq!(fixture.detect(&object), "", "{:?} by {}", listed, object);
        }
    }

    #[test]
    fn many_values_are_answered_as_each_of_them_alone(
        held in vec((0..5_usize, value(), any::<bool>(), 0..4_u8), 0..40),
        objects in vec(value(), 1..200),
        is_exact in any::<bool>(),
    ) {
        let fixture = Fixture::new();
        fixture.create_supplier("Other", 50);
        fixture.create_supplier("Off", 90);
        let suppliers = ["Feed", "Other", "Off", "FalsePositive", "InternalTI"];
        for (supplier, indicator, has_context, age) in held {
            let element = match suppliers[supplier] {
                "FalsePositive" => json!([{"indicator": indicator}]),
                _ if !has_context => json!([{"indicator": indicator}]),
                name => json!([{"indicator": indicator, "context": {"of": name}, "tags": ["GOOD"]}]),
            };
            let mut upload = fixture.rules(TenantId::GENERAL, suppliers[supplier]);
            if let UploadAction::Put { now_seconds, .. } = &mut upload.action
                && age == 0
            {
                // Longer ago than any retention.
                *now_seconds -= RETENTION_SECONDS_MAX;
            }
            fixture.upload(upload, &element.to_string()).unwrap();
        }
        fixture.disable("Off");
        let scope = if is_exact { MatchScope::Exact } else { MatchScope::Levels };
        let rules = LookupRules { scope, ..lookup_rules() };
        let body: Vec<_> = objects.iter().map(|object| json!({"object": object})).collect();
        let body = Value::Array(body).to_string();
        let answer: Vec<Value> = serde_json::from_str(&fixture.lookup_with(rules, &body).unwrap()).unwrap();
        let plain_rules = LookupRules { explains: false, ..rules };
        let plain = fixture.lookup_with(plain_rules, &body).unwrap();
        let plain: Vec<Value> = serde_json::from_str(&plain).unwrap();
        prop_assert_eq!((answer.len(), plain.len()), (objects.len(), objects.len()));
        for ((object, mut result), mut plain) in objects.iter().zip(answer).zip(plain) {
            prop_assert_eq!(without_gaps(result.clone()), without_gaps(reference(&fixture, rules, object)));
            // What counts is the same whether or not it is explained, tags aside.
            for one in [&mut result, &mut plain].into_iter().flat_map(|one| one["matches"].as_array_mut().unwrap()) {
                one["tags"] = Value::Null;
            }
            prop_assert_eq!(&result["matches"], &plain["matches"], "of {}", object);
        }
    }
}

/// An object that a URL without escapes names, other than its own text.
fn named_object(value: &str) -> String {
    let (host, rest) = value.split_at(value.find('/').unwrap_or(value.len()));
    let host = host.strip_prefix("*.").map_or(host.to_owned(), |masked| format!("www.{masked}"));
    let rest = match rest.strip_suffix("/*") {
        Some(prefix) if !prefix.contains('?') => format!("{prefix}/below/it"),
        _ if rest.is_empty() => "/x?y".to_owned(),
        _ => rest.to_owned(),
    };
    format!("https://user@{host}:8443{rest}#f")
}

fn candidates_of(fixture: &Fixture, detector: &Detector, values: &[&str]) -> Candidates {
    let mut candidates = Candidates::new(&memory_of(fixture, usize::MAX));
    for value in values {
        candidates.add(value, MatchScope::Levels, &detector.snapshot).unwrap();
    }
    candidates.ask_filters(&detector.snapshot).unwrap();
    candidates
}

fn keys(candidates: &Candidates) -> Vec<&[u8]> {
    (0..candidates.left().len()).map(|place| candidates.key(place)).collect()
}

#[test]
fn too_much_found_is_told_and_can_be_read_in_parts() {
    let fixture = Fixture::new();
    for name in ["a.example", "b.example", "c.example"] {
        let context = name.repeat(100);
        fixture.put("Feed", &json!([{"indicator": name, "context": {"c": context}}]).to_string()).unwrap();
    }
    let detector = Detector::new(fixture.store.snapshot(), lookup_rules(), SuppliersCache::default());
    let values = ["a.example", "b.example", "none.example", "c.example", "a.example"];
    let candidates = candidates_of(&fixture, &detector, &values);
    let keys = keys(&candidates);
    assert!(detector.read(&keys, 2_500, &SingleThread).unwrap().is_none());
    let whole = detector.read(&keys, 8_000, &SingleThread).unwrap().unwrap();
    let memory = memory_of(&fixture, usize::MAX);
    let mut answers = Vec::new();
    for value in 0..values.len() {
        let places = candidates.places_of(&(value..value + 1));
        let found = detector.read(&keys[places.clone()], 2_500, &SingleThread).unwrap().unwrap();
        let mut alone = Matches::new(&detector, &candidates, &found, places.start, 0);
        let mut among = Matches::new(&detector, &candidates, &whole, 0, 0);
        let alone = written(&mut alone, places.clone(), &memory).0.unwrap();
        assert_eq!(alone, written(&mut among, places, &memory).0.unwrap());
        answers.push(alone);
    }
    assert_eq!(answers[0], answers[4]);
    assert_eq!(answers[2], br#"[{"object":null,"matches":[],"others":[]}"#);
}

/// Memory for a request whose permit can come to so many bytes.
fn memory_of(fixture: &Fixture, permit_bytes_max: usize) -> Arc<RequestMemory> {
    let permit = fixture.ingestor.reserve(None, 1 << 10).unwrap();
    RequestMemory::within(permit, permit_bytes_max)
}

/// The text of one result, and how much was noted beside it.
fn written(
    matches: &mut Matches<'_>,
    places: Range<usize>,
    memory: &Arc<RequestMemory>,
) -> (Result<Vec<u8>, IngestError>, usize) {
    let mut text = AnswerText::new(memory, 0, 0);
    let mut result = matches.rank(places, &mut text);
    if result.is_ok() {
        result = EveryField.append_result(0, b"null", matches, &mut text);
    }
    let beside_bytes = text.beside_bytes;
    (result.and_then(|()| Ok(text.finish()?.chunks.concat())), beside_bytes)
}

/// A context is stored once and read once however many indicators have it, but stands in the answer for each of them:
/// so a short question could once fill the memory before anybody counted.
#[test]
fn a_result_is_not_written_beyond_the_room_for_it() {
    const CONTEXT_BYTES: usize = 100_000;
    let fixture = Fixture::new();
    let levels: Vec<String> = (1..=60).map(|labels| format!("{}example.com", "a.".repeat(labels))).collect();
    let context = json!({ "c": "x".repeat(CONTEXT_BYTES) });
    let elements: Vec<_> =
        levels.iter().map(|level| json!({"indicator": level, "context": context})).collect();
    fixture.put("Feed", &json!(elements).to_string()).unwrap();
    let detector = Detector::new(fixture.store.snapshot(), lookup_rules(), SuppliersCache::default());
    let candidates = candidates_of(&fixture, &detector, &[levels.last().unwrap()]);
    let keys = keys(&candidates);
    let found = detector.read(&keys, 4 * CONTEXT_BYTES, &SingleThread).unwrap().unwrap();
    let mut matches = Matches::new(&detector, &candidates, &found, 0, 0);
    let memory = memory_of(&fixture, 10 * CONTEXT_BYTES);
    let (refused, _) = written(&mut matches, 0..keys.len(), &memory);
    assert!(matches!(refused, Err(IngestError::TooManyAnswerBytes)));
    assert!(8 * CONTEXT_BYTES < memory.permit_bytes() && memory.permit_bytes() <= 10 * CONTEXT_BYTES);
    // Chunks of 256 KiB have room for two such contexts each.
    let memory = memory_of(&fixture, 31 * (256 << 10) + 64 * 40);
    let (text, beside_bytes) = written(&mut matches, 0..keys.len(), &memory);
    assert!(60 * CONTEXT_BYTES < text.unwrap().len());
    assert!(60 * 16 <= beside_bytes);
}

/// Short contexts and names, but many suppliers: what is kept of each match counts too.
#[test]
fn matches_count_among_what_is_found() {
    let fixture = Fixture::new();
    for number in 0..20 {
        let supplier = format!("S{number}");
        fixture.create_supplier(&supplier, 50);
        fixture.hold(&supplier, &["192.0.2.1", "192.0.2.2"]);
    }
    let detector = Detector::new(fixture.store.snapshot(), lookup_rules(), SuppliersCache::default());
    let candidates = candidates_of(&fixture, &detector, &["192.0.2.1", "192.0.2.2"]);
    // Enough for the rows, which are shorter; not enough for what grows to 40 matches.
    let bytes_max = 60 * size_of::<super::FoundMatch>() + 40;
    assert!(
        fixture.store.snapshot().read_rows(&keys(&candidates), bytes_max, &SingleThread).unwrap().is_some()
    );
    assert!(detector.read(&keys(&candidates), bytes_max, &SingleThread).unwrap().is_none());
    let found = detector.read(&keys(&candidates), 2 * bytes_max, &SingleThread).unwrap().unwrap();
    assert_eq!(found.matches.items.len(), 40);
    // The rows are still there while matches are made of them.
    let rows =
        fixture.store.snapshot().read_rows(&keys(&candidates), usize::MAX, &SingleThread).unwrap().unwrap();
    let bytes_max = found.heap_bytes() + rows.heap_bytes() / 2;
    assert!(
        fixture.store.snapshot().read_rows(&keys(&candidates), bytes_max, &SingleThread).unwrap().is_some()
    );
    assert!(detector.read(&keys(&candidates), bytes_max, &SingleThread).unwrap().is_none());
}

/// Disabled and expired holdings, other tenants': what does not match is not worth reading its context.
#[test]
fn contexts_are_read_of_matches_alone() {
    let fixture = Fixture::new();
    fixture.create_supplier("Off", 10);
    for name in ["Feed", "Off"] {
        let body = json!([{"indicator": "a.example", "context": {"of": name}}]);
        fixture.put(name, &body.to_string()).unwrap();
    }
    let read_bytes = |explains| {
        let cache = SuppliersCache::default();
        let rules = LookupRules { explains, ..lookup_rules() };
        let detector = Detector::new(fixture.store.snapshot(), rules, cache);
        let candidates = candidates_of(&fixture, &detector, &["a.example"]);
        detector.read(&keys(&candidates), usize::MAX, &SingleThread).unwrap().unwrap().contexts.text_bytes()
    };
    let both = read_bytes(false);
    fixture.disable("Off");
    assert_eq!(read_bytes(false) + r#"{"of":"Off"}"#.len(), both);
    // An explanation tells them too.
    assert_eq!(read_bytes(true), both);
}

/// A value of 8 KiB may have thousands of candidates that are stored, tens of mebibytes of them.
#[test]
fn what_a_single_value_leaves_is_counted_while_it_grows() {
    let fixture = Fixture::new();
    let object = format!("http://example.com/{}{}", "a".repeat(7_000), "/b".repeat(31));
    let masks: Vec<String> = (1..=31).map(|cut| format!("{}/*", &object[..object.len() - 2 * cut])).collect();
    fixture.hold("Feed", &masks.iter().map(String::as_str).collect::<Vec<_>>());
    let snapshot = fixture.store.snapshot();
    for (permit_bytes_max, is_refused) in [(100_000, true), (1_000_000, false)] {
        let mut candidates = Candidates::new(&memory_of(&fixture, permit_bytes_max));
        candidates.add(&object, MatchScope::Levels, &snapshot).unwrap();
        let finished = candidates.finish(&snapshot);
        assert_eq!(matches!(finished, Err(IngestError::TooManyAnswerBytes)), is_refused, "{finished:?}");
        assert_eq!(candidates.left().len() < 31, is_refused);
    }
}

/// Whether anything is to be read is told at the first wanted key, and the same as when all are collected.
#[test]
fn a_wanted_key_is_noticed_without_collecting() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["example.com/x", "192.0.2.1", "198.51.100.0/24"]);
    let detector = Detector::new(fixture.store.snapshot(), lookup_rules(), SuppliersCache::default());
    for values in [
        &["nonsense ", "example.org/x"][..],
        &["example.org", "www.example.com/x?q=1"],
        &["example.com/x", "example.net"],
        &["192.0.2.1"],
        &["192.0.2.77", "2001:db8::5"],
        &["198.51.101.1", "http://198.51.101.1/x"],
        &["198.51.101.1", "198.51.100.1"],
        &["http://198.51.100.1/x"],
        &["198.51.100.0/25"],
    ] {
        let memory = memory_of(&fixture, usize::MAX);
        let (mut candidates, mut asked) = (Candidates::new(&memory), Candidates::new(&memory));
        for value in values {
            candidates.add(value, MatchScope::Levels, &detector.snapshot).unwrap();
            asked.add(value, MatchScope::Levels, &detector.snapshot).unwrap();
        }
        asked.ask_filters(&detector.snapshot).unwrap();
        assert_eq!(candidates.leaves_any(&detector.snapshot), !asked.left().is_empty(), "{values:?}");
        assert!(candidates.left().is_empty());
    }
}
