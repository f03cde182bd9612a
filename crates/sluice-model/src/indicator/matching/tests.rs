//! The levels of a lookup, in order, and never one twice.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::Indicator;

use super::{CandidateKeys, MatchScope, address_or_network, candidate_keys, group_of};

/// Lists what would be probed for `text`.
fn probed(text: &str, scope: MatchScope) -> Vec<String> {
    let mut candidates = CandidateKeys::new();
    candidate_keys(Indicator::recognize(text).unwrap().key(), scope, &mut candidates);
    assert_eq!(candidates.iter().count(), candidates.len());
    candidates.iter().map(|key| Indicator::from_key(key).unwrap().to_string()).collect()
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
    check("example.github.io", &expect!["example.github.io"]);
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
fn a_list_is_used_again() {
    let mut candidates = CandidateKeys::new();
    let mut count = |text: &str| {
        candidate_keys(Indicator::recognize(text).unwrap().key(), MatchScope::Levels, &mut candidates);
        (candidates.len(), candidates.own_count())
    };
    assert_eq!(count("a.example.com/x?q"), (7, 3));
    assert_eq!(count("192.0.2.1"), (1, 1));
    assert_eq!(count("a.example.com"), (3, 1));
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

proptest! {
    #[test]
    fn candidates_are_keys_distinct_and_begin_with_the_value(
        text in "(\\*\\.)?([a-c]\\.){0,6}(com|co\\.uk|example|1|192\\.0\\.2\\.1)(/[a.]{0,3}){0,3}(\\?[a/?]{0,3})?"
    ) {
        let Ok(value) = Indicator::recognize(&text) else { return Ok(()) };
        let mut candidates = CandidateKeys::new();
        candidate_keys(value.key(), MatchScope::Levels, &mut candidates);
        prop_assert_eq!(candidates.iter().next(), Some(value.key()));
        let distinct: BTreeSet<&[u8]> = candidates.iter().collect();
        prop_assert_eq!(distinct.len(), candidates.len());
        for key in candidates.iter() {
            // A key that no text normalizes to could never be stored.
            let printed = Indicator::from_key(key).unwrap();
            prop_assert_eq!(Indicator::recognize(&printed.to_string()), Ok(printed));
        }
        // The value itself comes first; its host alone is the last that has no path and the only one.
        let is_bare = |key: &&[u8]| !Indicator::from_key(key).unwrap().to_string().contains('/');
        prop_assert_eq!(candidates.iter().position(|key| is_bare(&key)), Some(candidates.own_count() - 1));
    }

    #[test]
    fn candidates_lie_in_the_group_of_the_value(
        text in "(\\*\\.)?(([a-c]|www|com|1|xn--p1ai)\\.){0,6}(com|uk|co\\.uk|ck|github\\.io|kawasaki\\.jp|example|1)(/[a.]{0,3}){0,3}(\\?[a/?.]{0,3})?"
    ) {
        let Ok(value) = Indicator::recognize(&text) else { return Ok(()) };
        let mut candidates = CandidateKeys::new();
        candidate_keys(value.key(), MatchScope::Levels, &mut candidates);
        let group = group_of(value.key());
        prop_assert!(group.is_none_or(|group| value.key().starts_with(group)));
        for key in candidates.iter().filter(|_| group.is_some()) {
            prop_assert_eq!(group_of(key), group);
        }
    }
}

/// Lists the networks that would be probed for `text` after itself, if there are some of all lengths.
fn networks_around(text: &str) -> Vec<String> {
    let mut candidates = CandidateKeys::new();
    let value = Indicator::recognize(text).unwrap();
    candidate_keys(value.key(), MatchScope::Levels, &mut candidates);
    let own_count = candidates.len();
    if let Some(held) = address_or_network(value.key()) {
        candidates.push_networks(held, u128::MAX);
        assert_eq!(candidates.own_count(), candidates.len());
    }
    candidates.iter().skip(own_count).map(|key| Indicator::from_key(key).unwrap().to_string()).collect()
}

#[test]
fn an_address_is_tried_by_the_networks_that_hold_it() {
    let networks = networks_around("192.0.2.77");
    assert_eq!(networks.len(), 24);
    assert_eq!(
        (&*networks[0], &*networks[7], &*networks[23]),
        ("192.0.2.76/31", "192.0.2.0/24", "192.0.0.0/8")
    );
    assert_eq!(networks_around("http://192.0.2.77:80/a?b"), networks);
    assert_eq!(networks_around("::ffff:192.0.2.77"), networks);
    let networks = networks_around("2001:db8::1");
    assert_eq!(networks.len(), 112);
    assert_eq!((&*networks[0], &*networks[111]), ("2001:db8::/127", "2001::/16"));
    assert_eq!(networks_around("https://[2001:db8::1]/a"), networks);
    assert_eq!(networks_around("192.0.2.0/9"), ["192.0.0.0/8"]);
    for none in ["example.com/24", "1.2.3.4.example.com", &"0a".repeat(16)] {
        assert!(networks_around(none).is_empty(), "{none}");
    }
}
