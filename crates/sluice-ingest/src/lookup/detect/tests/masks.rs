//! What is accepted is found by the objects that it names, and by no other; masks above all.

use crate::fixture::Fixture;

/// What feeds hold, and objects other than its own text that it names.
const NAMED: [(&str, &[&str]); 14] = [
    ("*.duckdns.org", &["a.evil.duckdns.org", "http://www.duckdns.org/x", "evil.duckdns.org:8080"]),
    ("*.example.com", &["http://www.example.com/x", "a.example.com", "http:/a.b.example.com/?q"]),
    ("*.www.example.com", &["www.www.example.com", "http://a.www.example.com/x"]),
    ("*.example.com/dir", &["www.example.com/dir", "a.example.com/DIR/?q", "hxxp://b[.]example[.]com/dir"]),
    ("*.example.com/dir/*", &["www.example.com/dir", "a.b.example.com/dir/a/b?q", "a.example.com/dir/x/"]),
    ("*.nordland.no", &["a.bo.nordland.no", "a.nordland.no"]),
    ("http://path.example.org/*", &["path.example.org/x", "//path.example.org", "path.example.org/*"]),
    (
        "p.example.org/dir/*",
        &["p.example.org/dir/a/b", "p.example.org/dir", "http://www.p.example.org/dir/?q"],
    ),
    ("p.example.org/dir%20/*", &["p.example.org/dir%20/a", "p.example.org/dir%20"]),
    ("192.0.2.1/dir/*", &["http://192.0.2.1:80/dir/a", "http://3221225985/dir?x"]),
    ("192.0.2.1/*", &["http://192.0.2.1/x", "192[.]0[.]2[.]1", "192.0.2.1\u{200b}"]),
    ("evil.example.org", &["evil[.]example[.]org", "hxxp://evil.example.org/a", "\u{a0}evil.example.org\n"]),
    ("http:/host.example.org/a", &["https://host.example.org/A?b", "\\\\host.example.org\\a"]),
    ("d41d8cd98f00b204e9800998ecf8427e", &[" D41D8CD98F00B204E9800998ECF8427E\r\n"]),
];

/// Masks could once be accepted and match nothing, or be cancelled by `www.`; an entry of the list of false positives
/// could be accepted and suppress nothing.
#[test]
fn what_is_accepted_is_detected_and_on_the_list_it_suppresses() {
    for (held, objects) in NAMED {
        let fixture = Fixture::new();
        fixture.hold("Feed", &[held]);
        for object in objects {
            assert!(fixture.is_detected(object), "{held}: {object:?}");
        }
        fixture.hold("FalsePositive", &[held]);
        for object in objects {
            assert_eq!(fixture.detect(object), "", "{held}: {object:?}");
        }
    }
}

/// What is in a run is found as what is in memory is.
#[test]
fn a_mask_is_found_in_runs_too() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["p.example.org/dir/*", "*.example.com/dir/*", "192.0.2.1/dir/*", "*.duckdns.org"]);
    fixture.store.checkpoint();
    fixture.store.compact();
    for object in [
        "p.example.org/dir/a/b",
        "http://www.example.com/dir/x?y",
        "http://192.0.2.1/dir/a",
        "a.evil.duckdns.org",
    ] {
        assert!(fixture.is_detected(object), "{object}");
    }
    assert!(!fixture.is_detected("p.example.org/other/a"));
}

#[test]
fn a_mask_matches_nothing_that_it_does_not_name() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["*.example.com", "*.duckdns.org/dir", "p.example.org/dir/*", "192.0.2.1/dir/*"]);
    for object in [
        "example.com",
        "http://example.com/www.example.com",
        "a.duckdns.org",
        "a.duckdns.org/dir/a",
        "duckdns.org/dir",
        "p.example.org/dirs",
        "p.example.org/di",
        "p.example.org/?/dir/a",
        "a.p.example.org/dir/a",
        "192.0.2.1",
        "192.0.2.2/dir/a",
    ] {
        assert!(!fixture.is_detected(object), "{object}");
    }
}
