//! Bodies of a small feed: complete, within their limits, mixed as asked.

use std::{collections::HashSet, fmt::Write as _, fs};

use serde_json::Value;
use test_support::dice::Dice;

use super::{Bodies, Mix};
use crate::{
    feed::FeedOptions,
    load::{
        feed::Feed,
        known::{Distribution, Known},
    },
};

const LINES: usize = 100;

/// Hashes, addresses and URLs in turn, and one line that is refused.
fn feed() -> Feed {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut text = String::from("{\"indicator\":\"nonsense\"}\n");
    for number in 1..LINES {
        let value = match number % 4 {
            0 => format!("192.0.2.{number}"),
            1 => format!("http://host-{number}.example.com/path?number={number}"),
            2 => format!("{number:032x}"),
            _ => format!("host{number}.example"),
        };
        writeln!(text, "{{\"indicator\":\"{value}\",\"context\":{{\"number\":{number}}}}}").unwrap();
    }
    fs::write(file.path(), text).unwrap();
    Feed::read(FeedOptions::of_file(file.path()).open().unwrap()).unwrap()
}

fn mix(repeated_percent: u64) -> Mix {
    Mix { body_bytes: 4_000, repeated_percent, seed: 7 }
}

/// The values of each body.
fn values(bodies: &Bodies<'_>) -> Vec<Vec<String>> {
    let body = |number| {
        let mut scratch = Vec::new();
        let bytes = bodies.bytes(number, &mut scratch);
        assert!(bytes.len() <= mix(0).body_bytes);
        let elements: Vec<Value> = serde_json::from_slice(bytes).unwrap();
        assert_eq!(elements.len(), bodies.plans()[number].elements);
        elements.iter().map(|element| element["indicator"].as_str().unwrap().to_owned()).collect()
    };
    (0..bodies.plans().len()).map(body).collect()
}

#[test]
fn every_index_is_in_one_body_and_copies_differ() {
    let feed = feed();
    let indicators = 7 * LINES + 30;
    let bodies = Bodies::plan(&feed, 0..indicators, mix(0)).unwrap();
    let values: Vec<_> = values(&bodies).concat();
    assert_eq!(values.len(), indicators);
    // The refused line is the same in all copies.
    assert_eq!(values.iter().collect::<HashSet<_>>().len(), indicators - 7);
    assert_eq!(feed.distinct(indicators), indicators - 8);
}

#[test]
fn bodies_are_the_same_whenever_they_are_made() {
    let feed = feed();
    let mut bodies = Bodies::plan(&feed, 0..1_000, mix(30)).unwrap();
    let made_late = values(&bodies);
    assert!(!bodies.make(1_000).unwrap());
    assert!(bodies.make(1 << 20).unwrap());
    assert_eq!(values(&bodies), made_late);
}

#[test]
fn the_share_of_repeats_is_as_asked_and_repeats_are_of_earlier_bodies() {
    let feed = feed();
    let bodies = Bodies::plan(&feed, 0..4_000, mix(40)).unwrap();
    let (mut seen, mut repeated, mut later) = (HashSet::new(), 0, 0);
    for (number, body) in values(&bodies).into_iter().enumerate() {
        let before = body.iter().filter(|value| seen.contains(*value)).count();
        // The refused line counts as a repeat in every copy.
        assert!(0 < number || before == 0);
        if 0 < number {
            repeated += before;
            later += body.len();
        }
        seen.extend(body);
    }
    assert_eq!(seen.len(), 4_000 - 4_000 / LINES + 1);
    let percent = 100 * repeated / later;
    assert!((37..=44).contains(&percent), "{percent} percent");
    assert!(Bodies::plan(&feed, 0..10, mix(100)).is_err());
}

#[test]
fn drawn_values_are_of_what_was_acknowledged_or_of_nothing() {
    let feed = feed();
    let indicators = 10 * LINES;
    let bodies = Bodies::plan(&feed, 0..indicators, mix(0)).unwrap();
    let all: HashSet<_> = values(&bodies).concat().into_iter().collect();
    let known = Known::new(&feed, indicators).unwrap();
    let (mut dice, mut value) = (Dice::new(&[1]), Vec::new());
    assert!(!known.draw_stored(Distribution::Uniform, &mut dice, &mut value));
    known.acknowledge(bodies.plans()[1].new.clone());
    known.acknowledge(bodies.plans()[1].new.clone());
    let first: HashSet<_> = values(&bodies)[1].iter().cloned().collect();
    assert!(known.distinct() <= first.len());
    for _ in 0..1_000 {
        value.clear();
        assert!(known.draw_stored(Distribution::Uniform, &mut dice, &mut value));
        assert!(first.contains(std::str::from_utf8(&value).unwrap()));
        value.clear();
        assert!(known.draw_unknown(&mut dice, &mut value));
        assert!(!all.contains(std::str::from_utf8(&value).unwrap()));
    }
}
