//! The lock of a data directory: one process at a time works on it.
//!
//! In: a directory, created when missing. Out: a lock that lasts until its last clone is dropped or the process ends,
//! however it ends. A process that was killed a moment ago may still hold it, and so may one that the holder was about to
//! start, so a short time is waited.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::error::OpenError;

/// The file that is locked.
pub(crate) const LOCK_FILE: &str = "LOCK";
/// How long a process that was killed may take to let go of the directory.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often the lock is tried meanwhile.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Clone, Debug)]
pub struct DirLock {
    _file: Arc<File>,
}

impl DirLock {
    /// Locks a directory. Blocking, for 2 s at most.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] when another process holds it, [`OpenError::Io`] when the directory cannot be used.
    pub fn take(data_dir: &Path) -> Result<Self, OpenError> {
        create_dir(data_dir).map_err(OpenError::io("create", data_dir))?;
        let path = data_dir.join(LOCK_FILE);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.map_err(OpenError::io("open", &path))?;
        let give_up = Instant::now() + LOCK_WAIT;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: Arc::new(file) }),
                Err(Errno::WOULDBLOCK) if Instant::now() < give_up => thread::sleep(LOCK_INTERVAL),
                Err(Errno::WOULDBLOCK) => return Err(OpenError::Locked { path: data_dir.to_owned() }),
                Err(error) => return Err(OpenError::Io { action: "lock", path, source: error.into() }),
            }
        }
    }

    /// Returns true if a process works on a directory. Nobody is kept from it but for a moment.
    pub fn is_taken(data_dir: &Path) -> bool {
        let Ok(file) = File::open(data_dir.join(LOCK_FILE)) else { return false };
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    }
}

/// Creates a directory for its owner alone, durably.
///
/// # Errors
///
/// When it cannot be created.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}
