//! What an oracle's run came to, as it is printed.
//!
//! In: counts, and differences as they are met. Out: a text, the first differences in full.

use std::fmt;

/// What was compared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OracleSummary {
    /// What it was drawn from.
    pub seed: u64,
    /// Objects looked up.
    pub lookups: u64,
    /// Of these, the ones that were to be detected.
    pub hits: u64,
    /// Of the others, the ones that were to be found but for a false positive.
    pub silenced: u64,
    /// Objects that were looked up with an explanation.
    pub explained: u64,
    /// Indicators that these told and that did not count.
    pub passed_over: u64,
    /// Elements sent by PUT and DELETE.
    pub elements: u64,
    /// Of these, the ones that were to be refused.
    pub refusals: u64,
    /// Of these, the ones that were refused with another reason, where the contract leaves open with which.
    pub open_reasons: u64,
    /// Elements and objects about which the daemon and the oracle differ.
    pub differences: u64,
    /// The first of them, in full.
    pub first: Vec<String>,
    /// Time of everything.
    pub elapsed_ms: u128,
}

/// Differences that are told in full.
const TOLD_MAX: usize = 10;

impl OracleSummary {
    /// Counts a difference, and keeps it while there are few.
    pub(super) fn differ(&mut self, difference: String) {
        self.differences += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push(difference);
        }
    }
}

impl fmt::Display for OracleSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            lookups,
            hits,
            silenced,
            explained,
            passed_over,
            elements,
            refusals,
            open_reasons,
            differences,
            first,
            elapsed_ms,
        } = self;
        for difference in first {
            writeln!(formatter, "{difference}")?;
        }
        write!(
            formatter,
            "seed {seed}: {lookups} lookups ({hits} hits, {silenced} silenced), {explained} explained ({passed_over} passed over), {elements} elements of PUT and DELETE \
             ({refusals} refusals, {open_reasons} with another reason where it is open) in {elapsed_ms} ms: \
             {differences} differences"
        )
    }
}
