//! The end of a connection after its last answer: what the client still sends is read and thrown away.
//!
//! In: a stream whose side of writing is shut. Out: readiness to close it, once the client has closed its side or a
//! bound is reached. A socket that is closed with input unread, or that gets more, resets the connection, and a reset
//! takes the answer from a client that has not read it yet, because it still sends its body.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use sluice_model::limits;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// Longest time that is waited for the client's next byte.
const QUIET_TIME_MAX: Duration = Duration::from_secs(5);

/// Longest time for all of it.
pub(crate) const FAREWELL_TIME_MAX: Duration = Duration::from_mins(1);

/// The most that is thrown away: any body that the contract takes, and as much again.
const THROWN_BYTES_MAX: usize = 2 * limits::BODY_BYTES_MAX;

/// Bytes read at once.
const READ_BYTES: usize = 16 * limits::KIB;

/// Reads after which other connections have their turn.
const READS_AT_ONCE_MAX: usize = 16;

/// What is left of the bounds.
pub(super) struct Farewell {
    pub(super) began: Instant,
    bytes_left: usize,
    ends: Instant,
    quiet: Pin<Box<Sleep>>,
}

impl Farewell {
    /// Begins now.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let quiet = Box::pin(sleep_until(now + QUIET_TIME_MAX));
        Self { began: now, bytes_left: THROWN_BYTES_MAX, ends: now + FAREWELL_TIME_MAX, quiet }
    }

    /// Ends at `deadline` if it would end later.
    pub(super) fn end_by(&mut self, deadline: Instant) {
        self.ends = self.ends.min(deadline);
        if self.ends < self.quiet.deadline() {
            self.quiet.as_mut().reset(self.ends);
        }
    }

    /// Ready when the connection can be closed.
    pub(super) fn poll<Io: AsyncRead + Unpin>(&mut self, io: &mut Io, context: &mut Context<'_>) -> Poll<()> {
        for read in 0..READS_AT_ONCE_MAX {
            let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
            let mut chunk = ReadBuf::uninit(&mut bytes);
            match Pin::new(&mut *io).poll_read(context, &mut chunk) {
                Poll::Ready(Ok(())) if !chunk.filled().is_empty() => {
                    self.bytes_left = self.bytes_left.saturating_sub(chunk.filled().len());
                    if self.bytes_left == 0 {
                        return Poll::Ready(());
                    }
                }
                // The client has closed its side, or the connection is broken.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    if 0 < read {
                        self.note_bytes();
                    }
                    return self.quiet.as_mut().poll(context);
                }
            }
        }
        self.note_bytes();
        if self.ends <= Instant::now() {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// The client has not been silent until now.
    fn note_bytes(&mut self) {
        let quiet_ends = (Instant::now() + QUIET_TIME_MAX).min(self.ends);
        self.quiet.as_mut().reset(quiet_ends);
    }
}
