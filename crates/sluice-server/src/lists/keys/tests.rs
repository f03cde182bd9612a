//! Which names cover which, and what is found in a list of keys.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use sluice_model::Indicator;

use super::{Covering, KeyList, Rank};

fn list(values: &[&str]) -> KeyList {
    let mut all: Vec<Indicator> = values.iter().map(|value| Indicator::parse(value).unwrap()).collect();
    all.sort();
    let mut list = KeyList::default();
    for (number, one) in (0..).zip(&all) {
        list.push(one.key(), Rank { confidence: number, updated_seconds: 0 }).unwrap();
    }
    list
}

#[track_caller]
fn check(values: &[&str], allowed: &[&str], want: &Expect) {
    let mut list = list(values);
    list.mark_covered(&self::list(allowed));
    let mut seen = String::new();
    for place in 0..list.len() {
        let indicator = Indicator::from_key(list.key(place)).unwrap();
        let covered = Covering::EACH.map(|covering| u8::from(list.is_covered(place, covering)));
        let [all, names, clean] = covered;
        let exceptions = if list.has_exceptions(place) { " !" } else { "" };
        writeln!(seen, "{all}{names}{clean} {} {indicator}{exceptions}", list.worth(place).confidence)
            .unwrap();
    }
    want.assert_eq(&seen);
}

#[test]
fn names_cover_what_is_below_them_and_nothing_else() {
    check(
        &[
            "example.com",
            "a.example.com",
            "b.a.example.com",
            "example-x.com",
            "example.com/x",
            "notexample.com",
            "*.example.com",
        ],
        &[],
        &expect![[r#"
            000 0 example-x.com
            000 5 example.com
            111 2 *.example.com
            000 3 example.com/x
            111 4 a.example.com
            111 5 b.a.example.com
            000 6 notexample.com
        "#]],
    );
}

#[test]
fn masks_cover_for_programs_that_have_masks() {
    check(
        &["*.example.com", "a.example.com", "b.a.example.com"],
        &[],
        &expect![[r#"
            000 2 *.example.com
            100 2 a.example.com
            111 2 b.a.example.com
        "#]],
    );
}

#[test]
fn a_name_with_exceptions_covers_nothing_for_programs_without_exceptions() {
    check(
        &["example.com", "a.example.com", "c.a.example.com"],
        &["good.example.com", "example.org"],
        &expect![[r#"
            000 2 example.com !
            110 2 a.example.com
            111 2 c.a.example.com
        "#]],
    );
}

/// Who is below a public suffix is somebody else, as lookups have it.
#[test]
fn nothing_is_covered_across_a_public_suffix() {
    check(
        &[
            "amazonaws.com",
            "x.amazonaws.com",
            "evil.s3.amazonaws.com",
            "a.evil.s3.amazonaws.com",
            "y.amazonaws.com",
        ],
        &[],
        &expect![[r#"
            000 4 amazonaws.com
            001 2 evil.s3.amazonaws.com
            111 2 a.evil.s3.amazonaws.com
            111 3 x.amazonaws.com
            111 4 y.amazonaws.com
        "#]],
    );
}

#[test]
fn keys_are_found_by_themselves_and_by_what_they_begin_with() {
    let list = list(&["192.0.2.1/x", "a.example.com", "example.com", "example.com/x", "example.org"]);
    for place in 0..list.len() {
        assert!(list.contains(list.key(place)));
    }
    let key = |value: &str| Indicator::parse(value).unwrap().key().to_vec();
    assert!(!list.contains(&key("b.example.com")) && !list.contains(&key("zzz.example.org")));
    assert_eq!(list.places_below(&key("example.com")).count(), 3);
    assert_eq!(list.places_below(&key("example.net")).count(), 0);
    assert!(list.key(list.len()).is_empty());
}
