//! How a command copies the store of a running daemon: over a socket in the data directory that only the daemon's user
//! and root can open.
//!
//! The daemon holds the store, so only it can read it; the command knows where the copy goes, and may write there. So the
//! daemon pins a checkpoint and hands out objects (`serving`), and the command asks for those that it does not have yet.
//! The pin lasts as long as the connection, and there is one at a time (`listener`). When no daemon runs, a command opens
//! the store and serves itself. Snapshots by the clock are the same command, run by the daemon (`schedule`).
//!
//! A request and a reply are a line of JSON each. The bytes of an object follow the reply to [`SnapshotRequest::Read`].

mod child;
pub(crate) mod listener;
pub(crate) mod schedule;
pub mod serving;

use std::{
    fs::File,
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use sluice_store::{ObjectDigest, ObjectId};

#[cfg(test)]
mod tests;

/// Raised when commands and daemons of different builds cannot talk to each other.
pub const VERSION: u32 = 1;

/// Name of the socket.
const SOCKET: &str = "control.sock";
/// Longest path that sockets have on all systems.
const SOCKET_PATH_BYTES_MAX: usize = 100;
/// What stands before the name of the newest snapshot in a line that the command prints for the daemon.
pub const NEWEST: &str = "newest ";
/// What stands after the name of a snapshot in the line that tells that it was taken.
pub const TAKEN: &str = " taken: ";
/// Letters of a time in the name of a snapshot: `20261128T160102Z`.
pub const TIME_LENGTH: usize = 16;
/// Digits of the number of a commit in it.
pub const SEQUENCE_LENGTH: usize = 20;

/// What a command wants. The first request is [`SnapshotRequest::Pin`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotRequest {
    /// Pin a checkpoint; the number is the command's [`VERSION`].
    Pin(u32),
    /// Tell length and checksum of an object.
    Digest(ObjectId),
    /// The same, and then the bytes themselves.
    Read(ObjectId),
}

/// What the daemon answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotReply {
    /// What is pinned.
    Pinned {
        /// The manifest.
        manifest: String,
        /// Number of the last commit in it.
        sequence: u64,
        /// What the manifest names.
        objects: Vec<ObjectId>,
    },
    /// Length and checksum of an object.
    Digest(ObjectDigest),
    /// Nothing comes of it; the sentence says why.
    Refused(String),
}

/// Path of the socket.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET)
}

/// When a snapshot of this name was taken: `20261128T160102Z-...` at 2026-11-28T16:01:02Z; `None` for what is no name of a
/// snapshot.
pub fn taken_at(name: &str) -> Option<SystemTime> {
    let (time, sequence) = name.split_once('-')?;
    let is_sequence = sequence.len() == SEQUENCE_LENGTH && sequence.bytes().all(|byte| byte.is_ascii_digit());
    if !is_sequence || time.len() != TIME_LENGTH {
        return None;
    }
    let part = |from: usize, to: usize| time.get(from..to);
    let (year, month, day_and_hour) = (part(0, 4)?, part(4, 6)?, part(6, 11)?);
    let (minute, second) = (part(11, 13)?, part(13, TIME_LENGTH)?);
    humantime::parse_rfc3339(&format!("{year}-{month}-{day_and_hour}:{minute}:{second}")).ok()
}

/// Binds or connects the socket with `reach`, which is given a path that is short enough for the operating system, however
/// long that of the directory is.
///
/// # Errors
///
/// What `reach` says, or why the directory cannot be opened.
pub fn reach_socket<T>(data_dir: &Path, reach: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = socket_path(data_dir);
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return reach(&path);
    }
    let dir = File::open(data_dir)?;
    reach(&Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(SOCKET))
}
