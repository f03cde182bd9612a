//! Which suppliers' indicators a value matches, and in what order.

use expect_test::{Expect, expect};
use sluice_model::{TenantId, matching::MatchScope};

use crate::{
    LookupRules,
    fixture::{Fixture, NOW_SECONDS, lookup_rules},
};

#[track_caller]
fn check(fixture: &Fixture, object: &str, want: &Expect) {
    want.assert_eq(&fixture.detect(object));
}

#[test]
fn every_kind_has_its_category() {
    let fixture = Fixture::new();
    let (md5, sha1, sha256) = ("0A".repeat(16), "0B".repeat(20), "0C".repeat(32));
    let held = [&*md5, &*sha1, &*sha256, "192.0.2.1", "2001:DB8::1", "http://www.Example.com:80/A/?q=%22"];
    fixture.hold("Feed", &held);
    let seen: String = held.iter().map(|object| fixture.detect(object)).collect();
    expect![[r#"
        Feed_Hash_MD5 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a {}
        Feed_Hash_SHA1 0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b {}
        Feed_Hash_SHA256 0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c {}
        Feed_IP 192.0.2.1 {}
        Feed_IP 2001:db8::1 {}
        Feed_URL example.com/a/?q=" {}
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
            Feed_URL a.b.example.com/x?q=1 {}
            Feed_URL a.b.example.com/x {}
            Feed_URL a.b.example.com {}
            Feed_URL b.example.com {}
            Feed_URL *.example.com {}
            Feed_URL example.com {}
        "#]],
    );
    let exact = LookupRules { scope: MatchScope::Exact, ..lookup_rules() };
    expect![[r#"
        Feed_URL b.example.com {}
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
        Zeta_URL sub.example.com {}
        Zeta_URL example.com {}
        Feed_URL sub.example.com {}
        Feed_URL example.com {}
        Alpha_URL sub.example.com {}
        Alpha_URL example.com {}
        beta_URL sub.example.com {}
        beta_URL example.com {}
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
    fixture.put_with(fixture.rules(acme, "Feed"), "[{\"indicator\":\"acme.example\"}]").unwrap();
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
        InternalTI_URL a.example {}
    "#]],
    );
    check(&fixture, "192.0.2.1", &expect![[""]]);
    check(&fixture, "198.51.100.1", &expect![[""]]);
    fixture.delete("FalsePositive", "[{\"indicator\":\"192.0.2.1\"}]").unwrap();
    check(
        &fixture,
        "192.0.2.1",
        &expect![[r#"
        Feed_IP 192.0.2.1 {}
    "#]],
    );
}

/// A false positive suppresses its own level, and all levels when it is the value itself or its host.
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
            Feed_URL a.example.com/x?q=1 {}
            Feed_URL a.example.com/x {}
            Feed_URL a.example.com {}
        "#]],
        ),
        (
            "*.example.com",
            expect![[r#"
            Feed_URL a.example.com/x?q=1 {}
            Feed_URL a.example.com/x {}
            Feed_URL a.example.com {}
            Feed_URL example.com {}
        "#]],
        ),
        (
            "other.example.com",
            expect![[r#"
            Feed_URL a.example.com/x?q=1 {}
            Feed_URL a.example.com/x {}
            Feed_URL a.example.com {}
            Feed_URL example.com {}
        "#]],
        ),
    ] {
        let fixture = Fixture::new();
        fixture.hold("Feed", &held);
        fixture.hold("FalsePositive", &[listed]);
        check(&fixture, "a.example.com/x?q=1", &want);
    }
}
