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

/// Checks that a text is kept as it is.
#[track_caller]
fn check_whole(text: &str) {
    let (key, spelling) = spelling_of(text);
    assert_eq!(spelling.split_first(), Some((&3, text.as_bytes())), "{text:?}");
    assert_eq!(sent(&key, &spelling), text);
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
    check("http://example.com/%2Fa", "03687474703a2f2f6578616d706c652e636f6d2f25324661");
    check("192.0.2.7:8443", "08fb41");
    check("http://192.0.2.7:8443/", "19fb41");
    check("http://example.com:443", "09bb03");
    check("example.com:80/?Q", "085001");
}

#[test]
fn what_is_more_than_that_is_kept_whole() {
    check_whole("ftp://example.com/a");
    check_whole("ftp://192.0.2.7");
    check_whole("http://user@example.com/");
    check_whole("http://example.com/a%20b");
    check_whole("http://example.com/a//b");
    check_whole("http://example.com/./a");
    check_whole("http://example.com/a?");
    check_whole("http://example.com/a#Top");
    check_whole("http:/example.com/A");
    check_whole("HTTP://example.com/A");
    check_whole("http://Example.com/A");
    check_whole("http://www.www.example.com/A");
    check_whole("http://example.com:/A");
    check_whole("http://example.com:08080/");
    check_whole("http://[2001:db8::1]:8080/");
    check_whole("http://example.com/Σ");
}

#[test]
fn blank_ends_are_no_part_of_a_spelling() {
    let (key, spelling) = spelling_of(" http://example.com/A\u{200b}");
    assert_eq!(sent(&key, &spelling), "http://example.com/A");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    /// A text comes out of its spelling; and if it has none, the normal form says all that a request would be sent with.
    #[test]
    fn a_sent_text_comes_back(text in url_text()) {
        let Ok(indicator) = Indicator::parse(&text) else { return Ok(()) };
        let (key, spelling) = spelling_of(&text);
        if spelling.is_empty() {
            let lower = text.to_ascii_lowercase();
            let after = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")).unwrap_or(&lower);
            let host_bytes = after.find(['/', '?']).unwrap_or(after.len());
            prop_assert!(!after.contains('@') && !after.contains('#'), "{}", text);
            prop_assert!(!lower.starts_with("ftp:"), "{}", text);
            let tail = &text[text.len() - (after.len() - host_bytes)..];
            let printed = indicator.to_string();
            let rest = printed.find('/').map_or("", |from| &printed[from..]);
            let said = if tail.starts_with('?') { format!("/{tail}") } else { tail.to_owned() };
            prop_assert!(said == rest || rest.is_empty() && matches!(tail, "/" | "/*"), "{}", text);
        } else {
            prop_assert_eq!(sent(&key, &spelling), text);
        }
    }

    #[test]
    fn any_bytes_are_a_spelling_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..9)) {
        let (key, _) = spelling_of("http://example.com/a/b?c");
        let _whatever = write_sent(&key, &bytes, &mut String::new());
    }
}
