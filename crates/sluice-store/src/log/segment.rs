//! Segment files: their names, headers, creation and listing.
//!
//! A segment exists only with a synced header: [`create`] returns after the file and its directory are synced.
//! So an invalid header can only be a creation that a crash cut short, in a file that holds nothing else.
//!
//! An empty file beside the segments has the name of the newest one, with `.newest` at its end: without it, nobody would
//! miss a segment that is gone from the end of the log. It is written after the segment and before any frame in it, so
//! the segment that it names was there. Older daemons wrote none.

use std::{
    collections::hash_map::RandomState,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, Hasher},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use sluice_model::varint::take_array;

use super::{
    LogError, ReplayError,
    frame::{Salt, fill},
};

/// Bytes of a segment before its first frame.
pub(super) const HEADER_BYTES: usize = 8 + 4 + 8 + 8 + 4;

/// [`HEADER_BYTES`] as a distance between positions.
pub(super) const HEADER_LENGTH: u64 = HEADER_BYTES as u64;

const MAGIC: [u8; 8] = *b"SluiceLg";
const FORMAT_VERSION: u32 = 2;
const NAME_DIGITS: usize = 20;
const SUFFIX: &str = ".log";
const NEWEST_SUFFIX: &str = ".newest";

/// Path of the segment that starts at `lsn`.
pub(super) fn path(dir: &Path, lsn: u64) -> PathBuf {
    dir.join(format!("{lsn:0NAME_DIGITS$}{SUFFIX}"))
}

/// Creates the segment that starts at `lsn` and syncs it and `dir`. Returns the file, open for writing, which holds the
/// header and nothing else, and the segment's salt.
///
/// A file of that name with no more than a header is what a crash left behind, and is overwritten.
///
/// # Errors
///
/// [`LogError::DiskFull`] or [`LogError::Write`] when nothing came of it, also for a file of that name that
/// holds frames; [`LogError::Sync`] when it cannot be told.
pub(super) fn create(dir: &Path, lsn: u64) -> Result<(File, Salt), LogError> {
    let path = path(dir, lsn);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(LogError::from_write)?;
    let length = file.metadata().map_err(LogError::Write)?.len();
    if HEADER_LENGTH < length {
        return Err(LogError::Write(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("a segment of {length} bytes already starts at position {lsn}"),
        )));
    }
    // Not a key: only the owner of the files may see it, and it only has to be unknown to clients.
    let salt = Salt(RandomState::new().build_hasher().finish());
    file.set_len(0).map_err(LogError::from_write)?;
    file.write_all_at(&encode_header(salt, lsn), 0).map_err(LogError::from_write)?;
    file.sync_all().map_err(LogError::Sync)?;
    sync_dir(dir).map_err(LogError::Sync)?;
    note_newest(dir, lsn)?;
    Ok((file, salt))
}

/// Names the newest segment, which is on the disk.
fn note_newest(dir: &Path, lsn: u64) -> Result<(), LogError> {
    let before = named(dir, NEWEST_SUFFIX).map_err(LogError::Write)?;
    File::create(newest_path(dir, lsn)).map_err(LogError::from_write)?;
    sync_dir(dir).map_err(LogError::Sync)?;
    for (older, _) in before.into_iter().filter(|(older, _)| *older < lsn) {
        // One that stays does no harm: the highest counts.
        drop(fs::remove_file(newest_path(dir, older)));
    }
    Ok(())
}

fn newest_path(dir: &Path, lsn: u64) -> PathBuf {
    dir.join(format!("{lsn:0NAME_DIGITS$}{NEWEST_SUFFIX}"))
}

/// Position of the newest segment that there was in `dir`; `None` in a directory of an older daemon.
pub(super) fn newest(dir: &Path) -> io::Result<Option<u64>> {
    Ok(named(dir, NEWEST_SUFFIX)?.last().map(|(lsn, _)| *lsn))
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Lists the segments of `dir` by position: start and length in bytes. Other files are left alone.
pub(super) fn list(dir: &Path) -> io::Result<Vec<(u64, u64)>> {
    named(dir, SUFFIX)
}

/// Files whose names are a position and `suffix`, by position, with their lengths.
fn named(dir: &Path, suffix: &str) -> io::Result<Vec<(u64, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(lsn) = entry.file_name().to_str().and_then(|name| parse_name(name, suffix)) {
            files.push((lsn, entry.metadata()?.len()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn parse_name(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let is_ours = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours { digits.parse().ok() } else { None }
}

fn encode_header(salt: Salt, lsn: u64) -> [u8; HEADER_BYTES] {
    let (version, salt, lsn) = (FORMAT_VERSION.to_be_bytes(), salt.0.to_be_bytes(), lsn.to_be_bytes());
    let mut summed = [0; HEADER_BYTES - 4];
    fill(&mut summed, &[&MAGIC, &version, &salt, &lsn]);
    let mut header = [0; HEADER_BYTES];
    fill(&mut header, &[&summed, &crc32c::crc32c(&summed).to_be_bytes()]);
    header
}

/// Reads the header with which a segment's `bytes` begin; `None` when it is cut short or fails its checksum.
///
/// # Errors
///
/// [`ReplayError::Damaged`] for a whole header that belongs elsewhere: another format, version or position.
pub(super) fn decode_header(path: &Path, lsn: u64, bytes: &[u8]) -> Result<Option<Salt>, ReplayError> {
    let Some((magic, version, salt, header_lsn)) = split_header(bytes) else { return Ok(None) };
    let detail = if magic != MAGIC {
        "the file is not a segment of this log".to_owned()
    } else if version != FORMAT_VERSION {
        format!("format version {version} is unknown, {FORMAT_VERSION} is expected")
    } else if header_lsn != lsn {
        format!("the file holds the segment of position {header_lsn}")
    } else {
        return Ok(Some(salt));
    };
    Err(ReplayError::Damaged { path: path.to_owned(), lsn, detail })
}

/// Magic, version, salt and position of a header that passes its checksum.
fn split_header(bytes: &[u8]) -> Option<([u8; 8], u32, Salt, u64)> {
    let mut header = bytes.get(..HEADER_BYTES - 4)?;
    let sum = crc32c::crc32c(header);
    let magic = take_array(&mut header)?;
    let version = u32::from_be_bytes(take_array(&mut header)?);
    let salt = Salt(u64::from_be_bytes(take_array(&mut header)?));
    let lsn = u64::from_be_bytes(take_array(&mut header)?);
    let (_, rest) = bytes.split_at_checked(HEADER_BYTES - 4)?;
    if rest.first_chunk() == Some(&sum.to_be_bytes()) { Some((magic, version, salt, lsn)) } else { None }
}
