//! T2 of the whole daemon: nothing that it answered is lost by a power cut, batches of imports included.
//!
//! In: its binary, a number of images, a seed. Out: a summary, or what was lost. The daemon works for clients while its data
//! directory is recorded. What a client knew is kept for each moment before a request and after its answer, with the
//! length of the trace then, so that for each cut it is known what must be there. The image of a cut is served by a daemon
//! without the recorder, which the clients ask as after a kill.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
};

use super::{
    IMAGES_PER_RECORDING, PowercutSummary, compile_shim,
    disk::{Disk, files},
    draw_moment,
    trace::{after_writes, parse, record_ends},
};
use crate::{
    client::Client,
    crash::{
        imports::Crash,
        scripted::{History, Outcome, ScriptedClient},
    },
    daemon::Daemon,
    dice::Dice,
    script::Script,
};

/// Clients that work at the same time.
const CLIENTS: u32 = 3;
/// Keys of each client.
const KEYS: u32 = 100;
/// Starts of the daemon in a recording.
const ROUNDS: u32 = 2;
/// Requests of one client between two of them.
const STEPS: u32 = 25;
/// So little that batches get several segments, and so much that none has to go.
const BATCHES_BYTES: &str = "2097152";

/// Share of the cuts that come just after a step of an import was told, behind which its client goes on.
const STEP_PERCENT: u64 = 40;

/// What one client knew when the trace had a length.
struct ClientMoment {
    trace_bytes: usize,
    client: ScriptedClient,
}

/// Records, cuts, opens and asks. For testing the test, syncs of paths of the data directory that begin with `deaf_to` do nothing.
///
/// # Errors
///
/// What was lost, with the directory of the recording, unless the disk was made to lie.
pub fn run(binary: &Path, images: u32, seed: u64, deaf_to: Option<&str>) -> Result<PowercutSummary, String> {
    let tools = tempfile::tempdir().unwrap();
    let shim = compile_shim(tools.path());
    let (mut summary, mut dice) = (PowercutSummary::default(), Dice::new(&[seed]));
    while summary.images < images {
        let dir = tempfile::tempdir().unwrap();
        let seed = dice.next();
        let served = Served { binary, shim: &shim, seed, deaf_to, dir: dir.path().canonicalize().unwrap() };
        let count = IMAGES_PER_RECORDING.min(images - summary.images);
        if let Err(loss) = served.run(count, &mut dice, &mut summary) {
            let kept = if deaf_to.is_none() { dir.keep() } else { PathBuf::new() };
            let good = summary.images;
            return Err(format!(
                "recording of seed {seed}, after {good} good images: {loss}; see {}",
                kept.display()
            ));
        }
        summary.recordings += 1;
    }
    Ok(summary)
}

struct Served<'a> {
    binary: &'a Path,
    shim: &'a Path,
    seed: u64,
    deaf_to: Option<&'a str>,
    dir: PathBuf,
}

impl Served<'_> {
    fn run(&self, count: u32, dice: &mut Dice, summary: &mut PowercutSummary) -> Result<(), String> {
        let (data, trace_file) = (self.dir.join("data"), self.dir.join("trace"));
        fs::create_dir(&data).unwrap();
        let base = files(&data);
        let moments = self.record(&data, &trace_file);
        let trace = fs::read(&trace_file).unwrap();
        let (events, ends) = (parse(&trace), record_ends(&trace));
        summary.events += events.len() as u64;
        let answers: Vec<usize> =
            moments.iter().map(|moment| ends.partition_point(|end| *end <= moment.trace_bytes)).collect();
        let steps = after_writes(&trace, &events, "batches/", tells_of_step);
        let mut cuts = Vec::new();
        for _ in 0..count {
            let is_behind_step = dice.chance(STEP_PERCENT) && !steps.is_empty();
            cuts.push(if is_behind_step {
                summary.step_images += 1;
                steps[dice.index(steps.len())].min(events.len() - 1)
            } else {
                draw_moment(dice, events.len(), &answers)
            });
        }
        cuts.sort_unstable();
        let mut cuts = cuts.into_iter().peekable();
        let mut disk = Disk::new(base, &trace, self.deaf_to);
        for (index, event) in events.iter().enumerate() {
            while cuts.next_if_eq(&index).is_some() {
                // What came when all events before the cut had come, and no more.
                let clients = known(&moments, ends[index]);
                self.check_image(&disk, clients, dice, summary)
                    .map_err(|loss| format!("cut before event {index} of {}: {loss}", events.len()))?;
            }
            disk.apply(event);
        }
        disk.check_complete(&data);
        Ok(())
    }

    /// Lets the clients work, and gives what they knew, in the order of time.
    fn record(&self, data: &Path, trace: &Path) -> Vec<ClientMoment> {
        let settings = [
            ("LD_PRELOAD", self.shim.to_str().unwrap()),
            ("POWERCUT_ROOT", data.to_str().unwrap()),
            ("POWERCUT_TRACE", trace.to_str().unwrap()),
            ("SLUICE_BATCHES__SIZE_MAX", BATCHES_BYTES),
        ];
        let mut clients = clients(self.seed);
        let mut moments = Vec::new();
        for _ in 0..ROUNDS {
            let mut daemon = Daemon::start_with(self.binary, &self.dir, &settings);
            daemon.wait_until_ready();
            thread::scope(|scope| {
                let mut workers = Vec::new();
                for client in &mut clients {
                    let mut http = daemon.client();
                    let work = move || work(client, &mut http, trace);
                    workers.push(thread::Builder::new().spawn_scoped(scope, work).unwrap());
                }
                for worker in workers {
                    moments.extend(worker.join().unwrap());
                }
            });
            let status = daemon.terminate();
            assert!(status.success(), "the recorded daemon stopped with {status}");
        }
        moments.sort_by_key(|moment| moment.trace_bytes);
        moments
    }

    fn check_image(
        &self,
        disk: &Disk<'_>,
        mut clients: Vec<ScriptedClient>,
        dice: &mut Dice,
        summary: &mut PowercutSummary,
    ) -> Result<(), String> {
        let image = self.dir.join("image");
        if image.exists() {
            fs::remove_dir_all(&image).unwrap();
        }
        fs::create_dir_all(image.join("data")).unwrap();
        disk.image(dice, &image.join("data"));
        // A client that misses something panics, as after a kill.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let mut daemon = Daemon::start(self.binary, &image);
            daemon.wait_until_ready();
            let mut http = daemon.client();
            for client in &mut clients {
                client.check(&mut http);
                summary.batches += client.check_batches(&mut http, Crash::PowerCut);
                summary.acked += client.counts.acked;
            }
        }));
        summary.images += 1;
        checked.map_err(|panic| match panic.downcast::<String>() {
            Ok(said) => *said,
            Err(_) => "an assertion failed".to_owned(),
        })
    }
}

fn clients(seed: u64) -> Vec<ScriptedClient> {
    let draw = |seed, client, number, model: &_| Script { seed, keys: KEYS }.operation(client, number, model);
    (0..CLIENTS).map(|number| ScriptedClient::new(number, History { seed, keys: KEYS, draw })).collect()
}

/// Sends requests, and notes what is known before and after each.
fn work(client: &mut ScriptedClient, http: &mut Client, trace: &Path) -> Vec<ClientMoment> {
    client.check(http);
    let mut moments = vec![ClientMoment::now(trace, client.clone())];
    for _ in 0..STEPS {
        moments.push(ClientMoment::now(trace, client.amid_step()));
        if client.step(http) == Outcome::Unanswered {
            break;
        }
        moments.push(ClientMoment::now(trace, client.clone()));
    }
    moments
}

impl ClientMoment {
    fn now(trace: &Path, client: ScriptedClient) -> Self {
        Self { trace_bytes: usize::try_from(fs::metadata(trace).unwrap().len()).unwrap(), client }
    }
}

/// Whether it is the record of a batch of which something is committed, and more is to come.
fn tells_of_step(record: &[u8]) -> bool {
    let record = String::from_utf8_lossy(record);
    record.contains("\"state\":\"running\"") && !record.contains("\"committed_lines\":0")
}

/// What each client knew before the trace was as long as `trace_bytes`.
fn known(moments: &[ClientMoment], trace_bytes: usize) -> Vec<ScriptedClient> {
    let before = &moments[..moments.partition_point(|moment| moment.trace_bytes < trace_bytes)];
    // Before the first, one that knows nothing: the seed is for requests only.
    let mut known = clients(0);
    for ClientMoment { client, .. } in before {
        known[usize::try_from(client.number).unwrap()].clone_from(client);
    }
    known
}
