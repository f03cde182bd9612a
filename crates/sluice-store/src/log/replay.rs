//! The reading end of the log, used once at start.
//!
//! In: the segment files of one directory. Out: every valid frame in order, through a visitor. Afterwards all
//! that was shown is durable and a torn tail is cut off, so a new segment may follow. Bytes that were synced
//! and are not what was written make a [`ReplayError::Damaged`] and change nothing on disk. The one thing that
//! cannot be told from a torn tail is damage to the last synced frames when nothing was written after them.
//!
//! One segment is in memory at a time. Which transactions count is left to the visitor.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use sluice_model::ranges::bytes_at;

use super::{
    FrameKind, ReplayError, SEGMENT_BYTES,
    frame::{self, Salt, ValidFrame},
    segment,
};

/// A frame as replay shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// Position of its first byte.
    pub(crate) lsn: u64,
    /// Start of the segment that it lies in.
    pub(crate) segment_lsn: u64,
    /// What the payload is.
    pub(crate) kind: FrameKind,
    /// Number of its transaction.
    pub(crate) txn: u64,
    /// As it was appended.
    pub(crate) payload: &'a [u8],
    path: &'a Path,
}

impl Frame<'_> {
    /// Makes the error of a visitor that cannot read this frame's payload, though its checksum is right.
    pub(crate) fn damaged(&self, detail: impl Into<String>) -> ReplayError {
        ReplayError::Damaged { path: self.path.to_owned(), lsn: self.lsn, detail: detail.into() }
    }
}

/// What a replay found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Replayed {
    /// Where the log ends, and the next segment starts. 0 for an empty directory.
    pub(crate) next_lsn: u64,
    /// Where the log begins; `None` for an empty directory.
    pub(crate) first_lsn: Option<u64>,
    /// Highest transaction number seen, or 0.
    pub(crate) txn_max: u64,
    /// Frames shown.
    pub(crate) frames: u64,
    /// Bytes of the torn tail that was cut off: unsynced, so no client was told that they were stored.
    pub(crate) torn_bytes: u64,
    /// Whether the last frame is a marker: the log was stopped, not killed.
    pub(crate) stopped_cleanly: bool,
}

/// Shows every frame of the log in `dir` to `visit`, then makes the log's end durable and clean.
///
/// Blocking; reads each segment whole.
///
/// # Errors
///
/// [`ReplayError::Io`], [`ReplayError::Damaged`] or what `visit` returned; nothing on disk is changed then,
/// except that [`ReplayError::Io`] may come from cutting the tail, which a second try repeats.
pub(crate) fn replay(
    dir: &Path,
    visit: &mut dyn FnMut(Frame<'_>) -> Result<(), ReplayError>,
) -> Result<Replayed, ReplayError> {
    read_through(dir, visit, &mut |last| last.cut_and_sync())
}

/// As [`replay`], but changes nothing on disk.
///
/// # Errors
///
/// As [`replay`].
pub(crate) fn inspect(
    dir: &Path,
    visit: &mut dyn FnMut(Frame<'_>) -> Result<(), ReplayError>,
) -> Result<Replayed, ReplayError> {
    read_through(dir, visit, &mut |_last| Ok(()))
}

/// Shows every frame to `visit`, and the last segment to `end`.
fn read_through(
    dir: &Path,
    visit: &mut dyn FnMut(Frame<'_>) -> Result<(), ReplayError>,
    end: &mut dyn FnMut(&LoadedSegment<'_>) -> io::Result<()>,
) -> Result<Replayed, ReplayError> {
    let segments = segment::list(dir).map_err(ReplayError::io("list", dir))?;
    let mut replayed = Replayed { first_lsn: segments.first().map(|(lsn, _)| *lsn), ..Replayed::default() };
    let newest_lsn = check_newest(dir, segments.last().map(|(lsn, _)| *lsn))?;
    let mut bytes = Vec::new();
    let mut remaining = segments.into_iter().peekable();
    while let Some((lsn, _)) = remaining.next() {
        let path = segment::path(dir, lsn);
        check_chain(&path, lsn, &replayed)?;
        read(&path, lsn, &mut bytes)?;
        let mut segment =
            LoadedSegment { path, lsn, bytes: &bytes, salt: None, valid_length: 0, synced_lsn: 0 };
        segment.walk(&mut replayed, visit)?;
        if remaining.peek().is_none() {
            segment.check_torn(newest_lsn)?;
            end(&segment).map_err(ReplayError::io("cut and sync", &segment.path))?;
            replayed.torn_bytes = (bytes.len() - segment.valid_length) as u64;
        } else if segment.valid_length < bytes.len() {
            return Err(segment.damaged(segment.valid_length, "a later segment follows"));
        }
        replayed.next_lsn = segment.lsn_at(segment.valid_length);
    }
    Ok(replayed)
}

/// The segment that was the newest must be there still, or a newer one. Returns its position, if it is known.
fn check_newest(dir: &Path, last_lsn: Option<u64>) -> Result<Option<u64>, ReplayError> {
    let Some(lsn) = segment::newest(dir).map_err(ReplayError::io("list", dir))? else { return Ok(None) };
    if last_lsn.is_some_and(|last_lsn| lsn <= last_lsn) {
        return Ok(Some(lsn));
    }
    let detail =
        "the newest segment of the log is missing, and what was acknowledged last with it".to_owned();
    Err(ReplayError::Damaged { path: segment::path(dir, lsn), lsn, detail })
}

fn check_chain(path: &Path, lsn: u64, before: &Replayed) -> Result<(), ReplayError> {
    if before.first_lsn == Some(lsn) || before.next_lsn == lsn {
        return Ok(());
    }
    let end_lsn = before.next_lsn;
    Err(ReplayError::Damaged {
        path: path.to_owned(),
        lsn: end_lsn,
        detail: format!("the segment before it ends at {end_lsn}, this one starts at {lsn}"),
    })
}

fn read(path: &Path, lsn: u64, bytes: &mut Vec<u8>) -> Result<(), ReplayError> {
    bytes.clear();
    let file = File::open(path).map_err(ReplayError::io("read", path))?;
    file.take(SEGMENT_BYTES as u64 + 1).read_to_end(bytes).map_err(ReplayError::io("read", path))?;
    if SEGMENT_BYTES < bytes.len() {
        let detail = format!("the file is longer than the {SEGMENT_BYTES} bytes of a segment");
        return Err(ReplayError::Damaged { path: path.to_owned(), lsn, detail });
    }
    Ok(())
}

/// One segment, whole in memory, and how far it makes sense; lengths are in bytes from its start.
struct LoadedSegment<'a> {
    path: PathBuf,
    lsn: u64,
    bytes: &'a [u8],
    /// `None` when not even the header is valid.
    salt: Option<Salt>,
    valid_length: usize,
    /// Highest position that a frame calls synced; 0 without frames.
    synced_lsn: u64,
}

impl LoadedSegment<'_> {
    /// Shows the valid frames from the start on.
    fn walk(
        &mut self,
        replayed: &mut Replayed,
        visit: &mut dyn FnMut(Frame<'_>) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        self.salt = segment::decode_header(&self.path, self.lsn, self.bytes)?;
        let Some(salt) = self.salt else { return Ok(()) };
        self.valid_length = segment::HEADER_BYTES;
        while let Some(found) = self.frame_at(salt, self.valid_length) {
            let ValidFrame { kind, txn, synced_lsn, payload } = found;
            let length = found.length();
            let lsn = self.lsn_at(self.valid_length);
            visit(Frame { lsn, segment_lsn: self.lsn, kind, txn, payload, path: &self.path })?;
            self.valid_length += length;
            self.synced_lsn = self.synced_lsn.max(synced_lsn);
            replayed.frames += 1;
            replayed.txn_max = replayed.txn_max.max(txn);
            replayed.stopped_cleanly = kind == FrameKind::Marker;
        }
        Ok(())
    }

    /// Tells a torn tail, which is normal, from damage to what was synced. The segment that is known as the newest had
    /// a synced header when it became known.
    fn check_torn(&self, newest_lsn: Option<u64>) -> Result<(), ReplayError> {
        let Some(salt) = self.salt else {
            // Frames are written only after the header is synced, so a crash leaves no more than a header.
            if segment::HEADER_BYTES < self.bytes.len() {
                return Err(self.damaged(0, "frames follow a broken header"));
            }
            let was_whole = newest_lsn == Some(self.lsn);
            return if was_whole { Err(self.damaged(0, "its header was whole once")) } else { Ok(()) };
        };
        if self.valid_length == self.bytes.len() {
            return Ok(());
        }
        match self.later_claim(salt, self.valid_length) {
            Some((lsn, synced_lsn)) => {
                let why = format!("the frame at {lsn} says that the log was synced up to {synced_lsn}");
                Err(self.damaged(self.valid_length, &why))
            }
            None => Ok(()),
        }
    }

    /// Finds a valid frame after `offset` that calls the byte at `offset` synced: its position and its claim.
    ///
    /// Power loss may keep later pages and lose earlier ones, so a later frame alone says nothing.
    fn later_claim(&self, salt: Salt, offset: usize) -> Option<(u64, u64)> {
        let mark = salt.mark();
        let mut at = offset;
        loop {
            let rest = self.bytes.get(at + 1..)?;
            at += 1 + rest.windows(mark.len()).position(|window| window == mark)?;
            while let Some(found) = self.frame_at(salt, at) {
                if self.lsn_at(offset) < found.synced_lsn {
                    return Some((self.lsn_at(at), found.synced_lsn));
                }
                at += found.length();
            }
        }
    }

    /// Cuts the torn tail off and makes the rest durable.
    ///
    /// Bytes that no frame calls synced are written again: after a failed sync the system may hold them in
    /// memory as if they were on the disk, and a sync alone would not write them. With 900 valid bytes of which the
    /// last frame calls 600 synced, and 1,000 in the file, bytes 600 to 900 are written and the file is cut at 900.
    fn cut_and_sync(&self) -> io::Result<()> {
        let synced_length = usize::try_from(self.synced_lsn.saturating_sub(self.lsn)).unwrap_or(usize::MAX);
        let file = OpenOptions::new().write(true).open(&self.path)?;
        if self.valid_length < self.bytes.len() {
            file.set_len(self.valid_length as u64)?;
        }
        file.write_all_at(bytes_at(self.bytes, synced_length..self.valid_length), synced_length as u64)?;
        file.sync_all()
    }

    fn frame_at(&self, salt: Salt, offset: usize) -> Option<ValidFrame<'_>> {
        frame::decode(salt, self.lsn_at(offset), self.bytes.get(offset..)?)
    }

    fn lsn_at(&self, offset: usize) -> u64 {
        self.lsn + offset as u64
    }

    fn damaged(&self, offset: usize, why: &str) -> ReplayError {
        let concerned_bytes = self.bytes.len() - offset;
        ReplayError::Damaged {
            path: self.path.clone(),
            lsn: self.lsn_at(offset),
            detail: format!("no valid frame, {concerned_bytes} bytes up to the end of the file; {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
