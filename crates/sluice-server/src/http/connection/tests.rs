//! Stages, limits and times of a stream, over one in memory.

use std::{io, rc::Rc, time::Duration};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::{AHEAD_BYTES_MAX, RequestProgress, TimedStream};

fn connection() -> (TimedStream<DuplexStream>, Rc<RequestProgress>, DuplexStream) {
    let (client, server) = duplex(4 * AHEAD_BYTES_MAX);
    let stream = TimedStream::new(server, Duration::from_secs(1), Duration::from_mins(1));
    let progress = stream.progress();
    (stream, progress, client)
}

async fn read(stream: &mut TimedStream<DuplexStream>) -> io::Result<usize> {
    stream.read(&mut [0; 4_096]).await
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
        progress.begin();
        progress.end(true);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn silence_has_the_keep_alive_time_from_the_last_written_byte_on() {
    let (mut stream, progress, _client) = connection();
    progress.begin();
    progress.end(true);
    tokio::time::advance(Duration::from_secs(50)).await;
    stream.write_all(b"the rest of an answer").await.unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_has_neither_time_nor_limit_here() {
    let (mut stream, progress, mut client) = connection();
    client.write_all(&vec![b'x'; 3 * AHEAD_BYTES_MAX]).await.unwrap();
    read(&mut stream).await.unwrap();
    progress.begin();
    progress.want_body();
    let mut body = vec![0; 3 * AHEAD_BYTES_MAX - 4_096];
    stream.read_exact(&mut body).await.unwrap();
    tokio::time::advance(Duration::from_mins(10)).await;
    client.write_all(b"x").await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), 1);
    // The rest of one that is not wanted is thrown away just so.
    progress.end(false);
    tokio::time::advance(Duration::from_mins(10)).await;
    client.write_all(b"x").await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), 1);
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
async fn a_request_that_is_judged_holds_the_next_ones_back() {
    let (mut stream, progress, mut client) = connection();
    client.write_all(&vec![b'x'; 2 * AHEAD_BYTES_MAX]).await.unwrap();
    progress.begin();
    let mut taken = vec![0; AHEAD_BYTES_MAX];
    stream.read_exact(&mut taken).await.unwrap();
    let late = tokio::time::timeout(Duration::from_mins(10), read(&mut stream)).await;
    assert!(late.is_err(), "more is taken");
    let (end, rest) = tokio::join!(async { progress.end(true) }, read(&mut stream));
    assert_eq!((end, rest.unwrap()), ((), 4_096));
}
