//! A snapshot to a data directory.
//!
//! In: the manifest of a pinned checkpoint and the bytes of its objects. Out: a directory that a daemon opens as if it
//! had been stopped at that checkpoint. The manifest is written last, after everything was read back, so a restore that
//! did not finish is never taken for a store: a file says so until then, and the next restore begins anew. Blocking.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    digest::ObjectDigest,
    dir_lock::{DirLock, LOCK_FILE, create_dir},
    error::OpenError,
    log::LogWriter,
    manifest::{DATA_FORMAT, Manifest, OLDEST_FORMAT},
    recovery::RESTORING,
    snapshot::{BlockPlace, ObjectReader},
    spare_room::SPARE_FILE,
    trees::{Trees, put_pieces},
    verify::{Verified, verify_trees},
};

/// What a restore makes, and a daemon that was started before the restore had finished.
const MADE: [&str; 7] =
    ["MANIFEST", "trees", "log", "MANIFEST.new", "accounts.json", "admin-password", SPARE_FILE];

/// What an empty directory may have in it: the lock, and what a fresh file system brings.
const IN_EMPTY: [&str; 2] = [LOCK_FILE, "lost+found"];

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Something is in the directory that a restore did not leave there.
    #[error("{} is not empty; a restore wants an empty directory, or one that does not exist", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be used.
    #[error("the directory cannot be used")]
    Open(#[source] OpenError),
    /// Another version took the snapshot, which alone can restore it.
    #[error(
        "the snapshot is of the data format {format}, and this version reads {OLDEST_FORMAT} to {DATA_FORMAT}: restore it with the version \
         that took it"
    )]
    OtherFormat {
        /// That of the snapshot.
        format: u32,
    },
    /// The manifest or an object is not what was taken into the snapshot.
    #[error("{0}")]
    Damaged(String),
}

/// A restore under way. Dropped without [`Restore::finish`], it leaves a directory that no daemon opens.
pub struct Restore {
    dir: PathBuf,
    trees: Trees,
    manifest: Manifest,
    _lock: DirLock,
}

/// An object that arrives.
pub struct RestoredObject<'a> {
    trees: &'a Trees,
    reader: ObjectReader,
}

impl Restore {
    /// Begins in `dir`, which must be empty, or missing, or left by a restore that did not finish.
    ///
    /// # Errors
    ///
    /// By variant of [`RestoreError`].
    pub fn begin(dir: &Path, manifest: &str) -> Result<Self, RestoreError> {
        let manifest = Manifest::from_text(manifest, Path::new("the snapshot's manifest"));
        let manifest = manifest.map_err(|error| match error {
            OpenError::Older { format, .. } | OpenError::Newer { format, .. } => {
                RestoreError::OtherFormat { format }
            }
            error => RestoreError::Open(error),
        })?;
        let (lock, trees) = prepare(dir).map_err(|error| match error {
            OpenError::Io { source, .. } if source.kind() == io::ErrorKind::DirectoryNotEmpty => {
                RestoreError::NotEmpty { dir: dir.to_owned() }
            }
            error => RestoreError::Open(error),
        })?;
        Ok(Self { dir: dir.to_owned(), trees, manifest, _lock: lock })
    }

    /// Expects the bytes of an object.
    pub fn object(&self) -> RestoredObject<'_> {
        RestoredObject { trees: &self.trees, reader: ObjectReader::new() }
    }

    /// Makes durable what came, reads all of it, and makes a data directory of it. `progress` is told how many stored
    /// bytes were read back, and of how many.
    ///
    /// # Errors
    ///
    /// [`RestoreError::Damaged`] when something that the manifest names did not come or cannot be read back; or
    /// [`RestoreError::Open`].
    pub fn finish(self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, RestoreError> {
        let Self { dir, trees, manifest, _lock } = self;
        let at_dir = |source| RestoreError::Open(OpenError::io("write", &dir)(source));
        trees.sync().map_err(|error| at_dir(io::Error::other(error.to_string())))?;
        // Read back from the files, not from what the engine has in memory.
        drop(trees);
        let trees = Trees::open(&dir.join("trees")).map_err(RestoreError::Open)?;
        let mut verified = Verified { sequence: manifest.sequence, ..Verified::default() };
        verify_trees(&trees, &manifest, &mut verified, progress);
        if let Some(damage) = verified.damages.first() {
            let count = verified.damages_count;
            let (place, detail) = (&damage.place, &damage.detail);
            return Err(RestoreError::Damaged(format!(
                "{count} things cannot be read back, first {place}: {detail}"
            )));
        }
        drop(trees);
        let log_dir = dir.join("log");
        create_dir(&log_dir).map_err(at_dir)?;
        let log = LogWriter::create(&log_dir, manifest.log_lsn);
        drop(log.map_err(|error| at_dir(io::Error::other(error)))?);
        manifest.write(&dir).map_err(at_dir)?;
        fs::remove_file(dir.join(RESTORING)).map_err(at_dir)?;
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(at_dir)?;
        Ok(verified)
    }
}

impl RestoredObject<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`RestoreError::Damaged`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let trees = self.trees;
        let put = |place: &BlockPlace, stored: &[u8]| match put_pieces(
            place.tree.of(trees),
            &place.prefix(),
            place.from,
            stored,
        ) {
            Ok(pieces) if pieces == place.pieces => Ok(()),
            Ok(_) => Err("a block has another number of pieces".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        self.reader.take(bytes, put).map_err(RestoreError::Damaged)
    }

    /// Length and checksum of all that was taken.
    ///
    /// # Errors
    ///
    /// [`RestoreError::Damaged`] when the end has not come.
    pub fn finish(self) -> Result<ObjectDigest, RestoreError> {
        self.reader.finish().map_err(RestoreError::Damaged)
    }
}

/// Locks the directory, says that a restore is under way, removes what another one left, and opens empty trees.
fn prepare(dir: &Path) -> Result<(DirLock, Trees), OpenError> {
    create_dir(dir).map_err(OpenError::io("create", dir))?;
    // Once before anything is made in a directory that is not ours, and once when nobody else changes it.
    check_is_free(dir)?;
    let lock = DirLock::take(dir)?;
    check_is_free(dir)?;
    let marker = dir.join(RESTORING);
    let text = "A restore into this directory did not finish. Repeat it, or remove the directory.\n";
    fs::write(&marker, text).map_err(OpenError::io("write", &marker))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(OpenError::io("sync", dir))?;
    for name in MADE {
        let path = dir.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::io("remove", &path)(error));
            }
            _ => {}
        }
    }
    let trees = Trees::open(&dir.join("trees"))?;
    Ok((lock, trees))
}

/// Refuses a directory with anything in it, unless a restore left it there.
fn check_is_free(dir: &Path) -> Result<(), OpenError> {
    if dir.join(RESTORING).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(dir).map_err(OpenError::io("read", dir))? {
        let name = entry.map_err(OpenError::io("read", dir))?.file_name();
        if !IN_EMPTY.iter().any(|in_empty| name == *in_empty) {
            return Err(OpenError::io("use", dir)(io::ErrorKind::DirectoryNotEmpty.into()));
        }
    }
    Ok(())
}
