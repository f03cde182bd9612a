//! Why a command came to nothing, and the exit codes: the only file that knows them.

use std::{fmt::Display, path::Path, process::ExitCode};

/// What `--help` and the man pages say of exit codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    all is done; lookup: something is detected
  1    push, delete: done, but rows were refused; lookup: nothing is detected
  2    the command line or the profile is wrong
  3    the daemon cannot be reached, or was busy for too long; the same command goes on later
  4    the credentials are wrong, or do not give this right
  5    the daemon refuses what is asked for
  6    a file cannot be read or written
  7    changes: the daemon does not remember that far back; the copy is to be made anew, by export
  130  interrupted; the same command goes on later";

/// Exit code of a command that did what it should, and has something to say of it.
const WITH_REMARKS: u8 = 1;

/// How a command that did what it should has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// All is done, or something was found.
    Well,
    /// Rows were refused, or nothing was found.
    WithRemarks,
}

/// Why a command did not do what it should.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line or the profile is wrong.
    #[error("{0}")]
    Usage(String),
    /// The daemon cannot be reached, or was busy for too long.
    #[error("{0}")]
    Unavailable(String),
    /// The credentials are wrong, or do not give the right.
    #[error("{0}")]
    Unauthorized(String),
    /// The daemon refuses the request.
    #[error("{0}")]
    Refused(String),
    /// A file cannot be read or written.
    #[error("{0}")]
    Local(String),
    /// What has changed since then is not known any more.
    #[error("{0}")]
    Gone(String),
    /// Somebody does not want to wait; with what follows from that.
    #[error("interrupted{0}")]
    Interrupted(&'static str),
}

impl Failure {
    /// A file that cannot be read or written.
    pub(crate) fn of_file(what: &str, path: &Path, error: &dyn Display) -> Self {
        Self::Local(format!("cannot {what} {}: {error}", path.display()))
    }

    /// The same of one of several files.
    pub(crate) fn of(self, file: &dyn Display) -> Self {
        match self {
            Self::Unavailable(text) => Self::Unavailable(format!("{file}: {text}")),
            Self::Refused(text) => Self::Refused(format!("{file}: {text}")),
            Self::Local(text) => Self::Local(format!("{file}: {text}")),
            other => other,
        }
    }

    /// Whether other files may fare better.
    pub(crate) fn is_of_one_file(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Local(_))
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Unavailable(_) => 3,
            Self::Unauthorized(_) => 4,
            Self::Refused(_) => 5,
            Self::Local(_) => 6,
            Self::Gone(_) => 7,
            Self::Interrupted(_) => 130,
        })
    }
}

impl Ended {
    /// The exit code.
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Well => ExitCode::SUCCESS,
            Self::WithRemarks => ExitCode::from(WITH_REMARKS),
        }
    }
}

/// An error with all its causes, of which some libraries print only the first.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> impl Display {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
