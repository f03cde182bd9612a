//! Headers that are taken and headers that are not.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{HEAD_BYTES_MAX, check_accept, check_content_type, check_length, content_length};

fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[track_caller]
fn check_accepts(values: &[&str], want: bool) {
    assert_eq!(check_accept(&headers(&ACCEPT, values)).is_ok(), want, "{values:?}");
}

#[track_caller]
fn check_sends(values: &[&str], want: bool) {
    assert_eq!(check_content_type(&headers(&CONTENT_TYPE, values)).is_ok(), want, "{values:?}");
}

#[test]
fn clients_that_take_json() {
    for values in [
        &[][..],
        &[""],
        &["application/json"],
        &["Application/JSON; charset=utf-8"],
        &["*/*"],
        &["*"],
        &["text/html, *; q=.2"],
        &["application/*"],
        &["text/html, application/json;q=0.1"],
        &["text/html", "*/*;q=0.5"],
        &["application/json, */*;q=0"],
    ] {
        check_accepts(values, true);
    }
}

#[test]
fn clients_that_do_not() {
    for values in [
        &["application/pdf"][..],
        &["text/*"],
        &["application/json;q=0"],
        &["application/json;q=0.0, */*"],
        &["application/jsonx"],
        &["garbage"],
        &["*;q=0"],
        &["*, application/json;q=0"],
        &["*json"],
        &[","],
    ] {
        check_accepts(values, false);
    }
}

#[test]
fn bodies_that_are_json() {
    for values in [
        &[][..],
        &["application/json"],
        &[""],
        &[" ", "application/json"],
        &["APPLICATION/JSON;charset=UTF-8"],
        &["application/json; charset=utf8"],
        &["application/json;Charset=\"Utf8\""],
        &["application/json; charset=\"utf-8\""],
        &["application/json; boundary=x"],
    ] {
        check_sends(values, true);
    }
    for values in [
        &["text/plain"][..],
        &["application/json; charset=latin1"],
        &["application/json; charset="],
        &["application/json; charset=utf-8; charset=utf-16"],
        &["; charset=utf-8"],
        &["application/json", "text/plain"],
        &["application/x-www-form-urlencoded"],
    ] {
        check_sends(values, false);
    }
}

#[test]
fn lengths() {
    let long = "x".repeat(HEAD_BYTES_MAX);
    assert!(check_length("/", &headers(&ACCEPT, &["*/*"])).is_ok());
    assert!(check_length("/", &headers(&ACCEPT, &[&long])).is_err());
    assert!(check_length(&long, &HeaderMap::new()).is_ok());
    let name = HeaderName::from_static("content-length");
    assert_eq!(content_length(&headers(&name, &["12"])), Some(12));
    assert_eq!(content_length(&HeaderMap::new()), None);
}
