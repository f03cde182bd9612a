//! The stream of a connection, with limits of time and size for the heads of its requests.
//!
//! In: a stream of plain text, and calls that tell when a request begins, when its body is wanted and when it is
//! answered. Out: the same stream, which fails when a head is not complete in time, counted from its first byte, or
//! when it is far too long. actix-web limits the time of the first head only: it forgets the keep-alive time at the
//! first byte of any other head, and it buffers 128 KiB of each. The stream cannot see where a head ends and does not
//! have to, because the request begins at that point.
//!
//! With 10 s for a head and 75 s for keep-alive, a client that sends nothing after an answer is cut off after 75 s.
//! If the first byte of its next head comes in second 60, the last must come by second 70, however slowly they come.
//!
//! Bodies that are wanted pass: they have limits of their own. What a client sends of its next request together with
//! the present one counts as part of the present one, so that the time of that head is the keep-alive time.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::head::HEAD_BYTES_MAX;

#[cfg(test)]
mod tests;

/// Bytes that are read before a request begins. A head between its own limit and this one gets an answer, a longer
/// one only has its connection closed.
const AHEAD_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Between two requests, or inside the head of the next.
    Between,
    /// As `Between`, with [`AHEAD_BYTES_MAX`] read: the next request begins now, or its head is too long.
    Full,
    /// A request is being judged, or carried out without a body.
    Judged,
    /// A body is being read, or thrown away.
    Body,
}

/// How far a connection is with its requests: shared by its stream and by them.
pub(crate) struct RequestProgress {
    /// Time for a head, from its first byte on.
    head_timeout: Duration,
    /// Time without any byte between two requests.
    keep_alive: Duration,
    stage: Cell<Stage>,
    /// Bytes read in this stage.
    read_bytes: Cell<usize>,
    /// The last of these: this stage began, its first byte was read, a part of the last answer was written.
    since: Cell<Instant>,
    /// Wakes whoever waits to read in the next stage.
    reader: Cell<Option<Waker>>,
}

impl RequestProgress {
    fn new(head_timeout: Duration, keep_alive: Duration) -> Self {
        Self {
            head_timeout,
            keep_alive,
            stage: Cell::new(Stage::Between),
            read_bytes: Cell::new(0),
            since: Cell::new(Instant::now()),
            reader: Cell::new(None),
        }
    }

    /// The head of a request is complete.
    pub(crate) fn begin(&self) {
        self.enter(Stage::Judged);
    }

    /// The body of the request is wanted.
    pub(crate) fn want_body(&self) {
        self.enter(Stage::Body);
    }

    /// The request is answered. What arrives of a body that was not read to its end is thrown away until actix-web
    /// closes the connection.
    pub(crate) fn end(&self, is_read: bool) {
        self.enter(if is_read { Stage::Between } else { Stage::Body });
    }

    fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        self.read_bytes.set(0);
        self.since.set(Instant::now());
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn is_between(&self) -> bool {
        self.stage.get() == Stage::Between
    }

    fn note_read(&self, bytes: usize) {
        if self.is_between() && self.read_bytes.get() == 0 {
            self.since.set(Instant::now());
        }
        self.read_bytes.set(self.read_bytes.get().saturating_add(bytes));
    }

    /// A part of an answer was written. A client that still receives cannot be expected to send its next request.
    fn note_written(&self) {
        if self.is_between() && self.read_bytes.get() == 0 {
            self.since.set(Instant::now());
        }
    }

    fn deadline(&self) -> Instant {
        let is_head_begun = self.read_bytes.get() != 0;
        // Before the first byte actix-web's own timers, where it has not cleared them, come first.
        let time = if is_head_begun { self.head_timeout } else { self.keep_alive.max(self.head_timeout) };
        self.since.get() + time
    }
}

/// A stream that fails when a head takes too long or is far too long.
pub(crate) struct TimedStream<Io> {
    io: Io,
    progress: Rc<RequestProgress>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<Io> TimedStream<Io> {
    /// Begins to wait for the first request of a connection: `head_timeout` for any head from its first byte on, and
    /// `keep_alive` without any byte between two requests.
    pub(crate) fn new(io: Io, head_timeout: Duration, keep_alive: Duration) -> Self {
        Self { io, progress: Rc::new(RequestProgress::new(head_timeout, keep_alive)), sleep: None }
    }

    /// Where the requests of the connection tell how far they are.
    pub(crate) fn progress(&self) -> Rc<RequestProgress> {
        Rc::clone(&self.progress)
    }

    /// Ready if the head, or the wait for it, has taken too long.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.progress.deadline();
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }

    /// Ready if more may be read now; `Pending` has seen to it that the reader is woken.
    fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let progress = &self.progress;
        match progress.stage.get() {
            Stage::Full => return Poll::Ready(Err(io::Error::other("the head is too long"))),
            Stage::Body => return Poll::Ready(Ok(())),
            Stage::Between | Stage::Judged if progress.read_bytes.get() < AHEAD_BYTES_MAX => {
                return Poll::Ready(Ok(()));
            }
            Stage::Between => {
                progress.stage.set(Stage::Full);
                context.waker().wake_by_ref();
            }
            Stage::Judged => progress.reader.set(Some(context.waker().clone())),
        }
        Poll::Pending
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for TimedStream<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        std::task::ready!(this.poll_room(context))?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(context, buffer);
        let read_bytes = buffer.filled().len() - before;
        if 0 < read_bytes {
            this.progress.note_read(read_bytes);
        }
        // Checked after a read that gave something, too: a head that trickles in is late as well.
        let is_late = this.progress.is_between() && this.poll_late(context).is_ready();
        if is_late { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { polled }
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for TimedStream<Io> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(context, bytes);
        if polled.is_ready() {
            this.progress.note_written();
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
