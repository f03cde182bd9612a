//! An indicator is its key: it prints, compares and reads back by it.

use super::{Indicator, IndicatorKind, KIND_WORDS, key_bytes_of_kind, kind_word, write_normal_form};

#[track_caller]
fn check(text: &str, kind: IndicatorKind) {
    let indicator = Indicator::parse(text).unwrap();
    assert_eq!(indicator.kind(), kind);
    assert_eq!(indicator.to_string(), text);
    assert_eq!(Indicator::from_key(indicator.key()), Some(indicator));
}

#[test]
fn each_kind_is_told_from_its_text() {
    check("d41d8cd98f00b204e9800998ecf8427e", IndicatorKind::Md5);
    check("da39a3ee5e6b4b0d3255bfef95601890afd80709", IndicatorKind::Sha1);
    check(&"0a".repeat(32), IndicatorKind::Sha256);
    check("192.0.2.1", IndicatorKind::Ip);
    check("2001:db8::1", IndicatorKind::Ip);
    check("192.0.2.0/24", IndicatorKind::Network);
    check("2001:db8::/32", IndicatorKind::Network);
    check("example.com", IndicatorKind::Url);
    check("*.example.com/a?b", IndicatorKind::Url);
}

#[test]
fn bytes_that_are_not_a_key_give_no_indicator_and_no_text() {
    let mut text = "before".to_owned();
    assert_eq!(Indicator::from_key(b"\x09x"), None);
    assert_eq!(write_normal_form(b"\x09x", &mut text), None);
    assert_eq!(text, "before");
}

#[test]
fn text_is_appended() {
    let mut text = "before ".to_owned();
    assert_eq!(write_normal_form(b"\x06com.example.", &mut text), Some((IndicatorKind::Url, "domain")));
    assert_eq!(text, "before example.com");
}

#[test]
fn parsing_is_strict_and_recognizing_is_not() {
    let printed = Indicator::parse("example.com/a%20b").unwrap().to_string();
    assert_eq!(printed, "example.com/a b");
    assert!(Indicator::parse(&printed).is_err());
    assert_eq!(Indicator::recognize(&printed), Indicator::parse("example.com/a%20b"));
}

#[test]
fn a_hosts_urls_and_sub_domains_stand_beside_it() {
    let mut values: Vec<Indicator> = [
        "example.org",
        "a.example.com/x",
        "examplex.com",
        "b.a.example.com",
        "example.com/x",
        "192.0.2.1",
        "a.example.com",
        "example.com",
        "198.51.100.7/x",
        "d41d8cd98f00b204e9800998ecf8427e",
    ]
    .map(|text| Indicator::parse(text).unwrap())
    .into();
    values.sort();
    let sorted: Vec<String> = values.iter().map(ToString::to_string).collect();
    assert_eq!(
        sorted,
        [
            "d41d8cd98f00b204e9800998ecf8427e",
            "192.0.2.1",
            "198.51.100.7/x",
            "example.com",
            "example.com/x",
            "a.example.com",
            "a.example.com/x",
            "b.a.example.com",
            "examplex.com",
            "example.org",
        ]
    );
}

#[test]
fn a_key_has_a_word_for_its_kind() {
    for (text, word) in [
        ("d41d8cd98f00b204e9800998ecf8427e", "md5"),
        ("3395856ce81f2b7382dee72602f798b642f14140", "sha1"),
        ("275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f", "sha256"),
        ("http://192.0.2.1:80/", "ipv4"),
        ("2001:db8::1", "ipv6"),
        ("192.0.2.0/24", "cidr"),
        ("2001:db8::/32", "cidr"),
        ("http://www.example.com/", "domain"),
        ("*.example.com", "domain"),
        ("example.com/a", "url"),
        ("192.0.2.1/a", "url"),
        ("example.com/a/*", "url"),
    ] {
        let indicator = Indicator::parse(text).unwrap();
        assert_eq!(kind_word(indicator.key()), Some(word), "{text}");
        assert!(KIND_WORDS.contains(&word));
        // The keys of each kind lie in a range of their own, as far as their first byte tells.
        for other in KIND_WORDS {
            let is_in = key_bytes_of_kind(other).unwrap().contains(&indicator.key()[0]);
            let is_near = other == word || [other, word].iter().all(|word| ["domain", "url"].contains(word));
            assert_eq!(is_in, is_near, "{text} {other}");
        }
    }
    assert_eq!((kind_word(b"\x06"), key_bytes_of_kind("ip")), (None, None));
}

#[test]
fn debug_shows_kind_and_normal_form() {
    assert_eq!(format!("{:?}", Indicator::parse("http://example.com").unwrap()), r#"Url "example.com""#);
}
