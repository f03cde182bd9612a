//! Limits, time-outs and endings of a body, over a payload made of ready and never-ready chunks.

use std::{
    io::{self, Read as _, Write},
    time::Duration,
};

use actix_web::{
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{BodyReader, Pace, UNPACKED_BYTES_FREE, UNPACKED_TIMES_MAX, decode::PIECE_BYTES_MAX};
use crate::http::{problem::Cause, stopping::Stopping};

const PACE: Pace =
    Pace { stall: Duration::from_millis(20), bytes_per_second_min: 1, deadline: Duration::from_secs(5) };

fn payload(chunks: &[&'static str], is_endless: bool) -> Payload {
    let ready: Vec<Result<Bytes, PayloadError>> =
        chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
    let ready = stream::iter(ready);
    let stream = if is_endless { ready.chain(stream::pending()).boxed_local() } else { ready.boxed_local() };
    Payload::Stream { payload: stream }
}

async fn read(headers: &HeaderMap, payload: Payload, bytes_max: usize) -> Result<String, Cause> {
    read_during(&Stopping::default(), headers, payload, bytes_max).await
}

async fn read_during(
    stopping: &Stopping,
    headers: &HeaderMap,
    mut payload: Payload,
    bytes_max: usize,
) -> Result<String, Cause> {
    let mut reader = BodyReader::new(headers, &mut payload, bytes_max, PACE, stopping)?;
    let mut text = String::new();
    while let Some(piece) = reader.next().await? {
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    Ok(text)
}

#[tokio::test(flavor = "current_thread")]
async fn the_limit_is_inclusive() {
    let headers = HeaderMap::new();
    assert_eq!(read(&headers, payload(&["[1", ",2]"], false), 5).await.unwrap(), "[1,2]");
    let too_long = Cause::BodyTooLong("The body is over the limit of 4 bytes".into());
    assert_eq!(read(&headers, payload(&["[1", ",2]"], true), 4).await, Err(too_long));
}

fn repeat(bytes: u64, mut into: impl Write) {
    io::copy(&mut io::repeat(b'y').take(bytes), &mut into).unwrap();
}

/// A body of so many equal bytes.
fn packed(encoding: &str, bytes: u64) -> Vec<u8> {
    if encoding == "gzip" {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        repeat(bytes, &mut encoder);
        return encoder.finish().unwrap();
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    repeat(bytes, &mut encoder);
    encoder.finish().unwrap()
}

/// Bytes that a body without a limit unpacks to, and how it ends.
async fn unpack(encoding: &'static str, body: Vec<u8>) -> (u64, Result<(), Cause>) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    let body = stream::iter([Ok::<_, PayloadError>(Bytes::from(body))]).boxed_local();
    let (mut payload, stopping) = (Payload::Stream { payload: body }, Stopping::default());
    let pace = Pace { deadline: Duration::MAX, ..PACE };
    let mut reader = BodyReader::new(&headers, &mut payload, usize::MAX, pace, &stopping).unwrap();
    let mut unpacked_bytes = 0;
    loop {
        match reader.next().await {
            Ok(Some(piece)) => unpacked_bytes += piece.len() as u64,
            Ok(None) => return (unpacked_bytes, Ok(())),
            Err(cause) => return (unpacked_bytes, Err(cause)),
        }
    }
}

/// Whatever it would come to: a kilobyte of zstd may stand for gigabytes, which would keep a core busy for minutes.
#[tokio::test(flavor = "current_thread")]
async fn a_body_that_unpacks_to_far_more_than_was_sent_is_given_up() {
    for encoding in ["gzip", "zstd"] {
        let bomb = packed(encoding, UNPACKED_BYTES_FREE + 16 * PIECE_BYTES_MAX as u64);
        assert!((bomb.len() as u64) * UNPACKED_TIMES_MAX < UNPACKED_BYTES_FREE, "{encoding}");
        let (unpacked_bytes, outcome) = unpack(encoding, bomb).await;
        let detail = format!("The body unpacks to more than {UNPACKED_TIMES_MAX} times what was sent");
        assert_eq!(outcome, Err(Cause::BodyTooLong(detail.into())), "{encoding}");
        assert!(unpacked_bytes <= UNPACKED_BYTES_FREE, "{encoding}: {unpacked_bytes}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_body_may_be_packed_well() {
    // As much as is free for any, and more of one that is long enough as it was sent.
    let free = packed("zstd", UNPACKED_BYTES_FREE);
    assert_eq!(unpack("zstd", free).await, (UNPACKED_BYTES_FREE, Ok(())));
    let more_bytes = UNPACKED_BYTES_FREE + 1;
    let noise_bytes = more_bytes / UNPACKED_TIMES_MAX + 1;
    let mut noise = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut state = 1_u32;
    for _ in 0..noise_bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.write_all(&state.to_be_bytes()[..1]).unwrap();
    }
    let body = [noise.finish().unwrap(), packed("zstd", more_bytes)].concat();
    assert_eq!(unpack("zstd", body).await, (noise_bytes + more_bytes, Ok(())));
}

#[tokio::test(flavor = "current_thread")]
async fn a_declared_length_is_refused_unread() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("5"));
    assert!(read(&headers, payload(&["[1,2]"], false), 5).await.is_ok());
    assert!(read(&headers, payload(&[], true), 4).await.is_err());
}

/// The payload of a request to upgrade has no end, and what follows the request in it.
#[tokio::test(flavor = "current_thread")]
async fn a_body_ends_where_its_head_says() {
    let mut headers = HeaderMap::new();
    for (length, want) in [("0", ""), ("2", "[]"), ("5", "[1,2]")] {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
        let (first, last) = want.split_at(want.len() / 2);
        for chunks in [vec![want], vec![first, last], vec![first, last, "PUT /"]] {
            let chunks: Vec<_> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
            assert_eq!(read(&headers, payload(&chunks, true), 9).await.as_deref(), Ok(want));
        }
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("3"));
    assert_eq!(read(&headers, payload(&["[]PUT"], true), 9).await.as_deref(), Ok("[]P"));
    assert!(read(&headers, payload(&["[]"], true), 9).await.is_err());
}

#[tokio::test(flavor = "current_thread")]
async fn a_stalled_body_is_given_up() {
    let stalled = read(&HeaderMap::new(), payload(&["["], true), 100).await;
    assert_eq!(stalled, Err(Cause::BodyTooSlow("The body did not arrive in time")));
}

/// Frames that decode to nothing, without end and always there.
fn endless_nothing() -> (HeaderMap, Payload) {
    const SKIPPED: &[u8] = b"\x50\x2a\x4d\x18\x04\0\0\0skip";
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    let stream = stream::repeat_with(|| Ok(Bytes::from_static(SKIPPED)));
    (headers, Payload::Stream { payload: stream.boxed_local() })
}

#[tokio::test(flavor = "current_thread")]
async fn bytes_that_decode_to_nothing_count() {
    let (headers, payload) = endless_nothing();
    let too_long = Cause::BodyTooLong("The body is over the limit of 1000 bytes".into());
    assert_eq!(read(&headers, payload, 1_000).await, Err(too_long));
}

#[tokio::test(flavor = "current_thread")]
async fn the_deadline_holds_for_a_body_that_is_always_there() {
    let (headers, mut payload) = endless_nothing();
    let pace = Pace { deadline: Duration::from_millis(50), ..PACE };
    let stopping = Stopping::default();
    let mut reader = BodyReader::new(&headers, &mut payload, usize::MAX, pace, &stopping).unwrap();
    let late = Cause::BodyTooSlow("The body did not arrive in time");
    assert_eq!(reader.next().await, Err(late));
}

/// One that is there, or that declares little enough, is read; the others are refused before they stall.
#[tokio::test(flavor = "current_thread")]
async fn during_a_stop_a_body_that_cannot_arrive_is_refused() {
    let (now, soon) = (Instant::now(), Instant::now() + Duration::from_hours(1));
    for (due, declared, chunks, is_endless, want) in [
        (now, "5", &["[1,2]"][..], true, Ok("[1,2]")),
        (now, "5", &["[1", ",2]"], true, Err(Cause::OutOfTime)),
        (now, "", &["[1,2]"], true, Err(Cause::OutOfTime)),
        (soon, "5", &["[1", ",2]"], true, Ok("[1,2]")),
        (soon, "99999999999", &["[1"], true, Err(Cause::OutOfTime)),
        (soon, "", &["[1", ",2]"], false, Ok("[1,2]")),
    ] {
        let stopping = Stopping::default();
        stopping.begin(due);
        let mut headers = HeaderMap::new();
        if !declared.is_empty() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static(declared));
        }
        let seen = read_during(&stopping, &headers, payload(chunks, is_endless), usize::MAX).await;
        assert_eq!(seen.as_deref(), want.as_deref(), "{declared} {chunks:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_body_that_is_waited_for_is_refused_when_the_stop_begins() {
    let stopping = Stopping::default();
    let (mut payload, headers) = (payload(&["["], true), HeaderMap::new());
    let pace = Pace { stall: Duration::from_mins(1), deadline: Duration::from_mins(1), ..PACE };
    let mut reader = BodyReader::new(&headers, &mut payload, 100, pace, &stopping).unwrap();
    assert_eq!(reader.next().await.unwrap().as_deref(), Some(&b"["[..]));
    let begin = async { stopping.begin(Instant::now()) };
    let (refused, ()) = tokio::join!(reader.next(), begin);
    assert_eq!(refused, Err(Cause::OutOfTime));
}
