//! Lives of a log: what is written and kept is read back, what is refused is not.

use std::fs::{self, File, OpenOptions};

use super::super::{
    FRAME_BYTES_MAX, FrameKind, LogError, LogWriter, segment,
    tests::{Appended, append, files, read, reopen, slice},
};

const SMALL: u64 = 256;

/// Writes frames in lives of two each, and checks that all come back in order.
#[track_caller]
fn check(frames: &[Appended], segment_bytes_max: u64) {
    let dir = tempfile::tempdir().unwrap();
    for (life, pair) in frames.chunks(2).enumerate() {
        let (seen, mut writer) = reopen(dir.path(), segment_bytes_max);
        assert_eq!(seen, frames[..life * 2]);
        for frame in pair {
            append(&mut writer, frame);
        }
        writer.sync().unwrap();
        assert_eq!(writer.lsn(), writer.synced_lsn());
        let on_disk = files(dir.path()).iter().map(|path| path.metadata().unwrap().len()).sum::<u64>();
        assert_eq!(writer.bytes(), on_disk);
    }
    let (seen, replayed) = read(dir.path()).unwrap();
    assert_eq!(seen, frames);
    assert_eq!(replayed.txn_max, frames.iter().map(|frame| frame.1).max().unwrap_or(0));
    assert_eq!(replayed.torn_bytes, 0);
}

#[test]
fn frames_come_back_in_order() {
    check(&[], SMALL);
    check(&[slice(7, b'a', 3), (FrameKind::Commit, 7, vec![]), (FrameKind::Catalogue, 9, vec![0; 9])], SMALL);
    check(&[slice(1, b'a', 0), slice(1, b'b', 200), slice(2, b'c', 500), slice(3, b'd', 1)], SMALL);
}

#[test]
fn payloads_over_the_buffer_come_back() {
    check(&[slice(1, b'a', 3 << 20), slice(2, b'b', (1 << 20) - 29), slice(3, b'c', 5)], 64 << 20);
}

#[test]
fn an_empty_directory_starts_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let (frames, replayed) = read(dir.path()).unwrap();
    assert_eq!((frames.len(), replayed.next_lsn, replayed.first_lsn), (0, 0, None));
}

#[test]
fn a_marker_at_the_end_is_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    append(&mut writer, &(FrameKind::Marker, 0, vec![]));
    writer.sync().unwrap();
    assert!(read(dir.path()).unwrap().1.stopped_cleanly);
    append(&mut writer, &slice(1, b'a', 1));
    writer.sync().unwrap();
    assert!(!read(dir.path()).unwrap().1.stopped_cleanly);
}

#[test]
fn a_change_of_segment_syncs_and_keeps_to_the_size() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create_sized(dir.path(), 1_000, SMALL).unwrap();
    append(&mut writer, &slice(1, b'a', 100));
    let first_end = writer.lsn();
    assert_eq!(writer.segment_lsn(), 1_000);
    append(&mut writer, &slice(1, b'b', 100));
    assert_eq!(writer.segment_lsn(), first_end);
    assert_eq!(writer.synced_lsn(), first_end + segment::HEADER_LENGTH);
    writer.sync().unwrap();
    assert!(files(dir.path()).iter().all(|path| path.metadata().unwrap().len() <= SMALL));
    assert_eq!(read(dir.path()).unwrap().1.first_lsn, Some(1_000));
}

#[test]
fn trimming_removes_whole_older_segments_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create_sized(dir.path(), 0, SMALL).unwrap();
    let mut starts = Vec::new();
    for txn in 0..4 {
        append(&mut writer, &slice(txn, b'a', 200));
        starts.push(writer.segment_lsn());
    }
    writer.sync().unwrap();
    assert_eq!(writer.trim(starts[2]).unwrap(), starts[2] - starts[0]);
    let (frames, replayed) = read(dir.path()).unwrap();
    assert_eq!(replayed.first_lsn, Some(starts[2]));
    assert_eq!(frames, [slice(2, b'a', 200), slice(3, b'a', 200)]);
    assert_eq!(writer.trim(u64::MAX).unwrap(), starts[3] - starts[2]);
    assert_eq!(writer.trim(u64::MAX).unwrap(), 0);
    assert_eq!(read(dir.path()).unwrap().0, [slice(3, b'a', 200)]);
    assert_eq!(writer.bytes(), files(dir.path())[0].metadata().unwrap().len());
}

#[test]
fn rolling_lets_all_that_is_written_be_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    writer.roll().unwrap();
    assert_eq!(writer.segment_lsn(), 0);
    append(&mut writer, &slice(1, b'a', 10));
    let end = writer.lsn();
    writer.roll().unwrap();
    writer.roll().unwrap();
    assert_eq!((writer.segment_lsn(), writer.synced_lsn()), (end, end + segment::HEADER_LENGTH));
    assert_eq!(read(dir.path()).unwrap().0, [slice(1, b'a', 10)]);
    assert_eq!(writer.trim(end).unwrap(), end);
    append(&mut writer, &slice(2, b'b', 10));
    writer.sync().unwrap();
    assert_eq!(read(dir.path()).unwrap().0, [slice(2, b'b', 10)]);
}

#[test]
fn a_payload_over_the_limit_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    let lsn = writer.lsn();
    let refused = writer.append(FrameKind::Slice, 1, &vec![0; FRAME_BYTES_MAX + 1]);
    assert!(
        matches!(refused, Err(LogError::TooLong { payload_bytes }) if payload_bytes == FRAME_BYTES_MAX + 1)
    );
    assert_eq!(writer.lsn(), lsn);
    append(&mut writer, &slice(1, b'a', FRAME_BYTES_MAX));
    writer.sync().unwrap();
    assert_eq!(read(dir.path()).unwrap().0.len(), 1);
}

#[test]
fn discarding_leaves_exactly_what_was_synced() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    append(&mut writer, &slice(1, b'a', 10));
    writer.sync().unwrap();
    append(&mut writer, &slice(2, b'b', 10));
    append(&mut writer, &slice(2, b'c', 2 << 20));
    append(&mut writer, &slice(2, b'd', 10));
    writer.discard_unsynced().unwrap();
    assert_eq!(writer.lsn(), writer.synced_lsn());
    append(&mut writer, &slice(3, b'e', 10));
    writer.sync().unwrap();
    assert_eq!(read(dir.path()).unwrap().0, [slice(1, b'a', 10), slice(3, b'e', 10)]);
}

#[test]
fn a_full_disk_refuses_until_the_tail_is_discarded() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    append(&mut writer, &slice(1, b'a', 10));
    writer.sync().unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let file = std::mem::replace(&mut writer.current.file, full);
    append(&mut writer, &slice(2, b'b', 10));
    assert!(matches!(writer.append(FrameKind::Slice, 2, &vec![0; 2 << 20]), Err(LogError::DiskFull)));
    // What a short write leaves behind.
    writer.current.file = file;
    std::os::unix::fs::FileExt::write_all_at(&writer.current.file, &[1; 999], writer.synced_lsn()).unwrap();
    assert!(matches!(writer.append(FrameKind::Slice, 3, b"c"), Err(LogError::DiskFull)));
    assert!(matches!(writer.sync(), Err(LogError::DiskFull)));
    writer.discard_unsynced().unwrap();
    assert_eq!(files(dir.path())[0].metadata().unwrap().len(), writer.synced_lsn());
    append(&mut writer, &slice(4, b'd', 10));
    writer.sync().unwrap();
    assert_eq!(read(dir.path()).unwrap().0, [slice(1, b'a', 10), slice(4, b'd', 10)]);
}

#[test]
fn after_a_failed_sync_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    append(&mut writer, &slice(1, b'a', 10));
    // Takes every write and cannot be synced.
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let file = std::mem::replace(&mut writer.current.file, null);
    assert!(matches!(writer.sync(), Err(LogError::Sync(_))));
    writer.current.file = file;
    assert!(matches!(writer.append(FrameKind::Slice, 2, b"b"), Err(LogError::Failed)));
    assert!(matches!(writer.sync(), Err(LogError::Failed)));
    assert!(matches!(writer.discard_unsynced(), Err(LogError::Failed)));
    assert!(matches!(writer.roll(), Err(LogError::Failed)));
    assert!(matches!(writer.trim(u64::MAX), Err(LogError::Failed)));
    assert_eq!(read(dir.path()).unwrap().0, []);
}

#[test]
fn a_full_segment_does_not_grow_when_its_successor_cannot_be_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create_sized(dir.path(), 0, SMALL).unwrap();
    append(&mut writer, &slice(1, b'a', 100));
    let end = writer.lsn();
    let obstacle = segment::path(dir.path(), end);
    fs::create_dir(&obstacle).unwrap();
    assert!(matches!(writer.append(FrameKind::Slice, 1, &[b'b'; 200]), Err(LogError::Write(_))));
    writer.discard_unsynced().unwrap();
    fs::remove_dir(&obstacle).unwrap();
    // The creation may have got as far as a name, and a crash may bring it back.
    File::create(&obstacle).unwrap();
    append(&mut writer, &slice(2, b'c', 1));
    assert_eq!(writer.segment_lsn(), end);
    writer.sync().unwrap();
    assert_eq!(read(dir.path()).unwrap().0, [slice(1, b'a', 100), slice(2, b'c', 1)]);
}

#[test]
fn a_creation_that_a_crash_cut_short_is_repeated() {
    for left_behind in [&b""[..], &[0; 32], b"SluiceLg"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(segment::path(dir.path(), 77), left_behind).unwrap();
        let (_, replayed) = read(dir.path()).unwrap();
        assert_eq!((replayed.next_lsn, replayed.torn_bytes), (77, left_behind.len() as u64));
        let mut writer = LogWriter::create(dir.path(), 77).unwrap();
        append(&mut writer, &slice(1, b'a', 1));
        writer.sync().unwrap();
        assert_eq!(read(dir.path()).unwrap().0, [slice(1, b'a', 1)]);
    }
}

#[test]
fn a_segment_is_made_nowhere_but_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    append(&mut writer, &slice(1, b'a', 1));
    writer.sync().unwrap();
    for lsn in [0, 1, writer.lsn() - 1, writer.lsn() + 1] {
        assert!(matches!(LogWriter::create(dir.path(), lsn), Err(LogError::Write(_))));
    }
    assert_eq!(files(dir.path()).len(), 1);
    assert!(LogWriter::create(dir.path(), writer.lsn()).is_ok());
}
