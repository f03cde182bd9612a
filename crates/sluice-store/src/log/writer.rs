//! The writing end of the log.
//!
//! In: frames, in the order in which they shall be replayed. Out: segment files. A frame is durable once
//! [`LogWriter::sync`] has returned, or once [`LogWriter::synced_lsn`] has passed its end: a change of segment
//! syncs too. After a failed write the unsynced tail must be discarded before anything else; after a failed
//! sync nothing is ever written again. Who waits for which sync is left to the owner. No threads.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{
    BUFFER_BYTES, LogError, SEGMENT_BYTES,
    frame::{self, FrameKind, Salt, ValidFrame},
    segment,
};

/// Appends to the log of one directory. There must be one writer per directory.
pub(crate) struct LogWriter {
    dir: PathBuf,
    /// Length in bytes of each older segment, by its start.
    older: BTreeMap<u64, u64>,
    pub(super) current: Segment,
    buffer: Vec<u8>,
    state: State,
    segment_bytes_max: u64,
}

/// The segment being written; lengths are in bytes from its start.
pub(super) struct Segment {
    pub(super) file: File,
    lsn: u64,
    salt: Salt,
    written_length: u64,
    synced_length: u64,
}

#[derive(Clone, Copy)]
enum State {
    /// Takes frames.
    Ready,
    /// The segment is synced and full. It must not grow any more, for its successor's name may be on disk.
    Full,
    /// A write failed this way: the file may hold a part of it.
    Torn(io::ErrorKind),
    /// A sync failed.
    Failed,
}

impl LogWriter {
    /// Starts a new segment in `dir`, at position `lsn`: what [`super::replay()`] gave as the next one.
    ///
    /// Blocks for two syncs.
    ///
    /// # Errors
    ///
    /// [`LogError::DiskFull`] and [`LogError::Write`] leave nothing that a second try would trip over.
    pub(crate) fn create(dir: &Path, lsn: u64) -> Result<Self, LogError> {
        Self::create_sized(dir, lsn, SEGMENT_BYTES as u64)
    }

    pub(super) fn create_sized(dir: &Path, lsn: u64, segment_bytes_max: u64) -> Result<Self, LogError> {
        let mut older: BTreeMap<u64, u64> =
            segment::list(dir).map_err(LogError::Write)?.into_iter().collect();
        older.remove(&lsn);
        if let Some((start, length)) = older.last_key_value()
            && start + length != lsn
        {
            // The chain would be torn here, and the next start would have to refuse.
            return Err(LogError::Write(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("position {lsn} is not where the log ends"),
            )));
        }
        let current = Segment::create(dir, lsn)?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { dir: dir.to_owned(), older, current, buffer, state: State::Ready, segment_bytes_max })
    }

    /// Appends one frame, in memory until about a mebibyte has gathered. Starts a new segment, and so syncs
    /// all earlier frames, when the present one is full.
    ///
    /// # Errors
    ///
    /// [`LogError::TooLong`] changes nothing. After [`LogError::DiskFull`] or [`LogError::Write`] the log takes
    /// frames again once [`Self::discard_unsynced`] has succeeded. [`LogError::Sync`] is final.
    pub(crate) fn append(&mut self, kind: FrameKind, txn: u64, payload: &[u8]) -> Result<(), LogError> {
        self.check_state()?;
        let payload_bytes = payload.len();
        if super::FRAME_BYTES_MAX < payload_bytes {
            return Err(LogError::TooLong { payload_bytes });
        }
        self.make_room((frame::HEADER_BYTES + payload.len()) as u64)?;
        let frame = ValidFrame { kind, txn, synced_lsn: self.synced_lsn(), payload };
        let header = frame::encode_header(self.current.salt, self.lsn(), &frame)
            .ok_or(LogError::TooLong { payload_bytes })?;
        self.buffer.extend_from_slice(&header);
        if self.buffer.len() + payload.len() < BUFFER_BYTES {
            self.buffer.extend_from_slice(payload);
            return Ok(());
        }
        self.write_out()?;
        self.write(payload)
    }

    /// Makes every frame so far durable. Blocks for the disk.
    ///
    /// # Errors
    ///
    /// As [`Self::append`]. A failed sync is never tried again (D7).
    pub(crate) fn sync(&mut self) -> Result<(), LogError> {
        self.check_state()?;
        self.write_out()?;
        if self.current.synced_length < self.current.written_length {
            self.sync_file()?;
        }
        Ok(())
    }

    /// Starts a new segment, so that all frames so far can be trimmed. Syncs them. Does nothing when the present
    /// segment has none.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub(crate) fn roll(&mut self) -> Result<(), LogError> {
        self.check_state()?;
        if self.is_empty() { Ok(()) } else { self.change_segment() }
    }

    /// Drops every frame after [`Self::synced_lsn`], durably, so that a refused write leaves nothing (D3).
    ///
    /// All transactions with a frame in that tail have lost it. Those whose commit lies before `synced_lsn` are
    /// durable and stay, even when no [`Self::sync`] was called for them.
    ///
    /// # Errors
    ///
    /// [`LogError::Sync`] when the tail may still be there, and [`LogError::Failed`] ever after.
    pub(crate) fn discard_unsynced(&mut self) -> Result<(), LogError> {
        if let State::Failed = self.state {
            return Err(LogError::Failed);
        }
        self.buffer.clear();
        let is_clean = !matches!(self.state, State::Torn(_))
            && self.current.written_length == self.current.synced_length;
        if is_clean {
            return Ok(());
        }
        self.current.written_length = self.current.synced_length;
        if let Err(source) = self.current.file.set_len(self.current.synced_length) {
            return Err(self.fail(source));
        }
        self.sync_file()?;
        self.state = State::Ready;
        Ok(())
    }

    /// Position after the last appended frame.
    pub(crate) fn lsn(&self) -> u64 {
        self.current.lsn + self.current.written_length + self.buffer.len() as u64
    }

    /// Position up to which the log is on stable storage.
    pub(crate) fn synced_lsn(&self) -> u64 {
        self.current.lsn + self.current.synced_length
    }

    /// Start of the segment being written.
    pub(crate) fn segment_lsn(&self) -> u64 {
        self.current.lsn
    }

    /// Bytes of all segments on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.older.values().sum::<u64>() + self.current.written_length
    }

    /// Deletes the segments that start before `keep_from_segment_lsn`, never the one being written, and returns
    /// the bytes removed.
    ///
    /// # Errors
    ///
    /// [`LogError::Write`]: the log is as good as before, and a later call removes the rest. [`LogError::Sync`] is final.
    pub(crate) fn trim(&mut self, keep_from_segment_lsn: u64) -> Result<u64, LogError> {
        if let State::Failed = self.state {
            return Err(LogError::Failed);
        }
        let mut removed_bytes = 0;
        // Oldest first, so that a crash between two of them leaves no gap in the chain.
        while let Some(oldest) = self.older.first_entry()
            && *oldest.key() < keep_from_segment_lsn
        {
            match fs::remove_file(segment::path(&self.dir, *oldest.key())) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(LogError::Write(source));
                }
                _ => removed_bytes += oldest.remove(),
            }
        }
        if 0 < removed_bytes {
            segment::sync_dir(&self.dir).map_err(|source| self.fail(source))?;
        }
        Ok(removed_bytes)
    }

    fn check_state(&self) -> Result<(), LogError> {
        match self.state {
            State::Ready | State::Full => Ok(()),
            State::Torn(kind) => Err(LogError::from_write(kind.into())),
            State::Failed => Err(LogError::Failed),
        }
    }

    /// Changes the segment when a frame of this length would not fit any more.
    fn make_room(&mut self, frame_length: u64) -> Result<(), LogError> {
        let length = self.lsn() - self.current.lsn;
        let has_room = self.is_empty() || length + frame_length <= self.segment_bytes_max;
        if matches!(self.state, State::Ready) && has_room { Ok(()) } else { self.change_segment() }
    }

    /// Returns true if the current segment has no frame yet.
    fn is_empty(&self) -> bool {
        self.lsn() - self.current.lsn == segment::HEADER_LENGTH
    }

    fn change_segment(&mut self) -> Result<(), LogError> {
        self.sync()?;
        self.state = State::Full;
        let next = match Segment::create(&self.dir, self.lsn()) {
            Ok(next) => next,
            Err(LogError::Sync(source)) => return Err(self.fail(source)),
            Err(error) => return Err(error),
        };
        let full = std::mem::replace(&mut self.current, next);
        self.older.insert(full.lsn, full.written_length);
        self.state = State::Ready;
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), LogError> {
        let buffer = std::mem::take(&mut self.buffer);
        let outcome = self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        outcome
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        if let Err(source) = self.current.file.write_all_at(bytes, self.current.written_length) {
            self.state = State::Torn(source.kind());
            return Err(LogError::from_write(source));
        }
        self.current.written_length += bytes.len() as u64;
        Ok(())
    }

    fn sync_file(&mut self) -> Result<(), LogError> {
        if let Err(source) = self.current.file.sync_data() {
            return Err(self.fail(source));
        }
        self.current.synced_length = self.current.written_length;
        Ok(())
    }

    /// Takes nothing more.
    fn fail(&mut self, source: io::Error) -> LogError {
        self.state = State::Failed;
        LogError::Sync(source)
    }
}

impl Segment {
    fn create(dir: &Path, lsn: u64) -> Result<Self, LogError> {
        let (file, salt) = segment::create(dir, lsn)?;
        let header = segment::HEADER_LENGTH;
        Ok(Self { file, lsn, salt, written_length: header, synced_length: header })
    }
}

#[cfg(test)]
mod tests;
