//! Room that is kept for the next start: sled does not open without writing, and a disk may be full.
//!
//! In: a data directory, and how large its trees are. Out: the file `SPARE`, blocks without content. A start, or whoever
//! opens the trees, gives the room up before anything is written, whatever the disk has: so the way of a full disk is that
//! of every start. Once the trees are open, what is left of the room is taken back at once, and the rest when the disk has it.
//!
//! Nothing refers to the file, so it may be missing, shorter or longer at any time: a kill between two steps costs the
//! room until the next one, and only if somebody else fills the disk just then.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, OFlags, fallocate},
    io::Errno,
};

use crate::error::OpenError;

/// The file.
pub(crate) const SPARE_FILE: &str = "SPARE";
/// What a start wants, however small the trees are: a segment of sled, its table of pages, a segment of the log; some times
/// over.
const BASE_BYTES: u64 = 8 << 20;
/// What it wants of trees of so many bytes is one byte: sled writes its table of pages anew.
const TREES_BYTES_PER_BYTE: u64 = 256;
/// Bytes that are taken at once: of a disk that is nearly full, all but less than this.
const STEP_BYTES: u64 = 256 << 10;

/// The room of a data directory. Dropped while it is given up, it is taken back.
#[derive(Debug)]
pub(crate) struct SpareRoom {
    path: PathBuf,
    held_bytes: u64,
    /// What was held before it was given up.
    given_up_bytes: u64,
    /// Whether the file system can reserve blocks, as far as is known.
    can_hold: bool,
}

impl SpareRoom {
    /// Gives up the room of a directory that is locked, for whoever writes there next.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] when the file cannot be removed.
    pub(crate) fn give_up(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(SPARE_FILE);
        let given_up_bytes = match fs::symlink_metadata(&path) {
            Ok(metadata) => {
                fs::remove_file(&path).map_err(OpenError::io("remove", &path))?;
                // Some file systems give blocks away only once the removal is on the disk.
                File::open(data_dir)
                    .and_then(|dir| dir.sync_all())
                    .map_err(OpenError::io("sync", data_dir))?;
                metadata.len()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(OpenError::Io { action: "look at", path, source }),
        };
        Ok(Self { path, held_bytes: 0, given_up_bytes, can_hold: true })
    }

    /// Takes back what was given up, or as much of it as there still is.
    pub(crate) fn take_back(&mut self) {
        let given_up_bytes = std::mem::take(&mut self.given_up_bytes);
        self.take(given_up_bytes);
    }

    /// Takes what trees of so many bytes want if the disk, with `free_bytes`, has it twice. Costs nothing while it is held.
    pub(crate) fn keep_for(&mut self, trees_bytes: u64, free_bytes: u64) {
        let wanted_bytes = wanted_bytes(trees_bytes);
        let missing_bytes = wanted_bytes.saturating_sub(self.held_bytes);
        if STEP_BYTES <= missing_bytes && missing_bytes.saturating_mul(2) <= free_bytes {
            self.take(wanted_bytes);
        }
    }

    /// Takes as much as there is, until so many bytes are held.
    fn take(&mut self, wanted_bytes: u64) {
        if !self.can_hold || wanted_bytes <= self.held_bytes {
            return;
        }
        if let Err(error) = self.try_take(wanted_bytes) {
            let (held_bytes, path) = (self.held_bytes, self.path.display());
            if matches!(error, Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) {
                self.can_hold = false;
                tracing::info!(%path, %error, "no room can be kept here: on a full disk the next start may fail");
            } else {
                tracing::debug!(%path, %error, held_bytes, wanted_bytes, "not all room is kept for the next start");
            }
        }
    }

    fn try_take(&mut self, wanted_bytes: u64) -> Result<(), Errno> {
        let mut options = OpenOptions::new();
        // No link of somebody else's: whoever opens the trees may be root.
        options.create(true).truncate(false).write(true).mode(0o600);
        let opened = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&self.path);
        let file = opened.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        while self.held_bytes < wanted_bytes {
            let step_bytes = STEP_BYTES.min(wanted_bytes - self.held_bytes);
            fallocate(&file, FallocateFlags::empty(), self.held_bytes, step_bytes)?;
            self.held_bytes += step_bytes;
        }
        Ok(())
    }
}

impl Drop for SpareRoom {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// What a start wants with trees of so many bytes.
fn wanted_bytes(trees_bytes: u64) -> u64 {
    BASE_BYTES + trees_bytes / TREES_BYTES_PER_BYTE
}

#[cfg(test)]
mod tests;
