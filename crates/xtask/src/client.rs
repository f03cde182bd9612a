//! What commands ask of the daemon: suppliers and tags first, then one body after the other.
//!
//! In: a client, a request. Out: its answer; while the daemon is busy the request is sent again after the pause that it
//! asks for.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use test_support::{
    daemon::Daemon,
    http::{Answer, Client},
};

/// Pause after a refusal that names none.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// Longest time that a request is refused before the run is given up.
const REFUSED_MAX: Duration = Duration::from_mins(5);

/// What became of a request.
pub(crate) struct Asked {
    /// The answer that was none of 429.
    pub(crate) answer: Answer,
    /// Answers of 429 before it.
    pub(crate) refusals: usize,
    /// From the first byte sent to the last byte of the answer, pauses included.
    pub(crate) latency: Duration,
}

/// Creates tags and a supplier.
///
/// # Errors
///
/// When something is not created. What is there already is not an error.
pub(crate) fn prepare(client: &mut Client, supplier: &str, tags: &[String]) -> Result<()> {
    for name in tags {
        create(client, "/api/1.3/tags", &json!([{"name": name, "weight": 3}]))?;
    }
    let supplier = json!([{"name": supplier, "confidence": 80, "retention": 5_256_000}]);
    create(client, "/api/1.3/suppliers", &supplier)
}

fn create(client: &mut Client, path: &str, body: &Value) -> Result<()> {
    let answer = client.request("POST", path, body.to_string().as_bytes())?;
    // A kept directory has it already.
    let is_there = answer.status == 201 || answer.text().contains("already exists");
    ensure!(is_there, "POST {path}: {} {}", answer.status, answer.text());
    Ok(())
}

/// Does the same work on so many connections, each with a thread of its own, and gives what each came to.
///
/// # Errors
///
/// The first error of `work`, once all threads have ended.
pub(crate) fn on_connections<T: Send>(
    daemon: &Daemon,
    count: usize,
    name: &str,
    work: impl Fn(Client) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let spawn = |number| {
            let client = daemon.client();
            thread::Builder::new().name(format!("{name}-{number}")).spawn_scoped(scope, move || work(client))
        };
        let workers: Vec<_> = (0..count).map(spawn).collect();
        // All of them, also after an error.
        let ended: Vec<Result<T>> = workers.into_iter().map(join).collect();
        ended.into_iter().collect()
    })
}

/// Waits for a thread of a scope.
///
/// # Errors
///
/// That of the thread; or it was not started, or panicked.
pub(crate) fn join<T>(worker: io::Result<thread::ScopedJoinHandle<'_, Result<T>>>) -> Result<T> {
    worker?.join().map_err(|_panic| anyhow!("a thread of the client panicked"))?
}

/// Path of lookups.
pub(crate) const LOOKUP_PATH: &str = "/api/1.3/lookup";
/// What the result of a value that is stored says.
pub(crate) const DETECTED: &[u8] = b"\"result\":\"detected\"";

/// Path of the requests that push for a supplier.
pub(crate) fn path(supplier: &str) -> String {
    format!("/api/1.3/suppliers/{supplier}/indicators")
}

/// Sends a request, and again after the pause that it is told while the daemon is busy.
///
/// # Errors
///
/// When the daemon is busy for too long, or does not answer.
pub(crate) fn ask(client: &mut Client, method: &str, path: &str, body: &[u8]) -> Result<Asked> {
    let started = Instant::now();
    let mut refusals = 0;
    loop {
        let answer = client.request(method, path, body)?;
        if answer.status != 429 {
            return Ok(Asked { answer, refusals, latency: started.elapsed() });
        }
        refusals += 1;
        wait(&answer, started)?;
    }
}

/// Lets pass what an answer of 429 asks for.
///
/// # Errors
///
/// When the request, which began at `started`, has been refused for too long.
pub(crate) fn wait(answer: &Answer, started: Instant) -> Result<()> {
    ensure!(started.elapsed() < REFUSED_MAX, "the daemon is busy for too long");
    let seconds = answer.retry_after_seconds.map(Duration::from_secs);
    thread::park_timeout(seconds.unwrap_or(RETRY_WAIT).min(REFUSED_MAX));
    Ok(())
}

/// Returns how many indicators of a pushed body were rejected.
///
/// # Errors
///
/// When the body was not taken.
pub(crate) fn rejected(answer: &Answer) -> Result<usize> {
    match answer.status {
        201 => Ok(0),
        202 => {
            let text: Value = serde_json::from_slice(&answer.body)?;
            let rejected = text.pointer("/0/error_indicators").and_then(Value::as_array);
            Ok(rejected.map_or(0, Vec::len))
        }
        status => bail!("{status}: {}", answer.text()),
    }
}
