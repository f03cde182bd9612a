//! The oracle: a slow, plain reading of the contract, against which a real daemon is held.
//!
//! In: the daemon's binary, a number of lookups and a seed. Out: a summary with the first differences in full. Round by
//! round, random feeds go into a fresh set of values by PUT and DELETE, and random objects are looked up; each refusal and
//! each answer is compared, also that of a lookup that explains itself. `reading` and `matching` are written from sections 9 and 10 of the contract and share no code with
//! the product, so that the two can only agree by both being right, or both wrong in the same way. Sizes are small and
//! everything is tried against everything: an oracle has no filters, keys or candidates that could be wrong.

mod addresses;
mod aged;
mod answers;
mod asking;
mod draw;
mod explaining;
mod matching;
mod names;
mod paths;
mod reading;
mod refanging;
mod rounds;
mod summary;
#[cfg(test)]
mod tests;
mod value;
mod world;

use std::{path::Path, time::Instant};

use self::reading::Spelling;
pub use self::summary::OracleSummary;

/// Compares the answers to at least so many lookups.
pub fn run(binary: &Path, lookups: u64, seed: u64) -> OracleSummary {
    println!("seed {seed}");
    let started = Instant::now();
    let mut summary = OracleSummary { seed, ..OracleSummary::default() };
    rounds::run(binary, lookups, &mut summary);
    summary.elapsed_ms = started.elapsed().as_millis();
    summary
}

/// The text that a value of a feed is stored as; `None` when it is refused.
pub fn normal_form(value: &str) -> Option<String> {
    let reading = reading::read(value, Spelling::AsSent).ok()?;
    Some(reading::text_of(&reading.value))
}
