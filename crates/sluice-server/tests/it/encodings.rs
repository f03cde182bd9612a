//! Section 3: compressed bodies, and what is compressed badly.

use std::io::{self, Read as _, Write as _};

use flate2::{Compression, write::GzEncoder};
use sluice_model::limits::{LOOKUP_BODY_BYTES_MAX, MIB};

use crate::{
    daemon::{as_user, request, shared},
    memory::memory_of,
    process::{Process, as_administrator},
};

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).unwrap()
}

fn encoding(name: &str) -> String {
    format!("{}Content-Encoding: {name}\r\n", as_user("admin"))
}

#[test]
fn encoded_bodies_are_decoded() {
    let daemon = shared();
    daemon.add_suppliers(&["Encoded"], 1);
    let body = br#"[{"indicator":"encoded.example.com"},{"indicator":"bad name"}]"#;
    let (first, second) = body.split_at(20);
    let bodies = [
        ("gzip", gzip(body)),
        ("GZip", gzip(body)),
        ("x-gzip", gzip(body)),
        ("gzip", [gzip(first), gzip(b""), gzip(second)].concat()),
        ("zstd", zstd(body)),
        ("zstd", [zstd(first), zstd(b""), zstd(second)].concat()),
        ("identity", body.to_vec()),
        ("", body.to_vec()),
    ];
    for (name, encoded) in &bodies {
        let path = "/api/1.0/suppliers/Encoded/indicators";
        let answer = daemon.ask_with("PUT", path, &encoding(name), encoded);
        assert_eq!(answer.status, 202, "{name}: {answer:?}");
        assert!(answer.body.contains(r#""error_indicators":[{"indicator":"bad name""#));
        assert_eq!(daemon.detections("", &["encoded.example.com"]), ["Encoded_URL encoded.example.com {}"]);
        // In chunks of a byte, and for the other requests.
        let mut connection = daemon.connect();
        let headers = format!("{}Transfer-Encoding: chunked\r\n", encoding(name));
        assert!(connection.send(&request("DELETE", path, &headers, b"")));
        for byte in encoded {
            assert!(connection.send_chunk(&[*byte]));
        }
        assert!(connection.send_chunk(b""));
        assert_eq!(connection.answer().status, 202, "{name}");
        assert_eq!(daemon.detections("", &["encoded.example.com"]), [""]);
    }
    let supplier = gzip(br#"[{"name":"EncodedSupplier","confidence":1,"retention":1}]"#);
    assert_eq!(daemon.ask_with("POST", "/api/1.0/suppliers", &encoding("gzip"), &supplier).status, 201);
    let lookup = zstd(br#"[{"object":"example.com"}]"#);
    assert_eq!(daemon.ask_with("POST", "/api/1.0/lookup", &encoding("zstd"), &lookup).status, 200);
}

#[test]
fn badly_encoded_bodies_leave_nothing() {
    let daemon = shared();
    daemon.add_suppliers(&["BadlyEncoded"], 1);
    let body = br#"[{"indicator":"badly-encoded.example.com"}]"#;
    let cut = |mut encoded: Vec<u8>, bytes: usize| {
        encoded.truncate(encoded.len() - bytes);
        encoded
    };
    let flipped = |mut encoded: Vec<u8>, at: usize| {
        let at = encoded.len() - at;
        encoded[at] ^= 1;
        encoded
    };
    for (name, encoded) in [
        ("gzip", cut(gzip(body), 1)),
        ("gzip", cut(gzip(body), 8)),
        ("gzip", cut(gzip(body), 20)),
        ("gzip", flipped(gzip(body), 1)),
        ("gzip", flipped(gzip(body), 6)),
        ("gzip", [gzip(body), b"garbage".to_vec()].concat()),
        ("gzip", zstd(body)),
        ("gzip", body.to_vec()),
        ("zstd", cut(zstd(body), 1)),
        ("zstd", cut(zstd(body), 20)),
        ("zstd", [zstd(body), b"garbage".to_vec()].concat()),
        ("zstd", gzip(body)),
    ] {
        let path = "/api/1.0/suppliers/BadlyEncoded/indicators";
        let answer = daemon.ask_with("PUT", path, &encoding(name), &encoded);
        assert_eq!(answer.status, 400, "{name} {encoded:?}: {answer:?}");
        assert_eq!(answer.reason(), "The body cannot be decoded as its Content-Encoding says");
    }
    assert_eq!(daemon.detections("", &["badly-encoded.example.com"]), [""]);
}

#[test]
fn a_window_of_zstd_over_the_limit_is_named() {
    let daemon = shared();
    for log in [24, 27] {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(br#"[{"object":"example.com"}]"#).unwrap();
        let body = encoder.finish().unwrap();
        let answer = daemon.ask_with("POST", "/api/1.0/lookup", &encoding("zstd"), &body);
        let window = 1 << log;
        let reason = format!("The body has a zstd window of {window} bytes, over the limit of 8388608 bytes");
        assert_eq!((answer.status, answer.reason()), (400, reason));
    }
}

#[test]
fn an_empty_encoded_body_is_no_array() {
    let daemon = shared();
    for (name, encoded) in [("gzip", gzip(b"")), ("zstd", zstd(b""))] {
        let answer = daemon.ask_with("POST", "/api/1.0/lookup", &encoding(name), &encoded);
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (400, "the body ends early at byte 0"),
            "{name}"
        );
    }
}

#[test]
fn other_encodings_are_not_acceptable() {
    let daemon = shared();
    for name in ["br", "deflate", "compress", "gzip, zstd", "gzip,gzip", "gzip\r\nContent-Encoding: gzip"] {
        let answer = daemon.ask_with("POST", "/api/1.0/lookup", &encoding(name), b"[]");
        assert_eq!(answer.status, 406, "{name}");
    }
}

#[test]
fn the_limit_holds_for_what_comes_out() {
    let daemon = shared();
    let element = format!(r#"{{"object":"x","filler":"{}"}},"#, "x".repeat(4_000_000));
    let many = LOOKUP_BODY_BYTES_MAX / element.len() + 1;
    for (name, opening, member) in
        [("gzip", gzip(b"["), gzip(element.as_bytes())), ("zstd", zstd(b"["), zstd(element.as_bytes()))]
    {
        let bomb = [opening, member.repeat(many)].concat();
        assert!(bomb.len() < 200_000);
        let answer = daemon.ask_with("POST", "/api/1.0/lookup", &encoding(name), &bomb);
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.reason(), "The body is over the limit of 67108864 bytes", "{name}");
    }
}

/// Half a gigabyte in half a megabyte and less takes little memory, and comes to an early end.
#[test]
fn an_import_that_unpacks_to_far_more_than_was_sent_is_given_up() {
    let process = Process::after("export SLUICE_INGEST__THREADS=2 SLUICE_MEMORY=268435456");
    let bytes = 512 * MIB as u64;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for encoder in [&mut gzip as &mut dyn io::Write, &mut zstd] {
        io::copy(&mut io::repeat(b'y').take(bytes), encoder).unwrap();
    }
    for (name, body) in [("gzip", gzip.finish().unwrap()), ("zstd", zstd.finish().unwrap())] {
        let headers = format!("{}Content-Encoding: {name}\r\n", as_administrator());
        let mut connection = process.connect();
        // The answer may come before the last byte is taken.
        let _is_taken =
            connection.send(&request("POST", "/v1/suppliers/InternalTI/indicators", &headers, &body));
        let answer = connection.receive_text().unwrap();
        assert_eq!(answer.status, 413, "{name}: {answer:?}");
        assert!(answer.body.contains("\"type\":\"/problems/too-large\""), "{name}: {answer:?}");
    }
    let peak_kib = memory_of(&process, "VmHWM:").unwrap();
    assert!(peak_kib < 256 * 1_024, "{peak_kib} KiB");
}
