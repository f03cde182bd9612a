//! The load test: a feed, enlarged as wanted, into a fresh daemon, and what that took.
//!
//! In: a feed with one indicator object a line, or none, then one is made up, and sizes. Out: figures of
//! each phase as text, and all of them as one line of JSON at the end. Phases: pushes with lookups beside, each
//! followed by what the daemon does until it is idle; lookups of many values; pushes of one indicator each;
//! restarts; the reference. Every lookup is checked, so a run that ends well has lost nothing that it asked for.

mod bodies;
mod bulk;
mod derive;
mod disk;
pub(crate) mod feed;
pub(crate) mod figures;
mod ingest;
mod known;
mod lookups;
mod machine;
pub(crate) mod phase;
mod process;
mod progress;
mod reference;
mod restart;
mod settle;
mod singles;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value, json};
use test_support::daemon::{self, Daemon};

use self::{
    bodies::{Bodies, Mix, SUPPLIER},
    bulk::{BulkPattern, When},
    feed::Feed,
    ingest::Ingest,
    known::Known,
    machine::Machine,
    settle::WaitLimits,
};
use crate::{
    feed::FeedOptions,
    proc::disk_bytes,
    workspace::{Profile, build},
};

/// Largest body before a kill: long enough to be seen in the time of recovery, too short to leave the memory.
const KILLED_BODY_BYTES: usize = 48 << 20;

/// What to push and how.
#[derive(Args, Debug)]
pub(crate) struct Load {
    #[command(flatten)]
    source: FeedOptions,
    /// Distinct indicators to push, derived from the feed where there are more than lines; the lines when absent.
    #[arg(long)]
    indicators: Option<usize>,
    /// Share of the elements of all bodies but the first that repeat an indicator of an earlier body.
    #[arg(long, default_value_t = 0)]
    repeated_percent: u64,
    /// Largest body.
    #[arg(long, default_value_t = 128 << 20)]
    body_bytes: usize,
    /// Connections that push at the same time.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// How often everything is pushed.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Ends each round after so many seconds, and begins again with the first body where they are over before.
    #[arg(long)]
    duration_seconds: Option<u64>,
    /// Memory for bodies made before the clock starts; where it is too small they are made while it runs.
    #[arg(long, default_value_t = 6 << 30)]
    client_memory_bytes: usize,
    #[command(flatten)]
    lookups: lookups::LookupOptions,
    /// After which rounds the daemon is given time until it is idle.
    #[arg(long, value_enum, default_value_t = Settle::Each)]
    settle: Settle,
    /// Seconds without work after which the daemon is idle. Rows stay in memory for up to 30.
    #[arg(long, default_value_t = 3)]
    idle_seconds: u64,
    /// Longest wait for that.
    #[arg(long, default_value_t = 300)]
    settle_seconds_max: u64,
    #[command(flatten)]
    bulk: bulk::BulkOptions,
    #[command(flatten)]
    singles: singles::SingleOptions,
    /// Stops and kills the daemon at the end, and starts it again.
    #[arg(long)]
    restarts: bool,
    /// Lines of the feed to put into three plain sled trees afterwards, for a ratio measured in the same run.
    #[arg(long)]
    reference_lines: Option<usize>,
    /// How the daemon is built.
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// Daemon to measure, for example of an earlier commit; without it the workspace's own is built.
    #[arg(long, conflicts_with = "profile")]
    daemon: Option<PathBuf>,
    /// Directory to work in, which is kept; a throw-away one when absent.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// File for the JSON that is also the last line of the output.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// After which rounds the daemon is given time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Settle {
    /// After each.
    Each,
    /// After the last: rounds follow each other at once.
    Last,
    /// After none.
    Never,
}

/// What the phases share.
struct Run<'run> {
    feed: &'run Feed,
    known: &'run Known<'run>,
    binary: &'run Path,
    dir: &'run Path,
    data_dir: PathBuf,
    /// Figures by phase.
    all: Map<String, Value>,
}

impl Load {
    /// Runs the test.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or the daemon answers other than it must.
    pub(crate) fn run(&self) -> Result<()> {
        ensure!(0 < self.connections && 0 < self.rounds, "a push takes a connection and a round");
        let machine = Machine::look()?;
        println!("{}", machine.text());
        let binary = match &self.daemon {
            Some(binary) => binary.clone(),
            None => build("sluice-server", "sluiced", self.profile)?,
        };
        let feed = Feed::read(self.source.open()?)?;
        let indicators = self.indicators.unwrap_or(feed.lines());
        let singles = indicators..indicators + self.singles.single_puts;
        let killed = self.killed_body(&feed, singles.end)?;
        let known = Known::new(&feed, singles.end + killed.elements())?;
        let scratch = tempfile::tempdir()?;
        let dir = self.dir.as_deref().unwrap_or(scratch.path());
        fs::create_dir_all(dir)?;
        let data_dir = dir.join("data");
        let mut run = Run { feed: &feed, known: &known, binary: &binary, dir, data_dir, all: Map::new() };
        run.note("machine", machine)?;
        run.note("options", format!("{self:?}"))?;

        let mut daemon = Daemon::start(&binary, dir);
        println!("ready after {} ms", daemon.wait_until_ready().as_millis());
        daemon.client().prepare(SUPPLIER, &self.source.tags()?)?;
        let new_rate = self.push(&daemon, &mut run, indicators)?;
        let patterns = [self.bulk.large(), self.bulk.short(When::Settled)].concat();
        run.note_all(self.look_up(&daemon, &known, &patterns)?);
        if !singles.is_empty() {
            let figures = singles::run(&daemon, &feed, &known, singles, self.singles)?;
            println!("one indicator a request: {}", figures.text());
            run.note("singles", figures)?;
        }
        if self.restarts {
            daemon = self.restart(daemon, &mut run, &killed)?;
        }
        let stop_seconds = restart::stop(daemon)?;
        let disk_bytes = disk_bytes(&run.data_dir)?;
        println!("stopped in {stop_seconds:.2} s; {disk_bytes} bytes on disk after that");
        run.note("stop_seconds", stop_seconds)?;
        run.note("stopped_disk_bytes", disk_bytes)?;
        self.reference(&mut run, new_rate)?;

        let all = Value::Object(run.all);
        if let Some(path) = &self.json {
            fs::write(path, format!("{all}\n"))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        println!("{all}");
        Ok(())
    }

    /// Pushes everything in rounds; returns the rate of the first.
    fn push(&self, daemon: &Daemon, run: &mut Run<'_>, indicators: usize) -> Result<f64> {
        let stored = run.feed.distinct(indicators);
        let mix = Mix {
            body_bytes: self.body_bytes,
            repeated_percent: self.repeated_percent,
            seed: self.source.seed,
        };
        let mut bodies = Bodies::plan(run.feed, 0..indicators, mix)?;
        let started = Instant::now();
        let is_made = bodies.make(self.client_memory_bytes)?;
        println!(
            "{} lines, of which {} are the same in all copies; {indicators} indicators, {stored} of them distinct, \
             {} elements in {} bodies made {}",
            run.feed.lines(),
            run.feed.fixed_lines(),
            bodies.elements(),
            bodies.plans().len(),
            if is_made {
                format!("beforehand in {:.1} s", started.elapsed().as_secs_f64())
            } else {
                "while the clock runs".to_owned()
            },
        );
        run.note("indicators", indicators)?;
        run.note("distinct_indicators", stored)?;
        run.note("are_bodies_made_beforehand", is_made)?;
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            let ingest = Ingest {
                daemon,
                data_dir: &run.data_dir,
                bodies: &bodies,
                known: run.known,
                connections: self.connections,
                duration: self.duration_seconds.map(Duration::from_secs),
                lookups: self.lookups,
                seed: self.source.seed + u64::from(round),
            };
            let is_last = round == self.rounds;
            let short = |when| if is_last { self.bulk.short(when) } else { Vec::new() };
            let beside = short(When::BesidePush);
            let push = if beside.is_empty() {
                ingest.run()?
            } else {
                let (push, looked_up) = thread::scope(|scope| {
                    let work = || self.look_up(daemon, run.known, &beside);
                    let looking =
                        thread::Builder::new().name("patterns".to_owned()).spawn_scoped(scope, work);
                    (ingest.run(), daemon::join(looking))
                });
                run.note_all(looked_up?);
                push?
            };
            println!("round {round}: {}", push.text());
            run.note_all(self.look_up(daemon, run.known, &short(When::AfterPush))?);
            let is_time = match self.settle {
                Settle::Each => true,
                Settle::Last => is_last,
                Settle::Never => false,
            };
            let settled = is_time.then(|| self.settle(daemon, run, &push)).transpose()?;
            rounds.push((push, settled));
        }
        let rate = rounds.first().map_or(0.0, |(push, _)| push.indicators_per_second);
        let rounds: Vec<_> =
            rounds.iter().map(|(push, settled)| json!({"push": push, "settled": settled})).collect();
        run.note("rounds", rounds)?;
        Ok(rate)
    }

    fn settle(
        &self,
        daemon: &Daemon,
        run: &Run<'_>,
        push: &ingest::PushFigures,
    ) -> Result<settle::SettleFigures> {
        let limits = WaitLimits {
            idle: Duration::from_secs(self.idle_seconds),
            most: Duration::from_secs(self.settle_seconds_max),
        };
        let figures = settle::run(daemon, &run.data_dir, limits, push, run.known.distinct())?;
        println!("settled: {}", figures.text());
        Ok(figures)
    }

    /// Looks up by each pattern.
    fn look_up(
        &self,
        daemon: &Daemon,
        known: &Known<'_>,
        patterns: &[(String, BulkPattern)],
    ) -> Result<Map<String, Value>> {
        let mut all = Map::new();
        for (name, pattern) in patterns {
            let figures = bulk::run(daemon, known, *pattern, self.source.seed)?;
            println!("lookups, {name}: {}", figures.text());
            all.insert(name.clone(), serde_json::to_value(figures)?);
        }
        Ok(all)
    }

    /// The body that is pushed before the kill, from an index on that nothing else has.
    fn killed_body<'feed>(&self, feed: &'feed Feed, start: usize) -> Result<Bodies<'feed>> {
        let body_bytes = self.body_bytes.min(KILLED_BODY_BYTES);
        let mix = Mix { body_bytes, repeated_percent: 0, seed: self.source.seed };
        let end = if self.restarts { start + feed.lines() } else { start };
        Bodies::plan(feed, start..end, mix).map(Bodies::first_alone)
    }

    fn restart(&self, daemon: Daemon, run: &mut Run<'_>, killed: &Bodies<'_>) -> Result<Daemon> {
        let (daemon, figures) =
            restart::run(daemon, run.binary, run.dir, killed, run.known, self.source.seed)?;
        println!("restarts: {}", figures.text());
        run.note("restarts", figures)?;
        Ok(daemon)
    }

    fn reference(&self, run: &mut Run<'_>, ours: f64) -> Result<()> {
        let Some(lines) = self.reference_lines else { return Ok(()) };
        let figures = reference::run(run.feed, lines, self.profile)?;
        if let Some(plain) = figures.get("indicators_per_second").and_then(Value::as_f64) {
            println!("three plain sled trees: {plain:.0} indicators/s; ratio {:.1}", ours / plain);
        }
        run.note("reference", figures)
    }
}

impl Run<'_> {
    /// Keeps the figures of several phases.
    fn note_all(&mut self, mut figures: Map<String, Value>) {
        self.all.append(&mut figures);
    }

    /// Keeps the figures of a phase.
    fn note(&mut self, phase: &str, figures: impl Serialize) -> Result<()> {
        self.all.insert(phase.to_owned(), serde_json::to_value(figures)?);
        Ok(())
    }
}
