//! Pieces of an answer, from the thread that writes it to its connection.
//!
//! In: pieces, and that there are no more, or why the answer was given up. Out: a body. If its end is not told, the body ends in an error,
//! so that the connection is reset and nobody takes it for whole, and the record of the request is told why. The thread waits while [`PIECES_QUEUED_MAX`] are not taken, for a bounded time.

use std::{
    io,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use sluice_ingest::IngestError;
use sluice_store::{ReadError, Wanted};
use tokio::sync::{mpsc, oneshot};

use crate::{
    http::{problem::Cause, record::RequestRecord},
    life::request_log::Author,
};

#[cfg(test)]
mod tests;

/// Pieces that wait for the client.
const PIECES_QUEUED_MAX: usize = 4;

/// Time until a full queue is looked at again.
const QUEUE_RETRY_TIME: Duration = Duration::from_millis(2);

/// Takes pieces.
pub(super) struct PieceQueue {
    /// Pieces, then `None`.
    pieces: mpsc::Sender<Option<Bytes>>,
    /// Why there is no end.
    failed: oneshot::Sender<Cause>,
    asker: Author,
    ends_at: Instant,
}

/// Where a thread says what the head of its answer says, or why there is none.
pub(super) type FirstWord<T> = oneshot::Sender<Result<T, Cause>>;

/// Has a thread of its own write an answer, and waits for what it says first.
///
/// # Errors
///
/// What it says, or that there is no thread for it: then it may be tried again after so many seconds.
pub(super) async fn begin<T: Send + 'static>(
    name: &'static str,
    retry_after_seconds: u32,
    write: impl FnOnce(FirstWord<T>) + Send + 'static,
) -> Result<T, Cause> {
    let (begun, begun_in) = oneshot::channel();
    let started = thread::Builder::new().name(name.to_owned()).spawn(move || write(begun));
    started.map_err(|error| {
        tracing::error!(%error, name, "a thread for an answer could not be started");
        Cause::Busy { retry_after_seconds }
    })?;
    begun_in.await.map_err(|_panicked| Cause::Internal)?
}

/// Makes a queue whose answer may take some time, and the body that comes of it.
pub(super) fn queue(
    time_max: Duration,
    record: &Rc<RequestRecord>,
) -> (PieceQueue, impl Stream<Item = io::Result<Bytes>> + use<>) {
    let (pieces, pieces_in) = mpsc::channel(PIECES_QUEUED_MAX);
    let (failed, failed_in) = oneshot::channel();
    let queue = PieceQueue { pieces, failed, asker: Author::of(record), ends_at: Instant::now() + time_max };
    (queue, body_of(pieces_in, failed_in, Rc::clone(record)))
}

/// Pieces up to the end, which is `None`; without it, an error, because the answer is not whole. The record is told why.
fn body_of(
    pieces: mpsc::Receiver<Option<Bytes>>,
    failed: oneshot::Receiver<Cause>,
    record: Rc<RequestRecord>,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some((pieces, failed, record)), |rest| async {
        let (mut pieces, mut failed, record) = rest?;
        match pieces.recv().await {
            Some(Some(piece)) => Some((Ok(piece), Some((pieces, failed, record)))),
            Some(None) => None,
            None => {
                // A thread that panicked has not said why.
                let cause = failed.try_recv().unwrap_or(Cause::Internal);
                // It is the first: there was nothing but pieces.
                let _is_first = record.failure.set(cause);
                Some((Err(io::Error::other("the answer was given up")), None))
            }
        }
    })
}

/// Why an answer was cut off: its client takes too long, or something stored cannot be read.
pub(super) fn cause_of(error: io::Error) -> Cause {
    if error.kind() == io::ErrorKind::TimedOut {
        return Cause::bad_request(error);
    }
    match error.downcast::<ReadError>() {
        Ok(damage) => IngestError::Read(damage).into(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            Cause::Internal
        }
    }
}

impl PieceQueue {
    /// Has a piece sent; nobody wants more if the client is gone.
    ///
    /// # Errors
    ///
    /// The time is over.
    pub(super) fn send(&self, piece: Vec<u8>) -> io::Result<Wanted> {
        if piece.is_empty() { Ok(Wanted::More) } else { self.queue(Some(piece.into())) }
    }

    /// Has the last pieces sent, and says that the answer is whole.
    ///
    /// # Errors
    ///
    /// The time is over.
    pub(super) fn end(&self, last: [Vec<u8>; 2]) -> io::Result<()> {
        for piece in last {
            if self.send(piece)? == Wanted::Enough {
                return Ok(());
            }
        }
        self.queue(None).map(drop)
    }

    /// Says why the answer does not go on to its end. A client that is gone need not know.
    pub(super) fn give_up(self, cause: Cause) {
        if let Cause::BadRequest(reason) = &cause {
            self.asker.answer_cut_off(reason);
        }
        // Before the pieces end.
        drop(self.failed.send(cause));
    }

    /// Whether the client is still there.
    ///
    /// # Errors
    ///
    /// The time is over.
    pub(super) fn check(&self) -> io::Result<Wanted> {
        if self.pieces.is_closed() {
            return Ok(Wanted::Enough);
        }
        if self.ends_at <= Instant::now() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "its client took longer than an hour"));
        }
        Ok(Wanted::More)
    }

    /// Puts a piece in the queue once there is room.
    fn queue(&self, mut piece: Option<Bytes>) -> io::Result<Wanted> {
        loop {
            match self.pieces.try_send(piece) {
                Ok(()) => return Ok(Wanted::More),
                Err(mpsc::error::TrySendError::Closed(_)) => return Ok(Wanted::Enough),
                Err(mpsc::error::TrySendError::Full(back)) => piece = back,
            }
            self.check()?;
            thread::sleep(QUEUE_RETRY_TIME);
        }
    }
}
