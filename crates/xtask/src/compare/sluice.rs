//! Sluice's own run: the daemon as shipped, over HTTP, with JSON.
//!
//! In: the daemon and a feed. Out: the same rounds as of every other engine. Bodies and queries are text before the
//! clock starts; reading them is the daemon's work. 201 and 202 mean that a body is durable.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use test_support::{
    client::{Client, DETECTED, LOOKUP_PATH, indicators_path},
    daemon::Daemon,
};

use super::{
    batches::Batches,
    measure::{Outcome, Work, measure},
};

const SUPPLIER: &str = "Compare";
/// Values of one lookup.
const QUERY_VALUES: usize = 10_000;
/// Connections that look up.
const READERS: usize = 2;

/// Runs all rounds on a fresh daemon.
///
/// # Errors
///
/// When a file cannot be read, or the daemon gives an answer that it should not.
pub(super) fn run(
    binary: &Path,
    batches: &Batches,
    tags: &[String],
    connections: usize,
    dir: &Path,
) -> Result<Outcome> {
    fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let (bodies, (known, unknown)) = (batches.bodies()?, batches.values()?);
    let mut daemon = Daemon::start(binary, dir);
    daemon.wait_until_ready();
    daemon.client().prepare(SUPPLIER, tags)?;
    let (pid, data_dir) = (Some(daemon.pid()), dir.join("data"));
    let mut rounds = Vec::new();
    for work in [Work::Push, Work::PushAgain] {
        let mut rejected = 0;
        let mut round = measure(work, batches.lines_count() as u64, pid, &data_dir, || {
            rejected = daemon.deal_out(&bodies, connections, "client", push)?;
            Ok(())
        })?;
        round.count -= rejected as u64;
        rounds.push(round);
    }
    drop(bodies);
    for (work, values, is_stored) in [(Work::Hits, known, true), (Work::Misses, unknown, false)] {
        let values: Vec<_> = values.lines().collect();
        let queries: Vec<_> = values.chunks(QUERY_VALUES).map(query).collect();
        let mut found = 0;
        rounds.push(measure(work, values.len() as u64, pid, &data_dir, || {
            found = daemon.deal_out(&queries, READERS, "client", look_up)?;
            Ok(())
        })?);
        let want = if is_stored { values.len() } else { 0 };
        ensure!(found == want, "{work:?}: {found} values detected, not {want}");
    }
    let status = daemon.terminate();
    ensure!(status.success(), "the daemon stopped with {status}");
    let settings = format!(
        "the daemon with its defaults, a body per batch on {connections} connections; lookups of {QUERY_VALUES} values \
         on {READERS} connections"
    );
    Ok(Outcome { version: "this workspace".to_owned(), settings, rounds })
}

/// Pushes a body, again while the daemon is busy; counts its refused indicators.
fn push(client: &mut Client, body: &[u8]) -> Result<usize> {
    Ok(client.ask("PUT", &indicators_path(SUPPLIER), body)?.answer.rejected()?)
}

fn query(values: &[&str]) -> Vec<u8> {
    let objects: Vec<_> = values.iter().map(|value| json!({"object": value})).collect();
    Value::from(objects).to_string().into_bytes()
}

/// Looks values up and counts those that are detected, as cheaply as the other clients count theirs.
fn look_up(client: &mut Client, query: &[u8]) -> Result<usize> {
    let answer = client.ask("POST", LOOKUP_PATH, query)?.answer;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let pieces = answer.body.split(|byte| *byte == b',');
    Ok(pieces.filter(|piece| piece.starts_with(DETECTED)).count())
}
