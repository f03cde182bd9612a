//! What stays of a list that is too long.

use sluice_model::Indicator;

use super::{BuiltText, ListContents, ListFormat, ListRenderer, ListText as _, Rank, Stretch, ZoneSettings};
use crate::lists::keys::KeyList;

/// Values with confidence and age.
fn keys(values: &[(&str, u8, u32)]) -> KeyList {
    let mut all: Vec<(Indicator, Rank)> = values
        .iter()
        .map(|(value, confidence, updated_seconds)| {
            (
                Indicator::parse(value).unwrap(),
                Rank { confidence: *confidence, updated_seconds: *updated_seconds },
            )
        })
        .collect();
    all.sort();
    let mut list = KeyList::default();
    for (one, rank) in all {
        list.push(one.key(), rank).unwrap();
    }
    list.mark_covered(&KeyList::default());
    list
}

#[track_caller]
fn check(format: ListFormat, contents: &ListContents, entries_max: Option<u64>, want: &str) {
    let zone = ZoneSettings::default();
    let mut text = BuiltText {
        renderer: ListRenderer::new(format, "edge", (&zone, None), contents),
        format,
        contents,
        entries_max,
        may_go_on: &|| Ok(()),
    };
    let mut written = Vec::new();
    text.write(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap().lines().collect::<Vec<_>>().join(" "), want);
}

#[test]
fn the_most_trusted_stay_then_the_newest_in_the_order_of_the_list() {
    let contents = ListContents {
        keys: keys(&[("a.example", 10, 9), ("b.example", 60, 1), ("c.example", 60, 2), ("d.example", 90, 0)]),
        ..ListContents::default()
    };
    check(ListFormat::Txt, &contents, None, "a.example b.example c.example d.example");
    check(ListFormat::Txt, &contents, Some(4), "a.example b.example c.example d.example");
    check(ListFormat::Txt, &contents, Some(3), "b.example c.example d.example");
    check(ListFormat::Txt, &contents, Some(2), "c.example d.example");
    check(ListFormat::Txt, &contents, Some(1), "d.example");
}

#[test]
fn lines_of_the_format_count() {
    let contents =
        ListContents { keys: keys(&[("a.example", 10, 9), ("b.example", 60, 1)]), ..ListContents::default() };
    check(
        ListFormat::Hosts,
        &contents,
        Some(7),
        "0.0.0.0 b.example :: b.example 0.0.0.0 www.b.example :: www.b.example",
    );
    check(ListFormat::Dnsmasq, &contents, Some(1), "local=/b.example/");
}

/// A network counts once it is what devices are told, and elements of a set count one each.
#[test]
fn networks_count_as_they_are_told() {
    let rank = |confidence| Rank { confidence, updated_seconds: 0 };
    let stretch = |first, last, confidence| Stretch { first, last, rank: rank(confidence) };
    let contents = ListContents {
        v4: vec![stretch(0xc000_0200, 0xc000_0202, 50), stretch(0xc000_0210, 0xc000_0210, 60)],
        ..ListContents::default()
    };
    check(ListFormat::Snort, &contents, Some(2), "192.0.2.0/31 192.0.2.16");
    check(ListFormat::Nft, &contents, Some(1), "add element inet sluice edge_v4 { 192.0.2.16 }");
}

#[test]
fn a_name_that_covers_others_is_worth_as_much_as_they_are() {
    let contents = ListContents {
        keys: keys(&[("example.com", 10, 0), ("a.example.com", 90, 0), ("b.example", 50, 0)]),
        ..ListContents::default()
    };
    check(ListFormat::Dnsmasq, &contents, Some(1), "local=/example.com/");
    check(ListFormat::Txt, &contents, Some(1), "a.example.com");
}

#[test]
fn an_entry_that_does_not_fit_does_not_cost_the_others() {
    let contents = ListContents {
        keys: keys(&[("a.example", 10, 0), ("best.example", 90, 0)]),
        allowed_names: keys(&[("x.best.example", 0, 0), ("y.best.example", 0, 0)]),
        ..ListContents::default()
    };
    let ListContents { mut keys, allowed_names, .. } = contents;
    keys.mark_covered(&allowed_names);
    let contents = ListContents { keys, allowed_names, ..ListContents::default() };
    check(ListFormat::Dnsmasq, &contents, Some(2), "local=/a.example/");
}

#[test]
fn a_cut_that_is_not_wanted_any_more_ends() {
    let contents = ListContents { keys: keys(&[("a.example", 1, 0)]), ..ListContents::default() };
    let (zone, format) = (ZoneSettings::default(), ListFormat::Txt);
    let renderer = ListRenderer::new(format, "edge", (&zone, None), &contents);
    let may_go_on = || Err(std::io::Error::other("no"));
    let mut text =
        BuiltText { renderer, format, contents: &contents, entries_max: Some(1), may_go_on: &may_go_on };
    assert!(text.write(&mut std::io::sink()).is_err());
}
