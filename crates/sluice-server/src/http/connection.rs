//! A connection's stream, with a clock and a limit for what its requests begin with.
//!
//! In: a stream of plain text, and word of when a request begins, is let in and is answered. Out: the same stream,
//! which fails when a head is not complete within its time from its first byte on, or is far too long. actix-web
//! knows a time for the first head only, forgets the keep-alive time at the first byte of any other, and holds
//! 128 KiB of either. The stream cannot see where a head ends, and need not: the request begins there.
//!
//! Bodies that are wanted pass untouched: they have their own limits. What a client sends of its next request
//! together with the present one belongs to the present one: its time is then the keep-alive time at the latest.

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

use crate::http::head::HEAD_BYTES_MAX;

#[cfg(test)]
mod tests;

/// Bytes that are taken ahead of a request, in bytes: a head that is over its limit by less gets an answer.
const AHEAD_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// Time limits of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timeouts {
    /// For a head, from its first byte on.
    pub(crate) head: Duration,
    /// Without any byte between two requests.
    pub(crate) keep_alive: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Between two requests, or inside the head of the next.
    Between,
    /// The same, with as many bytes as are taken ahead: the next request begins now or never.
    Full,
    /// A request is judged, or carried out without a body.
    Judged,
    /// A body is read, or thrown away.
    Body,
}

/// How far a connection is with its requests: shared by its stream and by them.
pub(crate) struct RequestProgress {
    timeouts: Timeouts,
    stage: Cell<Stage>,
    /// Bytes read in this stage.
    read_bytes: Cell<usize>,
    /// When this stage began, or when its first byte was read, or when the last answer moved on.
    since: Cell<Instant>,
    /// Who reads on in the next stage.
    reader: Cell<Option<Waker>>,
}

impl RequestProgress {
    fn new(timeouts: Timeouts) -> Self {
        Self {
            timeouts,
            stage: Cell::new(Stage::Between),
            read_bytes: Cell::new(0),
            since: Cell::new(Instant::now()),
            reader: Cell::new(None),
        }
    }

    /// A request's head is complete.
    pub(crate) fn begin(&self) {
        self.enter(Stage::Judged);
    }

    /// The request's body is wanted.
    pub(crate) fn want_body(&self) {
        self.enter(Stage::Body);
    }

    /// The request is answered. The rest of a body that is not read yet is thrown away until actix-web closes.
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

    /// An answer is still on its way, so the client cannot be expected to ask again.
    fn note_written(&self) {
        if self.is_between() && self.read_bytes.get() == 0 {
            self.since.set(Instant::now());
        }
    }

    fn deadline(&self) -> Instant {
        let Timeouts { head, keep_alive } = self.timeouts;
        // Without a byte actix-web's own timers come first, if they have not been cleared.
        let time = if self.read_bytes.get() == 0 { keep_alive.max(head) } else { head };
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
    /// Begins to wait for the first request of a connection.
    pub(crate) fn new(io: Io, timeouts: Timeouts) -> Self {
        Self { io, progress: Rc::new(RequestProgress::new(timeouts)), sleep: None }
    }

    /// The progress, for the requests of the connection to tell.
    pub(crate) fn progress(&self) -> Rc<RequestProgress> {
        Rc::clone(&self.progress)
    }

    /// Ready once the head, or the wait for it, has taken too long.
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
        // Asked for after reading too: what trickles in is late as well.
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
