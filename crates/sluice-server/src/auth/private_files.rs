//! Files and directories that only the daemon's own user can read.
//!
//! In: a path in the data directory. Out: a directory of mode 0700 and files of mode 0600, replaced as a whole and
//! durably. When root works on the data directory of another user, the files belong to the owner of the directory, so
//! that the daemon can read them. No symbolic link to a file is followed: the owner of the directory may be less
//! trusted than root. Blocking.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown},
    path::Path,
};

use rustix::{
    fs::{Gid, OFlags, Uid},
    process::geteuid,
};

#[cfg(test)]
mod tests;

/// Mode of a private directory.
const DIR_MODE: u32 = 0o700;

/// Mode of a private file.
const FILE_MODE: u32 = 0o600;

/// The bit of directories such as `/tmp`, which are open to all users on purpose.
const STICKY: u32 = 0o1000;

/// Creates a directory and its parents with mode 0700; an existing one of our own user loses the rights of others.
///
/// # Errors
///
/// When it cannot be created or changed, or is not a directory.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(path)?;
    let dir = File::open(path)?;
    let metadata = dir.metadata()?;
    let is_open = metadata.mode() & 0o077 != 0 && metadata.mode() & STICKY == 0;
    if is_open && metadata.uid() == geteuid().as_raw() {
        dir.set_permissions(fs::Permissions::from_mode(DIR_MODE))?;
    }
    Ok(())
}

/// Replaces a file as a whole with mode 0600, durably.
///
/// # Errors
///
/// When any step fails; until the last, the sync of the directory, the file is then as before.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put_private(path, bytes)?;
    File::open(parent(path))?.sync_all()
}

/// Replaces a file as a whole with mode 0600; a power cut may bring back the one before. Leaves the sync of the
/// directory to others, to whom its failure matters: the operating system tells it once.
///
/// # Errors
///
/// When any step fails; the file is then as before.
pub(crate) fn put_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_added_extension("new");
    // One that a kill has left behind may have another mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Opens a file for locking; creates it with mode 0600 if it is missing.
///
/// # Errors
///
/// When it cannot be opened or created, or is a symbolic link.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    match create_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created,
    }
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().append(true).custom_flags(no_follow).open(path)
}

/// Creates a file that must not exist, owned by the owner of its directory.
fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create_new(true).append(true).mode(FILE_MODE).open(path)?;
    if geteuid().is_root() {
        let owner = fs::metadata(parent(path))?;
        let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
        rustix::fs::fchown(&file, Some(user), Some(group))?;
    }
    Ok(file)
}

/// Gives everything below a directory to its owner, when root has worked on it. Follows no symbolic link.
///
/// # Errors
///
/// When something cannot be looked into or given away.
pub fn give_to_owner(dir: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(dir)?;
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dirs.push(entry.path());
            }
            lchown(entry.path(), Some(owner.uid()), Some(owner.gid()))?;
        }
    }
    Ok(())
}

/// The directory of a file; that of a bare name is the working directory.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
