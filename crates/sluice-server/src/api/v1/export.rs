//! `GET` of indicators: all that is wanted, as of one commit, in the order of keys.
//!
//! In: a selection, the key behind which to begin, a form and a packing. Out: a row a line, and last a line that says that nothing is
//! missing; a table, which has no such line, is whole if the answer ended well. If a row cannot be read, the connection is reset
//! without the end of the answer. Whoever was cut off goes on behind the last row that came: with the rows of a later commit.
//!
//! A thread for each answer reads, writes and packs ([`Exporter`]), a piece at a time, and waits while some are not taken ([`pieces`]). So an
//! answer of any length takes the memory of one permit, and a slow client holds up nobody. What it does hold is the snapshot: parts that
//! merges have replaced stay on the disk, and slices of the memtable in memory, for [`EXPORT_TIME_MAX`] at most. No merge and no
//! checkpoint waits for it. There are so many at a time as [`State::exports`] has places; further ones get 429, and so do those for which there is no memory.

pub(super) mod packing;
pub(crate) mod parameters;
pub(super) mod render;

use std::{io, rc::Rc, sync::Arc, time::Duration};

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use sluice_ingest::{Ingestor, Permit};
use sluice_model::limits;
use sluice_store::{SelectedHolding, Snapshot, Wanted};
use tokio::sync::OwnedSemaphorePermit;

use self::{
    packing::Packing,
    parameters::{ExportAsked, ExportFormat},
    render::RowWriter,
};
use super::pieces::{self, FirstWord, PieceQueue};
use crate::{
    http::{coding::Coding, problem::Cause, record::RequestRecord},
    life::state::State,
};

/// Names the state that an answer shows.
pub(crate) const CURSOR: &str = "sluice-cursor";

/// Seconds after which one of too many is to be tried again.
pub(super) const FULL_RETRY_SECONDS: u32 = 10;

/// How long an export may take: until then, nothing that its snapshot shows is given up.
pub(super) const EXPORT_TIME_MAX: Duration = Duration::from_hours(1);

/// What reading, writing and packing takes at most: two windows of rows, the contexts of one, a posting list, a block of each run; the text
/// of a piece with the longest context, and those that wait.
pub(super) const EXPORT_BYTES: usize = 24 * limits::MIB;

/// Bytes of text of a piece.
pub(super) const PIECE_BYTES: usize = 256 * limits::KIB;

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
    let Ok(slot) = Arc::clone(&state.exports).try_acquire_owned() else {
        return Err(Cause::Busy { retry_after_seconds: FULL_RETRY_SECONDS });
    };
    let permit = ingestor.reserve_whole(EXPORT_BYTES)?;
    let (format, coding, judged_seconds) = (asked.format, asked.coding, asked.selection.now_seconds);
    let (pieces, body) = pieces::queue(EXPORT_TIME_MAX, record);
    let exporter = Exporter { ingestor: ingestor.clone(), asked, pieces, _held: (slot, permit) };
    let commit = pieces::begin("export", FULL_RETRY_SECONDS, |begun| exporter.run(begun)).await?;
    let media_type = match format {
        ExportFormat::Ndjson => "application/x-ndjson",
        ExportFormat::Csv => "text/csv; charset=utf-8",
    };
    let mut response = response_of(media_type, coding);
    response.insert_header((CURSOR, state.cursor(commit, judged_seconds).to_string()));
    Ok(response.streaming(body))
}

/// The head of an answer of rows.
pub(super) fn response_of(media_type: &'static str, coding: Coding) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::VARY, "Accept, Accept-Encoding"));
    if let Some(name) = coding.name() {
        response.insert_header((header::CONTENT_ENCODING, name));
    }
    response
}

/// Takes a snapshot to be read for a while, with a permit for what it keeps of the memtable.
///
/// # Errors
///
/// There is no memory for it.
pub(super) fn snapshot_of(ingestor: &Ingestor) -> Result<(Snapshot, Permit), Cause> {
    let snapshot = ingestor.store().snapshot_to_keep();
    let kept = ingestor.reserve_whole(snapshot.memtable_bytes())?;
    Ok((snapshot, kept))
}

/// An export under way, on its thread.
struct Exporter {
    ingestor: Ingestor,
    asked: ExportAsked,
    pieces: PieceQueue,
    /// Its place among all exports, and its memory.
    _held: (OwnedSemaphorePermit, Permit),
}

impl Exporter {
    /// Tells which commit is shown, or why none is, and then shows it, or tells why it cannot be shown to its end.
    fn run(mut self, begun: FirstWord<u64>) {
        let (snapshot, _kept) = match self.begin() {
            Ok(snapshot) => snapshot,
            Err(cause) => return drop(begun.send(Err(cause))),
        };
        if begun.send(Ok(snapshot.sequence())).is_ok()
            && let Err(error) = self.export(&snapshot)
        {
            self.pieces.give_up(pieces::cause_of(error));
        }
    }

    /// Takes the snapshot, with a permit for what it keeps of the memtable.
    fn begin(&mut self) -> Result<(Snapshot, Permit), Cause> {
        let (snapshot, kept) = snapshot_of(&self.ingestor)?;
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
                        self.pieces.send(packing.pack(&mut text)?)
                    }
                }),
                None => self.pieces.check(),
            };
            shown.as_ref().copied().unwrap_or(Wanted::Enough)
        };
        snapshot.select(selection, after, show).map_err(io::Error::other)?;
        if shown? == Wanted::Enough {
            return Ok(());
        }
        rows.push_end(selection.rows_max <= rows.rows_count, &mut text)?;
        self.pieces.end([packing.pack(&mut text)?, packing.finish()?])
    }
}
