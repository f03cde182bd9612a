//! What can go wrong in the store, by what the caller can do next.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

/// Why a write was not made durable. Nothing of it is stored, except after [`WriteError::Failed`], where it is
/// stored wholly or not at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full or below its reserve. Writes resume by themselves when space returns.
    #[error("the disk has less free space than the reserve")]
    DiskFull,
    /// Merging lags behind; come back later.
    #[error("the store is catching up with earlier writes")]
    Busy {
        /// Seconds after which the debt should be gone.
        retry_after_seconds: u32,
    },
    /// The supplier that the write is for was removed before the write was committed.
    #[error("the supplier does not exist any more")]
    NoSupplier,
    /// The log could not be written or synced. The store takes no more writes; the process must end.
    #[error("the log failed")]
    Failed,
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}

/// Why a catalogue change was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// The new name is taken.
    #[error("the name already exists")]
    AlreadyExists,
    /// There is no such supplier, tag or tenant.
    #[error("the name does not exist")]
    NotFound,
    /// Built-in suppliers cannot be changed or removed.
    #[error("a built-in supplier cannot be changed or removed")]
    BuiltIn,
    /// The number of suppliers, tags or tenants is at its limit.
    #[error("there are {count_max} of them already, which is the limit")]
    TooMany {
        /// The limit.
        count_max: usize,
    },
    /// Names are changed from the tenant General, for all tenants at once.
    #[error("a supplier is renamed through the tenant General")]
    RenameInTenant,
    /// The change is valid but was not made durable.
    #[error("the change could not be stored")]
    Write(#[source] WriteError),
}

/// Why a read gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// A block or index fails its checksum or cannot be read.
    #[error("part {part} piece {piece} is damaged or unreadable: {detail}")]
    Damaged {
        /// Part of a run.
        part: u32,
        /// First piece of the block within it.
        piece: u32,
        /// What failed.
        detail: String,
    },
    /// What is found takes more memory than the read may have, or more bytes than it can count.
    #[error("more than 4 GiB of rows or contexts were to be read at once")]
    TooLong,
    /// What is to be read is not in memory, and the reader may not wait for the disk.
    #[error("what was to be read is not in memory")]
    NotAtHand,
}

impl ReadError {
    /// Reports damage in a part, or in the stored table of the same number.
    pub(crate) fn damaged(part: u32, piece: u32, detail: impl Display) -> Self {
        Self::Damaged { part, piece, detail: detail.to_string() }
    }

    /// Makes the adapter that puts a part and a piece to what is wrong with them.
    pub(crate) fn damage<D: Display>(part: u32, piece: u32) -> impl FnOnce(D) -> Self {
        move |detail| Self::damaged(part, piece, detail)
    }
}

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the data directory.
    #[error(
        "another process works on the data directory {}; stop that one first, or name a directory of its own for this one",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The operating system refused. A start takes nothing away before everything is read.
    #[error("cannot {action} {path}; nothing that was acknowledged is lost")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The data is whole and of a format that only earlier versions read.
    #[error(
        "{} is of the older data format {format}, and this version reads none before {oldest}. Nothing was changed. No \
         version converts it; to begin anew with the same accounts, move it aside: cd {} && mkdir format-{format} && mv \
         MANIFEST log trees format-{format}. Then start, create the suppliers and tags and push the feeds again",
        path.display(), dir_of(path).display()
    )]
    Older {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The oldest that this version reads.
        oldest: u32,
    },
    /// The data is whole and of a format that only later versions read.
    #[error(
        "{} is of the newer data format {format}, written by {version}, and this version reads none after {newest}. Nothing was \
         changed. Start {version} again, or restore a snapshot from before the upgrade into an empty directory: sluiced \
         restore URL --at TIME DIR",
        path.display()
    )]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The format of this version.
        newest: u32,
        /// Who wrote it.
        version: String,
    },
    /// Something on disk is damaged, and acknowledged data would be lost by going on.
    #[error(
        "{path} is damaged: {detail}. Nothing was changed. Going on would lose acknowledged data: restore the data \
         directory from a backup, or move it away, start with an empty one and push everything again"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and how much is concerned.
        detail: String,
    },
}

fn dir_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

impl OpenError {
    /// Makes the adapter that puts an action and a file to an I/O error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Makes the adapter that puts a file to what is wrong with it.
    pub(crate) fn damaged<E: Display>(path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::Damaged { path: path.to_owned(), detail: error.to_string() }
    }
}

/// Why the trees failed. Always final: the store takes no more writes and the process must end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeError {
    /// sled cannot make sense of its files.
    #[error("{detail}")]
    Unreadable {
        /// In our words.
        detail: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The log thread ended before the checkpoint did.
    #[error("the log thread has ended")]
    LogEnded,
    /// The parts thread ended before the part did.
    #[error("the parts thread has ended")]
    PartsEnded,
    /// Stored rows could not be read back.
    #[error("{0}")]
    Read(ReadError),
}

impl TreeError {
    /// Makes the adapter that names the failed action.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
