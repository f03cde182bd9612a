//! One daemon that meets one failing disk, and the one after it that finds the disk well again.
//!
//! In: a point. Out: what became of it, or the promise that was broken. Clients work through a bounded number of
//! operations, so a daemon that goes on is asked to stop some time. All daemons of a sweep begin with copies of one
//! directory, which a kill has left behind, with runs in its trees and more in its log than a checkpoint wants.

use std::{
    any::Any,
    collections::BTreeMap,
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    judge::{End, Seen, judge, log_sync_failed, must_end},
    point::{Failure, Moment, Point, points},
};
use crate::{
    crash::scripted::{Counts, History, Outcome, ScriptedClient},
    daemon::Daemon,
    dice::Dice,
    powercut::Form,
    script::Script,
};

/// Longest time from a failure, or from the request to stop, to the end.
const END_WAIT: Duration = Duration::from_secs(30);
/// Operations of each client before the kill that the directory of all trials comes from.
const BASE_OPERATIONS: u32 = 24;
/// Operations of each client while calls fail.
const OPERATIONS: u32 = 12;
/// Keys of the client with small operations.
const SMALL_KEYS: u32 = 300;
/// Calls that are recorded when none is to fail.
const NEVER: u64 = 1_000_000;

/// The shortest log there is, so that checkpoints come often.
const SETTINGS: [(&str, &str); 2] =
    [("SLUICE_LOG_BYTES_MAX", "16777216"), ("SLUICE_DISK_RESERVE_BYTES", "0")];

/// What all trials of a sweep have in common.
pub(super) struct Bench<'a> {
    binary: &'a Path,
    dir: TempDir,
    /// What the clients know of the directory that all begin with.
    clients: Vec<ScriptedClient>,
    seed: u64,
    calls: BTreeMap<(Moment, String), u64>,
}

/// What became of a point.
pub(super) struct Tried {
    pub(super) end: End,
    pub(super) end_ms: u64,
    pub(super) failed_calls: usize,
    pub(super) counts: Counts,
}

/// A trial as it goes on.
struct Attempt {
    dir: TempDir,
    daemon: Daemon,
    clients: Vec<ScriptedClient>,
    acked_after_failed_sync: u64,
}

impl<'a> Bench<'a> {
    /// Compiles the shim, makes the directory that all trials begin with, and counts the calls of each moment.
    pub(super) fn prepare(binary: &'a Path, seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        compile_shim(dir.path());
        let mut bench = Self { binary, clients: new_clients(seed), dir, seed, calls: BTreeMap::new() };
        let mut daemon = Daemon::start_with(binary, bench.dir.path(), &SETTINGS);
        daemon.wait_until_ready();
        for client in &mut bench.clients {
            let mut http = daemon.client();
            for _ in 0..BASE_OPERATIONS {
                client.step(&mut http);
            }
        }
        daemon.kill();
        for moment in Moment::ALL {
            let point =
                Point { moment, kind: "none".to_owned(), from: NEVER, count: 0, failure: Failure::Broken };
            let mut attempt = bench.begin(&point);
            assert_eq!(attempt.live(moment), End::Code(0), "{}", attempt.daemon.said());
            for line in attempt.trace().lines() {
                let kind = line.split(' ').nth(1).unwrap().to_owned();
                *bench.calls.entry((moment, kind)).or_default() += 1;
            }
        }
        println!("calls by moment and kind: {:?}", bench.calls);
        bench
    }

    /// All points there are.
    pub(super) fn points(&self, dice: &mut Dice) -> Vec<Point> {
        points(&self.calls, dice)
    }

    /// Lets a daemon meet the failing calls, and another one find what is left.
    ///
    /// # Errors
    ///
    /// The promise that was broken, and what the daemon said.
    pub(super) fn try_point(&self, point: &Point) -> Result<Tried, String> {
        let mut attempt = self.begin(point);
        let started = Instant::now();
        let lived = catch_unwind(AssertUnwindSafe(|| attempt.live(point.moment)));
        let end_ms = u64::try_from(started.elapsed().as_millis()).unwrap();
        let broken = |attempt: &Attempt, what: String| {
            format!("{what}\n{}\n{}", attempt.failed(), attempt.daemon.said())
        };
        let end = lived.map_err(|panic| broken(&attempt, text_of(panic.as_ref())))?;
        let trace = attempt.trace();
        let said = attempt.daemon.said();
        let acked_after_failed_sync = attempt.acked_after_failed_sync;
        let judged = judge(&Seen { trace: &trace, end, said: &said, acked_after_failed_sync });
        judged.map_err(|what| broken(&attempt, what))?;
        let failed_calls = trace.lines().filter(|line| line.starts_with("fail ")).count();
        let again = catch_unwind(AssertUnwindSafe(|| attempt.check_again(self.binary)));
        again.map_err(|panic| broken(&attempt, text_of(panic.as_ref())))?;
        let mut counts = Counts::default();
        for (client, before) in attempt.clients.iter().zip(&self.clients) {
            counts.acked += client.counts.acked.saturating_sub(before.counts.acked);
            counts.refused += client.counts.refused.saturating_sub(before.counts.refused);
            counts.unanswered += client.counts.unanswered.saturating_sub(before.counts.unanswered);
        }
        Ok(Tried { end, end_ms, failed_calls, counts })
    }

    fn begin(&self, point: &Point) -> Attempt {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let is_first = point.moment == Moment::FirstStart;
        let clients = if is_first { new_clients(self.seed) } else { self.clients.clone() };
        if !is_first {
            copy_dir(&self.dir.path().join("data"), &root.join("data"));
        }
        if matches!(point.moment, Moment::FirstStart | Moment::Start) {
            arm(&root);
        }
        let path = |path: PathBuf| path.into_os_string().into_string().unwrap();
        let faults = [
            ("LD_PRELOAD", path(self.dir.path().join("shim.so"))),
            ("FAULT_ROOT", path(root.join("data"))),
            ("FAULT_ARM", path(root.join("armed"))),
            ("FAULT_TRACE", path(root.with_extension("trace"))),
            ("FAULT_KIND", point.kind.clone()),
            ("FAULT_FROM", point.from.to_string()),
            ("FAULT_COUNT", point.count.to_string()),
            ("FAULT_ERROR", point.failure.number().to_string()),
            ("FAULT_SHORT", if point.failure == Failure::Short { "yes".to_owned() } else { String::new() }),
        ];
        let faults = faults.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<_> = SETTINGS.into_iter().chain(faults).collect();
        let daemon = Daemon::start_with(self.binary, &root, &variables);
        Attempt { dir, daemon, clients, acked_after_failed_sync: 0 }
    }
}

impl Attempt {
    /// Lets the clients work, and the daemon end.
    fn live(&mut self, moment: Moment) -> End {
        match self.daemon.try_ready(END_WAIT) {
            Ok(_took) => {}
            Err(ended) => return end_of(ended),
        }
        if moment == Moment::Run {
            arm(self.dir.path());
        }
        self.work();
        // What must end is not asked to.
        if must_end(&self.trace()) {
            return end_of(self.daemon.wait_for_end(END_WAIT));
        }
        if moment == Moment::Stop {
            arm(self.dir.path());
        }
        self.daemon.ask_to_stop();
        end_of(self.daemon.wait_for_end(END_WAIT))
    }

    /// Lets every client work until it has done its share or gets no answer.
    fn work(&mut self) {
        let (daemon, trace_path) = (&self.daemon, trace_path(self.dir.path()));
        let acked_too_late: Vec<u64> = thread::scope(|scope| {
            let workers: Vec<_> = self
                .clients
                .iter_mut()
                .map(|client| {
                    let (mut http, trace_path) = (daemon.client(), &trace_path);
                    scope.spawn(move || {
                        let mut acked_too_late = 0;
                        for _ in 0..OPERATIONS {
                            let had_failed = log_sync_failed(&read(trace_path));
                            match client.step(&mut http) {
                                Outcome::Acked => acked_too_late += u64::from(had_failed),
                                Outcome::Unanswered => break,
                                Outcome::Read | Outcome::Refused => {}
                            }
                        }
                        acked_too_late
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        self.acked_after_failed_sync += acked_too_late.iter().sum::<u64>();
    }

    /// Starts a daemon on a disk that is well, and compares all that the clients know.
    fn check_again(&mut self, binary: &Path) {
        let mut daemon = Daemon::start_with(binary, self.dir.path(), &SETTINGS);
        daemon.wait_until_ready();
        let mut http = daemon.client();
        for client in &mut self.clients {
            client.check(&mut http);
        }
        let status = daemon.terminate();
        assert!(status.success(), "on a disk that is well the daemon stopped with {status}");
    }

    fn trace(&self) -> String {
        read(&trace_path(self.dir.path()))
    }

    /// The first calls that failed, and the last that went well before them.
    fn failed(&self) -> String {
        let trace = self.trace();
        let lines: Vec<_> = trace.lines().collect();
        let first = lines.iter().position(|line| line.starts_with("fail ")).unwrap_or(lines.len());
        lines.iter().skip(first.saturating_sub(3)).take(8).copied().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        drop(fs::remove_file(trace_path(self.dir.path())));
    }
}

fn trace_path(root: &Path) -> PathBuf {
    root.canonicalize().unwrap().with_extension("trace")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn arm(root: &Path) {
    File::create(root.join("armed")).unwrap();
}

fn end_of(ended: Option<ExitStatus>) -> End {
    match ended {
        None => End::Hung,
        Some(status) if status.signal().is_some() => End::Signal,
        Some(status) => End::Code(status.code().unwrap()),
    }
}

/// One client that does everything, and one with so much that the log is full of it.
fn new_clients(seed: u64) -> Vec<ScriptedClient> {
    let small = History {
        seed,
        keys: SMALL_KEYS,
        draw: |seed, client, number, model| {
            Script { seed, keys: SMALL_KEYS }.operation(client, number, model)
        },
    };
    let large = History {
        seed,
        keys: Form::Large.keys(),
        draw: |seed, client, number, model| Form::Large.operation(seed, client, number, model),
    };
    vec![ScriptedClient::new(0, small), ScriptedClient::new(1, large)]
}

fn compile_shim(dir: &Path) {
    let source = dir.join("shim.c");
    fs::write(&source, include_str!("shim.c")).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    let status = compiler.arg(dir.join("shim.so")).arg(&source).args(["-ldl", "-pthread"]).status().unwrap();
    assert!(status.success(), "the shim does not compile");
}

/// Copies directories and files; the socket that a killed daemon leaves behind is neither.
fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (target, file_type) = (to.join(entry.file_name()), entry.file_type().unwrap());
        if file_type.is_dir() {
            copy_dir(&entry.path(), &target);
        } else if file_type.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text").to_owned()
}
