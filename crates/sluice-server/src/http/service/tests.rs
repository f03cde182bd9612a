//! What goes over the wire, write by write.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::ready,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_http::Request;
use actix_service::{Service as _, ServiceFactory as _, fn_service};
use actix_web::{body::BoxBody, dev::Response, http::StatusCode, rt::System};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{WRITE_BYTES, builder};
use crate::http::{answer, connection::RequestStream};

/// A client that sends some bytes and closes its side, and notes the lengths of what is written to it.
struct Client {
    sent: Bytes,
    written: Rc<RefCell<Vec<usize>>>,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = buffer.remaining().min(self.sent.len());
        buffer.put_slice(&self.sent.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.borrow_mut().push(bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The lengths of the writes of an answer whose body comes in pieces of those lengths.
fn writes(pieces: &'static [usize]) -> Vec<usize> {
    System::new().block_on(serve(pieces))
}

async fn serve(pieces: &'static [usize]) -> Vec<usize> {
    let answer = move |_request: Request| {
        let bytes = pieces.iter().sum::<usize>() as u64;
        let pieces = pieces.iter().map(|length| Bytes::from(vec![b' '; *length]));
        let response: Response<BoxBody> = answer::of_pieces(StatusCode::OK, bytes, pieces).into();
        ready(Ok::<_, Infallible>(response))
    };
    let minute = Duration::from_mins(1);
    let stopping = Arc::default();
    let service =
        builder(minute, minute, Arc::clone(&stopping)).h1(fn_service(answer)).new_service(()).await.unwrap();
    let written = Rc::<RefCell<Vec<usize>>>::default();
    let sent = Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let client = Client { sent, written: Rc::clone(&written) };
    let stream = RequestStream::new(client, minute, minute, stopping);
    service.call((stream, None)).await.unwrap();
    written.take()
}

/// Two writes wait for the client's acknowledgement in between, where the socket does not forbid it.
#[test]
fn an_answer_that_fits_goes_out_in_one_write() {
    for pieces in [&[1][..], &[100, 1], &[40_000, 1], &[33_000, 31_000, 1], &[1, 60_000, 1, 1]] {
        let writes = writes(pieces);
        assert_eq!(writes.len(), 1, "{pieces:?}: {writes:?}");
    }
}

#[test]
fn a_longer_answer_goes_out_in_long_writes() {
    let writes = writes(&[65_536, 65_536, 65_536, 1]);
    let (_last, others) = writes.split_last().unwrap();
    assert!(others.iter().all(|bytes| WRITE_BYTES <= *bytes), "{writes:?}");
}
