//! What a feed is compared for, and what comes of it.

use std::io;

use crate::error::{ReadError, WriteError};

/// What a feed is compared for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeedMode {
    /// The supplier is to hold its rows beside those that it holds.
    Upsert,
    /// The supplier is to hold its rows and nothing else.
    Replace,
}

/// What a feed changes of the indicators that a supplier holds. Expired ones do not count as held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Those that it does not hold yet.
    pub added: u64,
    /// Those that it holds with another context or other tags.
    pub changed: u64,
    /// Those that it holds as they are.
    pub unchanged: u64,
    /// Those that it holds and the feed does not have.
    pub removed: u64,
}

impl Changes {
    /// Returns true if more than so many per cent of what is held would be removed.
    pub fn removes_over(&self, percent: u8) -> bool {
        let held = self.changed + self.unchanged + self.removed;
        u128::from(held) * u128::from(percent) < u128::from(self.removed) * 100
    }
}

/// Why a supplier was not replaced. Nothing is changed then, except after [`WriteError::Failed`], where it is replaced
/// wholly or not at all.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The store does not take it.
    #[error("the feed was not taken")]
    Write(#[source] WriteError),
    /// What the supplier holds cannot be read.
    #[error("what is stored could not be read")]
    Read(#[source] ReadError),
    /// The files that hold the feed meanwhile cannot be written.
    #[error("the feed could not be spooled")]
    Spool(#[source] io::Error),
    /// Nobody wants it any more.
    #[error("nobody waits for it any more")]
    Unwanted,
    /// It would remove too much. What the clock of the day alone takes for expired counts as held here.
    #[error("the feed would remove too much")]
    Shrinks(Changes),
}

impl From<ReadError> for ReplaceError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for ReplaceError {
    fn from(error: io::Error) -> Self {
        // A full disk is no fault of the spool.
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::Write(WriteError::DiskFull)
        } else {
            Self::Spool(error)
        }
    }
}
