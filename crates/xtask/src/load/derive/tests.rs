//! Copies are of the same kind, apart from each other, and the same on every run.

use std::collections::HashSet;

use sluice_model::{Indicator, IndicatorKind};

use super::{Edition, Pattern, host};

const VALUES: [&str; 20] = [
    "0123456789abcdef0123456789abcdef",
    "0123456789ABCDEF0123456789abcdef01234567",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "192.0.2.7",
    "2001:db8::1",
    "::ffff:192.0.2.9",
    "http://198.51.100.7:8080",
    "http://203.0.113.7/a/b.exe",
    "https://[2001:db8::7]:443/x",
    "http://[::ffff:198.51.100.9]/y",
    "example.com",
    "WWW.Example.ORG",
    "a.b.example.co.uk",
    "https://user:word@www.example.net:8443/a?b=http://example.com/",
    "example.edu/?q=://a.example",
    "*.example.info",
    "ab.example",
    "xn--bcher-kva.example",
    "m\u{fc}nchen.example",
    "co.uk",
];

fn parsed(text: &str) -> Indicator {
    Indicator::parse(text).unwrap_or_else(|_| panic!("{text} is not an indicator"))
}

#[test]
fn copies_are_distinct_and_of_the_same_kind() {
    let mut seen = HashSet::new();
    for value in VALUES {
        let pattern = Pattern::of(value).unwrap_or_else(|| panic!("{value} has no pattern"));
        assert!(seen.insert(parsed(value)));
        for number in 1..200 {
            for edition in [Edition::Stored(number), Edition::Unknown(number)] {
                let copy = pattern.copy(value, edition);
                assert_eq!(parsed(&copy).kind(), parsed(value).kind(), "{copy} for {value}");
                assert!(copy.len() <= value.len() + pattern.growth_bytes_max(), "{copy} for {value}");
                assert!(seen.insert(parsed(&copy)), "{copy} for {value} is there already");
            }
        }
    }
}

#[test]
fn equal_indicators_have_equal_copies_and_neighbors_stay_neighbors() {
    let copy = |value: &str| parsed(&Pattern::of(value).unwrap().copy(value, Edition::Stored(3)));
    assert_eq!(copy("192.0.2.7"), copy("http://192.0.2.7:99/"));
    assert_eq!(copy("192.0.2.7"), copy("::ffff:192.0.2.7"));
    assert_eq!(copy("www.Example.com"), copy("https://example.com/"));
    let (one, other) = (copy("192.0.2.7").to_string(), copy("192.0.2.6").to_string());
    assert_eq!(one.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().0);
    let domain = copy("example.com").to_string();
    assert!(copy("a.example.com/x").to_string().ends_with(&format!(".{domain}/x")));
}

#[test]
fn copies_of_a_label_lie_all_over() {
    let pattern = Pattern::of("example.com").unwrap();
    let first = |number| pattern.copy("example.com", Edition::Stored(number)).as_bytes()[0];
    assert!(25 < (1..500).map(first).collect::<HashSet<_>>().len());
}

#[test]
fn an_address_comes_back_from_its_copy() {
    let address = "192.0.2.7".parse().unwrap();
    let edition = Edition::Stored(5);
    assert_ne!(edition.address(address), address);
    assert_eq!(edition.address(edition.address(address)), address);
}

#[test]
fn what_is_no_indicator_or_would_be_none_is_not_copied() {
    for value in ["", "nonsense", "a b", "localhost", "0x7f.1.example.0x1"] {
        assert_eq!(Pattern::of(value), None, "{value}");
    }
    // The label would be longer than a host may be.
    let short = format!("{}.a.example", [&*"x".repeat(60); 4].join("."));
    assert_eq!((short.len(), parsed(&short).kind()), (253, IndicatorKind::Url));
    assert_eq!(Pattern::of(&short), None);
}

#[test]
fn a_host_is_found_where_it_stands() {
    for (url, want) in [
        ("example.com", "example.com"),
        ("http://u@v@example.com:80/a", "example.com"),
        ("example.com?u=http://example.org", "example.com"),
        ("[2001:db8::1]:80", "[2001:db8::1]"),
        ("ftp://example.com#x", "example.com"),
    ] {
        assert_eq!(&url[host(url)], want, "{url}");
    }
}
