//! Laws: the ends that are found are those that the decoder of actix-web finds, whatever comes in what pieces.

use actix_http::h1::{Codec, Message};
use bytes::BytesMut;
use proptest::prelude::*;
use tokio::task::LocalSet;
use tokio_util::codec::Decoder as _;

use super::{BodyScan, HeadScan, plain_length};

/// What the decoder makes of bytes: the bytes of the head, its body as we read it, and how many bytes belong to both;
/// `None` for what it refuses or finds incomplete.
fn decode(bytes: &[u8]) -> Option<(usize, BodyScan, Option<usize>)> {
    // The codec starts a clock for the dates of answers.
    let tasks = LocalSet::new();
    let _entered = tasks.enter();
    let mut codec = Codec::default();
    let mut rest = BytesMut::from(bytes);
    let Ok(Some(Message::Item(request))) = codec.decode(&mut rest) else { return None };
    let head_bytes = bytes.len() - rest.len();
    let body = BodyScan::of(request.head());
    if body.is_complete() {
        return Some((head_bytes, body, Some(head_bytes)));
    }
    let end = loop {
        match codec.decode(&mut rest) {
            Ok(Some(Message::Chunk(None))) => break Some(bytes.len() - rest.len()),
            Ok(Some(Message::Chunk(Some(_)))) => {}
            _ => break None,
        }
    };
    Some((head_bytes, body, end))
}

/// How many bytes are taken when they come in pieces of that length.
fn take(bytes: &[u8], piece_bytes: usize, mut take: impl FnMut(&[u8]) -> usize) -> usize {
    let mut taken = 0;
    for piece in bytes.chunks(piece_bytes) {
        let part = take(piece);
        taken += part;
        if part < piece.len() {
            break;
        }
    }
    taken
}

fn check(bytes: &[u8], piece_bytes: usize) -> Result<(), TestCaseError> {
    let mut head = HeadScan::default();
    let head_bytes = take(bytes, piece_bytes, |piece| head.take(piece));
    let Some((want_head_bytes, mut body, end)) = decode(bytes) else { return Ok(()) };
    prop_assert_eq!((head, head_bytes), (HeadScan::Complete, want_head_bytes));
    if let Some(length) = plain_length(&bytes[..head_bytes]) {
        prop_assert_eq!(body, BodyScan::Length(length));
    }
    let body_bytes = take(&bytes[head_bytes..], piece_bytes, |piece| body.take(piece));
    match end {
        Some(end) => {
            prop_assert!(body.is_complete());
            prop_assert_eq!(head_bytes + body_bytes, end);
        }
        None => prop_assert!(!body.is_complete()),
    }
    Ok(())
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("\r\n"), 1 => Just("\n")]
}

fn head() -> impl Strategy<Value = String> {
    let header = prop_oneof![
        "(Host|X|Cookie|Connection|Accept): ?[ -~]{0,12}",
        "(?i)content-length:[ \t]{0,2}\\+?[0-9]{1,2}[ ]?",
        "(?i)transfer-encoding: (chunked|gzip|identity)",
        "(?i)upgrade: (websocket|h2c)",
        "(?i)expect: 100-continue",
    ];
    let headers = proptest::collection::vec((header, line_end()), 0..4);
    let line = "(GET|POST|PUT|CONNECT) /[a-z]{0,3} HTTP/1\\.[01]";
    ("(\r\n|\n){0,2}", line, line_end(), headers, line_end()).prop_map(
        |(before, line, end, headers, last)| {
            let headers: String = headers.into_iter().map(|(header, end)| header + end).collect();
            format!("{before}{line}{end}Host: x{end}{headers}{last}")
        },
    )
}

fn body() -> impl Strategy<Value = String> {
    let size = "(0{0,2}[0-9a-fA-F]|[0-9a-f]{17,18})[ \t]{0,1}(;[a-z=\"\t]{0,4})?\r\n";
    let chunk = prop_oneof![
        3 => (1_usize..20).prop_map(|bytes| format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes))),
        2 => Just("0\r\n\r\n".to_owned()),
        1 => Just("0\r\nTrailer: x\r\n\r\n".to_owned()),
        1 => size,
        1 => "[0-9a-f;\r\n x]{0,6}",
    ];
    proptest::collection::vec(chunk, 0..6).prop_map(|chunks| chunks.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn requests_end_where_the_decoder_ends_them(
        head in head(),
        body in body(),
        next in head(),
        piece_bytes in prop_oneof![Just(1_usize), 1_usize..300],
    ) {
        check(format!("{head}{body}{next}").as_bytes(), piece_bytes)?;
    }

    #[test]
    fn chunks_end_where_the_decoder_ends_them(body in body(), next in "[0-9\r\n]{0,4}", piece_bytes in 1_usize..40) {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(format!("{head}{body}{next}").as_bytes(), piece_bytes)?;
    }
}
