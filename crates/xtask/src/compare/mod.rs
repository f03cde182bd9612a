//! Sluice beside what one would run instead: the same feed, the same machine, the same run.
//!
//! In: a feed and sizes. Out: a table of rates and ratios as text and Markdown, all figures as JSON, a chart as SVG.
//! Every engine acknowledges the same batches. Engines take turns, so that a noisy minute does not hit one alone; of
//! repeated runs the median counts. An engine that is missing or fails is reported, and the others go on.

mod feed;
mod measure;
mod plot;
mod sluice;
mod summary;
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
    feed::Feed,
    measure::{Outcome, Round, Work},
    summary::Summary,
};
use crate::{Profile, build, cargo, target_dir};

/// Where Debian's package puts the C interface of RocksDB.
const ROCKSDB_HEADER: &str = "/usr/include/rocksdb/c.h";
const ENGINES_MANIFEST: &str = "benches/compare/Cargo.toml";

/// What to compare, and how much of it.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// Feed: one indicator object a line; `.zst` is unpacked by the program zstd.
    #[arg(long)]
    feed: PathBuf,
    /// Tags to create first in Sluice: one name a line.
    #[arg(long)]
    tags: Option<PathBuf>,
    /// Lines of the feed to use; all when absent.
    #[arg(long)]
    lines: Option<usize>,
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

/// Who is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Engine {
    /// The daemon, over HTTP with JSON.
    Sluice,
    /// PostgreSQL.
    Postgresql,
    /// Redis.
    Redis,
    /// fjall as a bare store.
    Fjall,
    /// RocksDB as a bare store.
    Rocksdb,
    /// sled with a tree of records and two of indexes.
    ThreeTrees,
}

impl Engine {
    /// Name for people.
    fn name(self) -> &'static str {
        match self {
            Self::Sluice => "Sluice",
            Self::Postgresql => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Fjall => "fjall, bare",
            Self::Rocksdb => "RocksDB, bare",
            Self::ThreeTrees => "sled, three trees",
        }
    }

    /// Name on a command line and of a directory.
    fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
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
    /// When something does not build or a file cannot be read or written. A failing engine is no error.
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
        let feed = Feed::prepare(&self.feed, self.lines, self.batch_lines, dir)?;
        println!("{} lines in batches of {:?}", feed.lines_count(), feed.batches);
        feed.draw(&binaries.engines, self.lookups)?;
        let mut outcomes: Vec<(Engine, Outcome)> = Vec::new();
        for repeat in 1..=self.repeats {
            // Nobody is always first.
            let (last, first) = self.engines.split_at((repeat - 1) % self.engines.len().max(1));
            for engine in first.iter().chain(last) {
                let engine_dir = dir.join(format!("{}-{repeat}", engine.word()));
                match self.measure(*engine, &feed, &binaries, &engine_dir) {
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
        self.tell(&feed, &outcomes)
    }

    fn measure(&self, engine: Engine, feed: &Feed, binaries: &Binaries, dir: &Path) -> Result<Outcome> {
        // What another engine left to the disk must not be this one's burden.
        ensure!(Command::new("sync").status()?.success(), "sync failed");
        match engine {
            Engine::Sluice => {
                let tags = self.tags.as_deref();
                sluice::run(&binaries.daemon, feed, tags, self.connections, dir)
            }
            Engine::ThreeTrees => three_trees(&binaries.three_trees, feed, self.reference_lines),
            _ => {
                let mut command = Command::new(&binaries.engines);
                command.arg(engine.word()).args(feed.arguments()).arg("--dir").arg(dir);
                Ok(serde_json::from_value(answer(&mut command)?)?)
            }
        }
    }

    fn tell(&self, feed: &Feed, outcomes: &[(Engine, Outcome)]) -> Result<()> {
        let summaries: Vec<_> =
            self.engines.iter().filter_map(|engine| Summary::of(*engine, outcomes)).collect();
        let notes = self.notes(feed, &summaries);
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
            let all = json!({"lines": feed.lines_count(), "batches_lines": feed.batches, "runs": runs});
            write(path, &format!("{all:#}\n"))?;
        }
        Ok(())
    }

    /// What one has to know to read the table.
    fn notes(&self, feed: &Feed, summaries: &[Summary]) -> String {
        let batches: Vec<_> = feed.batches.iter().map(ToString::to_string).collect();
        let general = format!(
            "{} lines, acknowledged as durable in batches of {}; runs of each engine: {}, of which the median counts. n x: \
             Sluice does n times as many. Only Sluice's figures include HTTP and JSON; the others get prepared rows. Its \
             lookups also try parent domains. CPU is engine and client together; resident set is that of the server's \
             largest process.\n",
            feed.lines_count(),
            batches.join(" + "),
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
fn three_trees(binary: &Path, feed: &Feed, lines: usize) -> Result<Outcome> {
    let mut command = Command::new(binary);
    let figures = answer(command.arg("--feed").arg(&feed.path).args(["--rows", &lines.to_string()]))?;
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
