//! Which keys have changed since a commit, without what has become of them.
//!
//! In: the rows that flushes, merges and adopted runs see, and changes of the catalogue. Out: for readers, the keys that a
//! stretch of commits has touched, ascending, with an outline of their rows ([`outline`](sluice_model::row::outline)): whose holdings they
//! were and whether tags were set. What a row is now, a reader looks up in its snapshot. So it may be told something
//! twice, which does no harm, and never too little.
//!
//! | what changes | is found by |
//! |---|---|
//! | rows that are not in a run yet | the slices of the memtable, whose rows know their commits |
//! | flushed rows | a [`Batch`], written by the flush, numbered by the newest commit in it |
//! | a replacement that is a run of its own | a batch, written with the run |
//! | what a merge drops (expired, or of a supplier or tag that is gone) | a batch of the rows that lost something |
//! | all that a supplier holds, or all with a tag | the posting lists, for those in [`WideChanges`] |
//! | what has expired and lies there still | the posting lists, by the time |
//!
//! *Numbers.* What a reader may see is named by the number of the newest commit, so nothing may change under a number. What changes
//! beside commits (a run that is adopted, a merge that drops something) takes a number of its own from the log thread in the moment
//! in which it becomes visible. The manifest, which is written before, has it as [`UNNUMBERED`], and knows the last one that was given before; a start that finds no later number gives
//! it the one after that and after the newest commit. That is never too low.
//!
//! *Disk.* `history/N.rows` has batches one after the other, each blocks of sorted keys (`block`); `history/G.batches` is the list of
//! batches, records of a fixed length. The manifest says which list counts and how many records of it, after both are synced, so what an
//! unfinished step leaves is passed over. Files go as a whole, oldest first, when all in them is older than the store has to remember, or
//! too much; then commits up to the [`History::horizon`] are told no more. A history whose list is damaged, or that an older daemon did
//! not go on with, begins anew; whoever needs a file of which something could not be read begins anew too. Nothing that was acknowledged is in it alone.

mod batch;
mod block;
mod wide;
mod writer;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    batch::Batch,
    wide::WideChanges,
    writer::{HistoryOptions, HistoryWriter},
};

/// Stands for a number that is not given yet.
pub(crate) const UNNUMBERED: u64 = u64::MAX;

/// What readers of one state may ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Commits up to this number are told no more.
    pub(crate) horizon: u64,
    /// Oldest first: their numbers ascend.
    pub(crate) batches: Vec<Batch>,
}

impl History {
    /// Whether something has no number yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.horizon == UNNUMBERED || self.batches.last().is_some_and(|batch| batch.number == UNNUMBERED)
    }

    /// Gives a number to what has none.
    pub(crate) fn settle(&mut self, number: u64) {
        for batch in self.batches.iter_mut().rev().take_while(|batch| batch.number == UNNUMBERED) {
            batch.number = number;
        }
        if self.horizon == UNNUMBERED {
            self.horizon = number;
        }
    }
}

/// What the manifest says of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryRecord {
    /// Which list of batches counts; 0 if there is none yet.
    list: u32,
    /// How many of its records.
    batches: u32,
    horizon: u64,
    /// The last number that was given beside commits; the one that is given next is not in the log either.
    #[serde(default)]
    pub(crate) numbered: u64,
    /// As of the last commit in the runs.
    #[serde(default, skip_serializing_if = "WideChanges::is_empty")]
    pub(crate) wide: WideChanges,
}

impl HistoryRecord {
    /// Gives a number to what has none.
    pub(crate) fn settle(&mut self, number: u64) {
        self.numbered = number;
        if self.horizon == UNNUMBERED {
            self.horizon = number;
        }
        self.wide.settle(number);
    }
}

#[cfg(test)]
mod tests;
