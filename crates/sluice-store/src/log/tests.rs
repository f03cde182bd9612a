//! What the log's tests share: lives of a log, and what a replay shows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{FrameKind, LogWriter, ReplayError, Replayed, replay, segment};

/// A frame as it was appended: kind, transaction, payload.
pub(super) type Appended = (FrameKind, u64, Vec<u8>);

/// A slice of one letter.
pub(super) fn slice(txn: u64, letter: u8, length: usize) -> Appended {
    (FrameKind::Slice, txn, vec![letter; length])
}

pub(super) fn append(writer: &mut LogWriter, (kind, txn, payload): &Appended) {
    writer.append(*kind, *txn, payload).unwrap();
}

/// Replays the log, checking that positions only grow.
pub(super) fn read(dir: &Path) -> Result<(Vec<Appended>, Replayed), ReplayError> {
    let mut frames = Vec::new();
    let mut lsn_before = None;
    let replayed = replay(dir, &mut |frame| {
        assert!(frame.segment_lsn < frame.lsn);
        assert!(lsn_before < Some(frame.lsn));
        lsn_before = Some(frame.lsn);
        frames.push((frame.kind, frame.txn, frame.payload.to_vec()));
        Ok(())
    })?;
    assert_eq!(replayed.frames, frames.len() as u64);
    Ok((frames, replayed))
}

/// Replays the log and starts a new segment at its end, as a start of the store does.
pub(super) fn reopen(dir: &Path, segment_bytes_max: u64) -> (Vec<Appended>, LogWriter) {
    let (frames, replayed) = read(dir).unwrap();
    (frames, LogWriter::create_sized(dir, replayed.next_lsn, segment_bytes_max).unwrap())
}

/// Segment files by position.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).unwrap().into_iter().map(|(lsn, _)| segment::path(dir, lsn)).collect()
}

/// Replaces the directory's files with copies of those of another.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    for old in fs::read_dir(to).unwrap() {
        fs::remove_file(old.unwrap().path()).unwrap();
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
