//! Makes sled 0.34.7 wait for the disk.
//!
//! *Writes.* After each write sled calls `sync_file_range`, which neither flushes the disk's cache nor commits new extents, and
//! then believes the bytes to be stable: it frees the segments that they replace and overwrites them in place. A
//! power cut between that and our own sync at the checkpoint loses pages of which the checkpoint was sure. sled
//! has a way out for kernels without the call: when it gets `ENOSYS`, it calls `fsync`. So this crate is such a
//! kernel: it defines the symbol, the linker takes it before the C library's, and sled syncs for real.
//!
//! Nothing else in the process calls `sync_file_range`; whoever adds such a call gets `ENOSYS` as well, and must
//! have a fall-back, as the call's own documentation demands.
//!
//! *Names.* When sled opens, it writes a snapshot, gives it its name, removes the one before and overwrites the segments that only that
//! one needs. It never syncs the directory, so a power cut can leave the old snapshot with the new segments, and then sled does not
//! open any more. So this crate also defines `rename`: it does what the C library's does, and has the name of a snapshot on the disk
//! before it returns. All other names are left to who gives them.

#![cfg(target_os = "linux")]

use std::{
    ffi::{CStr, OsStr, c_char, c_int, c_uint},
    fs::File,
    io,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use errno::{Errno, set_errno};

/// What the names of sled's snapshots begin with.
const SNAPSHOT: &[u8] = b"snap.";

static DECLINED: AtomicU64 = AtomicU64::new(0);
static NAMES_SYNCED: AtomicU64 = AtomicU64::new(0);

/// Declines: sets `errno` to `ENOSYS` and returns -1. Reads and writes nothing else.
#[expect(
    unsafe_code,
    reason = "defining a symbol of the C library is the whole point; see the SAFETY comment"
)]
// SAFETY: the signature is that of sync_file_range(2) for 64-bit offsets, it upholds that function's contract (a
// kernel may answer ENOSYS), and it touches no memory but the thread's errno and an atomic counter.
#[unsafe(no_mangle)]
pub extern "C" fn sync_file_range(_file: c_int, _offset: i64, _bytes: i64, _flags: c_uint) -> c_int {
    DECLINED.fetch_add(1, Ordering::Relaxed);
    fail(libc::ENOSYS)
}

/// Renames as rename(2) does. If the new name is that of a snapshot of sled, its directory is synced before this returns; a sync that
/// fails is an error, though the file has its new name then.
///
/// # Safety
///
/// Both are strings that end in a zero, as for rename(2).
#[expect(
    unsafe_code,
    reason = "defining a symbol of the C library is the whole point; see the SAFETY comments"
)]
// SAFETY: the signature is that of rename(2), and so is what it does; nobody who calls it can tell it from a slow disk.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: renameat(2) with the present directory asks of its strings what rename(2) does, which the caller upholds.
    let outcome = unsafe { libc::renameat(libc::AT_FDCWD, from, libc::AT_FDCWD, to) };
    if outcome != 0 {
        return outcome;
    }
    // SAFETY: the caller's string ends in a zero, and nobody writes to it during the call.
    let to = unsafe { CStr::from_ptr(to) };
    match sync_snapshot_name(Path::new(OsStr::from_bytes(to.to_bytes()))) {
        Ok(()) => 0,
        Err(error) => fail(error.raw_os_error().unwrap_or(libc::EIO)),
    }
}

fn fail(error: c_int) -> c_int {
    set_errno(Errno(error));
    -1
}

/// Has the name of a snapshot on the disk.
fn sync_snapshot_name(path: &Path) -> io::Result<()> {
    let is_snapshot = path.file_name().is_some_and(|name| name.as_bytes().starts_with(SNAPSHOT));
    let Some(dir) = path.parent().filter(|_| is_snapshot) else { return Ok(()) };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir)?.sync_all()?;
    NAMES_SYNCED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// How often `sync_file_range` was declined since the process started: proof that the symbol is the one in use.
pub fn declined_count() -> u64 {
    DECLINED.load(Ordering::Relaxed)
}

/// How many names of snapshots were put on the disk since the process started: the same for `rename`.
pub fn names_synced_count() -> u64 {
    NAMES_SYNCED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::ErrorKind};

    use super::{declined_count, names_synced_count, sync_file_range};

    #[test]
    fn declining_says_that_the_call_does_not_exist() {
        let before = declined_count();
        assert_eq!(sync_file_range(0, 0, 0, 0), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::ENOSYS));
        assert!(before < declined_count());
    }

    /// The standard library calls the symbol.
    #[test]
    fn names_change_as_ever_and_those_of_snapshots_are_synced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let before = names_synced_count();
        fs::write(at("one"), "1").unwrap();
        fs::rename(at("one"), at("other")).unwrap();
        assert_eq!(names_synced_count(), before);
        fs::rename(at("other"), at("snap.1")).unwrap();
        assert_eq!((names_synced_count(), fs::read(at("snap.1")).unwrap()), (before + 1, b"1".to_vec()));
        assert_eq!(fs::rename(at("missing"), at("snap.2")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!((names_synced_count(), at("snap.2").exists()), (before + 1, false));
    }
}
