//! One round of one engine: how long it took, and how much processor, memory and disk.
//!
//! In: a closure that does the round. Out: a [`Round`], and the [`Outcome`] of all rounds as JSON. Both sides of the
//! comparison compile this very file, `xtask` for Sluice and `benches/compare` for all others, so that no engine is
//! measured in another way.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::proc::{self, Stat};

/// What one engine did in one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Version of the engine.
    pub(crate) version: String,
    /// How it was set up and fed, in a sentence.
    pub(crate) settings: String,
    /// Its rounds, in order.
    pub(crate) rounds: Vec<Round>,
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// The feed into an empty engine.
    Push,
    /// The same feed again.
    PushAgain,
    /// Values that are stored.
    Hits,
    /// Values that are not.
    Misses,
}

/// What one round took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    /// What was timed.
    pub(crate) work: Work,
    /// Indicators pushed or values looked up.
    pub(crate) count: u64,
    /// Time until all of it was acknowledged.
    pub(crate) seconds: f64,
    /// Processor time of engine and client together, where it was looked at.
    pub(crate) cpu_seconds: Option<f64>,
    /// Peak resident set of the server's largest process; none for an engine inside the client.
    pub(crate) peak_resident_bytes: Option<u64>,
    /// What the engine's files take when the round is over.
    pub(crate) disk_bytes: u64,
}

/// Measures a round. `server` is the process that is asked, if it is another one; `data_dir` holds the engine's files.
///
/// # Errors
///
/// Those of the work, and when `/proc` or the files cannot be read.
pub(crate) fn measure(
    work: Work,
    count: u64,
    server: Option<u32>,
    data_dir: &Path,
    run: impl FnOnce() -> Result<()>,
) -> Result<Round> {
    // Client and server: the server is a child of ours.
    let us = std::process::id();
    let before_seconds = processor_seconds(us)?;
    let started = Instant::now();
    run()?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Round {
        work,
        count,
        seconds,
        cpu_seconds: Some(processor_seconds(us)? - before_seconds),
        peak_resident_bytes: server.map(peak_resident_bytes).transpose()?,
        disk_bytes: proc::disk_bytes(data_dir)?,
    })
}

/// Processor time of a process, of all that descend from it, and of those of them that have ended.
fn processor_seconds(root: u32) -> Result<f64> {
    let processes = processes()?;
    let members = family(root, &processes).filter_map(|pid| processes.get(&pid));
    Ok(members.map(|stat| stat.own_seconds + stat.children_seconds).sum())
}

fn peak_resident_bytes(root: u32) -> Result<u64> {
    let processes = processes()?;
    // One that ends just now says nothing.
    let peaks = family(root, &processes).filter_map(|pid| proc::peak_resident_bytes(pid).ok());
    peaks.max().context("the server has ended")
}

fn processes() -> Result<BTreeMap<u32, Stat>> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some((name, pid)) = name.to_str().and_then(|name| Some((name, name.parse().ok()?))) else {
            continue;
        };
        // One that ends just now says nothing.
        processes.extend(proc::stat(name).ok().map(|stat| (pid, stat)));
    }
    Ok(processes)
}

fn family(root: u32, processes: &BTreeMap<u32, Stat>) -> impl Iterator<Item = u32> {
    let descends = move |pid: &u32| {
        let line = std::iter::successors(Some(*pid), |pid| Some(processes.get(pid)?.parent));
        // A process that is started meanwhile may close a circle of numbers; lines of descent are short.
        line.take(100).any(|ancestor| ancestor == root)
    };
    processes.keys().copied().filter(descends)
}
