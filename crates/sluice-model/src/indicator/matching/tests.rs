//! The levels of a lookup, in order, and never one twice.

mod by;
mod networks;

use std::{collections::BTreeSet, convert::Infallible, fmt::Write as _};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::{
    Indicator, IndicatorKind,
    normalize::{normalize_into, recognize_object},
};

use super::{CandidateKey, MatchScope, MatchedBy, candidate_keys, group_of, prefix_marks};

/// Keys as they were handed out.
#[derive(Default)]
struct CandidateKeys {
    keys: Vec<(Vec<u8>, MatchedBy)>,
}

impl CandidateKeys {
    fn of(key: &[u8], www_labels: u8, scope: MatchScope, ask: impl FnMut(&[u8]) -> bool) -> Self {
        let mut candidates = Self::default();
        let visit = |candidate: CandidateKey<'_>| {
            candidates.push(candidate);
            Ok::<_, Infallible>(())
        };
        let Ok(()) = candidate_keys(key, www_labels, scope, ask, &mut Vec::new(), visit);
        candidates
    }

    fn push(&mut self, candidate: CandidateKey<'_>) {
        self.keys.push((candidate.key.to_vec(), candidate.by));
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|(key, _)| key.as_slice())
    }

    fn names_value(&self, number: usize) -> bool {
        self.keys[number].1.names_value()
    }
}

/// The candidates of `text`, if it is a value, where there may be prefix masks everywhere or nowhere.
fn candidates_of(text: &str, scope: MatchScope, has_prefix_masks: bool) -> Option<(Vec<u8>, CandidateKeys)> {
    let mut key = Vec::new();
    let recognized = recognize_object(text, &mut key).ok()?;
    let candidates = CandidateKeys::of(&key, recognized.www_labels, scope, |_| has_prefix_masks);
    Some((key, candidates))
}

fn printed(candidates: &CandidateKeys) -> Vec<String> {
    candidates.iter().map(|key| Indicator::from_key(key).unwrap().to_string()).collect()
}

/// Lists what would be probed for `text` where there are no prefix masks.
fn probed(text: &str, scope: MatchScope) -> Vec<String> {
    printed(&candidates_of(text, scope, false).unwrap().1)
}

/// Checks what would be probed for `text` where there are prefix masks.
#[track_caller]
fn check_with_prefix_masks(text: &str, want: &Expect) {
    want.assert_eq(&printed(&candidates_of(text, MatchScope::Levels, true).unwrap().1).join("\n"));
}

#[track_caller]
fn check(text: &str, want: &Expect) {
    want.assert_eq(&probed(text, MatchScope::Levels).join("\n"));
}

#[test]
fn a_url_is_tried_at_every_level() {
    check(
        "https://b.a.example.com/x/y?q=1",
        &expect![[r#"
            b.a.example.com/x/y?q=1
            b.a.example.com/x/y
            b.a.example.com
            *.a.example.com/x/y?q=1
            *.a.example.com/x/y
            *.a.example.com
            a.example.com
            *.example.com/x/y?q=1
            *.example.com/x/y
            *.example.com
            example.com"#]],
    );
}

#[test]
fn without_its_query_a_url_has_no_trailing_slash() {
    check(
        "example.com/x/?q",
        &expect![[r#"
            example.com/x/?q
            example.com/x
            example.com"#]],
    );
    check(
        "example.com/?q",
        &expect![[r#"
            example.com/?q
            example.com"#]],
    );
}

#[test]
fn a_bare_domain_is_tried_with_its_parents() {
    check(
        "a.example.com",
        &expect![[r#"
            a.example.com
            *.example.com
            example.com"#]],
    );
    check("example.com", &expect!["example.com"]);
}

#[test]
fn parents_end_at_the_registrable_domain() {
    check(
        "a.example.co.uk",
        &expect![[r#"
            a.example.co.uk
            *.example.co.uk
            example.co.uk"#]],
    );
    // A suffix of the private section, and one written in another script.
    check(
        "example.github.io",
        &expect![[r#"
            example.github.io
            *.github.io"#]],
    );
    check(
        "a.example.xn--55qx5d.cn",
        &expect![[r#"
            a.example.xn--55qx5d.cn
            *.example.xn--55qx5d.cn
            example.xn--55qx5d.cn"#]],
    );
    // A top-level domain that the list does not have.
    check(
        "a.b.example",
        &expect![[r#"
            a.b.example
            *.b.example
            b.example"#]],
    );
}

#[test]
fn a_public_suffix_has_no_parents() {
    check("co.uk", &expect!["co.uk"]);
    check(
        "co.uk/x?q",
        &expect![[r#"
            co.uk/x?q
            co.uk/x
            co.uk"#]],
    );
}

#[test]
fn a_mask_that_is_looked_up_is_tried_once() {
    check(
        "*.a.example.com/x",
        &expect![[r#"
            *.a.example.com/x
            *.a.example.com
            a.example.com
            *.example.com/x
            *.example.com
            example.com"#]],
    );
}

#[test]
fn a_host_that_is_an_address_is_tried_as_the_address() {
    check(
        "http://0xc0.0.2.1/x?q",
        &expect![[r#"
            192.0.2.1/x?q
            192.0.2.1/x
            192.0.2.1"#]],
    );
    check(
        "http://[2001:db8::1]:8080/?q",
        &expect![[r#"
            [2001:db8::1]/?q
            2001:db8::1"#]],
    );
    check("http://192.0.2.1:80/", &expect!["192.0.2.1"]);
}

#[test]
fn hashes_and_addresses_are_tried_as_themselves() {
    check("192.0.2.1", &expect!["192.0.2.1"]);
    check("2001:DB8::1", &expect!["2001:db8::1"]);
    check("D41D8CD98F00B204E9800998ECF8427E", &expect!["d41d8cd98f00b204e9800998ecf8427e"]);
}

#[test]
fn a_printed_normal_form_is_tried() {
    check(
        "example.com/a b",
        &expect![[r#"
            example.com/a b
            example.com"#]],
    );
}

#[test]
fn exact_scope_tries_the_value_alone() {
    assert_eq!(probed("b.a.example.com/x?q", MatchScope::Exact), ["b.a.example.com/x?q"]);
    assert_eq!(probed("192.0.2.1/x", MatchScope::Exact), ["192.0.2.1/x"]);
}

#[test]
fn a_visitor_can_end_the_walk() {
    let (key, all) = candidates_of("http://b.a.example.com/x/y?q", MatchScope::Levels, true).unwrap();
    for wanted in 0..all.len() {
        let (mut seen, mut room) = (CandidateKeys::default(), b"of another value".to_vec());
        let visit = |candidate: CandidateKey<'_>| {
            seen.push(candidate);
            if seen.len() == wanted + 1 { Err(()) } else { Ok(()) }
        };
        assert_eq!(candidate_keys(&key, 0, MatchScope::Levels, |_| true, &mut room, visit), Err(()));
        assert_eq!(seen.keys, all.keys[..=wanted]);
    }
}

/// A value of 8 KiB has thousands of candidates, which would come to tens of mebibytes.
#[test]
fn candidates_take_the_memory_of_one() {
    let path = format!("/{}{}", "a".repeat(7_000), "/b".repeat(31));
    let text = format!("http://{}example.com{path}?{}", "a.".repeat(120), "q".repeat(800));
    let (mut key, mut room, mut bytes) = (Vec::new(), Vec::new(), 0);
    recognize_object(&text, &mut key).unwrap();
    let visit = |candidate: CandidateKey<'_>| {
        bytes += candidate.key.len();
        Ok::<_, Infallible>(())
    };
    let Ok(()) = candidate_keys(&key, 0, MatchScope::Levels, |_| true, &mut room, visit);
    assert!(20 << 20 < bytes && room.capacity() <= 20_000, "{bytes} in {}", room.capacity());
}

#[test]
fn masks_go_down_to_where_registries_begin_and_parents_to_the_registrable_domain() {
    check(
        "a.evil.duckdns.org",
        &expect![[r#"
            a.evil.duckdns.org
            *.evil.duckdns.org
            evil.duckdns.org
            *.duckdns.org"#]],
    );
    check(
        "x.a.bo.nordland.no",
        &expect![[r#"
            x.a.bo.nordland.no
            *.a.bo.nordland.no
            a.bo.nordland.no
            *.nordland.no"#]],
    );
}

/// A mask of a domain once did not match its `www.`, which the normal form does not have.
#[test]
fn www_is_below_the_masks_of_its_domain() {
    check(
        "http://WWW.www.a.example.com/x",
        &expect![[r#"
            a.example.com/x
            a.example.com
            *.www.a.example.com/x
            *.www.a.example.com
            *.a.example.com/x
            *.a.example.com
            *.example.com/x
            *.example.com
            example.com"#]],
    );
    check(
        "www.example.com",
        &expect![[r#"
            example.com
            *.example.com"#]],
    );
    check("www.co.uk", &expect!["co.uk"]);
    check(
        "www.www.co.uk",
        &expect![[r#"
            co.uk
            *.www.co.uk"#]],
    );
    check(
        "a.www.example.com",
        &expect![[r#"
            a.www.example.com
            *.www.example.com
            *.example.com
            example.com"#]],
    );
    check("www.com", &expect!["www.com"]);
    let longest = format!("{}com", "abcdefghi.".repeat(24));
    let longest = format!("{}.{longest}", "a".repeat(253 - longest.len() - 1 - 4));
    assert_eq!(probed(&format!("www.www.{longest}"), MatchScope::Levels).len(), 2 + 2 * 24);
}

#[test]
fn a_path_is_tried_with_its_prefix_masks() {
    check_with_prefix_masks(
        "a.example.com/x/y%20/z?q=/*",
        &expect![[r#"
            a.example.com/x/y /z?q=/*
            a.example.com/x/y /z
            a.example.com/x/y /z/*
            a.example.com/x/y%20/*
            a.example.com/x/*
            a.example.com
            *.example.com/x/y /z?q=/*
            *.example.com/x/y /z
            *.example.com/x/y /z/*
            *.example.com/x/y%20/*
            *.example.com/x/*
            *.example.com
            example.com"#]],
    );
    check_with_prefix_masks(
        "http://192.0.2.1/x/",
        &expect![[r#"
            192.0.2.1/x
            192.0.2.1/x/*
            192.0.2.1"#]],
    );
    check_with_prefix_masks(
        "example.com/x/*",
        &expect![[r#"
            example.com/x/*
            example.com/x/*/*
            example.com"#]],
    );
    check_with_prefix_masks(
        "example.com/%0a/*",
        &expect![[r#"
            example.com/%0a/*
            example.com/%0a/*/*
            example.com"#]],
    );
    check_with_prefix_masks(
        "example.com/a%2520%25e3%2580%2580/%e3%80%80/*",
        &expect![[r#"
            example.com/a%2520%25e3%2580%2580/%e3%80%80/*
            example.com/a%2520%25e3%2580%2580/　/*/*
            example.com/a%2520%25e3%2580%2580/*
            example.com"#]],
    );
    check_with_prefix_masks(
        "example.com/*?q",
        &expect![[r#"
            example.com/*?q
            example.com/*/*
            example.com"#]],
    );
    check_with_prefix_masks(
        "example.com/?q",
        &expect![[r#"
        example.com/?q
        example.com"#]],
    );
    check_with_prefix_masks("example.com", &expect!["example.com"]);
    let deep = format!("example.com{}", "/a".repeat(40));
    assert_eq!(printed(&candidates_of(&deep, MatchScope::Levels, true).unwrap().1).len(), 2 + 32);
}

/// Where a group has no prefix masks, they cost one question, and values without a path not even that.
#[test]
fn prefix_masks_are_asked_for_once_and_then_at_each_level() {
    let asked = |text: &str, answer: bool| {
        let (mut key, mut asked) = (Vec::new(), Vec::new());
        let recognized = recognize_object(text, &mut key).unwrap();
        let ask = |mark: &[u8]| {
            asked.push(String::from_utf8(mark[1..].to_vec()).unwrap());
            answer
        };
        CandidateKeys::of(&key, recognized.www_labels, MatchScope::Levels, ask);
        asked
    };
    assert_eq!(asked("www.a.example.com/x/y/z?q", false), ["com.example."]);
    assert_eq!(
        asked("www.a.example.com/x/y/z?q", true),
        ["com.example.", "com.example.a.", "com.example.a.*.", "com.example.*."]
    );
    assert_eq!(asked("http://192.0.2.1/x", false), ["1."]);
    for text in ["a.example.com", "example.com/?q", "192.0.2.1", "d41d8cd98f00b204e9800998ecf8427e"] {
        assert!(asked(text, true).is_empty(), "{text}");
    }
}

#[test]
fn only_parent_domains_do_not_name_the_value() {
    let (_, candidates) = candidates_of("www.b.a.example.com/x?q", MatchScope::Levels, true).unwrap();
    let texts = printed(&candidates);
    let strangers: Vec<_> = (0..texts.len()).filter(|number| !candidates.names_value(*number)).collect();
    assert_eq!(
        strangers.iter().map(|number| &*texts[*number]).collect::<Vec<_>>(),
        ["a.example.com", "example.com"]
    );
}

#[test]
fn the_marks_of_a_prefix_mask_are_asked_for() {
    let marks = |text: &str| {
        let key = Indicator::parse(text).unwrap();
        prefix_marks(key.key()).map(|marks| marks.map(|mark| String::from_utf8(mark[1..].to_vec()).unwrap()))
    };
    let some = |near: &str, host: &str| Some([near.to_owned(), host.to_owned()]);
    assert_eq!(marks("b.a.example.com/x/*"), some("com.example.", "com.example.a.b."));
    assert_eq!(marks("*.example.com/x/y/*"), some("com.example.", "com.example.*."));
    assert_eq!(marks("http://192.0.2.1/x/*"), some("1.", "1.2.0.192."));
    assert_eq!(marks("http://[2001:db8::1]/x/*"), some("[2001:db8::1].", "[2001:db8::1]."));
    for text in ["example.com/*", "example.com/x", "example.com/x?y/*", "example.com/x*", "192.0.2.1"] {
        assert_eq!(marks(text), None, "{text}");
    }
    assert_eq!(prefix_marks(b"\x04a./*"), None);
}

#[track_caller]
fn check_group(text: &str, want: Option<&str>) {
    let indicator = Indicator::recognize(text).unwrap();
    let group = group_of(indicator.key()).map(|group| str::from_utf8(&group[1..]).unwrap());
    assert_eq!(group, want, "{text}");
}

#[test]
fn a_group_is_the_kind_and_two_labels_of_a_name() {
    check_group("example.com", Some("com.example."));
    check_group("b.a.example.com/x.y/z?q=1", Some("com.example."));
    check_group("*.example.com", Some("com.example."));
    check_group("a.example.co.uk", Some("uk.co."));
    check_group("co.uk", Some("uk.co."));
    check_group("1.example", Some("example.1."));
    check_group("a.example.x1", Some("x1.example."));
    for text in
        ["192.0.2.1", "192.0.2.1/x", "[2001:db8::1]/a.b.c", "2001:db8::1", "D41D8CD98F00B204E9800998ECF8427E"]
    {
        check_group(text, None);
    }
}

#[test]
fn bytes_that_are_no_key_have_no_group() {
    for key in [
        &b""[..],
        b"\x06",
        b"\x06com",
        b"\x06com.",
        b"\x06com./a.b.",
        b"\x06com.example",
        b"\x06com.example/.",
        b"\x06..",
        b"\x06com..",
        b"\x04com.example.",
    ] {
        assert_eq!(group_of(key), None, "{key:?}");
    }
}

/// Values of every form that hosts and paths have; many are refused.
fn url_text() -> impl Strategy<Value = String> {
    let host = "(\\*\\.)?(([a-c]|www|1|xn--p1ai)\\.){0,5}(com|co\\.uk|uk|ck|github\\.io|kawasaki\\.jp|bo\\.nordland\\.no|nordland\\.no|example|1|192\\.0\\.2\\.1|\\[2001:db8::1\\])";
    (host, "(/([a*]|\\.|%20|%2a|\u{feff}){0,3}){0,4}", "(\\?[a/?*]{0,3}(%20)?)?")
        .prop_map(|(host, path, query)| format!("{host}{path}{query}"))
}

/// A mask whose names are all suffixes cannot be stored, so it was looked for in vain.
#[test]
fn a_mask_of_suffixes_is_not_looked_for_below_www() {
    let (_, candidates) = candidates_of("www.www.kawasaki.jp", MatchScope::Levels, true).unwrap();
    assert!(candidates.iter().all(|key| !key.ends_with(b"www.*.")));
    let (_, candidates) = candidates_of("www.www.co.uk", MatchScope::Levels, true).unwrap();
    assert!(candidates.iter().any(|key| key.ends_with(b"www.*.")));
}

/// An object, other than its own text, that an accepted value is meant to name.
fn named_object(value: &Indicator, below: &str) -> String {
    let printed = value.to_string();
    if value.kind() == IndicatorKind::Ip && printed.contains(':') {
        return format!("http://[{printed}]:80/{below}");
    }
    // The printed form has blank characters, which no object has behind a scheme.
    let blank = |character: char| character.is_whitespace() || character == '\u{feff}';
    let mut text = String::new();
    for character in printed.chars() {
        if blank(character) {
            for byte in character.to_string().bytes() {
                write!(text, "%{byte:02X}").unwrap();
            }
        } else {
            text.push(character);
        }
    }
    if let Some(masked) = text.strip_prefix("*.") {
        text = format!("{below}.{masked}");
    }
    match text.strip_suffix("/*") {
        Some(prefix) if !prefix.contains('?') => text = format!("{prefix}/{below}/{below}"),
        _ if !text.contains('/') => text.push_str("/x?y"),
        _ => {}
    }
    format!("hTTp://{text}#f")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The law behind what is accepted: it can be found, and what names a value suppresses it.
    #[test]
    fn what_is_accepted_can_be_found_by_another_object(
        text in url_text(),
        below in "www(\\.www){0,2}|[ab](\\.(www|b|co)){0,2}",
    ) {
        let Ok(value) = Indicator::parse(&text) else { return Ok(()) };
        let object = named_object(&value, &below);
        let (_, candidates) = candidates_of(&object, MatchScope::Levels, true).unwrap();
        let place = candidates.iter().position(|key| key == value.key());
        prop_assert!(place.is_some(), "{:?} by {:?}", value, object);
        prop_assert!(candidates.names_value(place.unwrap()), "{:?} by {:?}", value, object);
        // Whether to look is asked with the marks that it has.
        let (mut key, mut asked) = (Vec::new(), BTreeSet::new());
        let recognized = recognize_object(&object, &mut key).unwrap();
        let ask = |mark: &[u8]| asked.insert(mark.to_vec());
        CandidateKeys::of(&key, recognized.www_labels, MatchScope::Levels, ask);
        for mark in prefix_marks(value.key()).into_iter().flatten() {
            prop_assert!(asked.contains(mark), "{:?} by {:?}", value, object);
        }
    }

    #[test]
    fn candidates_are_keys_distinct_and_begin_with_the_value(text in url_text()) {
        let Some((key, candidates)) = candidates_of(&text, MatchScope::Levels, true) else { return Ok(()) };
        prop_assert_eq!(candidates.iter().next(), Some(&*key));
        let distinct: BTreeSet<&[u8]> = candidates.iter().collect();
        prop_assert_eq!(distinct.len(), candidates.len());
        for key in candidates.iter() {
            // A key that no text normalizes to could never be stored.
            let printed = Indicator::from_key(key).unwrap();
            let (text, recognized) = (printed.to_string(), Indicator::recognize(&printed.to_string()));
            // All names below `kawasaki.jp` are suffixes: a mask of it is looked for in vain.
            if !text.starts_with("*.kawasaki.jp") {
                prop_assert_eq!(recognized, Ok(printed));
            }
        }
    }

    #[test]
    fn candidates_lie_in_the_group_of_the_value(text in url_text()) {
        let Some((key, candidates)) = candidates_of(&text, MatchScope::Levels, true) else { return Ok(()) };
        let group = group_of(&key);
        prop_assert!(group.is_none_or(|group| key.starts_with(group)));
        for key in candidates.iter().filter(|_| group.is_some()) {
            prop_assert_eq!(group_of(key), group);
        }
    }

    /// Where no prefix masks are stored, they are not looked for, and nothing else is missed.
    #[test]
    fn prefix_masks_are_left_out_where_there_are_none(text in url_text()) {
        let Some((_, with)) = candidates_of(&text, MatchScope::Levels, true) else { return Ok(()) };
        let (key, without) = candidates_of(&text, MatchScope::Levels, false).unwrap();
        let is_kept = |candidate: &&[u8]| prefix_marks(candidate).is_none() || *candidate == key;
        let without: Vec<_> = without.iter().filter(is_kept).collect();
        prop_assert_eq!(with.iter().filter(is_kept).collect::<Vec<_>>(), without);
    }
}

#[test]
fn generated_texts_are_often_values() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts = (0..1_000).map(|_| {
        let tree = url_text().new_tree(&mut runner).unwrap();
        proptest::strategy::ValueTree::current(&tree)
    });
    let values = texts.filter(|text| normalize_into(text, &mut Vec::new()).is_ok()).count();
    assert!(400 < values, "only {values} of 1000");
}
