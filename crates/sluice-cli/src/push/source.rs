//! What is to be sent: a file, a pipe or standard input, and what its first bytes tell of it.
//!
//! In: a path. Out: its identity, by which a later command knows that it is the same file, and its [`Nature`]: whether it is packed,
//! and whether it may be cut between two lines.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::{arguments::Format, failure::Failure};

/// The path that stands for standard input.
const STDIN: &str = "-";
/// Bytes at the start of a file by which it is known, and its nature told.
pub(super) const START_BYTES: usize = 64 << 10;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) struct Source {
    path: PathBuf,
    /// Of a file that can be read again.
    identity: Option<Identity>,
}

/// By what a file is known.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    path: PathBuf,
    pub(super) bytes: u64,
    modified_seconds: i64,
    modified_nanoseconds: i64,
    /// Of the first [`START_BYTES`].
    start_hash: u64,
}

/// What the content of a source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Nature {
    /// The `Content-Encoding` that it is packed with.
    pub(super) packing: Option<&'static str>,
    /// What the daemon is told of the format.
    pub(super) format: Format,
    /// Whether a row ends where a line does, and needs nothing of the lines before.
    pub(super) is_of_lines: bool,
}

impl Source {
    /// Looks at what is at a path.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when it cannot be read.
    pub(super) fn look_at(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error| Failure::of_file("read", path, &error);
        if path == Path::new(STDIN) {
            return Ok(Self { path: path.to_owned(), identity: None });
        }
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        // A pipe has nothing that could be read twice.
        if !metadata.is_file() {
            return Ok(Self { path: path.to_owned(), identity: None });
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let identity = Identity {
            path: fs::canonicalize(path).map_err(unreadable)?,
            bytes: metadata.len(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
            start_hash: xxh3_64(&read_start(&mut file).map_err(unreadable)?),
        };
        Ok(Self { path: path.to_owned(), identity: Some(identity) })
    }

    /// Whether it is what it was when it was looked at.
    pub(super) fn is_unchanged(&self) -> bool {
        self.identity.is_none() || Self::look_at(&self.path).is_ok_and(|now| now.identity == self.identity)
    }

    /// Its name, as it was given.
    pub(super) fn name(&self) -> String {
        if self.is_stdin() { "standard input".to_owned() } else { self.path.display().to_string() }
    }

    /// By what it is known; `None` of what can be read once only.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whether it is standard input.
    pub(super) fn is_stdin(&self) -> bool {
        self.path == Path::new(STDIN)
    }

    /// Where it is, without links and dots; `None` of what is not in a file.
    pub(super) fn canonical_path(&self) -> Option<&Path> {
        self.identity.as_ref().map(|identity| identity.path.as_path())
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Any of the system's.
    pub(super) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Opens anything, to be read once.
    ///
    /// # Errors
    ///
    /// Any of the system's.
    pub(super) fn open_once(&self) -> io::Result<File> {
        if self.is_stdin() { Ok(io::stdin().as_fd().try_clone_to_owned()?.into()) } else { self.open() }
    }
}

/// Reads the start of something: [`START_BYTES`], unless it ends before.
///
/// # Errors
///
/// Any of the system's.
pub(super) fn read_start(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input.take(START_BYTES as u64).read_to_end(&mut start)?;
    Ok(start)
}

impl Nature {
    /// Tells by the start of a content, and by what is said of its format.
    pub(super) fn of(start: &[u8], format: Format) -> Self {
        let packing = if start.starts_with(GZIP_MAGIC) {
            Some("gzip")
        } else if start.starts_with(ZSTD_MAGIC) {
            Some("zstd")
        } else {
            None
        };
        if packing.is_some() {
            return Self { packing, format, is_of_lines: false };
        }
        let format = if format == Format::Auto && begins_with_row(start) { Format::Ndjson } else { format };
        Self { packing, format, is_of_lines: matches!(format, Format::Ndjson | Format::Lines) }
    }
}

/// Whether the first line is a row of NDJSON by itself. What else begins with an object may be a document over many lines.
fn begins_with_row(start: &[u8]) -> bool {
    let start = start.strip_prefix(BOM).unwrap_or(start);
    let mut lines = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty()).unwrap_or(b"");
    let row: Option<Value> = serde_json::from_slice(first).ok();
    row.is_some_and(|row| row.get("indicator").is_some())
}

#[cfg(test)]
mod tests;
