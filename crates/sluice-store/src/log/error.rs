//! What can go wrong with the log, by what the caller can do next.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the log did not take, keep or drop something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// No space, or no quota. The caller discards what is not synced and may go on.
    #[error("the disk of the log is full")]
    DiskFull,
    /// The operating system refused a write. The caller may discard what is not synced and go on.
    #[error("the log could not be written")]
    Write(#[source] io::Error),
    /// The operating system could not sync, so what is on the disk is unknown. Nothing more is written.
    #[error("the log could not be synced")]
    Sync(#[source] io::Error),
    /// An earlier sync failed.
    #[error("the log failed earlier")]
    Failed,
    /// The payload is over [`super::FRAME_BYTES_MAX`]; nothing was appended.
    #[error("a payload of {payload_bytes} bytes is over the limit of {}", super::FRAME_BYTES_MAX)]
    TooLong {
        /// Length of the refused payload.
        payload_bytes: usize,
    },
}

impl LogError {
    /// The error and its cause, for one line.
    pub(super) fn with_source(&self) -> String {
        match self {
            Self::Write(source) | Self::Sync(source) => format!("{self}: {source}"),
            Self::DiskFull | Self::Failed | Self::TooLong { .. } => self.to_string(),
        }
    }

    /// Sorts a failed write into those that end when space returns and the others.
    pub(super) fn from_write(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Write(source),
        }
    }
}

/// Why the log could not be read back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The operating system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Synced bytes are not what was written; going on would lose acknowledged data.
    #[error("{path} is damaged at log position {lsn}: {detail}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Position of the first thing that is wrong.
        lsn: u64,
        /// What is wrong and how many bytes are concerned.
        detail: String,
    },
}

impl ReplayError {
    /// Makes the adapter that puts an action and a file to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
