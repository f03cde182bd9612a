//! The normal form, text in and text out; each rule has a case that fails without it.

mod hosts;
pub(super) mod laws;
mod networks;
mod paths;

use std::borrow::Cow;

use crate::{Indicator, IndicatorKind};

use super::{NotAnIndicator, normalize_into, recognize_into, recognize_object, refang};

/// Checks the printed normal form of `text`.
#[track_caller]
fn check(text: &str, want: &str) {
    match Indicator::parse(text) {
        Ok(indicator) => assert_eq!(indicator.to_string(), want, "of {text:?}"),
        Err(error) => panic!("{text:?}: {error}"),
    }
}

/// Checks that `text` is refused as being of no kind, and so not recognized as a printed form either.
#[track_caller]
fn check_refused(text: &str) {
    check_reason(text, NotAnIndicator::Format);
}

/// Checks that `text` is refused for this reason, also when it is looked up.
#[track_caller]
fn check_reason(text: &str, reason: NotAnIndicator) {
    let mut key = b"before".to_vec();
    assert_eq!(normalize_into(text, &mut key), Err(reason), "{text:?}");
    assert_eq!(recognize_into(text, &mut key), Err(reason), "{text:?}");
    let is_defanged = matches!(refang(text), Cow::Owned(_));
    assert_eq!(recognize_object(text, &mut key).is_ok(), is_defanged, "{text:?}");
    key.truncate(b"before".len());
    assert_eq!(key, b"before", "{text:?} left something behind");
}

#[track_caller]
fn check_kind(text: &str, want: IndicatorKind) {
    assert_eq!(Indicator::parse(text).map(|indicator| indicator.kind()), Ok(want), "{text:?}");
}

#[test]
fn the_checks_of_the_contract() {
    check("https://www.example.com:443/?q=hello%20world#f", "example.com/?q=hello world");
    check("http://example.com:80", "example.com");
    check("github.com@520966948", "31.13.83.36");
    check("http://0x1f.0x0d.0x53.0x24/", "31.13.83.36");
    check("тест.рф", "xn--e1aybc.xn--p1ai");
}

#[test]
fn the_refusals_of_the_contract() {
    check_refused("");
    check_refused("exam ple.com");
    check_refused("bad\\.example.com");
    check_refused(&format!("{}.example.com", "a".repeat(64)));
    check_refused(&format!("{}com", "abcdefghi.".repeat(26)));
    check_refused("exam!ple.com");
    check_refused("a.*.example.com");
    check_refused("example.123");
    check_refused(&format!("example.com/{}", "a".repeat(8_192 - 11)));
    check_refused(&"a".repeat(33));
    for defanged in ["hxxp://example.com", "example[.]com", "example(.)com", "http[:]//example.com"] {
        check_refused(defanged);
    }
}

#[test]
fn hashes_have_their_length_and_lower_case() {
    for (digits, kind) in [(32, IndicatorKind::Md5), (40, IndicatorKind::Sha1), (64, IndicatorKind::Sha256)] {
        let hash = "0123456789abcdefABCDEF".repeat(3)[..digits].to_owned();
        check(&hash, &hash.to_lowercase());
        check_kind(&hash, kind);
        check_refused(&hash[1..]);
        check_refused(&format!("{hash}0"));
        check_refused(&format!("{}g", &hash[1..]));
        check_refused(&format!("http://{hash}"));
    }
    // Forty characters, all but the dot hexadecimal.
    check("abcdef0123456789abcdef0123456789abcd.cafe", "abcdef0123456789abcdef0123456789abcd.cafe");
    check_kind(&"1".repeat(32), IndicatorKind::Md5);
}

#[test]
fn addresses_have_canonical_text() {
    check("192.0.2.1", "192.0.2.1");
    check("2001:DB8:0:0::1", "2001:db8::1");
    check("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1");
    check("::", "::");
    check("::ffff:192.0.2.1", "192.0.2.1");
    check("::ffff:c000:201", "192.0.2.1");
    check("2001:db8::192.0.2.1", "2001:db8::c000:201");
    for text in ["192.0.2.1", "::ffff:c000:201", "2001:db8::1", "http://[2001:db8::1]/", "http://0xc0000201"]
    {
        check_kind(text, IndicatorKind::Ip);
    }
    for text in ["2001:db8", "2001:db8:::1", "2001:db8::g", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", ":"] {
        check_refused(text);
    }
}

/// White space and invisible characters; a format effector of each sort among them.
const BLANKS: [char; 15] = [
    ' ', '\t', '\n', '\r', '\u{b}', '\u{85}', '\u{a0}', '\u{ad}', '\u{200b}', '\u{200d}', '\u{200f}',
    '\u{2028}', '\u{2060}', '\u{3000}', '\u{feff}',
];

#[test]
fn both_ends_of_every_kind_are_cut() {
    let hash = "0a".repeat(32);
    for blank in BLANKS {
        for value in [&*hash, "192.0.2.1", "2001:db8::1", "example.com", "*.example.com", "example.com/a?b"] {
            for text in [
                format!("{value}{blank}"),
                format!("{blank}{value}"),
                format!("\u{feff}\r\n{blank}{value} {blank}\u{200b}"),
            ] {
                check(&text, value);
                assert_eq!(Indicator::recognize(&text), Indicator::parse(value), "{text:?}");
            }
        }
        check(&format!("{blank}https://host.example.org/a.exe{blank}"), "host.example.org/a.exe");
        check_refused(&blank.to_string());
    }
    // What is cut does not count towards the length.
    let longest = format!("example.com/{}", "a".repeat(8_192 - 12));
    check(&format!(" {longest}\n"), &longest);
}

#[test]
fn blank_characters_inside_a_part_that_is_kept_are_refused() {
    for blank in BLANKS {
        check_refused(&format!("example{blank}.com"));
        check_refused(&format!("http://{blank}example.com"));
        check_refused(&format!("example.com{blank}/a"));
        check_refused(&format!("http://example.com{blank}?a"));
        check_refused(&format!("http://example.com/{blank}#f"));
        check_refused(&format!("192.0.{blank}2.1"));
        check_refused(&format!("{}{blank}{}", "a".repeat(16), "a".repeat(16)));
        if !blank.is_control() {
            check(&format!("http://us{blank}er@example.com/a#b{blank}c"), "example.com/a");
        }
    }
    check_refused("ex%C2%ADample.com");
    check_refused("тест%E2%80%8B.рф");
}

#[test]
fn control_characters_are_refused_wherever_they_stand_inside() {
    for character in ['\0', '\t', '\n', '\u{1f}', '\u{7f}', '\u{80}', '\u{85}', '\u{9f}'] {
        check_refused(&format!("example.com/a{character}b"));
        check_refused(&format!("example{character}.com"));
        check_refused(&format!("http://us{character}er@example.com/"));
        check_refused(&format!("example.com/#{character}a"));
    }
    for character in ['\0', '\u{1f}', '\u{7f}', '\u{80}'] {
        check_refused(&format!("{character}example.com"));
        check_refused(&format!("{}{character}", "a".repeat(32)));
    }
}

#[test]
fn the_longest_text_is_taken() {
    let longest = format!("example.com/{}", "a".repeat(8_192 - 12));
    assert_eq!(longest.len(), 8_192);
    check(&longest, &longest);
    check_refused(&format!("http://{longest}"));
}

#[test]
fn a_normal_form_that_outgrows_the_limit_is_refused() {
    // The path of a query is at least `/`; the lower-case form of this letter is a byte longer.
    check_refused(&format!("example.com?{}", "a".repeat(8_192 - 12)));
    check_refused(&format!("example.com/{}", "Ⱥ".repeat(4_000)));
    check(&format!("example.com/{}", "Ⱥ".repeat(2_000)), &format!("example.com/{}", "ⱥ".repeat(2_000)));
}

#[test]
fn schemes_are_dropped() {
    for scheme in ["http", "HTTPS", "ftp", "x-a+b.c9"] {
        check(&format!("{scheme}://example.com/a"), "example.com/a");
    }
    check("example.com/http://example.org", "example.com/http:/example.org");
    for text in ["1http://example.com", "://example.com", "/example.com", "http:example.com"] {
        check_refused(text);
    }
    check_refused("http://http://example.com");
}

#[test]
fn slashes_around_a_scheme_are_forgiven() {
    for before in [
        "http:/",
        "http:///",
        "https:////",
        "//",
        "///",
        "http:\\",
        "http:\\\\",
        "\\\\",
        "HTTP:/\\",
        "ftp:\\/",
    ] {
        check(&format!("{before}host.example.org/a"), "host.example.org/a");
        check(&format!("{before}user@host.example.org:80\\a?b\\c"), "host.example.org/a?b\\c");
        check(&format!("{before}192.0.2.1"), "192.0.2.1");
    }
    // What stands before the slash is the host that browsers go to.
    check("http://example.com\\@example.org", "example.com/@example.org");
    check("example.com:/a", "example.com/a");
    check_refused("http://bad\\.example.com");
    check_refused("user\\a@example.com/a");
    check_refused("hxxp:/example.com");
}

#[test]
fn defanged_schemes_are_refused() {
    for scheme in ["hxxp", "HXXPS", "hxtp", "htxp", "fxp", "meow", "h**p"] {
        check_refused(&format!("{scheme}://example.com/"));
    }
    check("hxxp.example.com", "hxxp.example.com");
}

#[test]
fn user_info_is_dropped_up_to_the_last_at_sign() {
    check("http://user:p@ss@example.com/@b", "example.com/@b");
    check("user@example.com/a", "example.com/a");
    check("user@example.com:80", "example.com");
    check("user@192.0.2.1", "192.0.2.1");
    check("http://example.org:80@example.com", "example.com");
    check("http://@example.com", "example.com");
    check_refused("http://user@");
    check_refused("http://a\\b@example.com");
}

#[test]
fn an_e_mail_address_is_not_its_provider() {
    for text in [
        "user@example.com",
        "first.last+tag@EXAMPLE.com.",
        "user@example.com:",
        "user@example.com?subject=a/b",
        "user@example.com#a",
        "a@b@example.com",
        "sip:user@example.com",
        "@example.com",
        "user@тест.рф",
        "mailto:user@example.com",
        "MAILTO://user@example.com/a",
        " mailto:example.com",
    ] {
        check_reason(text, NotAnIndicator::EmailAddress);
    }
    assert_eq!(recognize_object("user[at]example[.]com", &mut Vec::new()), Err(NotAnIndicator::EmailAddress));
}

#[test]
fn ports_are_dropped() {
    check("example.com:65535/a", "example.com/a");
    check("example.com:", "example.com");
    check("example.com:000080", "example.com");
    check("192.0.2.1:443", "192.0.2.1");
    check("[2001:db8::1]:443/a", "[2001:db8::1]/a");
    for port in [":65536", ":+80", ":-1", ":8o", ":80:80", ":https", "::"] {
        check_refused(&format!("example.com{port}"));
    }
    check_refused("[2001:db8::1]443");
    check_refused("[2001:db8::1]:x");
    check_refused(":80");
}

#[test]
fn fragments_are_dropped_from_the_first_hash_sign() {
    check("example.com#a/b?c", "example.com");
    check("example.com/a#b#c", "example.com/a");
    check("example.com?#a", "example.com");
    check("192.0.2.1#a", "192.0.2.1");
    check_refused("#example.com");
}

#[test]
fn keys_are_appended_to_what_is_there() {
    let mut key = b"before".to_vec();
    assert_eq!(normalize_into("http://192.0.2.1/", &mut key), Ok(IndicatorKind::Ip));
    assert_eq!(key, b"before\x04\xc0\x00\x02\x01");
    assert_eq!(recognize_into("example.com/a b", &mut key), Ok(IndicatorKind::Url));
    assert_eq!(key, b"before\x04\xc0\x00\x02\x01\x06com.example./a b");
}

#[test]
fn only_what_was_printed_is_recognized_with_white_space() {
    for printed in ["example.com/a b", "example.com/ a", "example.com/?q=hello world", "192.0.2.1/\u{3000}a"]
    {
        assert_eq!(
            Indicator::recognize(printed).map(|indicator| indicator.to_string()),
            Ok(printed.to_owned())
        );
    }
    for text in [
        "Example.com/a b",
        "http://example.com/a b",
        "example.com/a b/",
        "example.com/a b#c",
        " ",
        "a b",
        "example.com/a /*",
    ] {
        check_refused(text);
    }
    check_refused(&format!("example.com/ {}", "a".repeat(8_192 - 12)));
}

#[test]
fn a_looked_up_value_is_tried_again_refanged() {
    for (text, want) in [
        ("evil[.]example[.]org", "evil.example.org"),
        (" hxxp://example.com/a[.]b\n", "example.com/a.b"),
        ("192[.]0[.]2[.]1", "192.0.2.1"),
        ("2001[:]db8[:]:1", "2001:db8::1"),
        // It is a URL as it stands.
        ("http://example.com/a[.]b", "example.com/a[.]b"),
    ] {
        let mut key = Vec::new();
        recognize_object(text, &mut key).unwrap();
        assert_eq!(Indicator::from_key(&key).unwrap().to_string(), want);
    }
}

#[test]
fn the_www_that_is_cut_off_is_counted() {
    for (text, want) in [
        ("example.com", 0),
        ("www.example.com", 1),
        ("http://WWW.www..www.example.com/a", 3),
        ("http://www.www.example.com/a", 2),
        ("www.com", 0),
        ("*.www.example.com", 0),
        ("www.example.com.%77ww.com", 1),
        ("192.0.2.1", 0),
        ("http://192.0.2.1/a", 0),
    ] {
        assert_eq!(recognize_object(text, &mut Vec::new()).unwrap().www_labels, want, "{text}");
    }
    let long = format!("{}example.com", "www.".repeat(300));
    assert_eq!(recognize_object(&long, &mut Vec::new()).unwrap().www_labels, 255);
}
