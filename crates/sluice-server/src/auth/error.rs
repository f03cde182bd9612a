//! Why credentials cannot be kept, changed or checked: one type for the command line, the first start and the daemon.
//!
//! No [`AuthError`] reaches a client. A client gets a `Cause`, which says nothing of files, nor which part of its
//! credentials was wrong; the log is told that (`refusal`).

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use sluice_model::InvalidValue;

/// Why credentials cannot be kept, changed or checked.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} is not an accounts file", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// There is no accounts file where one is expected.
    #[error("{} holds no accounts; name the daemon's data directory by --data-dir or --config", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// The file is longer than any accounts file may be.
    #[error("{} is longer than {bytes_max} bytes", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// How long it may be.
        bytes_max: u64,
    },
    /// The name is taken.
    #[error("the name {0} already exists")]
    AlreadyExists(String),
    /// There is nothing of this name.
    #[error("the name {0} does not exist")]
    NotFound(String),
    /// The name breaks the rule.
    #[error("a name has 1 to {bytes_max} bytes, no colon and no control characters")]
    BadName {
        /// How long it may be.
        bytes_max: usize,
    },
    /// The name of a tenant breaks the rule.
    #[error(transparent)]
    BadTenant(InvalidValue),
    /// Nobody would be left who may do everything.
    #[error(
        "{0} is the last administrator; add another one first: sluiced user add NAME --role administrator"
    )]
    LastAdministrator(String),
    /// A tenant manager who holds nothing may do nothing.
    #[error("a tenant manager holds a tenant or more; name each by --tenant, for example --tenant General")]
    NoTenant,
    /// There are too many already.
    #[error("there are {count_max} of them already, which is the limit")]
    TooMany {
        /// How many there may be.
        count_max: usize,
    },
    /// The password is empty or too long.
    #[error("a password has 1 to {bytes_max} bytes")]
    BadPassword {
        /// How long it may be.
        bytes_max: usize,
    },
    /// There is no randomness, or a hash on file is not one.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// The operating system refuses the thread that checks passwords.
    #[error("the password worker could not be started")]
    Thread(#[source] io::Error),
}

impl AuthError {
    /// The error of an `action` on a file, to stand in `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// What a cryptographic library says.
    pub(super) fn hash(cause: impl fmt::Display) -> Self {
        Self::Hash(cause.to_string())
    }
}
