//! Several runs of one engine as one line.
//!
//! In: outcomes. Out: for each round the median and how far the runs lie apart.

use super::{
    engines::Engine,
    measure::{Outcome, Round, Work},
};

/// An engine's figures.
pub(super) struct EngineSummary {
    /// Whose.
    pub(super) engine: Engine,
    /// Version of the engine.
    pub(super) version: String,
    /// How it was set up.
    pub(super) settings: String,
    rounds: Vec<(Work, Vec<Round>)>,
}

/// A figure over several runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Figure {
    /// The one in the middle; of an even number, the larger of two.
    pub(crate) median: f64,
    /// The smallest.
    pub(super) least: f64,
    /// The largest.
    pub(crate) most: f64,
}

impl Figure {
    /// Over these runs; `None` when there is none.
    pub(crate) fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let (least, most) = (*numbers.first()?, *numbers.last()?);
        Some(Self { median: *numbers.get(numbers.len() / 2)?, least, most })
    }
}

impl EngineSummary {
    /// Gathers an engine's runs; `None` when it has none.
    pub(super) fn of(engine: Engine, outcomes: &[(Engine, Outcome)]) -> Option<Self> {
        let own = || outcomes.iter().filter(|(other, _)| *other == engine).map(|(_, outcome)| outcome);
        let first = own().next()?;
        let rounds = [Work::Push, Work::PushAgain, Work::Hits, Work::Misses].map(|work| {
            let all = own().flat_map(|outcome| &outcome.rounds).filter(|round| round.work == work);
            (work, all.cloned().collect())
        });
        Some(Self {
            engine,
            version: first.version.clone(),
            settings: first.settings.clone(),
            rounds: rounds.into(),
        })
    }

    /// Indicators or values a second.
    pub(super) fn rate(&self, work: Work) -> Option<Figure> {
        self.figure(work, |round| Some(rate(round)))
    }

    /// Something else of a round.
    pub(super) fn figure(&self, work: Work, read: impl Fn(&Round) -> Option<f64>) -> Option<Figure> {
        let (_, rounds) = self.rounds.iter().find(|(other, _)| *other == work)?;
        Figure::of(rounds.iter().filter_map(read).collect())
    }
}

/// Indicators or values a second.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
pub(super) fn rate(round: &Round) -> f64 {
    round.count as f64 / round.seconds
}
