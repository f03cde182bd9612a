//! Requests one by one, limits and times of heads, and the end, over a stream in memory.

use std::{io, rc::Rc, sync::Arc, time::Duration};

use actix_http::{
    Request,
    h1::{Codec, Message},
};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::LocalSet,
    time::Instant,
};
use tokio_util::codec::Decoder as _;

use super::{
    RequestStream,
    progress::{AHEAD_BYTES_MAX, RequestProgress},
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn connection() -> (RequestStream<DuplexStream>, Rc<RequestProgress>, DuplexStream) {
    let (client, server) = duplex(4 * AHEAD_BYTES_MAX);
    let stream = RequestStream::new(server, Duration::from_secs(1), Duration::from_mins(1), Arc::default());
    let progress = stream.progress();
    (stream, progress, client)
}

/// Brings a connection to where only its end is left.
async fn answer_last(
    stream: &mut RequestStream<DuplexStream>,
    progress: &RequestProgress,
    client: &mut DuplexStream,
) {
    client.write_all(LAST).await.unwrap();
    read(stream).await.unwrap();
    progress.begin(request_of(LAST).head());
    progress.answer(true);
    progress.end();
}

async fn read(stream: &mut RequestStream<DuplexStream>) -> io::Result<usize> {
    stream.read(&mut [0; 4_096]).await
}

/// Reads what is given without waiting.
async fn read_now(stream: &mut RequestStream<DuplexStream>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4_096];
    let count = tokio::time::timeout(Duration::ZERO, stream.read(&mut bytes)).await.ok()?.unwrap();
    bytes.truncate(count);
    Some(bytes)
}

/// What actix-web makes of a head.
fn request_of(bytes: &[u8]) -> Request {
    // The codec starts a clock for the dates of answers.
    let tasks = LocalSet::new();
    let _entered = tasks.enter();
    match Codec::default().decode(&mut BytesMut::from(bytes)) {
        Ok(Some(Message::Item(request))) => request,
        other => panic!("no head: {other:?}"),
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_request_is_given_when_the_one_before_it_is_answered() {
    let (mut stream, progress, mut client) = connection();
    client.write_all(&[GET, GET, GET].concat()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(read_now(&mut stream).await.as_deref(), Some(GET));
        assert_eq!(read_now(&mut stream).await, None);
        progress.begin(request_of(GET).head());
        assert_eq!(read_now(&mut stream).await, None);
        assert!(!progress.answer(true));
        progress.end();
    }
    assert_eq!(read_now(&mut stream).await, None);
    drop(client);
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(&b""[..]));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn nothing_is_given_after_the_last_request() {
    let (mut stream, progress, mut client) = connection();
    client.write_all(&[LAST, GET].concat()).await.unwrap();
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(LAST));
    progress.begin(request_of(LAST).head());
    assert_eq!(read_now(&mut stream).await, None);
    assert!(progress.answer(true));
    progress.end();
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(&b""[..]));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_end_waits_for_what_the_client_still_sends() {
    let (mut stream, progress, mut client) = connection();
    answer_last(&mut stream, &progress, &mut client).await;
    let sending = async move {
        for _ in 0..100 {
            client.write_all(&vec![b'x'; 100_000]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // It sees the end while it sends.
        assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 0);
    };
    let started = Instant::now();
    let (ended, ()) = tokio::join!(stream.shutdown(), sending);
    ended.unwrap();
    assert!(10 <= started.elapsed().as_secs());
}

/// A burst that is taken whole by the reads of one turn is a sign of life like any other.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_end_waits_for_a_client_that_sends_in_bursts() {
    let (mut client, server) = duplex(1 << 20);
    let mut stream =
        RequestStream::new(server, Duration::from_secs(1), Duration::from_mins(1), Arc::default());
    let progress = stream.progress();
    answer_last(&mut stream, &progress, &mut client).await;
    let sending = async move {
        for kibibytes in [16, 256, 128, 256, 512] {
            tokio::time::sleep(Duration::from_secs(4)).await;
            client.write_all(&vec![b'x'; kibibytes << 10]).await.unwrap();
        }
    };
    let started = Instant::now();
    let ending = async {
        stream.shutdown().await.unwrap();
        started.elapsed().as_secs()
    };
    assert_eq!(tokio::join!(ending, sending), (20, ()));
}

/// Neither for one that is silent, nor for one that sends for ever.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_end_has_bounds() {
    for (pause_seconds, want_seconds) in [(3_600, 5), (4, 60)] {
        let (mut stream, progress, mut client) = connection();
        answer_last(&mut stream, &progress, &mut client).await;
        let started = Instant::now();
        let sending = async {
            loop {
                tokio::time::sleep(Duration::from_secs(pause_seconds)).await;
                if client.write_all(b"x").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            ended = stream.shutdown() => ended.unwrap(),
            () = sending => {}
        }
        assert_eq!(started.elapsed().as_secs(), want_seconds);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_idle_connection_ends_at_once() {
    let (mut stream, _progress, _client) = connection();
    let started = Instant::now();
    stream.shutdown().await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_head_is_cut_however_it_trickles_in() {
    let (mut stream, progress, mut client) = connection();
    for _ in 0..2 {
        // One byte each 300 ms: the fourth comes in time, the fifth does not.
        for byte in 0..4 {
            client.write_all(b"x").await.unwrap();
            assert_eq!(read(&mut stream).await.unwrap(), 1, "byte {byte}");
            tokio::time::advance(Duration::from_millis(300)).await;
        }
        client.write_all(b"x").await.unwrap();
        assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // As if it had been complete.
        progress.begin(request_of(GET).head());
        progress.answer(true);
        progress.end();
    }
}

/// A thread that was busy for long finds the head complete: it came in time.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_head_that_is_read_late_is_not_late() {
    let (mut stream, _progress, mut client) = connection();
    client.write_all(&GET[..5]).await.unwrap();
    read(&mut stream).await.unwrap();
    client.write_all(&GET[5..]).await.unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(read(&mut stream).await.unwrap(), GET.len() - 5);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn silence_has_the_keep_alive_time_from_the_last_written_byte_on() {
    let (mut stream, progress, _client) = connection();
    progress.begin(request_of(GET).head());
    progress.answer(true);
    progress.end();
    tokio::time::advance(Duration::from_secs(50)).await;
    stream.write_all(b"the rest of an answer").await.unwrap();
    let started = Instant::now();
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_has_neither_time_nor_limit_here() {
    let (mut stream, progress, mut client) = connection();
    let body_bytes = 3 * AHEAD_BYTES_MAX;
    let chunk = [format!("{:x}\r\n", body_bytes + 1).into_bytes(), vec![b'x'; body_bytes]].concat();
    client.write_all(POST).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), POST.len());
    progress.begin(request_of(POST).head());
    client.write_all(&chunk).await.unwrap();
    progress.want_body();
    let mut body = vec![0; chunk.len()];
    stream.read_exact(&mut body).await.unwrap();
    tokio::time::advance(Duration::from_mins(10)).await;
    client.write_all(b"x\r\n0\r\n\r\nGET").await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), 8);
    assert_eq!(read_now(&mut stream).await, None);
    assert!(!progress.answer(true));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_head_has_a_limit() {
    let (mut stream, _progress, mut client) = connection();
    client.write_all(&vec![b'x'; 2 * AHEAD_BYTES_MAX]).await.unwrap();
    let mut taken = vec![0; AHEAD_BYTES_MAX];
    stream.read_exact(&mut taken).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap_err().to_string(), "the head is too long");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_that_is_not_wanted_yet_is_held_back() {
    let (mut stream, progress, mut client) = connection();
    client.write_all(POST).await.unwrap();
    read(&mut stream).await.unwrap();
    progress.begin(request_of(POST).head());
    client.write_all(&[&b"fffff\r\n"[..], &vec![b'x'; 2 * AHEAD_BYTES_MAX]].concat()).await.unwrap();
    let mut taken = vec![0; AHEAD_BYTES_MAX];
    stream.read_exact(&mut taken).await.unwrap();
    let late = tokio::time::timeout(Duration::from_mins(10), read(&mut stream)).await;
    assert!(late.is_err(), "more is taken");
    let ((), rest) = tokio::join!(async { progress.want_body() }, read(&mut stream));
    assert_eq!(rest.unwrap(), 4_096);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_no_chunk_ends_the_body_and_the_connection() {
    let (mut stream, progress, mut client) = connection();
    client.write_all(&[POST, b"2\r\n[]x"].concat()).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), POST.len());
    progress.begin(request_of(POST).head());
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(&b"2\r\n[]"[..]));
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(&b""[..]));
    assert!(progress.answer(false));
}

/// Begins a stop that does not concern bodies.
fn stop(progress: &RequestProgress) {
    progress.stopping.begin(Instant::now() + Duration::from_hours(1));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_idle_connection_ends_half_a_second_into_a_stop() {
    for idle_seconds in [0, 30] {
        let (mut stream, progress, _client) = connection();
        tokio::time::advance(Duration::from_secs(idle_seconds)).await;
        stop(&progress);
        let began = Instant::now();
        assert_eq!(read(&mut stream).await.unwrap(), 0, "the end, not a failure");
        assert_eq!(began.elapsed().as_millis(), 500);
        stream.shutdown().await.unwrap();
        assert_eq!(began.elapsed().as_millis(), 500);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_request_that_comes_during_a_stop_is_the_last_one() {
    let (mut stream, progress, mut client) = connection();
    stop(&progress);
    tokio::time::advance(Duration::from_millis(400)).await;
    client.write_all(&GET[..5]).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), 5);
    // Its head has the time of any head.
    tokio::time::advance(Duration::from_millis(900)).await;
    client.write_all(&[&GET[5..], GET].concat()).await.unwrap();
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(&GET[5..]));
    progress.begin(request_of(GET).head());
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(read_now(&mut stream).await, None);
    assert!(progress.answer(true));
    progress.end();
    assert_eq!(read_now(&mut stream).await.as_deref(), Some(&b""[..]));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_end_is_sooner_during_a_stop() {
    for (stop_after, want_seconds) in [(0, 2), (10, 12)] {
        let (mut stream, progress, mut client) = connection();
        answer_last(&mut stream, &progress, &mut client).await;
        let began = Instant::now();
        let sending = async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if began.elapsed().as_secs() == stop_after {
                    stop(&progress);
                }
                if client.write_all(b"x").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        // Each byte that comes wakes it, as the begin of the stop does.
        tokio::select! {
            ended = stream.shutdown() => ended.unwrap(),
            () = sending => {}
        }
        assert_eq!(began.elapsed().as_secs(), want_seconds);
    }
}
