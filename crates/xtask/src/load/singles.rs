//! One indicator a request, over many connections that stay open: what group commit is for.
//!
//! In: a range of indexes of the feed. Out: requests a second and their latencies. Bodies are made before the clock
//! starts; each connection is a thread that waits for its answer before it asks again.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use test_support::{
    client::{Client, indicators_path},
    daemon::Daemon,
};

use super::{
    bodies::SUPPLIER,
    feed::Feed,
    figures::{Answers, Summary, float, per},
    known::Known,
    phase::{Cost, Phase},
};

/// How many, and over how many connections.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub(super) struct SingleOptions {
    /// Indicators to push one a request.
    #[arg(long, default_value_t = 0)]
    pub(super) single_puts: usize,
    /// Connections for them.
    #[arg(long, default_value_t = 64)]
    single_connections: usize,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct SingleFigures {
    pub(super) requests: usize,
    #[serde(flatten)]
    cost: Cost,
    pub(super) requests_per_second: f64,
    pub(super) latency: Summary,
    pub(super) rejected: usize,
    /// Answers of 429.
    pub(super) refusals: usize,
    pub(super) written_bytes_per_request: f64,
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
    options: SingleOptions,
) -> Result<SingleFigures> {
    let (mut text, mut ends) = (Vec::new(), vec![0]);
    for index in indexes.clone() {
        text.push(b'[');
        feed.write_element(index, &mut text);
        text.push(b']');
        ends.push(text.len());
    }
    let bodies: Vec<&[u8]> =
        ends.windows(2).filter_map(|ends| text.get(*ends.first()?..*ends.last()?)).collect();
    let phase = Phase::begin(daemon, "pushing one by one", bodies.len())?;
    let (next, path) = (&AtomicUsize::new(0), indicators_path(SUPPLIER));
    let work = |mut client: Client| -> Result<Answers> {
        let mut answers = Answers::default();
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = client.ask("PUT", &path, body)?;
            answers.rejected += outcome.answer.rejected()?;
            answers.refusals += outcome.refusals;
            answers.latencies.push(outcome.latency);
            phase.bar.inc(1);
        }
        Ok(answers)
    };
    let mut answers = Answers::default();
    for of_one in daemon.on_connections(options.single_connections, "single", work)? {
        answers.append(of_one);
    }
    known.acknowledge(indexes);
    let requests = bodies.len();
    let cost = phase.end(requests)?;
    Ok(SingleFigures {
        requests,
        requests_per_second: float(requests) / cost.seconds,
        latency: answers.latencies.summary(),
        rejected: answers.rejected,
        refusals: answers.refusals,
        written_bytes_per_request: per(float(cost.written_bytes), requests),
        cost,
    })
}

impl SingleFigures {
    /// Some lines.
    pub(super) fn text(&self) -> String {
        format!(
            "{} requests in {:.2} s: {:.0} requests/s\n  {}; {} times 429\n  \
             CPU seconds a million: daemon {:.1}, client {:.1}; {:.0} bytes written for each",
            self.requests,
            self.cost.seconds,
            self.requests_per_second,
            self.latency.text(),
            self.refusals,
            self.cost.daemon_cpu_seconds_per_million,
            self.cost.client_cpu_seconds_per_million,
            self.written_bytes_per_request,
        )
    }
}
