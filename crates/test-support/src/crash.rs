//! T1, the kill: a real daemon loses nothing that it answered, whenever it is killed.
//!
//! In: the daemon's binary, a number of cycles and a seed. Out: a summary, or a panic that names the seed. In each
//! cycle the daemon is started and killed: at a random moment of its start, or after it was ready, was found to
//! hold exactly what the clients' ledgers say, and has worked for them for a random time, or until it is amid a long
//! import. Some are asked to stop just before, so that the kill finds them moving everything into the trees. A copy is
//! kept by changes all the while, and equals an export after each start.

mod bulk;
mod forms;
pub(crate) mod imports;
mod mirror;
mod reads;
pub(crate) mod scripted;
mod steps;

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use imports::Crash;
use mirror::Mirror;
use scripted::{History, ScriptedClient};
use steps::Aim;

use crate::{daemon::Daemon, dice::Dice, script::Script};

/// Clients that work at the same time.
const CLIENTS: u32 = 4;
/// Keys of each client.
const KEYS: u32 = 300;
/// Share of the cycles that are killed during start and recovery.
const KILLED_AT_START_PERCENT: u64 = 40;
/// Share of the other cycles that are killed while they stop.
const KILLED_WHILE_STOPPING_PERCENT: u64 = 30;
/// Longest time between a request to stop and a kill.
const STOP_MS_MAX: u64 = 150;
/// Longest time that the clients work before a kill.
const WORK_MS_MAX: u64 = 400;
/// Most questions to which a replacement is under way before a kill that is aimed at one.
const LOOKS_MAX: u64 = 150;
/// Longest time between what it is aimed at and the kill; there is none half of the time.
const AIMED_MS_MAX: u64 = 40;
/// First guess of the time from start to ready.
const READY_MS_GUESS: u64 = 300;

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KillSummary {
    /// What it was drawn from.
    pub seed: u64,
    /// Starts that ended with a kill.
    pub cycles: u32,
    /// Of these, kills before the daemon was ready.
    pub killed_at_start: u32,
    /// Requests answered with success.
    pub acked: u64,
    /// Requests refused with the promise that nothing of them is stored.
    pub refused: u64,
    /// Requests without an answer.
    pub unanswered: u64,
    /// Of these, the ones that were found to be applied, and changed something.
    pub unanswered_applied: u64,
    /// Imports that were gone on with after restarts.
    pub resumed: u64,
    /// Of these, the ones of which steps were told.
    pub resumed_behind_steps: u64,
    /// Values looked up and compared after restarts.
    pub compared: u64,
    /// Batches of imports that were answered, asked for after restarts.
    pub batches: u64,
    /// Rows of a copy that is kept by changes, compared with those of an export.
    pub mirrored: u64,
    /// Longest time from start to ready.
    pub ready_ms_max: u64,
    /// Time of everything.
    pub elapsed_ms: u64,
}

impl fmt::Display for KillSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, cycles, killed_at_start, acked, refused, unanswered, unanswered_applied, .. } = self;
        let Self {
            resumed, resumed_behind_steps, compared, batches, mirrored, ready_ms_max, elapsed_ms, ..
        } = self;
        write!(
            formatter,
            "seed {seed}: {cycles} kills ({killed_at_start} during start-up) in {elapsed_ms} ms: {acked} \
             acknowledged, {refused} refused, {unanswered} unanswered ({unanswered_applied} of them applied), \
             {resumed} imports gone on with ({resumed_behind_steps} behind steps), {compared} values, {batches} batches and \
             {mirrored} rows of a copy compared, ready within {ready_ms_max} ms: 0 lost, 0 torn, 0 failed starts"
        )
    }
}

/// Runs `cycles` kills and a stop in good order, and checks the ledgers after each.
pub fn run(binary: &Path, cycles: u32, seed: u64) -> KillSummary {
    println!("seed {seed}");
    let started = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(&[seed]);
    let draw = |seed, client, number, model: &_| Script { seed, keys: KEYS }.operation(client, number, model);
    let history = History { seed, keys: KEYS, draw };
    let mut clients: Vec<ScriptedClient> =
        (0..CLIENTS).map(|number| ScriptedClient::new(number, history)).collect();
    let (mut mirror, mut summary) =
        (Mirror::default(), KillSummary { seed, cycles, ..KillSummary::default() });
    let (mut ready_ms, mut worked) = (READY_MS_GUESS, 0);
    for _ in 0..cycles {
        let mut daemon = Daemon::start(binary, dir.path());
        if dice.chance(KILLED_AT_START_PERCENT) {
            daemon.pause(Duration::from_millis(dice.below(ready_ms * 12 / 10 + 1)));
            daemon.kill();
            summary.killed_at_start += 1;
        } else {
            ready_ms = check(&mut daemon, &mut clients, &mut mirror, &mut summary);
            work_and_kill(worked, &mut daemon, &mut clients, &mut mirror, &mut dice);
            worked += 1;
        }
    }
    let mut daemon = Daemon::start(binary, dir.path());
    check(&mut daemon, &mut clients, &mut mirror, &mut summary);
    let status = daemon.terminate();
    assert!(status.success(), "the daemon stopped with {status}");
    let mut daemon = Daemon::start(binary, dir.path());
    check(&mut daemon, &mut clients, &mut mirror, &mut summary);
    for client in &clients {
        summary.acked += client.counts.acked;
        summary.refused += client.counts.refused;
        summary.unanswered += client.counts.unanswered;
        summary.unanswered_applied += client.counts.unanswered_applied;
        summary.resumed += client.counts.resumed;
        summary.resumed_behind_steps += client.counts.resumed_behind_steps;
    }
    summary.elapsed_ms = milliseconds(started.elapsed());
    summary
}

/// Waits for the daemon and compares all that the clients know; returns the time it took to be ready.
fn check(
    daemon: &mut Daemon,
    clients: &mut [ScriptedClient],
    mirror: &mut Mirror,
    summary: &mut KillSummary,
) -> u64 {
    let ready_ms = milliseconds(daemon.wait_until_ready());
    summary.ready_ms_max = summary.ready_ms_max.max(ready_ms);
    let mut http = daemon.client();
    summary.compared += clients.iter_mut().map(|client| client.check(&mut http)).sum::<u64>();
    summary.batches +=
        clients.iter_mut().map(|client| client.check_batches(&mut http, Crash::Kill)).sum::<u64>();
    summary.mirrored += mirror.check(&mut http);
    ready_ms
}

/// Lets the clients work, and kills the daemon under them: of half the times, amid a long import.
fn work_and_kill(
    nth: u32,
    daemon: &mut Daemon,
    clients: &mut [ScriptedClient],
    mirror: &mut Mirror,
    dice: &mut Dice,
) {
    let work = Duration::from_millis(1 + dice.below(WORK_MS_MAX));
    let aimed = match nth % 6 {
        1 | 4 => Some(Aim::Step),
        2 => Some(Aim::Replacement(1 + dice.below(LOOKS_MAX))),
        _ => None,
    };
    let behind_step = Duration::from_millis(dice.below(2) * dice.below(AIMED_MS_MAX));
    let is_stopped = dice.chance(KILLED_WHILE_STOPPING_PERCENT);
    let stop = Duration::from_millis(dice.below(STOP_MS_MAX));
    let seen = thread::scope(|scope| {
        for client in &mut *clients {
            let mut http = daemon.client();
            let name = format!("client-{}", client.number);
            thread::Builder::new().name(name).spawn_scoped(scope, move || client.run(&mut http)).unwrap();
        }
        let mut http = daemon.client();
        let following = thread::Builder::new().name("mirror".to_owned());
        following.spawn_scoped(scope, move || mirror.follow(&mut http)).unwrap();
        // What it finds wrong waits for the kill, without which no client ends.
        let seen = catch_unwind(AssertUnwindSafe(|| match aimed {
            Some(aim) => steps::wait_for(daemon, aim),
            None => BTreeMap::new(),
        }));
        daemon.pause(if aimed.is_some() { behind_step } else { work });
        if is_stopped {
            daemon.ask_to_stop();
            daemon.pause(stop);
            daemon.kill_while_stopping();
        } else {
            daemon.kill();
        }
        seen
    });
    let told_lines = seen.unwrap_or_else(|wrong| resume_unwind(wrong));
    for client in clients {
        client.hear(&told_lines);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}
