//! The load test: a feed into a fresh daemon, and what that took.
//!
//! In: a feed with one indicator object a line (`.zst` is unpacked by the `zstd` program) and sizes. Out: rates,
//! peak resident set and bytes on disk, as text and as one line of JSON. The client's own work is done before the
//! clock starts: all bodies are in memory.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use test_support::{daemon::Daemon, http::Client};

use crate::{Profile, build};

const SUPPLIER: &str = "Load";
/// Longest pause that a refused push takes.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(1);
/// How often the disk is looked at.
const DISK_LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// What to push and how.
#[derive(Args, Debug)]
pub(crate) struct Load {
    /// Feed: one indicator object a line.
    #[arg(long)]
    feed: PathBuf,
    /// Tags to create first: one name a line.
    #[arg(long)]
    tags: Option<PathBuf>,
    /// Largest body.
    #[arg(long, default_value_t = 128 << 20)]
    body_bytes: usize,
    /// Connections that push at the same time.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// How often the whole feed is pushed.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Lines of the feed to use; all when absent.
    #[arg(long)]
    lines: Option<usize>,
    /// Lines of the feed to put into three plain sled trees afterwards, for a ratio measured in the same run.
    #[arg(long)]
    reference_lines: Option<usize>,
    /// How the daemon is built.
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// Directory to work in, which is kept; a throw-away one when absent.
    #[arg(long)]
    dir: Option<PathBuf>,
}

struct Body {
    bytes: Vec<u8>,
    indicators: u64,
}

impl Load {
    /// Runs the test.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or the daemon answers other than 201 or 202.
    pub(crate) fn run(&self) -> Result<()> {
        let binary = build("sluice-server", "sluiced", self.profile)?;
        let bodies = self.bodies()?;
        let scratch = tempfile::tempdir()?;
        let dir = self.dir.as_deref().unwrap_or(scratch.path());
        fs::create_dir_all(dir)?;
        let mut daemon = Daemon::start(&binary, dir);
        let ready = daemon.wait_until_ready();
        println!("ready after {} ms", ready.as_millis());
        self.prepare(&mut daemon.client())?;
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            let figures = self.push(&daemon, &bodies, &dir.join("data"))?;
            println!("round {round}: {}", text(&figures));
            rounds.push(figures);
        }
        let started = Instant::now();
        let status = daemon.terminate();
        ensure!(status.success(), "the daemon stopped with {status}");
        let (stop_seconds, disk_bytes) = (started.elapsed().as_secs_f64(), disk_bytes(&dir.join("data"))?);
        println!("stopped in {stop_seconds:.2} s; {disk_bytes} bytes on disk after that");
        let reference = self.reference_lines.map(|lines| self.reference(lines)).transpose()?;
        let first =
            rounds.first().and_then(|round| round.get("indicators_per_second")).and_then(Value::as_f64);
        let plain = reference.as_ref().and_then(|figures| figures.get("indicators_per_second"));
        if let (Some(ours), Some(plain)) = (first, plain.and_then(Value::as_f64)) {
            println!("three plain sled trees: {plain:.0} indicators/s; ratio {:.1}", ours / plain);
        }
        let all = json!({
            "rounds": rounds,
            "stop_seconds": stop_seconds,
            "stopped_disk_bytes": disk_bytes,
            "reference": reference,
        });
        println!("{all}");
        Ok(())
    }

    /// Puts the first lines of the feed into three plain sled trees; the daemon is gone by then.
    fn reference(&self, lines_max: usize) -> Result<Value> {
        let binary = build("sluice-benches", "three-trees", self.profile)?;
        let scratch = tempfile::tempdir()?;
        let feed = scratch.path().join("feed.jsonl");
        let mut file = BufWriter::new(File::create(&feed)?);
        for line in open_feed(&self.feed)?.lines().take(lines_max) {
            writeln!(file, "{}", line?)?;
        }
        file.flush()?;
        let output = Command::new(binary).arg("--feed").arg(&feed).output()?;
        ensure!(output.status.success(), "the reference failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn bodies(&self) -> Result<Vec<Body>> {
        let mut bodies = Vec::new();
        let (mut bytes, mut indicators) = (vec![b'['], 0);
        let mut lines = 0;
        for line in open_feed(&self.feed)?.lines() {
            let line = line?;
            if self.lines.is_some_and(|lines_max| lines_max <= lines) {
                break;
            }
            lines += 1;
            if 0 < indicators && self.body_bytes < bytes.len() + line.len() + 1 {
                close(&mut bytes);
                bodies.push(Body { bytes: std::mem::replace(&mut bytes, vec![b'[']), indicators });
                indicators = 0;
            }
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b',');
            indicators += 1;
        }
        if 0 < indicators {
            close(&mut bytes);
            bodies.push(Body { bytes, indicators });
        }
        println!("{lines} lines in {} bodies", bodies.len());
        Ok(bodies)
    }

    fn prepare(&self, client: &mut Client) -> Result<()> {
        if let Some(tags) = &self.tags {
            let names =
                fs::read_to_string(tags).with_context(|| format!("cannot read {}", tags.display()))?;
            for name in names.lines() {
                create(client, "/api/1.3/tags", &json!([{"name": name, "weight": 3}]))?;
            }
        }
        let supplier = json!([{"name": SUPPLIER, "confidence": 80, "retention": 5_256_000}]);
        create(client, "/api/1.3/suppliers", &supplier)
    }

    fn push(&self, daemon: &Daemon, bodies: &[Body], data_dir: &Path) -> Result<Value> {
        let next = AtomicUsize::new(0);
        let watch = DiskWatch::start(data_dir)?;
        let started = Instant::now();
        let outcomes: Vec<Result<u64>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..self.connections)
                .map(|number| {
                    let (next, mut client) = (&next, daemon.client());
                    let work = move || {
                        let mut refused = 0;
                        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                            refused += push_one(&mut client, body)?;
                        }
                        Ok(refused)
                    };
                    thread::Builder::new().name(format!("push-{number}")).spawn_scoped(scope, work)
                })
                .collect();
            let join = |worker: std::io::Result<thread::ScopedJoinHandle<'_, Result<u64>>>| {
                worker?.join().map_err(|_panic| anyhow!("a pushing thread panicked"))?
            };
            workers.into_iter().map(join).collect()
        });
        let seconds = started.elapsed().as_secs_f64();
        let mut rejected = 0;
        for outcome in outcomes {
            rejected += outcome?;
        }
        let indicators: u64 = bodies.iter().map(|body| body.indicators).sum();
        let bytes: usize = bodies.iter().map(|body| body.bytes.len()).sum();
        Ok(json!({
            "seconds": seconds,
            "indicators": indicators,
            "rejected": rejected,
            "body_bytes": bytes,
            "indicators_per_second": rate(indicators, seconds),
            "megabytes_per_second": rate(bytes as u64, seconds) / 1e6,
            "peak_resident_bytes": peak_resident_bytes(daemon.pid())?,
            "disk_bytes": disk_bytes(data_dir)?,
            "peak_disk_bytes": watch.stop()?,
        }))
    }
}

fn open_feed(path: &Path) -> Result<Box<dyn std::io::BufRead>> {
    if path.extension().is_some_and(|extension| extension == "zst") {
        let mut unpack = Command::new("zstd");
        let child =
            unpack.arg("-dcq").arg(path).stdout(Stdio::piped()).spawn().context("zstd does not start")?;
        let stdout = child.stdout.context("zstd has no output")?;
        return Ok(Box::new(BufReader::new(stdout)));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

fn close(body: &mut [u8]) {
    if let Some(last) = body.last_mut() {
        *last = b']';
    }
}

fn create(client: &mut Client, path: &str, body: &Value) -> Result<()> {
    let answer = client.request("POST", path, body.to_string().as_bytes())?;
    // A kept directory has it already.
    let is_there = answer.status == 201 || answer.text().contains("already exists");
    ensure!(is_there, "POST {path}: {} {}", answer.status, answer.text());
    Ok(())
}

/// Pushes one body, again while the daemon is busy; tells how many of its indicators were rejected.
fn push_one(client: &mut Client, body: &Body) -> Result<u64> {
    let path = format!("/api/1.3/suppliers/{SUPPLIER}/indicators");
    loop {
        let answer = client.request("PUT", &path, &body.bytes)?;
        match answer.status {
            201 => return Ok(0),
            202 => {
                let text: Value = serde_json::from_slice(&answer.body)?;
                let rejected = text.pointer("/0/error_indicators").and_then(Value::as_array);
                return Ok(rejected.map_or(0, Vec::len) as u64);
            }
            429 => thread::park_timeout(RETRY_WAIT_MAX),
            status => bail!("{status}: {}", answer.text()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn peak_resident_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1_024)
}

/// Watches how much a directory takes on disk at most.
struct DiskWatch {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl DiskWatch {
    fn start(dir: &Path) -> Result<Self> {
        let (dir, is_over) = (dir.to_owned(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&is_over);
        let watch = move || {
            let mut peak = 0;
            while !seen.load(Ordering::Relaxed) {
                peak = peak.max(disk_bytes(&dir).unwrap_or(0));
                thread::park_timeout(DISK_LOOK_INTERVAL);
            }
            peak
        };
        Ok(Self { is_over, thread: thread::Builder::new().name("disk-watch".to_owned()).spawn(watch)? })
    }

    fn stop(self) -> Result<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().map_err(|_panic| anyhow!("the disk watch panicked"))
    }
}

/// Bytes that the files below a directory take on disk.
fn disk_bytes(dir: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A file may go while we look.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

fn text(figures: &Value) -> String {
    let number = |key: &str| figures.get(key).and_then(Value::as_f64).unwrap_or_default();
    format!(
        "{:.0} indicators ({:.0} rejected) in {:.2} s: {:.0} indicators/s, {:.1} MB/s; peak resident set {:.0} MiB; \
         {:.0} bytes on disk, {:.0} at most",
        number("indicators"),
        number("rejected"),
        number("seconds"),
        number("indicators_per_second"),
        number("megabytes_per_second"),
        number("peak_resident_bytes") / f64::from(1 << 20),
        number("disk_bytes"),
        number("peak_disk_bytes"),
    )
}
