//! What clients send, and what they then want.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Validators, Wants};

/// 1 November 2026, 08:00:00.
const MODIFIED: u64 = 1_793_520_000;
const VALIDATORS: Validators<'_> = Validators { tag: "\"abc\"", modified_seconds: MODIFIED };

#[track_caller]
fn check(headers: &[(&'static str, &str)], want: &Wants) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    assert_eq!(VALIDATORS.wants(&map, 100), *want, "{headers:?}");
}

#[test]
fn who_has_it_wants_nothing() {
    assert_eq!(VALIDATORS.last_modified(), "Sun, 01 Nov 2026 08:00:00 GMT");
    for headers in [
        &[("if-none-match", "\"abc\"")][..],
        &[("if-none-match", "W/\"abc\"")],
        &[("if-none-match", "\"x\", \"abc\"")],
        &[("if-none-match", "\"x\""), ("if-none-match", "\"abc\"")],
        &[("if-none-match", "*")],
        &[("if-modified-since", "Sun, 01 Nov 2026 08:00:00 GMT")],
        &[("if-modified-since", "Mon, 02 Nov 2026 08:00:00 GMT")],
    ] {
        check(headers, &Wants::Nothing);
    }
}

#[test]
fn who_has_something_else_wants_all() {
    for headers in [
        &[][..],
        &[("if-none-match", "\"\"")],
        &[("if-none-match", "")],
        &[("if-none-match", "\"abcd\"")],
        &[("if-none-match", "abc")],
        &[("if-modified-since", "Sun, 01 Nov 2026 07:59:59 GMT")],
        &[("if-modified-since", "yesterday")],
        // The tag counts, whatever the date says.
        &[("if-none-match", "\"x\""), ("if-modified-since", "Mon, 02 Nov 2026 08:00:00 GMT")],
    ] {
        check(headers, &Wants::Whole);
    }
}

#[test]
fn ranges_are_bytes_of_what_the_client_has() {
    check(&[("range", "bytes=0-0")], &Wants::Part(0..1));
    check(&[("range", "bytes=10-")], &Wants::Part(10..100));
    check(&[("range", "bytes=90-1000")], &Wants::Part(90..100));
    check(&[("range", "bytes=-10")], &Wants::Part(90..100));
    check(&[("range", "bytes=-1000")], &Wants::Part(0..100));
    check(&[("range", "bytes=100-")], &Wants::Unsatisfiable);
    check(&[("range", "bytes=-0")], &Wants::Unsatisfiable);
    check(&[("range", "bytes=1-2"), ("if-range", "\"abc\"")], &Wants::Part(1..3));
    check(&[("range", "bytes=1-2"), ("if-range", "Sun, 01 Nov 2026 08:00:00 GMT")], &Wants::Part(1..3));
    // What is malformed, of several parts, or of something else.
    for range in ["bytes=2-1", "bytes=a-b", "bytes=-", "bytes=1", "lines=1-2", "bytes=0-1,3-4"] {
        check(&[("range", range)], &Wants::Whole);
    }
    for condition in
        ["\"x\"", "W/\"abc\"", "Sun, 01 Nov 2026 07:59:59 GMT", "Mon, 02 Nov 2026 08:00:00 GMT", "?"]
    {
        check(&[("range", "bytes=1-2"), ("if-range", condition)], &Wants::Whole);
    }
}
