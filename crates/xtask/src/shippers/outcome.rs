//! What a client believes of its documents, against what the daemon holds.
//!
//! In: documents, some of which are refused wherever they go; what the client told of each; which ones are stored, and which
//! refused ones are in batches. Out: a line of the table, or what was lost or not said.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// Numbers of documents.
pub(super) type Numbers = BTreeSet<usize>;

/// What a client told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Told {
    /// It takes them for stored.
    pub(super) acknowledged: Numbers,
    /// Refused by a status of the item.
    pub(super) refused: Numbers,
    /// Given up, with an error.
    pub(super) failed: Numbers,
    /// The last error that its helper threw.
    #[serde(default)]
    pub(super) thrown: Option<String>,
}

/// What became of the documents.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// All numbers are below.
    pub(super) count: usize,
    /// Those that are refused.
    pub(super) bad: Numbers,
    /// Those that are stored.
    pub(super) stored: Numbers,
    /// Those that are in batches.
    pub(super) kept: Numbers,
}

impl Found {
    /// Fails unless everything acknowledged is there and everything refused was said, by the client or by a batch.
    ///
    /// # Errors
    ///
    /// What is not so.
    pub(super) fn check(&self, told: &Told, is_fault_free: bool) -> Result<String> {
        let Told { acknowledged, refused, failed, thrown } = told;
        let is_there = |number: &usize| self.stored.contains(number) || self.kept.contains(number);
        let lost: Numbers = acknowledged.iter().copied().filter(|number| !is_there(number)).collect();
        ensure!(lost.is_empty(), "acknowledged and not there: {lost:?}");
        let said: Numbers = [acknowledged, refused, failed].into_iter().flatten().copied().collect();
        let unsaid: Numbers = (0..self.count).filter(|number| !said.contains(number)).collect();
        ensure!(unsaid.is_empty(), "nothing was said of {unsaid:?}");
        let wronged: Numbers = refused.difference(&self.bad).copied().collect();
        ensure!(wronged.is_empty(), "refused for no reason: {wronged:?}");
        let taken: Numbers = self.bad.intersection(&self.stored).copied().collect();
        ensure!(taken.is_empty(), "stored and bad: {taken:?}");
        let is_given_up = !failed.is_empty() || thrown.is_some();
        ensure!(!(is_fault_free && is_given_up), "given up without a reason: {failed:?}, {thrown:?}");
        let thrown = thrown.as_ref().map_or(String::new(), |thrown| format!("; threw {thrown}"));
        let kept = match self.kept.len() {
            0 => String::new(),
            kept => format!(", {kept} in batches"),
        };
        let [acknowledged, refused, failed] = [acknowledged, refused, failed].map(Numbers::len);
        Ok(format!("{acknowledged} acknowledged, {refused} refused, {failed} given up{kept}{thrown}"))
    }
}

#[cfg(test)]
mod tests;
