//! What is a public suffix, in which section, and which masks cover one.

use super::{has_masks, is_wide_mask, suffixes_of};

/// A host in key form without its last dot.
fn key_form(host: &str) -> String {
    host.split('.').rev().collect::<Vec<_>>().join(".")
}

#[track_caller]
fn check(host: &str, whole: &str, icann: &str) {
    let suffixes = suffixes_of(&key_form(host));
    assert_eq!((suffixes.whole, suffixes.icann), (whole.len(), icann.len()), "{host}");
}

#[test]
fn a_private_suffix_has_that_of_its_registry_above_it() {
    check("a.example.com", "com", "com");
    check("a.example.co.uk", "co.uk", "co.uk");
    check("a.duckdns.org", "duckdns.org", "org");
    check("a.b.s3.dualstack.us-east-1.amazonaws.com", "s3.dualstack.us-east-1.amazonaws.com", "com");
    check("a.b.blogspot.co.uk", "co.uk", "co.uk");
    check("a.b.example", "example", "example");
    check("a.b.kawasaki.jp", "b.kawasaki.jp", "b.kawasaki.jp");
    check("a.city.kawasaki.jp", "kawasaki.jp", "kawasaki.jp");
}

#[test]
fn a_mask_of_a_registry_is_wide_and_one_of_a_private_suffix_is_not() {
    for host in [
        "com",
        "co.uk",
        "xn--p1ai",
        "example",
        "kawasaki.jp",
        "b.kawasaki.jp",
        "ck",
        "a.ck",
        "bo.nordland.no",
    ] {
        assert!(is_wide_mask(&key_form(host), 0), "{host}");
    }
    for host in [
        "duckdns.org",
        "github.io",
        "example.com",
        "a.co.uk",
        "a.b.kawasaki.jp",
        "city.kawasaki.jp",
        "www.ck",
        "nordland.no",
        "b.example",
        "compute.amazonaws.com",
        "us-east-1.elasticbeanstalk.com",
    ] {
        assert!(!is_wide_mask(&key_form(host), 0), "{host}");
    }
}

#[test]
fn a_mask_of_www_is_judged_with_it() {
    assert!(is_wide_mask("uk.co", 0) && !is_wide_mask("uk.co", 1) && !is_wide_mask("com.example", 3));
    assert!(is_wide_mask("jp.kawasaki", 1) && !is_wide_mask("jp.kawasaki", 2));
}

/// Whatever the list says of names in between, no mask that can be stored is passed over.
#[test]
fn every_mask_that_can_be_stored_is_looked_for() {
    for host in [
        "a.example.com",
        "a.b.c.co.uk",
        "a.b.duckdns.org",
        "a.b.kawasaki.jp",
        "a.city.kawasaki.jp",
        "a.bo.nordland.no",
        "a.b.compute.amazonaws.com",
        "a.b.www.ck",
        "a.b.c.ck",
        "a.k12.ak.us",
        "a.b.example",
    ] {
        let labels = key_form(host);
        let suffixes = suffixes_of(&labels);
        for (dot, _) in labels.match_indices('.') {
            let parent = &labels[..dot];
            assert_eq!(has_masks(parent, suffixes), !is_wide_mask(parent, 0), "{host} {parent}");
        }
    }
}
