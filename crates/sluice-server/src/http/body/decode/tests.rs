//! Round trips in any chunking, and every way to be broken.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{Decoder, PIECE_BYTES_MAX};
use crate::http::head::Encoding;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn encode(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Identity => text.to_vec(),
        Encoding::Gzip => gzip(text),
        Encoding::Zstd => zstd::encode_all(text, 3).unwrap(),
    }
}

/// The decoded text; `None` when the bytes are not of the encoding.
fn decode(encoding: Encoding, wire: &[u8], chunk_bytes: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(encoding).ok()?;
    let mut text = Vec::new();
    for chunk in wire.chunks(chunk_bytes) {
        let mut input = Bytes::copy_from_slice(chunk);
        while !input.is_empty() {
            let piece = decoder.step(&mut input).ok()?;
            assert!(piece.len() <= PIECE_BYTES_MAX);
            text.extend_from_slice(&piece);
        }
    }
    loop {
        let piece = decoder.finish().ok()?;
        if piece.is_empty() {
            return Some(text);
        }
        text.extend_from_slice(&piece);
    }
}

proptest! {
    #[test]
    fn any_text_in_any_chunking_comes_back(
        text in proptest::collection::vec(0_u8..4, 0..5_000),
        chunk_bytes in 1_usize..600,
    ) {
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
            let wire = encode(encoding, &text);
            prop_assert_eq!(decode(encoding, &wire, chunk_bytes), Some(text.clone()));
        }
    }
}

#[test]
fn members_and_frames_in_a_row_are_one_body() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let wire = [encode(encoding, b"[1,"), encode(encoding, b""), encode(encoding, b"2]")].concat();
        for chunk_bytes in [1, 7, 10_000] {
            assert_eq!(decode(encoding, &wire, chunk_bytes), Some(b"[1,2]".to_vec()), "{encoding:?}");
        }
    }
}

#[test]
fn a_body_cut_anywhere_is_an_error() {
    let text: Vec<u8> = (0..20_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_be_bytes()).collect();
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        for text in [&text[..64], b"[]"] {
            let wire = encode(encoding, text);
            for cut in 1..wire.len() {
                assert_eq!(decode(encoding, &wire[..cut], 16), None, "{encoding:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn garbage_after_the_end_is_an_error() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        for garbage in [&b"x"[..], b"\0\0\0\0", b"trailing garbage of some length"] {
            let wire = [encode(encoding, b"[]"), garbage.to_vec()].concat();
            for chunk_bytes in [1, 10_000] {
                assert_eq!(decode(encoding, &wire, chunk_bytes), None, "{encoding:?} {garbage:?}");
            }
        }
    }
}

#[test]
fn a_bomb_comes_in_small_pieces() {
    let text = vec![b' '; 32 << 20];
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let wire = encode(encoding, &text);
        assert!(wire.len() < 40_000);
        assert_eq!(decode(encoding, &wire, wire.len()).map(|decoded| decoded.len()), Some(text.len()));
    }
}
