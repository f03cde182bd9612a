//! Where calls fail.
//!
//! In: how many calls of each kind a moment has. Out: points, each kind of each moment in its turn, so that the rare
//! ones (renames, truncations) are not lost among writes and syncs.

use std::{collections::BTreeMap, fmt};

use crate::dice::Dice;

/// The call with the highest number that fails first.
const FROM_MAX: u64 = 500;
/// How many calls fail.
const COUNTS: [u64; 3] = [1, 3, 1_000_000];

/// When calls begin to count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Moment {
    /// With the first start, in an empty directory.
    FirstStart,
    /// With a start after a kill.
    Start,
    /// Once the daemon is ready.
    Run,
    /// When the daemon is asked to stop.
    Stop,
}

impl Moment {
    pub(super) const ALL: [Self; 4] = [Self::FirstStart, Self::Start, Self::Run, Self::Stop];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::FirstStart => "first start",
            Self::Start => "start",
            Self::Run => "run",
            Self::Stop => "stop",
        }
    }
}

/// How calls fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// `EIO`.
    Broken,
    /// `ENOSPC`.
    Full,
    /// The first write is cut short, as a disk does that runs full just then; the others fail with `ENOSPC`.
    Short,
    /// A sync fails and says that it did not: as if the daemon took no notice of it, for testing the test.
    Untold,
}

impl Failure {
    /// Number of the error.
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Broken => 5,
            Self::Full | Self::Short => 28,
            Self::Untold => 0,
        }
    }
}

/// Which calls fail, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Point {
    pub(super) moment: Moment,
    pub(super) kind: String,
    /// Number of the first call that fails, from 1.
    pub(super) from: u64,
    pub(super) count: u64,
    pub(super) failure: Failure,
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { moment, kind, from, count, failure } = self;
        write!(formatter, "{}, {kind} {from}, {count} times, {failure:?}", moment.word())
    }
}

/// All points of moments with so many calls of each kind, in an order by chance in which kinds take turns.
pub(super) fn points(calls: &BTreeMap<(Moment, String), u64>, dice: &mut Dice) -> Vec<Point> {
    let mut groups: Vec<Vec<Point>> =
        calls.iter().map(|((moment, kind), calls)| group(*moment, kind, *calls, dice)).collect();
    let mut points = Vec::new();
    while groups.iter().any(|group| !group.is_empty()) {
        points.extend(groups.iter_mut().filter_map(Vec::pop));
    }
    points
}

fn group(moment: Moment, kind: &str, calls: u64, dice: &mut Dice) -> Vec<Point> {
    let mut points = Vec::new();
    for from in 1..=calls.min(FROM_MAX) {
        for count in COUNTS {
            for failure in [Failure::Broken, Failure::Full, Failure::Short] {
                if failure != Failure::Short || kind == "write" {
                    points.push(Point { moment, kind: kind.to_owned(), from, count, failure });
                }
            }
        }
    }
    for index in (1..points.len()).rev() {
        points.swap(index, dice.index(index + 1));
    }
    points
}
