//! The push: all bodies over some connections, and lookups beside.
//!
//! In: bodies and a running daemon. Out: rates over all and over time, latencies, and what it cost both sides. The
//! clock runs from the first request to the last answer.

use std::{
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::ProgressBar;
use parking_lot::Mutex;
use serde::Serialize;
use test_support::{
    client::{Client, indicators_path},
    daemon::{self, Daemon},
};

use super::{
    bodies::{Bodies, SUPPLIER},
    disk::DiskWatch,
    figures::{Answers, Summary, float, per, per_million},
    known::Known,
    lookups::{self, Lookups, Seen},
    process::{self, Usage},
    progress,
};
use crate::proc;

/// Indicators after which a rate over time is told, rounded up to whole bodies.
const INTERVAL_INDICATORS: usize = 1_000_000;

/// How a push is done.
pub(super) struct Ingest<'run> {
    pub(super) daemon: &'run Daemon,
    pub(super) data_dir: &'run Path,
    pub(super) bodies: &'run Bodies<'run>,
    pub(super) known: &'run Known<'run>,
    pub(super) connections: usize,
    /// For how long; all bodies once when absent.
    pub(super) duration: Option<Duration>,
    pub(super) lookups: lookups::LookupOptions,
    pub(super) seed: u64,
}

/// What came of a push.
#[derive(Debug, Serialize)]
pub(super) struct PushFigures {
    /// When the last body was answered.
    #[serde(skip)]
    pub(super) ended_at: Instant,
    /// What the daemon had used before.
    #[serde(skip)]
    pub(super) used_before: Usage,
    pub(super) seconds: f64,
    /// Elements of the bodies that were answered.
    pub(super) indicators: usize,
    pub(super) rejected: usize,
    pub(super) body_bytes: usize,
    pub(super) indicators_per_second: f64,
    pub(super) megabytes_per_second: f64,
    /// Rates over whole bodies of about a million indicators in all, in order.
    pub(super) interval_indicators_per_second: Vec<f64>,
    /// Of the bodies, pauses after 429 included.
    pub(super) latency: Summary,
    /// Answers of 429.
    pub(super) refusals: usize,
    pub(super) client_cpu_seconds_per_million: f64,
    pub(super) daemon_cpu_seconds_per_million: f64,
    pub(super) daemon: Usage,
    pub(super) peak_resident_bytes: u64,
    pub(super) disk_bytes: u64,
    pub(super) peak_disk_bytes: u64,
    /// Bytes that went to the disk for each byte of a body, until the last answer.
    pub(super) write_amplification: f64,
    pub(super) written_bytes_per_indicator: f64,
    pub(super) lookups: Option<lookups::LookupFigures>,
}

/// How things stood when the last body had been answered; lookups that were due may still have been open.
struct Ended {
    at: Instant,
    used: Usage,
    own_cpu_seconds: f64,
    peak_resident_bytes: u64,
    disk_bytes: u64,
}

/// What has been answered.
#[derive(Default)]
struct Pushed {
    indicators: usize,
    body_bytes: usize,
    answers: Answers,
    /// When how many indicators were answered.
    times: Vec<(Duration, usize)>,
}

/// What the connections of a push share.
struct Pushing<'run> {
    bodies: &'run Bodies<'run>,
    known: &'run Known<'run>,
    duration: Option<Duration>,
    started: Instant,
    next: AtomicUsize,
    has_failed: AtomicBool,
    answered: Mutex<Pushed>,
    bar: ProgressBar,
}

impl Ingest<'_> {
    /// Pushes and measures.
    ///
    /// # Errors
    ///
    /// When the daemon answers other than it must.
    pub(super) fn run(&self) -> Result<PushFigures> {
        let pid = self.daemon.pid();
        process::reset_peak(pid)?;
        let watch = DiskWatch::start(self.data_dir)?;
        let (before, own_before) = (Usage::of(pid)?, process::own_cpu_seconds()?);
        let pushing = Pushing {
            bodies: self.bodies,
            known: self.known,
            duration: self.duration,
            started: Instant::now(),
            next: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            answered: Mutex::new(Pushed::default()),
            bar: progress::bar("pushing", self.bodies.elements()),
        };
        let (ended, seen) = self.work(&pushing)?;
        let answered = pushing.answered.into_inner();
        let seconds = ended.at.saturating_duration_since(pushing.started).as_secs_f64();
        let daemon = ended.used.since(before);
        pushing.bar.finish_and_clear();
        let indicators = answered.indicators;
        Ok(PushFigures {
            ended_at: ended.at,
            used_before: before,
            seconds,
            indicators,
            rejected: answered.answers.rejected,
            body_bytes: answered.body_bytes,
            indicators_per_second: float(indicators) / seconds,
            megabytes_per_second: float(answered.body_bytes) / seconds / 1e6,
            interval_indicators_per_second: intervals(&answered.times),
            latency: answered.answers.latencies.summary(),
            refusals: answered.answers.refusals,
            client_cpu_seconds_per_million: per_million(ended.own_cpu_seconds - own_before, indicators),
            daemon_cpu_seconds_per_million: per_million(daemon.cpu_seconds, indicators),
            daemon,
            peak_resident_bytes: ended.peak_resident_bytes,
            disk_bytes: ended.disk_bytes,
            peak_disk_bytes: watch.stop()?.max(ended.disk_bytes),
            write_amplification: per(float(daemon.written_bytes), answered.body_bytes),
            written_bytes_per_indicator: per(float(daemon.written_bytes), indicators),
            lookups: (0 < self.lookups.lookup_connections).then(|| seen.figures()),
        })
    }

    /// Runs all connections to their end.
    fn work(&self, pushing: &Pushing<'_>) -> Result<(Ended, Seen)> {
        let lookups = &Lookups::new(self.lookups, self.known, self.seed)?;
        let fail = |_: &anyhow::Error| pushing.has_failed.store(true, Ordering::Relaxed);
        thread::scope(|scope| {
            let spawn_lookup = |number| {
                let client = self.daemon.client();
                let work = move || lookups.work(number, client).inspect_err(fail);
                thread::Builder::new().name(format!("lookup-{number}")).spawn_scoped(scope, work)
            };
            let looking: Vec<_> = (0..self.lookups.lookup_connections).map(spawn_lookup).collect();
            let spawn_push = |number| {
                let client = self.daemon.client();
                let work = move || pushing.work(client).inspect_err(fail);
                thread::Builder::new().name(format!("push-{number}")).spawn_scoped(scope, work)
            };
            let workers: Vec<_> = (0..self.connections).map(spawn_push).collect();
            let mut pushed = Ok(());
            for worker in workers {
                pushed = pushed.and(daemon::join(worker));
            }
            let ended = self.ended();
            lookups.end();
            let mut all = Seen::default();
            for worker in looking {
                all.append(daemon::join(worker)?);
            }
            pushed?;
            Ok((ended?, all))
        })
    }

    /// Takes note of how things stand now.
    fn ended(&self) -> Result<Ended> {
        let (at, pid) = (Instant::now(), self.daemon.pid());
        Ok(Ended {
            at,
            used: Usage::of(pid)?,
            own_cpu_seconds: process::own_cpu_seconds()?,
            peak_resident_bytes: proc::peak_resident_bytes(pid)?,
            disk_bytes: proc::disk_bytes(self.data_dir)?,
        })
    }
}

impl Pushing<'_> {
    /// Pushes on one connection until nothing is left.
    fn work(&self, mut client: Client) -> Result<()> {
        let (mut scratch, path, plans) = (Vec::new(), indicators_path(SUPPLIER), self.bodies.plans());
        let is_time = || self.duration.is_none_or(|end| self.started.elapsed() < end);
        while is_time() && !self.has_failed.load(Ordering::Relaxed) {
            let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
            let number = if self.duration.is_some() { ordinal % plans.len() } else { ordinal };
            let Some(plan) = plans.get(number) else { break };
            let body = self.bodies.bytes(number, &mut scratch);
            let outcome = client.ask("PUT", &path, body)?;
            let rejected = outcome.answer.rejected()?;
            self.known.acknowledge(plan.new.clone());
            self.bar.inc(plan.elements as u64);
            let mut answered = self.answered.lock();
            answered.indicators += plan.elements;
            answered.body_bytes += body.len();
            answered.answers.rejected += rejected;
            answered.answers.refusals += outcome.refusals;
            answered.answers.latencies.push(outcome.latency);
            let time = (self.started.elapsed(), answered.indicators);
            answered.times.push(time);
        }
        Ok(())
    }
}

impl PushFigures {
    /// Some lines.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} indicators ({} rejected) in {:.2} s: {:.0} indicators/s, {:.1} MB/s\n  \
             bodies: {}; {} times 429\n  \
             CPU seconds a million: daemon {:.3}, client {:.3}\n  \
             peak resident set {:.0} MiB; {} bytes on disk, {} at most\n  \
             written: {:.2} bytes for each byte of a body, {:.0} for each indicator\n  \
             thousands a second, by million:",
            self.indicators,
            self.rejected,
            self.seconds,
            self.indicators_per_second,
            self.megabytes_per_second,
            self.latency.text(),
            self.refusals,
            self.daemon_cpu_seconds_per_million,
            self.client_cpu_seconds_per_million,
            float(self.peak_resident_bytes) / f64::from(1 << 20),
            self.disk_bytes,
            self.peak_disk_bytes,
            self.write_amplification,
            self.written_bytes_per_indicator,
        );
        for rate in &self.interval_indicators_per_second {
            // Writing into a string does not fail.
            let _is_written = write!(text, " {:.0}", rate / 1e3).is_ok();
        }
        if let Some(lookups) = &self.lookups {
            text = format!("{text}\n  lookups beside: {}", lookups.text());
        }
        text
    }
}

/// The rates of stretches of at least a million each; the last one may be shorter.
fn intervals(times: &[(Duration, usize)]) -> Vec<f64> {
    let (mut rates, mut since) = (Vec::new(), (Duration::ZERO, 0));
    for (number, (at, indicators)) in times.iter().enumerate() {
        if since.1 + INTERVAL_INDICATORS <= *indicators || number + 1 == times.len() {
            rates.push(float(*indicators - since.1) / at.saturating_sub(since.0).as_secs_f64());
            since = (*at, *indicators);
        }
    }
    rates
}
