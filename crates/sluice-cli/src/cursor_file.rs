//! A file with a cursor: how far a copy of what is stored has come.
//!
//! In: the cursor of an export, then of each answer of changes. Out: the last one. It is written over in its place, which takes no more of the
//! disk, and a text that was not written to its end is none, by its checksum. Two commands that kept one copy would each leave out
//! what the other was told, so the file is locked while one of them runs.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use sluice_model::cursor::Cursor;

use crate::failure::Failure;

/// See the module.
pub(crate) struct CursorFile {
    path: PathBuf,
    file: File,
}

impl CursorFile {
    /// Opens a file that has a cursor.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it has none, [`Failure::Local`] if it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<(Self, Cursor), Failure> {
        let none = |what: &str| {
            let path = path.display();
            Failure::Usage(format!("{path} {what}: `sluice export --cursor-file {path}` begins a copy"))
        };
        let opened = match File::options().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none("is not there")),
            opened => opened,
        };
        let mut kept = Self::locked(path, opened)?;
        let mut text = Vec::new();
        kept.file.read_to_end(&mut text).map_err(|error| Failure::of_file("read", path, &error))?;
        let cursor = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
        Ok((kept, cursor.ok_or_else(|| none("has no cursor"))?))
    }

    /// Opens a file that is to have one; what is in it stays until then.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`].
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Self::locked(path, File::options().read(true).write(true).create(true).truncate(false).open(path))
    }

    fn locked(path: &Path, opened: io::Result<File>) -> Result<Self, Failure> {
        let file = opened.map_err(|error| Failure::of_file("open", path, &error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Failure::Local(format!("another command goes on with {}", path.display())));
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Puts a cursor in the place of the one before.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`].
    pub(crate) fn write(&self, cursor: Cursor) -> Result<(), Failure> {
        let text = format!("{cursor}\n");
        let written = self.file.write_all_at(text.as_bytes(), 0).and_then(|()| {
            self.file.set_len(text.len() as u64)?;
            self.file.sync_all()
        });
        written.map_err(|error| Failure::of_file("write", &self.path, &error))
    }
}
