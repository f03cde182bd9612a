//! `GET` of indicators: all that is wanted, as of one commit, in the order of keys.
//!
//! In: a selection, the key behind which to begin, a form and a packing. Out: a row a line, and last a line that says that nothing is
//! missing; a table, which has no such line, is whole if the answer ended well. If a row cannot be read, the connection is reset
//! without the end of the answer. Whoever was cut off goes on behind the last row that came: with the rows of a later commit.
//!
//! A thread for each answer reads, writes and packs ([`Exporter`]), a piece at a time, and waits while [`PIECES_QUEUED_MAX`] are not taken. So an
//! answer of any length takes the memory of one permit, and a slow client holds up nobody. What it does hold is the snapshot: parts that
//! merges have replaced stay on the disk, and slices of the memtable in memory, for [`EXPORT_TIME_MAX`] at most. No merge and no
//! checkpoint waits for it. There are so many at a time as [`State::exports`] has places; further ones get 429, and so do those for which there is no memory.

mod packing;
pub(crate) mod parameters;
mod render;

use std::{
    io,
    rc::Rc,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, http::header};
use bytes::Bytes;
use futures_util::{Stream, stream};
use sluice_ingest::{IngestError, Ingestor, Permit};
use sluice_model::limits;
use sluice_store::{ReadError, SelectedHolding, Snapshot, Wanted};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use self::{
    packing::Packing,
    parameters::{Coding, ExportAsked, ExportFormat},
    render::RowWriter,
};
use crate::{
    http::{problem::Cause, record::RequestRecord},
    life::{request_log::Author, state::State},
};

/// Names the state that an answer shows.
pub(crate) const CURSOR: &str = "sluice-cursor";

/// Seconds after which one of too many is to be tried again.
const FULL_RETRY_SECONDS: u32 = 10;

/// How long an export may take: until then, nothing that its snapshot shows is given up.
const EXPORT_TIME_MAX: Duration = Duration::from_hours(1);

/// What reading, writing and packing takes at most: two windows of rows, the contexts of one, a posting list, a block of each run; the text
/// of a piece with the longest context, and those that wait.
const EXPORT_BYTES: usize = 24 * limits::MIB;

/// Bytes of the memtable that a snapshot may keep; if there are more, they are written to the trees first.
const MEMTABLE_KEPT_BYTES_MAX: usize = 32 * limits::MIB;

/// Bytes of text of a piece.
const PIECE_BYTES: usize = 256 * limits::KIB;

/// Pieces that wait for the client.
const PIECES_QUEUED_MAX: usize = 4;

/// Time until a full queue is looked at again.
const QUEUE_RETRY_TIME: Duration = Duration::from_millis(2);

/// Answers with rows.
///
/// # Errors
///
/// The cause to answer: there are too many exports, or there is no memory for one more.
pub(crate) async fn answer(
    state: &Arc<State>,
    ingestor: &Ingestor,
    asked: ExportAsked,
    record: &Rc<RequestRecord>,
) -> Result<HttpResponse, Cause> {
    let full = Cause::Busy { retry_after_seconds: FULL_RETRY_SECONDS };
    let Ok(slot) = Arc::clone(&state.exports).try_acquire_owned() else { return Err(full) };
    let permit = ingestor.reserve_whole(EXPORT_BYTES)?;
    let (format, coding, judged_seconds) = (asked.format, asked.coding, asked.selection.now_seconds);
    let (pieces, pieces_in) = mpsc::channel(PIECES_QUEUED_MAX);
    let (begun, begun_in) = oneshot::channel();
    let (failed, failed_in) = oneshot::channel();
    let exporter = Exporter {
        asker: Author::of(record),
        ingestor: ingestor.clone(),
        asked,
        pieces,
        ends_at: Instant::now() + EXPORT_TIME_MAX,
        _held: (slot, permit),
    };
    let started = thread::Builder::new().name("export".to_owned()).spawn(move || exporter.run(begun, failed));
    started.map_err(|error| {
        tracing::error!(%error, "a thread for an export could not be started");
        full
    })?;
    let commit = begun_in.await.map_err(|_panicked| Cause::Internal)??;
    let mut response = HttpResponse::Ok();
    let media_type = match format {
        ExportFormat::Ndjson => "application/x-ndjson",
        ExportFormat::Csv => "text/csv; charset=utf-8",
    };
    response
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::VARY, "Accept, Accept-Encoding"))
        .insert_header((CURSOR, state.cursor(commit, judged_seconds).to_string()));
    let encoding = match coding {
        Coding::Identity => None,
        Coding::Gzip => Some("gzip"),
        Coding::Zstd => Some("zstd"),
    };
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    Ok(response.streaming(body_of(pieces_in, failed_in, Rc::clone(record))))
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
                Some((Err(io::Error::other("the export was given up")), None))
            }
        }
    })
}

/// An export under way, on its thread.
struct Exporter {
    asker: Author,
    ingestor: Ingestor,
    asked: ExportAsked,
    /// Pieces of the answer, then `None`.
    pieces: mpsc::Sender<Option<Bytes>>,
    ends_at: Instant,
    /// Its place among all exports, and its memory.
    _held: (OwnedSemaphorePermit, Permit),
}

impl Exporter {
    /// Tells which commit is shown, or why none is, and then shows it, or tells why it cannot be shown to its end.
    fn run(mut self, begun: oneshot::Sender<Result<u64, Cause>>, failed: oneshot::Sender<Cause>) {
        let (snapshot, _kept) = match self.begin() {
            Ok(snapshot) => snapshot,
            Err(cause) => return drop(begun.send(Err(cause))),
        };
        if begun.send(Ok(snapshot.sequence())).is_ok()
            && let Err(error) = self.export(&snapshot)
        {
            let cause = cause_of(error);
            if let Cause::BadRequest(reason) = &cause {
                self.asker.export_cut_off(reason);
            }
            // Before the pieces end. A client that is gone need not know.
            drop(failed.send(cause));
        }
    }

    /// Takes the snapshot, with a permit for what it keeps of the memtable.
    fn begin(&mut self) -> Result<(Snapshot, Permit), Cause> {
        let store = self.ingestor.store();
        if MEMTABLE_KEPT_BYTES_MAX < store.memtable_bytes() {
            // If it cannot be written now, the permit may still do.
            let _is_written = store.checkpoint();
        }
        let snapshot = store.snapshot();
        let kept = self.ingestor.reserve_whole(snapshot.memtable_bytes())?;
        // Of a supplier that was removed meanwhile, there is nothing to show.
        let is_there = |(supplier, _): &(_, _)| snapshot.catalogue().supplier_by_id(*supplier).is_some();
        self.asked.selection.suppliers.retain(is_there);
        Ok((snapshot, kept))
    }

    /// Shows all that is wanted.
    fn export(&self, snapshot: &Snapshot) -> io::Result<()> {
        let ExportAsked { subject, selection, after, format, coding } = &self.asked;
        let (mut text, mut packing) = (Vec::with_capacity(PIECE_BYTES), Packing::new(*coding)?);
        let mut rows = RowWriter::new(snapshot.catalogue(), subject, *format, &mut text);
        let mut shown = Ok(Wanted::More);
        let show = |holding: Option<&SelectedHolding<'_>>| {
            shown = match holding {
                Some(holding) => rows.push(holding, &mut text).and_then(|()| {
                    if text.len() < PIECE_BYTES {
                        Ok(Wanted::More)
                    } else {
                        self.send(packing.pack(&mut text)?)
                    }
                }),
                None if self.pieces.is_closed() => Ok(Wanted::Enough),
                None => self.check_time().map(|()| Wanted::More),
            };
            shown.as_ref().copied().unwrap_or(Wanted::Enough)
        };
        snapshot.select(selection, after, show).map_err(io::Error::other)?;
        if shown? == Wanted::Enough {
            return Ok(());
        }
        rows.push_end(selection.rows_max <= rows.rows_count, &mut text)?;
        for piece in [packing.pack(&mut text)?, packing.finish()?] {
            if self.send(piece)? == Wanted::Enough {
                return Ok(());
            }
        }
        self.queue(None).map(drop)
    }

    /// Has a piece sent; nobody wants more if the client is gone.
    fn send(&self, piece: Vec<u8>) -> io::Result<Wanted> {
        if piece.is_empty() { Ok(Wanted::More) } else { self.queue(Some(piece.into())) }
    }

    /// Puts a piece in the queue once there is room.
    fn queue(&self, mut piece: Option<Bytes>) -> io::Result<Wanted> {
        loop {
            match self.pieces.try_send(piece) {
                Ok(()) => return Ok(Wanted::More),
                Err(mpsc::error::TrySendError::Closed(_)) => return Ok(Wanted::Enough),
                Err(mpsc::error::TrySendError::Full(back)) => piece = back,
            }
            self.check_time()?;
            thread::sleep(QUEUE_RETRY_TIME);
        }
    }

    fn check_time(&self) -> io::Result<()> {
        if self.ends_at <= Instant::now() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "its client took longer than an hour"));
        }
        Ok(())
    }
}

/// Why an export was cut off: its client takes too long, or something stored cannot be read.
fn cause_of(error: io::Error) -> Cause {
    if error.kind() == io::ErrorKind::TimedOut {
        return Cause::bad_request(error);
    }
    match error.downcast::<ReadError>() {
        Ok(damage) => IngestError::Read(damage).into(),
        Err(error) => {
            tracing::error!(%error, "an export could not be written");
            Cause::Internal
        }
    }
}

#[cfg(test)]
mod tests;
