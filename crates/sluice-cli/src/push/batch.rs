//! What the daemon keeps of a request: each is a batch, under a key that the client makes up.
//!
//! In: a key. Out: what became of a request that has no answer, and a file with all rows that it refused. A request that the daemon still waits for,
//! because it has not noticed that the connection is gone, is cancelled first.

use std::{
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::Write as _,
};

use bytes::Bytes;
use serde::Deserialize;

use super::receipt::Receipt;
use crate::{
    answer,
    failure::Failure,
    server::{Method, Request, Server},
};

/// The state of a batch that has not ended.
const RUNNING: &str = "running";

/// What became of a request.
pub(super) enum Became {
    /// The daemon does not know it.
    Nothing,
    /// It was carried out.
    Done(Receipt),
    /// A part of it was.
    Part(Receipt),
}

/// Why there is nothing to be known now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// It may be known later.
    #[error("{0}")]
    ForNow(String),
    /// The daemon has no batch under this key.
    #[error("the daemon does not know the batch")]
    NoBatch,
    /// There is nothing to cancel any more.
    #[error("the batch has ended")]
    Ended,
    /// Who asks has no right to know.
    #[error("{0}")]
    Untold(String),
    /// It will not be known.
    #[error("{0}")]
    ForGood(Failure),
}

/// A batch as the daemon tells it.
#[derive(Deserialize)]
struct Batch {
    state: String,
    #[serde(flatten)]
    receipt: Receipt,
}

/// Makes up a key: a random UUID.
pub(super) fn make_key() -> String {
    let [high, low] = [0, 1].map(|part| RandomState::new().hash_one(part));
    let digits = format!("{high:016x}{low:016x}");
    let part = |from, to| digits.get(from..to).unwrap_or("");
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Asks what became of the request with a key, which is over after that.
pub(super) async fn settle(server: &Server, key: &str) -> Result<Became, Unknown> {
    let path = ["batches", key];
    let told = match ask(server, Method::DELETE, &path).await {
        // It has ended before, or nobody is let cancel anything.
        Err(Unknown::Ended | Unknown::Untold(_)) => ask(server, Method::GET, &path).await,
        told => told,
    };
    let told = match told {
        Err(Unknown::NoBatch) => return Ok(Became::Nothing),
        told => told?,
    };
    let Batch { state, receipt } =
        serde_json::from_slice(&told).map_err(|error| Unknown::ForGood(answer::unreadable(&error)))?;
    match state.as_str() {
        "done" => Ok(Became::Done(receipt)),
        RUNNING => Err(Unknown::ForNow("the daemon is at work on the request still".to_owned())),
        _ => Ok(Became::Part(receipt)),
    }
}

/// Whether the daemon is at work on the request with a key; `None` if it answers, but does not say.
pub(super) async fn is_running(server: &Server, key: &str) -> Option<bool> {
    let question = Request::plain(Method::GET, server.v1(&["batches", key]), String::new());
    let Ok(answer) = server.send(question).await else { return Some(false) };
    match answer.into_success() {
        Ok(told) => Some(serde_json::from_slice(&told).is_ok_and(|batch: Batch| batch.state == RUNNING)),
        Err(problem) => (!problem.is_temporary() && !problem.is_untold()).then_some(false),
    }
}

/// What the daemon has of the request with a key so far, if it is at work on it.
///
/// # Errors
///
/// Why that is not known.
pub(super) async fn look_at(server: &Server, key: &str) -> Result<Receipt, Unknown> {
    let told = ask(server, Method::GET, &["batches", key]).await?;
    let Batch { state, receipt } =
        serde_json::from_slice(&told).map_err(|error| Unknown::ForGood(answer::unreadable(&error)))?;
    if state == RUNNING { Ok(receipt) } else { Err(Unknown::Ended) }
}

/// Writes all rows that the request with a key has refused, as far as they are kept, into a file.
///
/// # Errors
///
/// [`Failure::Local`] when it cannot be written, or what else came of the question.
pub(super) async fn read_rejects(server: &Server, key: &str, mut file: &File) -> Result<(), Failure> {
    let write = |piece: &[u8]| file.write_all(piece).map_err(|error| Failure::Local(error.to_string()));
    server.read_long(server.v1(&["batches", key, "rejects"]), write).await
}

async fn ask(server: &Server, method: Method, path: &[&str]) -> Result<Bytes, Unknown> {
    let answer = server.send(Request::plain(method, server.v1(path), String::new())).await;
    let answer = answer.map_err(|no_answer| Unknown::ForNow(no_answer.text))?;
    answer.into_success().map_err(|problem| match problem.status {
        404 => Unknown::NoBatch,
        409 => Unknown::Ended,
        _ if problem.is_untold() => Unknown::Untold(problem.to_string()),
        _ if problem.is_temporary() => Unknown::ForNow(problem.to_string()),
        _ => Unknown::ForGood(problem.into_failure()),
    })
}
