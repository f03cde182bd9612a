//! Segment files: their names, headers, creation and listing.
//!
//! A segment exists only with a synced header: [`create`] returns after the file and its directory are synced.
//! So an invalid header can only be a creation that a crash cut short, in a file that holds nothing else.

use std::{
    collections::hash_map::RandomState,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, Hasher},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

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

/// A segment file that [`create`] made.
pub(super) struct Created {
    /// Open for writing; holds the header and nothing else.
    pub(super) file: File,
    /// The new segment's random number.
    pub(super) salt: Salt,
}

/// Path of the segment that starts at `lsn`.
pub(super) fn path(dir: &Path, lsn: u64) -> PathBuf {
    dir.join(format!("{lsn:0NAME_DIGITS$}.log"))
}

/// Creates the segment that starts at `lsn` and syncs it and `dir`.
///
/// A file of that name with no more than a header is what a crash left behind, and is overwritten.
///
/// # Errors
///
/// [`LogError::DiskFull`] or [`LogError::Write`] when nothing came of it, also for a file of that name that
/// holds frames; [`LogError::Sync`] when it cannot be told.
pub(super) fn create(dir: &Path, lsn: u64) -> Result<Created, LogError> {
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
    // Not a key: nobody but the owner of the files may see it, and it only has to be unknown to clients.
    let salt = Salt(RandomState::new().build_hasher().finish());
    file.set_len(0)
        .and_then(|()| file.write_all_at(&encode_header(salt, lsn), 0))
        .map_err(LogError::from_write)?;
    file.sync_all().and_then(|()| sync_dir(dir)).map_err(LogError::Sync)?;
    Ok(Created { file, salt })
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Lists the segments of `dir` by position: start and length in bytes. Other files are left alone.
pub(super) fn list(dir: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(lsn) = entry.file_name().to_str().and_then(parse_name) {
            segments.push((lsn, entry.metadata()?.len()));
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let is_ours = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours { digits.parse().ok() } else { None }
}

fn encode_header(salt: Salt, lsn: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let fields: [&[u8]; 4] =
        [&MAGIC, &FORMAT_VERSION.to_be_bytes(), &salt.0.to_be_bytes(), &lsn.to_be_bytes()];
    let sum = fields.iter().fold(0, |sum, field| crc32c::crc32c_append(sum, field));
    let [magic, version, salt, lsn] = fields;
    fill(&mut header, &[magic, version, salt, lsn, &sum.to_be_bytes()]);
    header
}

/// Reads the header with which a segment's `bytes` begin; `None` when it is cut short or fails its checksum.
///
/// # Errors
///
/// [`ReplayError::Damaged`] for a whole header that belongs elsewhere: another format, version or position.
pub(super) fn decode_header(path: &Path, lsn: u64, bytes: &[u8]) -> Result<Option<Salt>, ReplayError> {
    let Some(header) = split_header(bytes) else { return Ok(None) };
    let damaged = |detail| Err(ReplayError::Damaged { path: path.to_owned(), lsn, detail });
    if header.magic != MAGIC {
        return damaged("the file is not a segment of this log".to_owned());
    }
    if header.version != FORMAT_VERSION {
        return damaged(format!(
            "format version {} is unknown, {FORMAT_VERSION} is expected",
            header.version
        ));
    }
    if header.lsn != lsn {
        return damaged(format!("the file holds the segment of position {}", header.lsn));
    }
    Ok(Some(header.salt))
}

struct Header {
    magic: [u8; 8],
    version: u32,
    salt: Salt,
    lsn: u64,
}

fn split_header(bytes: &[u8]) -> Option<Header> {
    let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (summed, sum) = header.split_last_chunk::<4>()?;
    if crc32c::crc32c(summed) != u32::from_be_bytes(*sum) {
        return None;
    }
    let (magic, rest) = summed.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (salt, rest) = rest.split_first_chunk::<8>()?;
    let (lsn, _) = rest.split_first_chunk::<8>()?;
    Some(Header {
        magic: *magic,
        version: u32::from_be_bytes(*version),
        salt: Salt(u64::from_be_bytes(*salt)),
        lsn: u64::from_be_bytes(*lsn),
    })
}
