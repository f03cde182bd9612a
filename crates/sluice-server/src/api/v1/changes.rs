//! `GET /v1/changes`: what has become of rows since a commit, for who keeps a copy of them.
//!
//! In: a cursor, filters, and how long an answer may be held back while there is nothing to tell. Out: a line for each row that may be
//! another one now, and one for each that is not shown any more. The cursor of the state that a copy then has is told before the
//! first line; what is cut off is asked for again with the cursor before. Nothing is kept of a reader.
//!
//! Who waits holds nothing but its connection: it looks at the number of the newest commit now and then. Each look at what has changed is
//! a thread ([`Follower`]) with a snapshot of its own, like an export, in one of the places of [`State::followers`].

pub(crate) mod parameters;

use std::{io, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
};
use bytes::Bytes;
use futures_util::Stream;
use sluice_ingest::{Ingestor, Permit};
use sluice_model::limits;
use sluice_store::{Changed, ChangedRows, RemovalReason, Snapshot, Wanted};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout},
};

use self::parameters::ChangesWanted;
use super::{
    export::{self, CURSOR, packing::Packing, render::RowWriter},
    pieces::{self, FirstWord, PieceQueue},
};
use crate::{
    http::{coding::Coding, problem::Cause, record::RequestRecord},
    life::state::State,
};

/// What a look takes at most: as much as an export, a block of many batches as stored and unpacked, and keys.
const FOLLOWER_BYTES: usize = export::EXPORT_BYTES + 6 * limits::MIB;

/// How long a look waits for a place.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often somebody who waits looks whether there is a new commit.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Time after which somebody who waits looks for what has expired.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// Where a copy stands once it has been told all of a look.
#[derive(Clone, Copy, Debug)]
struct CopyState {
    commit: u64,
    judged_seconds: u32,
    is_empty: bool,
    /// Whether more is to be told at once.
    is_behind: bool,
}

/// Answers with what has changed, or, after the time that may be waited, with nothing.
///
/// # Errors
///
/// The cause to answer: the cursor is none of this history, a name is nobody's, there are too many readers, or there is no memory for one
/// more.
pub(crate) async fn answer(
    state: &Arc<State>,
    ingestor: &Ingestor,
    wanted: ChangesWanted,
    record: &Rc<RequestRecord>,
) -> Result<HttpResponse, Cause> {
    let wanted = Arc::new(wanted);
    if state.cursor(0, 0).store != wanted.after.store {
        return Err(Cause::Gone(
            "The cursor is of another data directory, or of one that was restored: begin again",
        ));
    }
    let ends_at = Instant::now() + wanted.wait;
    let mut since = (wanted.after.commit, wanted.after.judged_seconds);
    loop {
        let (told, body) = look(state, ingestor, &wanted, since, record).await?;
        since = (told.commit, told.judged_seconds);
        // An empty answer gets on as well: its cursor is another one.
        if !told.is_empty || ends_at <= Instant::now() || state.stopping.has_begun() {
            return answer_of(state, &wanted, told, body);
        }
        if told.is_behind {
            continue;
        }
        let waits_since = Instant::now();
        wait_for_news(state, ingestor, told.commit, ends_at).await;
        record.note_wait(waits_since.elapsed());
    }
}

fn answer_of(
    state: &State,
    wanted: &ChangesWanted,
    told: CopyState,
    body: impl Stream<Item = io::Result<Bytes>> + 'static,
) -> Result<HttpResponse, Cause> {
    let coding = if told.is_empty { Coding::Identity } else { wanted.coding };
    let mut response = export::response_of("application/x-ndjson", coding);
    let cursor = state.cursor(told.commit, told.judged_seconds).to_string();
    let link = format!("<{}>; rel=\"next\"", wanted.next(&cursor));
    let link = HeaderValue::from_str(&link).map_err(|_not_text| Cause::Internal)?;
    response.insert_header((CURSOR, cursor)).insert_header((header::LINK, link));
    Ok(if told.is_empty { response.body(Bytes::new()) } else { response.streaming(body) })
}

/// Waits until there may be something to tell, or nobody wants to wait any more.
async fn wait_for_news(state: &State, ingestor: &Ingestor, commit: u64, ends_at: Instant) {
    // Whether a look then is worth it for what has expired, the store decides.
    let look_again_at = Instant::now() + EXPIRY_INTERVAL;
    loop {
        let left = ends_at.saturating_duration_since(Instant::now());
        tokio::select! {
            () = sleep(left.min(LOOK_INTERVAL)) => {}
            () = state.stopping.begun() => return,
        }
        if look_again_at <= Instant::now()
            || ingestor.store().sequence() != commit
            || ends_at <= Instant::now()
        {
            return;
        }
    }
}

/// Looks at what has changed: where the copy will stand, and the body that brings it there.
async fn look(
    state: &Arc<State>,
    ingestor: &Ingestor,
    wanted: &Arc<ChangesWanted>,
    since: (u64, u32),
    record: &Rc<RequestRecord>,
) -> Result<(CopyState, impl Stream<Item = io::Result<Bytes>> + use<>), Cause> {
    let place = timeout(PLACE_WAIT_MAX, Arc::clone(&state.followers).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        return Err(Cause::Busy { retry_after_seconds: export::FULL_RETRY_SECONDS });
    };
    let permit = ingestor.reserve_whole(FOLLOWER_BYTES)?;
    let (pieces, body) = pieces::queue(export::EXPORT_TIME_MAX, record);
    let follower = Follower {
        ingestor: ingestor.clone(),
        wanted: Arc::clone(wanted),
        since,
        pieces,
        _held: (place, permit),
    };
    let told = pieces::begin("changes", export::FULL_RETRY_SECONDS, |begun| follower.run(begun)).await?;
    Ok((told, body))
}

/// A look under way, on its thread.
struct Follower {
    ingestor: Ingestor,
    wanted: Arc<ChangesWanted>,
    since: (u64, u32),
    pieces: PieceQueue,
    /// Its place among all, and its memory.
    _held: (OwnedSemaphorePermit, Permit),
}

impl Follower {
    /// Says where the copy will stand as soon as there is something to tell, or that there is nothing, or why nothing is told.
    fn run(self, begun: FirstWord<CopyState>) {
        let mut begun = Some(begun);
        let looked = self.look(&mut begun);
        if let Some(begun) = begun {
            drop(begun.send(looked));
        } else if let Err(cause) = looked {
            self.pieces.give_up(cause);
        }
    }

    fn look(&self, begun: &mut Option<FirstWord<CopyState>>) -> Result<CopyState, Cause> {
        let (snapshot, _kept) = export::snapshot_of(&self.ingestor)?;
        let asked = self.wanted.asked(&snapshot, self.since)?;
        let Some(changed) = snapshot.changes(&asked) else {
            return Err(Cause::Gone(
                "The cursor is older than the history of changes, of a commit that there is not, or of a later time: begin again",
            ));
        };
        let (commit, judged_seconds) = (changed.commit(), changed.judged_seconds());
        let is_behind = commit < snapshot.sequence();
        let told = CopyState { commit, judged_seconds, is_empty: true, is_behind };
        let say_first = || {
            if let Some(begun) = begun.take() {
                // If nobody waits for it, the queue is closed too.
                drop(begun.send(Ok(CopyState { is_empty: false, ..told })));
            }
        };
        self.tell(&snapshot, &changed, say_first).map_err(pieces::cause_of)?;
        Ok(told)
    }

    /// Tells all; `say_first` is called before the first piece.
    fn tell(
        &self,
        snapshot: &Snapshot,
        changed: &ChangedRows<'_>,
        mut say_first: impl FnMut(),
    ) -> io::Result<()> {
        let (mut text, mut packing) = (Vec::new(), Packing::new(self.wanted.coding)?);
        let mut rows = RowWriter::of_changes(snapshot.catalogue());
        let mut outcome = Ok(Wanted::More);
        let tell = |told: Changed<'_>| {
            let written = match told {
                Changed::Shown(holding) => rows.push(holding, &mut text),
                Changed::Removed(key, reason) => rows.push_removal(key, word_of(reason), &mut text),
                Changed::Pause => Ok(()),
            };
            outcome = match written {
                Ok(()) if export::PIECE_BYTES <= text.len() => {
                    say_first();
                    packing.pack(&mut text).and_then(|piece| self.pieces.send(piece))
                }
                Ok(()) => self.pieces.check(),
                Err(error) => Err(error),
            };
            outcome.as_ref().copied().unwrap_or(Wanted::Enough)
        };
        changed.read(tell).map_err(io::Error::other)?;
        if outcome? == Wanted::Enough || rows.rows_count == 0 {
            return Ok(());
        }
        say_first();
        self.pieces.end([packing.pack(&mut text)?, packing.finish()?])
    }
}

/// How a reason is told.
fn word_of(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::Deleted => "deleted",
        RemovalReason::Supplier => "supplier",
        RemovalReason::Expired => "expired",
        RemovalReason::Filter => "filter",
    }
}
