//! The normal form, text in and text out; each rule has a case that fails without it.

mod hosts;
mod laws;
mod networks;
mod paths;

use crate::{Indicator, IndicatorKind};

use super::{NotAnIndicator, normalize_into, recognize_into};

/// Checks the printed normal form of `text`.
#[track_caller]
fn check(text: &str, want: &str) {
    match Indicator::parse(text) {
        Ok(indicator) => assert_eq!(indicator.to_string(), want, "of {text:?}"),
        Err(error) => panic!("{text:?}: {error}"),
    }
}

/// Checks that `text` is refused, and so not recognized as a printed form either.
#[track_caller]
fn check_refused(text: &str) {
    let mut key = b"before".to_vec();
    assert_eq!(normalize_into(text, &mut key), Err(NotAnIndicator::Format), "{text:?}");
    assert_eq!(recognize_into(text, &mut key), Err(NotAnIndicator::Format), "{text:?}");
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
    for text in ["192.0.2.1", "::ffff:c000:201", "2001:db8::1", "http://[2001:db8::1]/", "0xc0000201"] {
        check_kind(text, IndicatorKind::Ip);
    }
    for text in ["2001:db8", "2001:db8:::1", "2001:db8::g", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", ":"] {
        check_refused(text);
    }
}

#[test]
fn white_space_and_control_characters_are_refused_wherever_they_stand() {
    for character in [
        ' ', '\t', '\n', '\r', '\0', '\u{1f}', '\u{7f}', '\u{80}', '\u{85}', '\u{9f}', '\u{a0}', '\u{2028}',
        '\u{3000}',
    ] {
        check_refused(&format!("{character}example.com"));
        check_refused(&format!("example.com{character}"));
        check_refused(&format!("example{character}.com"));
        check_refused(&format!("http://us{character}er@example.com/"));
        check_refused(&format!("example.com/#{character}"));
        check_refused(&format!("192.0.2.1{character}"));
        check_refused(&format!("{}{character}", "a".repeat(32)));
    }
    for character in ['\0', '\t', '\n', '\u{7f}', '\u{80}', '\u{85}', '\u{9f}'] {
        check_refused(&format!("example.com/a{character}b"));
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
    for text in
        ["1http://example.com", "://example.com", "//example.com", "http:example.com", "http:/example.com"]
    {
        check_refused(text);
    }
    check_refused("http://http://example.com");
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
    check("user@example.com", "example.com");
    check("http://example.org:80@example.com", "example.com");
    check("http://@example.com", "example.com");
    check_refused("http://user@");
    check_refused("http://a\\b@example.com");
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
    for printed in ["example.com/a b", "example.com/ ", "example.com/?q=hello world", "192.0.2.1/\u{3000}"] {
        assert_eq!(
            Indicator::recognize(printed).map(|indicator| indicator.to_string()),
            Ok(printed.to_owned())
        );
    }
    for text in
        ["Example.com/a b", "http://example.com/a b", "example.com/a b/", "example.com/a b#c", " ", "a b"]
    {
        check_refused(text);
    }
    check_refused(&format!("example.com/ {}", "a".repeat(8_192 - 12)));
}
