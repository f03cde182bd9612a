//! T3, the failing disk: whatever call fails and whenever, the daemon goes on or ends in good order, and loses nothing.
//!
//! In: the daemon's binary, a number of points and a seed. Out: a summary, or the points at which a promise was broken.
//! A point is a moment (the first start, a start, the run, the stop), a kind of call, the number of the first one that
//! fails, how many do, and with which error. A preloaded shim (`shim.c`) makes them fail, `trial` has the daemon meet
//! them while clients work, and `judge` compares what it did with what it may do. Then the disk is well again, and
//! everything that was answered must be there.

mod judge;
mod point;
mod trial;

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
};

use judge::End;
use point::{Failure, Moment, Point};
use trial::Bench;

use crate::dice::Dice;

/// Daemons at the same time for each core: they mostly wait.
const WORKERS_PER_CORE: usize = 2;

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaultSummary {
    /// What the points were drawn from.
    pub seed: u64,
    /// Points at which calls failed.
    pub points: u32,
    /// Of these, those by moment and kind of call.
    pub by_kind: BTreeMap<String, u32>,
    /// Points at which the daemon went on and ended well.
    pub went_on: u32,
    /// Points at which it ended with a reason.
    pub ended: u32,
    /// Points that lay beyond the end of what the daemon did.
    pub missed: u32,
    /// Requests answered with success while calls failed, or before.
    pub acked: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests without an answer, or with one that promises nothing.
    pub unanswered: u64,
    /// Longest time from a failure to the end, in milliseconds, pauses of the clients included.
    pub end_ms_max: u64,
}

impl fmt::Display for FaultSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, points, by_kind, went_on, ended, missed, acked, refused, unanswered, end_ms_max } =
            self;
        for (kind, count) in by_kind {
            writeln!(formatter, "{kind:<24} {count:>5}")?;
        }
        write!(
            formatter,
            "seed {seed}: calls failed at {points} points ({missed} more lay beyond the end): the daemon went on at \
             {went_on} and ended with a reason at {ended}, within {end_ms_max} ms; {acked} acknowledged, {refused} \
             refused, {unanswered} unanswered: 0 lost, 0 hung, 0 without a reason"
        )
    }
}

/// Tries so many points.
///
/// # Errors
///
/// The broken promises, a paragraph for each point.
pub fn run(binary: &Path, points: u32, seed: u64) -> Result<FaultSummary, String> {
    println!("seed {seed}");
    let bench = Bench::prepare(binary, seed);
    let mut points: Vec<Point> =
        bench.points(&mut Dice::new(&[seed])).into_iter().take(points as usize).collect();
    points.reverse();
    let (queue, found) =
        (Mutex::new(points), Mutex::new((FaultSummary { seed, ..FaultSummary::default() }, Vec::new())));
    let work = || {
        while let Some(point) = take(&queue) {
            let tried = bench.try_point(&point);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match tried {
                Ok(tried) => found.0.add(&point, &tried),
                Err(broken) => {
                    println!("{point}: {broken}\n");
                    found.1.push(format!("{point}: {broken}"));
                }
            }
        }
    };
    let workers = WORKERS_PER_CORE * thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for number in 0..workers {
            thread::Builder::new().name(format!("trial-{number}")).spawn_scoped(scope, work).unwrap();
        }
    });
    let (summary, broken) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if broken.is_empty() {
        Ok(summary)
    } else {
        Err(format!("{}\n\n{summary}\n{} points broke a promise", broken.join("\n\n"), broken.len()))
    }
}

/// Tries a disk whose syncs fail without saying so: to the judge, a daemon that takes no notice of them.
///
/// # Errors
///
/// The promise that the judge saw broken.
pub fn run_unnoticed(binary: &Path, seed: u64) -> Result<(), String> {
    let bench = Bench::prepare(binary, seed);
    let (kind, failure) = ("sync".to_owned(), Failure::Untold);
    bench.try_point(&Point { moment: Moment::Run, kind, from: 1, count: 1_000, failure }).map(drop)
}

fn take(queue: &Mutex<Vec<Point>>) -> Option<Point> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

impl FaultSummary {
    fn add(&mut self, point: &Point, tried: &trial::Tried) {
        self.acked += tried.counts.acked;
        self.refused += tried.counts.refused;
        self.unanswered += tried.counts.unanswered;
        if tried.failed_calls == 0 {
            self.missed += 1;
            return;
        }
        self.points += 1;
        let moment = Moment::word(point.moment);
        *self.by_kind.entry(format!("{moment}, {}", point.kind)).or_default() += 1;
        if tried.end == End::Code(0) {
            self.went_on += 1;
        } else {
            self.ended += 1;
            self.end_ms_max = self.end_ms_max.max(tried.end_ms);
        }
    }
}
