//! Only what is short and plain is taken from a client; what is made is too, and never the same.

use std::collections::HashSet;

use actix_web::http::header::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{RequestId, SENT_BYTES_MAX, X_REQUEST_ID, is_well_formed};

fn of(sent: &[&[u8]]) -> String {
    let mut headers = HeaderMap::new();
    for value in sent {
        // What cannot stand in a header does not get here.
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(X_REQUEST_ID.clone(), value);
        }
    }
    RequestId::of(&headers).as_str().to_owned()
}

#[track_caller]
fn check_made(id: &str) {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    assert!(id.len() == 16 && id.as_bytes().iter().all(is_hex), "{id}");
}

#[test]
fn a_plain_id_is_taken_and_any_other_is_made() {
    for good in
        ["0", "7d9e-4_a.Z", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &"x".repeat(64)]
    {
        assert_eq!(of(&[good.as_bytes()]), good);
    }
    for bad in ["", " ", "a b", "a\"b", "id=1", "<4>", "a/b", "\u{e9}", &"x".repeat(65)] {
        check_made(&of(&[bad.as_bytes()]));
    }
    check_made(&of(&[]));
    check_made(&of(&[b"one", b"two"]));
}

#[test]
fn made_ids_differ() {
    let made: HashSet<String> = (0..10_000).map(|_| of(&[])).collect();
    assert_eq!(made.len(), 10_000);
}

proptest! {
    #[test]
    fn whatever_is_sent_an_id_can_stand_in_a_line(sent in proptest::collection::vec(32_u8..=255, 0..100)) {
        let id = of(&[&sent]);
        prop_assert!(is_well_formed(id.as_bytes()) && id.len() <= SENT_BYTES_MAX, "{}", id);
    }
}
