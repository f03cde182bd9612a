//! One indicator a request, over many connections that stay open: what group commit is for.
//!
//! In: a range of indexes of the feed. Out: requests a second and their latencies. Bodies are made before the clock
//! starts; each connection is a thread that waits for its answer before it asks again.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use test_support::{daemon::Daemon, http::Client};

use super::{
    SUPPLIER,
    feed::Feed,
    figures::{Latencies, Summary, float, per, per_million},
    known::Known,
    process::{self, Usage},
    progress,
};
use crate::{client, proc};

/// How many, and over how many connections.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub(super) struct Options {
    /// Indicators to push one a request.
    #[arg(long, default_value_t = 0)]
    pub(super) single_puts: usize,
    /// Connections for them.
    #[arg(long, default_value_t = 64)]
    single_connections: usize,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) requests: usize,
    pub(super) seconds: f64,
    pub(super) requests_per_second: f64,
    pub(super) latency: Summary,
    pub(super) rejected: usize,
    /// Answers of 429.
    pub(super) refusals: usize,
    pub(super) client_cpu_seconds_per_million: f64,
    pub(super) daemon_cpu_seconds_per_million: f64,
    pub(super) written_bytes_per_request: f64,
    pub(super) peak_resident_bytes: u64,
}

/// What one connection, or all, were answered.
#[derive(Default)]
struct Answered {
    latencies: Latencies,
    rejected: usize,
    refusals: usize,
}

/// Pushes and measures.
///
/// # Errors
///
/// When the daemon answers other than it must.
pub(super) fn run(
    daemon: &Daemon,
    feed: &Feed,
    known: &Known<'_>,
    indexes: Range<usize>,
    options: Options,
) -> Result<Figures> {
    let (mut text, mut ends) = (Vec::new(), vec![0]);
    for index in indexes.clone() {
        text.push(b'[');
        feed.write_element(index, &mut text);
        text.push(b']');
        ends.push(text.len());
    }
    let bodies: Vec<&[u8]> =
        ends.windows(2).filter_map(|ends| text.get(*ends.first()?..*ends.last()?)).collect();
    let pid = daemon.pid();
    process::reset_peak(pid)?;
    let bar = progress::bar("pushing one by one", bodies.len());
    let (before, own_before) = (Usage::of(pid)?, process::own_cpu_seconds()?);
    let (next, path, started) = (&AtomicUsize::new(0), client::path(SUPPLIER), Instant::now());
    let work = |mut client: Client| -> Result<Answered> {
        let mut answered = Answered::default();
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = client::ask(&mut client, "PUT", &path, body)?;
            answered.rejected += client::rejected(&outcome.answer)?;
            answered.refusals += outcome.refusals;
            answered.latencies.push(outcome.latency);
            bar.inc(1);
        }
        Ok(answered)
    };
    let mut answered = Answered::default();
    for one in client::on_connections(daemon, options.single_connections, "single", work)? {
        answered.latencies.append(one.latencies);
        answered.rejected += one.rejected;
        answered.refusals += one.refusals;
    }
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    known.acknowledge(indexes);
    let (daemon, requests) = (Usage::of(pid)?.since(before), bodies.len());
    Ok(Figures {
        requests,
        seconds,
        requests_per_second: float(requests) / seconds,
        latency: answered.latencies.summary(),
        rejected: answered.rejected,
        refusals: answered.refusals,
        client_cpu_seconds_per_million: per_million(process::own_cpu_seconds()? - own_before, requests),
        daemon_cpu_seconds_per_million: per_million(daemon.cpu_seconds, requests),
        written_bytes_per_request: per(float(daemon.written_bytes), requests),
        peak_resident_bytes: proc::peak_resident_bytes(pid)?,
    })
}

impl Figures {
    /// Some lines.
    pub(super) fn text(&self) -> String {
        format!(
            "{} requests in {:.2} s: {:.0} requests/s\n  {}; {} times 429\n  \
             CPU seconds a million: daemon {:.1}, client {:.1}; {:.0} bytes written for each",
            self.requests,
            self.seconds,
            self.requests_per_second,
            self.latency.text(),
            self.refusals,
            self.daemon_cpu_seconds_per_million,
            self.client_cpu_seconds_per_million,
            self.written_bytes_per_request,
        )
    }
}
