//! The bodies of a push: which elements each has, and their bytes.
//!
//! In: a range of indexes of the feed, each of which is in one body; a share of elements that repeat what earlier
//! bodies brought. Out: bodies by number, the same on every run. They are made beforehand when all of them fit into
//! the memory that they may take. Otherwise each is made by the connection that sends it, while the clock runs: that
//! costs the client's time, a tenth of a second for a million on one core, so it never flatters the daemon.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Result, anyhow, ensure};
use test_support::dice::Dice;

use super::{feed::Feed, progress};

/// Who pushes.
pub(super) const SUPPLIER: &str = "Load";

/// How bodies are cut and mixed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix {
    /// Longest body.
    pub(super) body_bytes: usize,
    /// Share of the elements that repeat an index of an earlier body.
    pub(super) repeated_percent: u64,
    /// What the repeats are drawn from.
    pub(super) seed: u64,
}

/// All bodies of a push.
pub(super) struct Bodies<'feed> {
    feed: &'feed Feed,
    mix: Mix,
    plans: Vec<Plan>,
    made: Vec<Vec<u8>>,
}

/// What one body has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// The indexes that this body brings first.
    pub(super) new: Range<usize>,
    /// Elements, repeats included.
    pub(super) elements: usize,
    bytes_max: usize,
}

/// The indexes of one body, as many as are asked for.
struct Indexes {
    dice: Dice,
    repeated_percent: u64,
    new_start: usize,
    next: usize,
}

impl Iterator for Indexes {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        // Before the first body there is nothing to repeat.
        if 0 < self.new_start && 0 < self.repeated_percent && self.dice.chance(self.repeated_percent) {
            return Some(self.dice.index(self.new_start));
        }
        self.next += 1;
        Some(self.next - 1)
    }
}

impl<'feed> Bodies<'feed> {
    /// Plans the bodies for a range of indexes.
    ///
    /// # Errors
    ///
    /// When an element is longer than a body may be, or all would be repeats.
    pub(super) fn plan(feed: &'feed Feed, indexes: Range<usize>, mix: Mix) -> Result<Self> {
        ensure!(mix.repeated_percent < 100, "a body must have something new");
        let mut bodies = Self { feed, mix, plans: Vec::new(), made: Vec::new() };
        let mut start = indexes.start;
        while start < indexes.end {
            let mut plan = Plan { new: start..start, elements: 0, bytes_max: 1 };
            for index in bodies.indexes(bodies.plans.len(), start) {
                let bytes_max = plan.bytes_max + feed.element_bytes_max(index) + 1;
                if indexes.end <= index || mix.body_bytes < bytes_max {
                    break;
                }
                plan.bytes_max = bytes_max;
                plan.elements += 1;
                // A repeat is below the start.
                plan.new.end = plan.new.end.max(index + 1);
            }
            ensure!(start < plan.new.end, "the element of index {start} does not fit into a body");
            start = plan.new.end;
            bodies.plans.push(plan);
        }
        Ok(bodies)
    }

    /// The first body and no other.
    pub(super) fn first_alone(mut self) -> Self {
        self.plans.truncate(1);
        self
    }

    /// Makes all bodies, on all cores, when they take at most `memory_bytes_max`; returns true if they did.
    ///
    /// # Errors
    ///
    /// When a thread does not start.
    pub(super) fn make(&mut self, memory_bytes_max: usize) -> Result<bool> {
        if memory_bytes_max < self.plans.iter().map(|plan| plan.bytes_max).sum() {
            return Ok(false);
        }
        let bar = progress::bar("making bodies", self.elements());
        let (bodies, next) = (&*self, AtomicUsize::new(0));
        let work = || {
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(plan) = bodies.plans.get(number) else { return made };
                let mut body = Vec::with_capacity(plan.bytes_max);
                bodies.write(number, plan, &mut body);
                bar.inc(plan.elements as u64);
                made.push((number, body));
            }
        };
        let mut made = thread::scope(|scope| {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            let workers: Vec<_> = (0..cores)
                .map(|number| thread::Builder::new().name(format!("make-{number}")).spawn_scoped(scope, work))
                .collect();
            let mut made = Vec::new();
            for worker in workers {
                made.extend(worker?.join().map_err(|_panic| anyhow!("a making thread panicked"))?);
            }
            Ok::<_, anyhow::Error>(made)
        })?;
        bar.finish_and_clear();
        made.sort_unstable_by_key(|(number, _)| *number);
        self.made = made.into_iter().map(|(_, body)| body).collect();
        Ok(true)
    }

    /// Bodies.
    pub(super) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// Elements of all bodies.
    pub(super) fn elements(&self) -> usize {
        self.plans.iter().map(|plan| plan.elements).sum()
    }

    /// The bytes of a body; `scratch` holds them when they were not made beforehand.
    pub(super) fn bytes<'a>(&'a self, number: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        if let Some(body) = self.made.get(number) {
            return body;
        }
        scratch.clear();
        if let Some(plan) = self.plans.get(number) {
            self.write(number, plan, scratch);
        }
        scratch
    }

    fn write(&self, number: usize, plan: &Plan, out: &mut Vec<u8>) {
        self.feed.write_body(self.indexes(number, plan.new.start).take(plan.elements), out);
    }

    fn indexes(&self, number: usize, new_start: usize) -> Indexes {
        Indexes {
            dice: Dice::new(&[self.mix.seed, number as u64]),
            repeated_percent: self.mix.repeated_percent,
            new_start,
            next: new_start,
        }
    }
}

#[cfg(test)]
mod tests;
