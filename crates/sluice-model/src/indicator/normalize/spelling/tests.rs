//! Spellings come back to the byte, are there when the normal form loses something, and are short.

use proptest::prelude::*;

use super::{super::tests::laws::url_text, write_sent};
use crate::{Indicator, hex, normalize::normalize_spelled};

fn spelling_of(text: &str) -> (Vec<u8>, Vec<u8>) {
    let (mut key, mut normal, mut spelling) = (Vec::new(), "left over".to_owned(), Vec::new());
    normalize_spelled(text, &mut key, &mut normal, &mut spelling).unwrap();
    (key, spelling)
}

fn sent(key: &[u8], spelling: &[u8]) -> String {
    let mut text = "before ".to_owned();
    write_sent(key, spelling, &mut text).unwrap();
    text.strip_prefix("before ").unwrap().to_owned()
}

/// Checks that the normal form says enough.
#[track_caller]
fn check_enough(text: &str) {
    assert_eq!(spelling_of(text).1, b"", "{text:?}");
}

/// Checks the bytes of a spelling, and that the text comes out of them.
#[track_caller]
fn check(text: &str, want: &str) {
    let (key, spelling) = spelling_of(text);
    assert_eq!(hex::encode(&spelling), want, "{text:?}");
    assert_eq!(sent(&key, &spelling), text);
}

/// Checks what is told of a text, and that this says the same when it is sent.
#[track_caller]
fn check_told(text: &str, want: &str) {
    let (key, spelling) = spelling_of(text);
    let told = sent(&key, &spelling);
    assert_eq!(told, want, "{text:?}");
    assert_eq!(spelling_of(&told), (key, spelling), "{text:?}");
}

#[test]
fn the_normal_form_says_enough() {
    for text in [
        "192.0.2.7",
        "http://192.0.2.7/",
        "http://0xc0000207",
        "::ffff:192.0.2.7",
        "192.0.2.7/32",
        "2001:db8::1",
        "[2001:db8::1]",
        "http://[2001:db8::1]:80/",
        "192.0.2.0/24",
        "44D88612FEA8A8F36DE82E1278ABB02F",
        "example.com",
        " Example.COM. ",
        "https://www.Example.com/",
        "HTTP://example.com:80",
        "https://example.com:443/a?b=c",
        "//example.com",
        "example.com:/a",
        "https://example.com?q=1",
        "https://example.com/?q=1",
        "http://example.com/*",
        "тест.рф/тест",
        "http://user:secret@example.com/",
        "http://example.com/a#x y",
    ] {
        check_enough(text);
    }
}

#[test]
fn what_it_loses_is_kept_in_few_bytes() {
    check("example.com/aB", "0002");
    check("http://example.com:8080/aB", "09903f02");
    check("http://www.example.com/abcdefghIj.K", "050005");
    check("https://example.com/Abcdefghijklmnopqrstuvwxyz", "0201");
    check("https://example.com/a/", "12");
    check("http://example.com/%2Fa", "210101253246");
    check("http://example.com/a%20b", "210201253230");
    check("http://example.com/a#Top", "21020023546f70");
    check("http://example.com/a?", "2102003f");
    check("http://example.com/a//b", "2103012f");
    check("ftp://example.com/a", "0303667470");
    check("http://[2001:db8::1]:8080/", "19903f");
    check("192.0.2.7:8443", "08fb41");
    check("http://192.0.2.7:8443/", "19fb41");
    check("http://example.com:443", "09bb03");
    check("example.com:80/?Q", "085001");
}

/// How the host is spelled says nothing, and who logs in there is nobody's business.
#[test]
fn some_of_a_text_is_not_told() {
    check_told("http://user:secret@Example.com:08080/A", "http://example.com:8080/A");
    check_told("HTTP:/example.com./A", "http://example.com/A");
    check_told("FTP://WWW.www.example.com", "ftp://www.example.com");
    check_told(" http://example.com:/A#x y\u{200b}", "http://example.com/A");
    check_told("http://0xc0000207:8443", "http://192.0.2.7:8443");
    check_told("ws://тест.рф", "ws://xn--e1aybc.xn--p1ai");
}

/// A row with a spelling takes about half as much again as one without, however long it is.
#[test]
fn a_spelling_is_at_most_about_half_as_long_as_its_key() {
    for bytes in [1, 10, 100, 8_000] {
        let middle = "b".repeat(bytes);
        for text in [
            format!("http://A.com/{middle}/1"),
            format!("http://a.com/%41{middle}%41"),
            format!("ftp://a.com/%41{middle}%41#A"),
            format!("http://a.com:99/{}", middle.to_uppercase()),
            format!("http://a.com/#{middle}"),
            format!("{middle}://a.com/"),
        ] {
            let Ok(_indicator) = Indicator::parse(&text) else { continue };
            let (key, spelling) = spelling_of(&text);
            assert!(spelling.len() <= key.len() / 2 + 40, "{} for {}", spelling.len(), key.len());
        }
    }
    check_enough(&format!("http://example.com/%41{}%41", "b".repeat(99)));
    let long = "b".repeat(99);
    check_told(
        &format!("http://example.com:8080/%41{long}%41"),
        &format!("http://example.com:8080/a{long}a"),
    );
    check_enough(&format!("http://example.com:8080/%41%20{long}%41"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    /// What is told is the same indicator, and says the same when it is sent. If nothing is kept, the normal form says all that
    /// a request would be sent with.
    #[test]
    fn what_is_told_is_the_same_in_the_same_spelling(text in url_text()) {
        let Ok(indicator) = Indicator::parse(&text) else { return Ok(()) };
        let (key, spelling) = spelling_of(&text);
        if spelling.is_empty() {
            let lower = text.to_ascii_lowercase();
            let after = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")).unwrap_or(&lower);
            let host_bytes = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
            let tail = &text[text.len() - (after.len() - host_bytes)..];
            let printed = indicator.to_string();
            let rest = printed.find('/').map_or("", |from| &printed[from..]);
            let said = if tail.starts_with('?') { format!("/{tail}") } else { tail.to_owned() };
            let is_short = tail.len() <= key.len() / 2;
            prop_assert!(!is_short || !lower.starts_with("ftp:"), "{}", text);
            prop_assert!(!is_short || said == rest || rest.is_empty() && matches!(tail, "/" | "/*"), "{}", text);
        } else {
            prop_assert_eq!(spelling_of(&sent(&key, &spelling)), (key, spelling), "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_a_spelling_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..9)) {
        let (key, _) = spelling_of("http://example.com/a/b?c");
        let _whatever = write_sent(&key, &bytes, &mut String::new());
    }
}
