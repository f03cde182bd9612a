//! Limits, time-outs and endings of a body, over a payload made of ready and never-ready chunks.

use std::time::Duration;

use actix_web::{
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{BodyReader, Pace};
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
