//! Round trips in any chunking, and every way to be broken.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{Decoder, PIECE_BYTES_MAX, ZSTD_WINDOW_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};
use crate::http::{coding::Coding, problem::Cause};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn encode(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Identity => text.to_vec(),
        Coding::Gzip => gzip(text),
        Coding::Zstd => zstd::encode_all(text, 3).unwrap(),
    }
}

/// The decoded text; `None` when the bytes are not of the coding.
fn decode(coding: Coding, wire: &[u8], chunk_bytes: usize) -> Option<Vec<u8>> {
    decode_or_refuse(coding, wire, chunk_bytes).ok()
}

fn decode_or_refuse(coding: Coding, wire: &[u8], chunk_bytes: usize) -> Result<Vec<u8>, Cause> {
    let mut decoder = Decoder::new(coding).unwrap();
    let mut text = Vec::new();
    for chunk in wire.chunks(chunk_bytes) {
        let mut input = Bytes::copy_from_slice(chunk);
        while !input.is_empty() {
            let piece = decoder.step(&mut input)?;
            assert!(piece.len() <= PIECE_BYTES_MAX);
            text.extend_from_slice(&piece);
        }
    }
    loop {
        let piece = decoder.finish()?;
        if piece.is_empty() {
            return Ok(text);
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
        for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd] {
            let wire = encode(coding, &text);
            prop_assert_eq!(decode(coding, &wire, chunk_bytes), Some(text.clone()));
        }
    }
}

#[test]
fn members_and_frames_in_a_row_are_one_body() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let wire = [encode(coding, b"[1,"), encode(coding, b""), encode(coding, b"2]")].concat();
        for chunk_bytes in [1, 7, 10_000] {
            assert_eq!(decode(coding, &wire, chunk_bytes), Some(b"[1,2]".to_vec()), "{coding:?}");
        }
    }
}

#[test]
fn a_body_cut_anywhere_is_an_error() {
    let text: Vec<u8> = (0..20_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_be_bytes()).collect();
    for coding in [Coding::Gzip, Coding::Zstd] {
        for text in [&text[..64], b"[]"] {
            let wire = encode(coding, text);
            for cut in 1..wire.len() {
                assert_eq!(decode(coding, &wire[..cut], 16), None, "{coding:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn garbage_after_the_end_is_an_error() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        for garbage in [&b"x"[..], b"\0\0\0\0", b"trailing garbage of some length"] {
            let wire = [encode(coding, b"[]"), garbage.to_vec()].concat();
            for chunk_bytes in [1, 10_000] {
                assert_eq!(decode(coding, &wire, chunk_bytes), None, "{coding:?} {garbage:?}");
            }
        }
    }
}

#[test]
fn a_bomb_comes_in_small_pieces() {
    let text = vec![b' '; 32 << 20];
    for coding in [Coding::Gzip, Coding::Zstd] {
        let wire = encode(coding, &text);
        assert!(wire.len() < 40_000);
        assert_eq!(decode(coding, &wire, wire.len()).map(|decoded| decoded.len()), Some(text.len()));
    }
}

/// A frame of a text: with that window, and with the length of the text in its header or not.
fn frame(text: &[u8], window_log: u32, tells_length: bool) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(window_log).unwrap();
    encoder.include_contentsize(tells_length).unwrap();
    if tells_length {
        encoder.set_pledged_src_size(Some(text.len() as u64)).unwrap();
    }
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn refusal_of(window_bytes: u64) -> Cause {
    let limit = ZSTD_WINDOW_BYTES_MAX;
    let reason =
        format!("The body has a zstd window of {window_bytes} bytes, over the limit of {limit} bytes");
    Cause::BadRequest(reason.into())
}

proptest! {
    /// Whatever frames come before it, and however they arrive.
    #[test]
    fn a_window_is_taken_up_to_the_limit_and_named_over_it(
        window_log in 10_u32..28,
        frames_before in 0_usize..3,
        tells_length: bool,
        chunk_bytes in 1_usize..40,
    ) {
        // Without a length, or with one over the window, the header has a window of its own.
        let text = vec![b' '; if tells_length { (1 << window_log) + 1 } else { 100 }];
        if tells_length && 20 < window_log {
            return Ok(());
        }
        let before = frame(b"[", 10, false).repeat(frames_before);
        let wire = [before, frame(&text, window_log, tells_length)].concat();
        let outcome = decode_or_refuse(Coding::Zstd, &wire, chunk_bytes);
        if window_log <= ZSTD_WINDOW_LOG_MAX {
            prop_assert_eq!(outcome.map(|decoded| decoded.len()), Ok(frames_before + text.len()));
        } else {
            prop_assert_eq!(outcome, Err(refusal_of(1 << window_log)));
        }
    }

    /// The window of a single segment is its whole content; the other figures of a header do not matter.
    #[test]
    fn the_window_of_a_single_segment_is_its_length(
        length in ZSTD_WINDOW_BYTES_MAX + 1..1 << 60,
        dictionary_bits in 0_u8..4,
        chunk_bytes in 1_usize..20,
    ) {
        let dictionary = vec![7; [0, 1, 2, 4][usize::from(dictionary_bits)]];
        let mut wire = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0 | dictionary_bits];
        wire.extend(&dictionary);
        wire.extend((0..8).map(|byte| u8::try_from(length >> (8 * byte) & 0xff).unwrap()));
        prop_assert_eq!(decode_or_refuse(Coding::Zstd, &wire, chunk_bytes), Err(refusal_of(length)));
    }

    /// Every exponent and mantissa that a header can hold.
    #[test]
    fn a_window_between_powers_of_two_is_named_too(window: u8) {
        let wire = [0x28, 0xb5, 0x2f, 0xfd, 0, window];
        let base = 1_u64 << (10 + (window >> 3));
        let bytes = base + base / 8 * u64::from(window & 7);
        let refused = decode_or_refuse(Coding::Zstd, &wire, 6).unwrap_err();
        prop_assert_eq!(refused == refusal_of(bytes), ZSTD_WINDOW_BYTES_MAX < bytes);
    }
}

#[test]
fn a_short_frame_with_a_wide_window_is_refused_too() {
    // The library decodes it in one go, without looking at the window: one raw block, `[]`.
    let wire = [0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x70, 2, 0, 0, 0, 0x11, 0, 0, b'[', b']'];
    assert_eq!(decode_or_refuse(Coding::Zstd, &wire, wire.len()), Err(refusal_of(1 << 24)));
}
