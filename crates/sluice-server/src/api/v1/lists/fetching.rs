//! A list as devices fetch it: by what they have of it, the range that they want, and the coding that they take.
//!
//! In: a head and a list. Out: 200, 206 or 304 with validators, or 416. Each coding has an entity tag of its own. Bytes are read from the file
//! by a thread that is there for it, in pieces; a 304 asks no disk.

use std::{
    io,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    dev::RequestHead,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, stream};
use sluice_model::hex;
use tokio::sync::OwnedSemaphorePermit;

use super::fetched::ListDigest;
use crate::{
    auth::role::{Action, Identity, Role},
    clock::date,
    http::{
        coding::{Coding, wanted_coding},
        problem::Cause,
        validators::{Validators, Wants},
    },
    life::state::State,
    lists::{
        Asker, DeviceList, ServedList,
        file::{ListFile, ListPart},
        format::ListFormat,
    },
    worker::Worker,
};

/// Bytes of a piece.
const PIECE_BYTES: usize = 256 << 10;

/// How long a list may be fetched, as long as an export may take.
const FETCH_TIME_MAX: Duration = Duration::from_hours(1);

/// Seconds after which one of too many is to be tried again.
const FULL_RETRY_SECONDS: u32 = 5;

/// Time until a piece that found no place in the queue is asked for again.
const READ_RETRY_TIME: Duration = Duration::from_millis(20);

/// Answers with a list, or with a digest of it.
///
/// # Errors
///
/// [`Cause::NotAcceptable`] for a format that the list cannot have, [`Cause::ListNotBuilt`], and [`Cause::Unsatisfiable`].
pub(super) async fn fetch(
    state: &State,
    head: &RequestHead,
    list: &DeviceList,
    (format, digest): (ListFormat, Option<ListDigest>),
    identity: &Identity,
) -> Result<HttpResponse, Cause> {
    if let Some(refusal) = list.definition.refusal(format) {
        return Err(Cause::NotAcceptable(refusal));
    }
    let is_anybody = identity.role == Role::List && identity.list.is_none();
    let asker = if is_anybody { Asker::Anybody } else { Asker::Known };
    let served = match state.lists.serve(list, format, asker).await {
        Ok(served) => served,
        // It may name suppliers and tags.
        Err(why) if identity.may(Action::Read, &list.tenant) => return Err(Cause::ListNotBuilt(why.into())),
        Err(_why) => return Err(Cause::ListNotBuilt("nothing was built of it yet".into())),
    };
    let Some(identity) = served.file.part(Coding::Identity) else { return Err(Cause::Internal) };
    if let Some(digest) = digest {
        let text = match digest {
            ListDigest::Md5 => &served.file.figures.md5,
            ListDigest::Sha256 => &identity.sha256,
        };
        return Ok(of_digest(&head.headers, &served, text));
    }
    let part = served.file.part(wanted_coding(&head.headers)).unwrap_or(identity);
    let digest = identity.sha256.get(..32).unwrap_or(&identity.sha256);
    let tag = match part.coding.name() {
        Some(name) => format!("\"{digest}-{name}\""),
        None => format!("\"{digest}\""),
    };
    let validators = Validators { tag: &tag, modified_seconds: served.file.figures.modified_seconds };
    let wants = validators.wants(&head.headers, part.bytes);
    // A part of nothing but a head is none.
    let wants = if head.method == Method::HEAD && wants != Wants::Nothing { Wants::Whole } else { wants };
    let (status, range) = match wants {
        Wants::Nothing => return Ok(response(StatusCode::NOT_MODIFIED, &served, &validators).finish()),
        Wants::Unsatisfiable => return Err(Cause::Unsatisfiable { bytes: part.bytes }),
        Wants::Whole => (StatusCode::OK, 0..part.bytes),
        Wants::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
    };
    let mut response = response(status, &served, &validators);
    response.insert_header((header::CONTENT_TYPE, format.media_type()));
    if let Some(name) = part.coding.name() {
        response.insert_header((header::CONTENT_ENCODING, name));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, part.bytes);
        response.insert_header((header::CONTENT_RANGE, content_range));
    } else if let Some(digest) = hex::decode(&part.sha256) {
        response.insert_header(("content-digest", format!("sha-256=:{}:", STANDARD.encode(digest))));
    }
    if head.method == Method::HEAD {
        // Nothing is read for it.
        let nothing = stream::empty::<Result<Bytes, io::Error>>();
        return Ok(response.body(SizedStream::new(part.bytes, nothing)));
    }
    let Ok(place) = Arc::clone(&state.list_fetches).try_acquire_owned() else {
        return Err(Cause::Busy { retry_after_seconds: FULL_RETRY_SECONDS });
    };
    let (part, file) = (part.clone(), Arc::clone(&served.file));
    Ok(response.body(of_file((file, part), range, state.workers.list_reader.clone(), place)))
}

/// What the answers for a list have in common.
fn response(status: StatusCode, served: &ServedList, validators: &Validators<'_>) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::ETAG, validators.tag))
        .insert_header((header::LAST_MODIFIED, validators.last_modified()))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header(("sluice-list-entries", served.file.figures.entries.to_string()))
        .insert_header(("sluice-list-dropped", served.dropped.to_string()))
        .insert_header(("sluice-list-built", date(served.built_seconds).to_string()));
    if served.failure.is_some() {
        response.insert_header(("sluice-list-stale", "1"));
    }
    response
}

/// Answers with a digest, and nothing else.
fn of_digest(headers: &HeaderMap, served: &ServedList, digest: &str) -> HttpResponse {
    let tag = format!("\"{digest}-digest\"");
    let validators = Validators { tag: &tag, modified_seconds: served.file.figures.modified_seconds };
    if validators.wants(headers, 0) == Wants::Nothing {
        return response(StatusCode::NOT_MODIFIED, served, &validators).finish();
    }
    let mut response = response(StatusCode::OK, served, &validators);
    response.insert_header((header::CONTENT_TYPE, ListFormat::Txt.media_type()));
    response.body(format!("{digest}\n"))
}

/// The bytes of a range, read as they are taken.
fn of_file(
    (file, part): (Arc<ListFile>, ListPart),
    range: Range<u64>,
    reader: Worker,
    place: OwnedSemaphorePermit,
) -> SizedStream<impl Stream<Item = io::Result<Bytes>> + Unpin> {
    let (bytes, ends_at) = (range.end - range.start, Instant::now() + FETCH_TIME_MAX);
    let pieces = stream::unfold(range, move |mut left: Range<u64>| {
        // It ends with the answer.
        let _held = &place;
        let (file, part, reader) = (Arc::clone(&file), part.clone(), reader.clone());
        async move {
            if left.is_empty() {
                return None;
            }
            if ends_at <= Instant::now() {
                return Some((Err(io::ErrorKind::TimedOut.into()), left));
            }
            let count = usize::try_from(left.end - left.start).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let piece = read(file, part, left.start, count, &reader).await;
            left.start += count as u64;
            Some((piece, left))
        }
    });
    SizedStream::new(bytes, Box::pin(pieces))
}

/// Reads a piece, waiting while many others are read.
async fn read(
    file: Arc<ListFile>,
    part: ListPart,
    at: u64,
    bytes: usize,
    reader: &Worker,
) -> io::Result<Bytes> {
    let piece = reader.run_when_free(READ_RETRY_TIME, move || file.read(&part, at, bytes)).await?;
    piece.map(Bytes::from).inspect_err(|error| {
        tracing::warn!(%error, "a list cannot be read; its answer is cut off");
    })
}
