//! Sluice beside what one would run instead: the same feed, the same machine, the same run.
//!
//! In: a feed, or none, then one is made up, and sizes. Out: a table of rates and ratios as text and Markdown, all
//! figures as JSON, a chart as SVG. Every engine acknowledges the same batches. Engines take turns, so that a noisy
//! minute does not hit one alone; of repeated runs the median counts. An engine that is missing or fails is reported,
//! and the others go on.

mod batches;
mod engines;
mod measure;
mod plot;
mod sluice;
pub(crate) mod summary;
mod table;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::{
    batches::Batches,
    engines::Engine,
    measure::{Outcome, Round, Work},
    summary::EngineSummary,
};
use crate::{
    feed::FeedOptions,
    workspace::{Profile, build, cargo, target_dir},
};

/// Where Debian's package puts the C interface of RocksDB.
const ROCKSDB_HEADER: &str = "/usr/include/rocksdb/c.h";
const ENGINES_MANIFEST: &str = "benches/compare/Cargo.toml";

/// What to compare, and how much of it.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    #[command(flatten)]
    source: FeedOptions,
    /// Lines that are acknowledged together; what fits a body of 128 MiB when absent.
    #[arg(long)]
    batch_lines: Option<usize>,
    /// Connections that push to Sluice at the same time.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Values of either sort to look up.
    #[arg(long, default_value_t = 100_000)]
    lookups: usize,
    /// Lines of the feed for the plain sled trees, which are slow.
    #[arg(long, default_value_t = 100_000)]
    reference_lines: usize,
    /// How often everything is run.
    #[arg(long, default_value_t = 1)]
    repeats: usize,
    /// Engines to run.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Engine::value_variants().to_vec())]
    engines: Vec<Engine>,
    /// Directory to work in, on the disk to be measured; by default a throw-away one below cargo's target directory.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where the table goes as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Where all figures go as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the chart goes as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// What has been built.
struct Binaries {
    daemon: PathBuf,
    engines: PathBuf,
    three_trees: PathBuf,
}

impl Compare {
    /// Runs everything and writes what was asked for.
    ///
    /// # Errors
    ///
    /// When something does not build or a file cannot be read or written. A failing engine is not an error.
    pub(crate) fn run(&self) -> Result<()> {
        let binaries = Binaries {
            daemon: build("sluice-server", "sluiced", Profile::Release)?,
            engines: build_engines()?,
            three_trees: build("sluice-benches", "three-trees", Profile::Release)?,
        };
        let scratch = tempfile::tempdir_in(target_dir()?)?;
        let dir = self.dir.as_deref().unwrap_or(scratch.path());
        fs::create_dir_all(dir)?;
        // PostgreSQL does not run as root; its user must come through here.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
        let batches = Batches::prepare(self.source.open()?, self.batch_lines, dir)?;
        println!("{} lines in batches of {:?}", batches.lines_count(), batches.lines);
        batches.draw(&binaries.engines, self.lookups)?;
        let mut outcomes: Vec<(Engine, Outcome)> = Vec::new();
        for repeat in 1..=self.repeats {
            // Nobody is always first.
            let (last, first) = self.engines.split_at((repeat - 1) % self.engines.len().max(1));
            for engine in first.iter().chain(last) {
                let engine_dir = dir.join(format!("{}-{repeat}", engine.word()));
                match self.measure(*engine, &batches, &binaries, &engine_dir) {
                    Ok(outcome) => {
                        println!("{} {repeat}: {}", engine.name(), told(&outcome));
                        outcomes.push((*engine, outcome));
                    }
                    Err(error) => println!("{} {repeat}: left out: {error:#}", engine.name()),
                }
                if engine_dir.exists() {
                    fs::remove_dir_all(&engine_dir)?;
                }
            }
        }
        self.tell(&batches, &outcomes)
    }

    fn measure(&self, engine: Engine, batches: &Batches, binaries: &Binaries, dir: &Path) -> Result<Outcome> {
        // What another engine left to the disk must not be this one's burden.
        ensure!(Command::new("sync").status()?.success(), "sync failed");
        match engine {
            Engine::Sluice => {
                let tags = self.source.tags()?;
                sluice::run(&binaries.daemon, batches, &tags, self.connections, dir)
            }
            Engine::ThreeTrees => three_trees(&binaries.three_trees, batches, self.reference_lines),
            _ => {
                let mut command = Command::new(&binaries.engines);
                command.arg(engine.word()).args(batches.arguments()).arg("--dir").arg(dir);
                Ok(serde_json::from_value(answer(&mut command)?)?)
            }
        }
    }

    fn tell(&self, batches: &Batches, outcomes: &[(Engine, Outcome)]) -> Result<()> {
        let summaries: Vec<_> =
            self.engines.iter().filter_map(|engine| EngineSummary::of(*engine, outcomes)).collect();
        let notes = self.notes(batches, &summaries);
        println!("\n{}\n{notes}", table::text(&summaries));
        if let Some(path) = &self.markdown {
            write(path, &format!("{}\n{notes}", table::markdown(&summaries)))?;
        }
        if let Some(path) = &self.plot {
            write(path, &plot::chart(&summaries))?;
        }
        if let Some(path) = &self.json {
            let runs =
                outcomes.iter().map(|(engine, outcome)| json!({"engine": engine.word(), "run": outcome}));
            let runs: Vec<_> = runs.collect();
            let all = json!({"lines": batches.lines_count(), "batches_lines": batches.lines, "runs": runs});
            write(path, &format!("{all:#}\n"))?;
        }
        Ok(())
    }

    /// What one has to know to read the table.
    fn notes(&self, batches: &Batches, summaries: &[EngineSummary]) -> String {
        let lines: Vec<_> = batches.lines.iter().map(ToString::to_string).collect();
        let general = format!(
            "{} lines, acknowledged as durable in batches of {}; runs of each engine: {}, of which the median \
             counts. n x: Sluice does n times as many. Only Sluice's figures include HTTP and JSON; the others get \
             prepared rows. Its lookups also try parent domains. CPU is engine and client together; resident set is \
             that of the server's largest process.\n",
            batches.lines_count(),
            lines.join(" + "),
            self.repeats,
        );
        let each = summaries.iter().map(|summary| {
            format!("\n* {}: {}; {}.\n", summary.engine.name(), summary.version, summary.settings)
        });
        std::iter::once(general).chain(each).collect()
    }
}

/// Builds the engines beside the workspace's own build, with RocksDB if that is installed.
fn build_engines() -> Result<PathBuf> {
    // Below ours, so that the two do not throw away each other's dependencies.
    let target_dir = target_dir()?.join("compare");
    let mut cargo = cargo()?;
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--manifest-path",
        ENGINES_MANIFEST,
        "--target-dir",
    ]);
    cargo.arg(&target_dir);
    if Path::new(ROCKSDB_HEADER).exists() {
        cargo.args(["--features", "rocksdb"]);
    }
    ensure!(cargo.status()?.success(), "{ENGINES_MANIFEST} does not build");
    Ok(target_dir.join("release/compare-engines"))
}

/// Runs the reference, which times itself, is durable at its end only and is not looked at otherwise.
fn three_trees(binary: &Path, batches: &Batches, lines: usize) -> Result<Outcome> {
    let mut command = Command::new(binary);
    let figures = answer(command.arg("--feed").arg(&batches.path).args(["--rows", &lines.to_string()]))?;
    let number =
        |key: &str| figures.get(key).and_then(Value::as_f64).context("the reference tells no figures");
    let round = Round {
        work: Work::Push,
        count: figures.get("rows").and_then(Value::as_u64).unwrap_or_default(),
        seconds: number("seconds")?,
        cpu_seconds: None,
        peak_resident_bytes: None,
        disk_bytes: figures.get("disk_bytes").and_then(Value::as_u64).unwrap_or_default(),
    };
    let settings =
        format!("an insert per record and index entry, durable once at the end; {} lines", round.count);
    Ok(Outcome { version: "0.34.7".to_owned(), settings, rounds: vec![round] })
}

/// Runs a command that answers with JSON.
fn answer(command: &mut Command) -> Result<Value> {
    // A failure is reported in a line.
    let output = command.env("RUST_BACKTRACE", "0").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn told(outcome: &Outcome) -> String {
    let rounds = outcome.rounds.iter().map(|round| format!("{:?} {:.0}/s", round.work, summary::rate(round)));
    rounds.collect::<Vec<_>>().join(", ")
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
