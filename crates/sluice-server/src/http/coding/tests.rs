//! Codings are those that a client names, or wants.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{Coding, content_encoding, wanted_coding};

fn with(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name.clone(), HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn a_packing_is_the_one_that_is_wanted_most() {
    for (lists, coding) in [
        (&[][..], Coding::Identity),
        (&[""], Coding::Identity),
        (&["*"], Coding::Identity),
        (&["br, deflate"], Coding::Identity),
        (&["gzip"], Coding::Gzip),
        (&["X-GZIP"], Coding::Gzip),
        (&["gzip, zstd"], Coding::Zstd),
        (&["zstd, gzip"], Coding::Zstd),
        (&["gzip", "zstd"], Coding::Zstd),
        (&["zstd;q=0.5, gzip ; q=0.8"], Coding::Gzip),
        (&["zstd;q=0, gzip;q=0"], Coding::Identity),
        (&["zstd;q=none"], Coding::Identity),
    ] {
        assert_eq!(wanted_coding(&with(&header::ACCEPT_ENCODING, lists)), coding, "{lists:?}");
    }
}

#[test]
fn encodings() {
    let seen = |values: &[&'static str]| content_encoding(&with(&header::CONTENT_ENCODING, values)).ok();
    assert_eq!(seen(&[]), Some(Coding::Identity));
    assert_eq!(seen(&["GZip"]), Some(Coding::Gzip));
    assert_eq!(seen(&["zstd"]), Some(Coding::Zstd));
    for values in [&["br"][..], &["gzip, gzip"], &["gzip", "zstd"], &["deflate"]] {
        assert_eq!(seen(values), None, "{values:?}");
    }
}
