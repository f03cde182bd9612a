//! The files of the batches: records one after the other, in segments that are removed as a whole.
//!
//! In: records. Out: the same, in order, with their places; and the text of refused rows by its place. A segment is named by
//! its number and never written again after the process that made it. A record is
//!
//! ```text
//! CRC-32C of the rest of the head · CRC-32C of the content · its length · kind · id of the batch · rows · bytes of text
//! 4                                 4                        4            1      16                4      4       then the content
//! ```
//!
//! with big-endian numbers. What a kill or a power cut has torn off the end of a segment is passed over. Blocking.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sluice_ingest::RejectsFrame;

use super::{id::BatchId, summary::Summary};

const HEAD_BYTES: usize = 37;

/// With what a segment begins.
const MAGIC: &[u8; 8] = b"SLBATCH1";

const EXTENSION: &str = "batches";

/// Longest content: a frame has no more than a row of 4 MiB and a little.
const CONTENT_BYTES_MAX: usize = 16 << 20;

/// What a record tells of its batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Record {
    /// It begins anew: what was before is forgotten.
    Begin(Summary),
    /// It is as far as that.
    Summary(Summary),
    /// Refused rows, which count once a summary follows.
    Rejects(BatchId, FramePlace),
    /// It is as far as that, and these are its refused rows: some stand elsewhere than they did.
    Moved(Summary, Vec<FramePlace>),
}

/// Where refused rows are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FramePlace {
    pub(super) segment: u64,
    /// Of the content.
    at: u64,
    packed_bytes: u32,
    checksum: u32,
    /// How many rows.
    pub(crate) count: u32,
    /// Length of their text.
    pub(crate) text_bytes: u32,
}

impl FramePlace {
    /// Some place of a segment.
    #[cfg(test)]
    pub(super) fn of_rows(segment: u64, count: u32) -> Self {
        Self { segment, at: 0, packed_bytes: 0, checksum: 0, count, text_bytes: 0 }
    }

    /// Bytes that they take on the disk.
    pub(super) fn stored_bytes(&self) -> u64 {
        HEAD_BYTES as u64 + u64::from(self.packed_bytes)
    }

    /// Memory that it takes to read them.
    pub(crate) fn read_bytes(&self) -> usize {
        self.packed_bytes as usize + self.text_bytes as usize
    }
}

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// Directories to be synced before its name is durable.
    unsynced_dirs: Vec<File>,
    /// Whether something stands at its end that is no record, so that nothing can follow.
    pub(super) is_broken: bool,
}

/// A segment that is complete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct OldSegment {
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// Time of its last change, in milliseconds since 1970.
    pub(super) changed_ms: u64,
}

/// The segments in a directory, oldest first; none if there is no directory.
pub(super) fn list(dir: &Path) -> io::Result<Vec<OldSegment>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut segments = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok());
        if let Some(number) = number {
            let metadata = entry.metadata()?;
            let changed_ms = u64::try_from(metadata.mtime()).unwrap_or(0).saturating_mul(1_000);
            segments.push(OldSegment { number, bytes: metadata.len(), changed_ms });
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Removes a segment.
pub(super) fn remove(dir: &Path, number: u64) -> io::Result<()> {
    match fs::remove_file(path(dir, number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Shows the records of a segment, up to the first that is not whole, and tells how many bytes are left then.
pub(super) fn scan(dir: &Path, number: u64, mut visit: impl FnMut(Record)) -> io::Result<u64> {
    let file = File::open(path(dir, number))?;
    let length = file.metadata()?.len();
    let mut reader = io::BufReader::new(file);
    let mut magic = [0; MAGIC.len()];
    if read_whole(&mut reader, &mut magic)?.is_none() || magic != *MAGIC {
        return Ok(length);
    }
    let mut at = MAGIC.len() as u64;
    let mut head = [0; HEAD_BYTES];
    while read_whole(&mut reader, &mut head)?.is_some() {
        let Some(RecordHead { kind, id, checksum, length: content_bytes, count, text_bytes }) =
            RecordHead::parse(&head)
        else {
            break;
        };
        let content = (at + HEAD_BYTES as u64, content_bytes);
        let end = content.0 + u64::from(content_bytes);
        if length < end {
            break;
        }
        at = end;
        if kind == REJECTS {
            let place = FramePlace {
                segment: number,
                at: content.0,
                packed_bytes: content_bytes,
                checksum,
                count,
                text_bytes,
            };
            reader.seek_relative(i64::from(content_bytes))?;
            visit(Record::Rejects(id, place));
            continue;
        }
        let mut text = vec![0; content_bytes as usize];
        reader.read_exact(&mut text)?;
        // One that is damaged, or of another version, costs itself alone.
        if crc32c::crc32c(&text) == checksum
            && let Ok(record) = read_record(kind, &text)
        {
            visit(record);
        }
    }
    Ok(length.saturating_sub(at))
}

fn read_record(kind: u8, text: &[u8]) -> serde_json::Result<Record> {
    Ok(match kind {
        BEGIN => Record::Begin(serde_json::from_slice(text)?),
        MOVED => {
            let (summary, frames) = serde_json::from_slice(text)?;
            Record::Moved(summary, frames)
        }
        _ => Record::Summary(serde_json::from_slice(text)?),
    })
}

/// The text of refused rows.
///
/// # Errors
///
/// When the segment is gone, or damaged.
pub(super) fn read_frame(dir: &Path, place: &FramePlace) -> io::Result<Vec<u8>> {
    let RejectsFrame { packed, .. } = read_packed(dir, place)?;
    zstd::bulk::decompress(&packed, place.text_bytes as usize)
}

/// The same as they were packed.
///
/// # Errors
///
/// As of [`read_frame`].
pub(super) fn read_packed(dir: &Path, place: &FramePlace) -> io::Result<RejectsFrame> {
    let mut packed = vec![0; place.packed_bytes as usize];
    File::open(path(dir, place.segment))?.read_exact_at(&mut packed, place.at)?;
    if crc32c::crc32c(&packed) != place.checksum {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "damaged"));
    }
    Ok(RejectsFrame { packed, count: place.count, text_bytes: place.text_bytes })
}

/// Of a batch that begins anew.
pub(super) const BEGIN: u8 = 1;
/// Of any other summary.
pub(super) const SUMMARY: u8 = 2;
const REJECTS: u8 = 3;
const MOVED: u8 = 4;

impl Segment {
    /// Makes a segment, in a directory that is made first if need be.
    pub(super) fn create(dir: &Path, number: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // Opened now: a sync that fails for want of descriptors would cost what is durable. The outer one may be as new.
        let unsynced_dirs = [Some(dir), dir.parent()].into_iter().flatten().map(File::open);
        let unsynced_dirs = unsynced_dirs.collect::<io::Result<_>>()?;
        let path = path(dir, number);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(MAGIC) {
            fs::remove_file(&path)?;
            return Err(error);
        }
        Ok(Self { file, number, bytes: MAGIC.len() as u64, unsynced_dirs, is_broken: false })
    }

    /// Appends a summary, as [`BEGIN`] or [`SUMMARY`].
    pub(super) fn append_summary(&mut self, kind: u8, summary: &Summary) -> io::Result<()> {
        let content = serde_json::to_vec(summary)?;
        self.append(kind, summary.id, 0, 0, &content).map(drop)
    }

    /// Appends a summary of which refused rows stand elsewhere now.
    pub(super) fn append_moved(&mut self, summary: &Summary, frames: &[FramePlace]) -> io::Result<()> {
        let content = serde_json::to_vec(&(summary, frames))?;
        self.append(MOVED, summary.id, 0, 0, &content).map(drop)
    }

    /// Appends refused rows.
    pub(super) fn append_rejects(&mut self, id: BatchId, frame: &RejectsFrame) -> io::Result<FramePlace> {
        let RejectsFrame { packed, count, text_bytes } = frame;
        let (at, checksum) = self.append(REJECTS, id, *count, *text_bytes, packed)?;
        let packed_bytes = u32::try_from(packed.len()).map_err(io::Error::other)?;
        Ok(FramePlace {
            segment: self.number,
            at,
            packed_bytes,
            checksum,
            count: *count,
            text_bytes: *text_bytes,
        })
    }

    /// Gives where the content begins, and its checksum.
    fn append(
        &mut self,
        kind: u8,
        id: BatchId,
        count: u32,
        text_bytes: u32,
        content: &[u8],
    ) -> io::Result<(u64, u32)> {
        if CONTENT_BYTES_MAX < content.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        let checksum = crc32c::crc32c(content);
        let head = RecordHead { kind, id, checksum, length, count, text_bytes }.to_bytes();
        let written = self.file.write_all(&[&head[..], content].concat());
        if let Err(error) = written {
            // Whatever follows must stand where it is looked for.
            let cut =
                self.file.set_len(self.bytes).and_then(|()| self.file.seek(SeekFrom::Start(self.bytes)));
            self.is_broken = cut.is_err();
            return Err(error);
        }
        let at = self.bytes + HEAD_BYTES as u64;
        self.bytes = at + u64::from(length);
        Ok((at, checksum))
    }

    /// Makes durable what was appended.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.unsynced_dirs.iter().try_for_each(File::sync_all)?;
        self.unsynced_dirs = Vec::new();
        Ok(())
    }

    /// Lets no sync succeed any more.
    #[cfg(test)]
    pub(super) fn break_syncs(&mut self) {
        let (_reader, writer) = io::pipe().unwrap();
        self.file = File::from(std::os::fd::OwnedFd::from(writer));
    }
}

/// The head of a record.
struct RecordHead {
    kind: u8,
    id: BatchId,
    checksum: u32,
    length: u32,
    count: u32,
    text_bytes: u32,
}

impl RecordHead {
    fn to_bytes(&self) -> [u8; HEAD_BYTES] {
        let mut rest = Vec::with_capacity(HEAD_BYTES);
        rest.extend(self.checksum.to_be_bytes());
        rest.extend(self.length.to_be_bytes());
        rest.push(self.kind);
        rest.extend(self.id.0.to_be_bytes());
        rest.extend(self.count.to_be_bytes());
        rest.extend(self.text_bytes.to_be_bytes());
        let mut bytes = [0; HEAD_BYTES];
        let crc = crc32c::crc32c(&rest).to_be_bytes();
        for (byte, from) in bytes.iter_mut().zip(crc.iter().chain(&rest)) {
            *byte = *from;
        }
        bytes
    }

    /// `None` for a head that is torn or damaged.
    fn parse(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let (crc, rest) = bytes.split_first_chunk::<4>()?;
        if crc32c::crc32c(rest) != u32::from_be_bytes(*crc) {
            return None;
        }
        let (checksum, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length);
        let is_known =
            matches!(*kind, BEGIN | SUMMARY | REJECTS | MOVED) && length as usize <= CONTENT_BYTES_MAX;
        is_known.then_some(Self {
            kind: *kind,
            id: BatchId(u128::from_be_bytes(*id)),
            checksum: u32::from_be_bytes(*checksum),
            length,
            count: u32::from_be_bytes(*count),
            text_bytes: u32::from_be_bytes(*rest.first_chunk()?),
        })
    }
}

/// Fills a buffer; `None` if the end comes first.
fn read_whole(reader: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<Option<()>> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.{EXTENSION}"))
}

#[cfg(test)]
mod tests;
