//! The stream of a connection: one request at a time, heads in time and size, and an end that loses no answer.
//!
//! In: a stream of plain text. Out: the same stream, which gives the bytes of one request and keeps back what follows
//! until that is answered. actix-web takes as many requests as have arrived, and the last of them decides for all
//! whether the connection is kept: a request behind `Connection: close` would be carried out, and garbage behind it
//! answered. After the last answer the stream ends for actix-web; its own side of writing is shut, and what the client
//! still sends is thrown away within bounds ([`farewell`]), so that the answer arrives.
//!
//! The stream fails when a head is not complete in time, counted from its first byte, or when it is far too long.
//! actix-web limits the time of the first head only: it forgets the keep-alive time at the first byte of any other
//! head, and it buffers 128 KiB of each.
//!
//! With 10 s for a head and 75 s for keep-alive, a client that sends nothing after an answer is cut off after 75 s.
//! If the first byte of its next head comes in second 60, the last must come by second 70, however slowly they come.
//! Bodies that are wanted pass: they have limits of their own.

pub(crate) mod farewell;
mod framing;
pub(crate) mod progress;

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

use self::{
    farewell::Farewell,
    progress::{AHEAD_BYTES_MAX, RequestProgress},
};
use super::{peer::PeerCertificates, stopping::Stopping};

#[cfg(test)]
mod tests;

/// Bytes read ahead at once.
const READ_BYTES: usize = 4_096;

/// See the module.
pub(crate) struct RequestStream<Io> {
    io: Io,
    progress: Rc<RequestProgress>,
    /// What the client has shown of itself.
    peer: Option<Rc<PeerCertificates>>,
    /// What has arrived of later requests.
    held: BytesMut,
    /// Whether the client has closed its side.
    has_ended: bool,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether the answer to what is no request is written, but for telling so.
    has_refused: bool,
    /// Once our side of writing is shut.
    farewell: Option<Farewell>,
}

impl<Io> RequestStream<Io> {
    /// Begins to wait for the first request of a connection: `head_timeout` for any head from its first byte on, and
    /// `keep_alive` without any byte between two requests, less once the daemon stops.
    pub(crate) fn new(io: Io, head_timeout: Duration, keep_alive: Duration, stopping: Arc<Stopping>) -> Self {
        Self {
            io,
            progress: Rc::new(RequestProgress::new(head_timeout, keep_alive, stopping)),
            peer: None,
            held: BytesMut::new(),
            has_ended: false,
            sleep: None,
            has_refused: false,
            farewell: None,
        }
    }

    /// The same, from a client that has shown certificates.
    pub(crate) fn with_peer(self, peer: Option<PeerCertificates>) -> Self {
        Self { peer: peer.map(Rc::new), ..self }
    }

    /// What the client has shown of itself.
    pub(crate) fn peer(&self) -> Option<Rc<PeerCertificates>> {
        self.peer.clone()
    }

    /// Where the requests of the connection tell how far they are.
    pub(crate) fn progress(&self) -> Rc<RequestProgress> {
        Rc::clone(&self.progress)
    }

    /// Ready if the head, or the wait for it, has taken too long.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.progress.deadline() else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }

    /// Gives bytes that were kept back.
    fn give_held(&mut self, buffer: &mut ReadBuf<'_>) {
        let fitting = self.held.get(..buffer.remaining()).unwrap_or(&self.held);
        let given = self.progress.give(fitting);
        buffer.put_slice(fitting.get(..given).unwrap_or_default());
        self.held.advance(given);
        if self.held.is_empty() {
            self.held = BytesMut::new();
            self.progress.has_held.set(false);
        }
    }
}

impl<Io: AsyncRead + Unpin> RequestStream<Io> {
    /// Gives bytes of the present request, from those kept back or from the stream. None at all is the end.
    fn poll_give(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.progress.is_closing() {
            return Poll::Ready(Ok(()));
        }
        if self.progress.is_head_too_long() {
            return Poll::Ready(Err(io::Error::other("the head is too long")));
        }
        if !self.progress.wants_more() {
            self.progress.wake_later(context.waker());
            return self.poll_ahead(context);
        }
        if !self.held.is_empty() {
            self.give_held(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if !self.has_ended {
            ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        }
        let arrived = buffer.filled().get(before..).unwrap_or_default();
        self.has_ended = arrived.is_empty();
        let given = self.progress.give(arrived);
        if given < arrived.len() {
            self.held.extend_from_slice(arrived.get(given..).unwrap_or_default());
            self.progress.has_held.set(true);
            buffer.set_filled(before + given);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads ahead, so that a client that goes away is noticed; ready only when it has, or has closed its side.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.has_ended && !self.progress.closes() && self.held.len() < AHEAD_BYTES_MAX {
            let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
            let mut chunk = ReadBuf::uninit(&mut bytes);
            ready!(Pin::new(&mut self.io).poll_read(context, &mut chunk))?;
            self.has_ended = chunk.filled().is_empty();
            self.held.extend_from_slice(chunk.filled());
            self.progress.has_held.set(!self.held.is_empty());
        }
        if self.has_ended && self.held.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for RequestStream<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = this.poll_give(context, buffer);
        // Checked after bytes were given, too: a head that trickles in is late as well. One that is complete is not.
        if this.poll_late(context).is_pending() {
            polled
        } else if this.progress.is_idle() && this.progress.stopping.has_begun() {
            // As if the client had closed its side.
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for RequestStream<Io> {
    /// Writes, and holds the last bytes of a refusal back from whoever asks until the connection can be closed: actix-web
    /// refuses what is no request by itself, and drops the stream as soon as that is written.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.has_refused {
            let polled = Pin::new(&mut self.io).poll_write(context, bytes);
            if polled.is_ready() {
                self.progress.note_written();
            }
            let is_whole = matches!(polled, Poll::Ready(Ok(count)) if count == bytes.len());
            if !is_whole || !self.progress.is_no_request() {
                return polled;
            }
            self.has_refused = true;
        }
        ready!(self.poll_shutdown(context))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    /// Shuts our side, and is ready once the connection can be closed.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.farewell.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(context))?;
        }
        // A client that has sent nothing since its last answer has nothing to lose.
        if this.has_ended || this.progress.is_idle() && this.held.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let farewell = this.farewell.get_or_insert_with(Farewell::new);
        if let Some(deadline) = this.progress.stopping.farewell_deadline(farewell.began) {
            farewell.end_by(deadline);
        }
        farewell.poll(&mut this.io, context).map(Ok)
    }
}
