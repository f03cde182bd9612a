//! Power cuts and damage: a torn tail costs nothing that was promised, damage is never silent.

use std::{
    fs,
    path::{Path, PathBuf},
};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::{
    FrameKind, LogWriter, ReplayError, frame, replay, segment,
    tests::{Appended, append, copy_dir, files, read, reopen, slice},
};

const HEADER: usize = segment::HEADER_BYTES;
const FRAME_HEADER: usize = frame::HEADER_BYTES;

/// A log of one segment: each group of frames is followed by a sync, but for the last.
fn log_of(groups: &[&[Appended]]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(dir.path(), 0).unwrap();
    for group in groups {
        writer.sync().unwrap();
        for frame in *group {
            append(&mut writer, frame);
        }
    }
    // Reaches the file as any sync would, but no frame says so.
    writer.sync().unwrap();
    let path = files(dir.path()).remove(0);
    (dir, path)
}

/// Damages a copy of a segment with `change`, and shows what a replay of the log makes of it.
#[track_caller]
fn check(dir: &Path, path: &Path, change: impl Fn(&mut Vec<u8>), want: &Expect) {
    want.assert_eq(&outcome(dir, path, change));
}

fn outcome(dir: &Path, path: &Path, change: impl Fn(&mut Vec<u8>)) -> String {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    let changed = copy.path().join(path.file_name().unwrap());
    let mut bytes = fs::read(&changed).unwrap();
    change(&mut bytes);
    fs::write(&changed, &bytes).unwrap();
    match read(copy.path()) {
        Ok((frames, replayed)) => {
            // The log goes on from there, and nothing that was cut comes back.
            let (again, mut writer) = reopen(copy.path(), 1 << 20);
            assert_eq!(frames, again);
            append(&mut writer, &slice(99, b'z', 9));
            writer.sync().unwrap();
            assert_eq!(read(copy.path()).unwrap().0.len(), frames.len() + 1);
            format!("{} frames, {} bytes torn", frames.len(), replayed.torn_bytes)
        }
        Err(error) => {
            assert_eq!(fs::read(&changed).unwrap(), bytes, "a refused log must stay as it is");
            error.to_string().replace(&format!("{}/", copy.path().display()), "")
        }
    }
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_its_frame() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)], &[slice(2, b'b', 20), slice(3, b'c', 30)]]);
    let length = fs::read(&path).unwrap().len();
    let start = length - FRAME_HEADER - 30;
    for cut in start..length {
        let want = format!("2 frames, {} bytes torn", cut - start);
        assert_eq!(outcome(dir.path(), &path, |bytes| bytes.truncate(cut)), want);
        let zeroed = |bytes: &mut Vec<u8>| bytes[cut..].fill(0);
        assert_eq!(outcome(dir.path(), &path, zeroed), format!("2 frames, {} bytes torn", length - start));
    }
}

#[test]
fn every_flipped_bit_in_what_was_synced_is_damage() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)], &[slice(2, b'b', 20)], &[slice(3, b'c', 5)]]);
    let synced = HEADER + 2 * FRAME_HEADER + 30;
    for at in 0..synced {
        let flip = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << (at % 8);
        let seen = outcome(dir.path(), &path, flip);
        assert!(seen.contains("is damaged at log position"), "byte {at}: {seen}");
    }
}

#[test]
fn every_flipped_bit_in_what_was_not_synced_is_a_torn_tail() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)], &[slice(2, b'b', 20), slice(3, b'c', 5)]]);
    let synced = HEADER + FRAME_HEADER + 10;
    let length = fs::read(&path).unwrap().len();
    let last = length - FRAME_HEADER - 5;
    for at in synced..length {
        let flip = |bytes: &mut Vec<u8>| bytes[at] ^= 0x10;
        let (frames, kept) = if at < last { (1, synced) } else { (2, last) };
        let want = format!("{frames} frames, {} bytes torn", length - kept);
        assert_eq!(outcome(dir.path(), &path, flip), want, "byte {at}");
    }
}

#[test]
fn damage_is_told_with_its_place_and_size() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)], &[slice(2, b'b', 20)], &[slice(3, b'c', 5)]]);
    check(
        dir.path(),
        &path,
        |bytes| bytes[HEADER + FRAME_HEADER] ^= 1,
        &expect![
            "00000000000000000000.log is damaged at log position 32: no valid frame, 122 bytes up to the end of the file; the frame at 71 says that the log was synced up to 71"
        ],
    );
    check(
        dir.path(),
        &path,
        |bytes| bytes[3] ^= 1,
        &expect![
            "00000000000000000000.log is damaged at log position 0: no valid frame, 154 bytes up to the end of the file; frames follow a broken header"
        ],
    );
    check(
        dir.path(),
        &path,
        |bytes| bytes[..HEADER].fill(0),
        &expect![
            "00000000000000000000.log is damaged at log position 0: no valid frame, 154 bytes up to the end of the file; frames follow a broken header"
        ],
    );
    check(
        dir.path(),
        &path,
        |bytes| bytes.resize(super::SEGMENT_BYTES + 1, 0),
        &expect![
            "00000000000000000000.log is damaged at log position 0: the file is longer than the 67108864 bytes of a segment"
        ],
    );
}

#[test]
fn a_header_of_another_format_or_place_is_damage() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)]]);
    let reseal = |bytes: &mut Vec<u8>| {
        let sum = crc32c::crc32c(&bytes[..HEADER - 4]).to_be_bytes();
        bytes[HEADER - 4..HEADER].copy_from_slice(&sum);
    };
    let change = |at: usize| {
        move |bytes: &mut Vec<u8>| {
            bytes[at] ^= 2;
            reseal(bytes);
        }
    };
    check(
        dir.path(),
        &path,
        change(0),
        &expect![
            "00000000000000000000.log is damaged at log position 0: the file is not a segment of this log"
        ],
    );
    check(
        dir.path(),
        &path,
        change(11),
        &expect![
            "00000000000000000000.log is damaged at log position 0: format version 0 is unknown, 2 is expected"
        ],
    );
    check(
        dir.path(),
        &path,
        change(27),
        &expect![
            "00000000000000000000.log is damaged at log position 0: the file holds the segment of position 2"
        ],
    );
}

#[test]
fn a_creation_cut_short_behind_a_whole_log_is_torn() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)]]);
    let end = fs::metadata(&path).unwrap().len();
    let next = segment::path(dir.path(), end);
    for length in [0, 5, HEADER] {
        fs::write(&next, vec![0; length]).unwrap();
        let want = format!("1 frames, {length} bytes torn");
        assert_eq!(outcome(dir.path(), &next, |_| ()), want);
    }
}

/// Five frames in as many segments.
fn chain() -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create_sized(dir.path(), 0, 100).unwrap();
    for txn in 0..5 {
        append(&mut writer, &slice(txn, b'a', 39));
    }
    writer.sync().unwrap();
    let files = files(dir.path());
    assert_eq!(files.len(), 5);
    (dir, files)
}

#[test]
fn nothing_in_an_older_segment_passes_for_a_torn_tail() {
    let (dir, files) = chain();
    let length = fs::read(&files[3]).unwrap().len();
    for at in 0..length {
        for change in
            [&(|bytes: &mut Vec<u8>| bytes[at] ^= 4) as &dyn Fn(&mut Vec<u8>), &|bytes| bytes.truncate(at)]
        {
            let seen = outcome(dir.path(), &files[3], change);
            assert!(seen.contains("is damaged at log position"), "byte {at}: {seen}");
        }
    }
    check(
        dir.path(),
        &files[3],
        |bytes| bytes.push(0),
        &expect![
            "00000000000000000300.log is damaged at log position 400: no valid frame, 1 bytes up to the end of the file; a later segment follows"
        ],
    );
    check(
        dir.path(),
        &files[3],
        Vec::clear,
        &expect![
            "00000000000000000400.log is damaged at log position 300: the segment before it ends at 300, this one starts at 400"
        ],
    );
}

#[test]
fn a_missing_segment_is_a_gap_unless_it_is_the_first() {
    let (dir, files) = chain();
    fs::remove_file(&files[0]).unwrap();
    check(dir.path(), &files[4], |_| (), &expect!["4 frames, 0 bytes torn"]);
    fs::remove_file(&files[2]).unwrap();
    check(
        dir.path(),
        &files[4],
        |_| (),
        &expect![
            "00000000000000000300.log is damaged at log position 200: the segment before it ends at 200, this one starts at 300"
        ],
    );
}

#[test]
fn segments_that_change_places_are_damage() {
    let (dir, files) = chain();
    fs::copy(&files[1], &files[3]).unwrap();
    check(
        dir.path(),
        &files[4],
        |_| (),
        &expect![
            "00000000000000000300.log is damaged at log position 300: the file holds the segment of position 100"
        ],
    );
}

#[test]
fn a_frame_in_a_payload_is_no_frame() {
    let planted = frame::ValidFrame { kind: FrameKind::Commit, txn: 9, synced_lsn: 60, payload: b"" };
    let header = frame::encode_header(frame::Salt(7), 300, &planted).unwrap();
    let (dir, path) = log_of(&[&[slice(1, b'a', 10), (FrameKind::Slice, 2, header.repeat(9))]]);
    check(
        dir.path(),
        &path,
        |bytes| bytes[HEADER + FRAME_HEADER + 11] ^= 1,
        &expect!["1 frames, 290 bytes torn"],
    );
}

#[test]
fn other_files_are_left_alone() {
    let (dir, _) = log_of(&[&[slice(1, b'a', 10)]]);
    for name in
        ["1.log", "00000000000000000999.log.old", "0000000000000000099x.log", "+0000000000000000999.log"]
    {
        fs::write(dir.path().join(name), b"?").unwrap();
    }
    assert_eq!(read(dir.path()).unwrap().0.len(), 1);
}

#[test]
fn a_visitor_can_refuse_a_frame() {
    let (dir, path) = log_of(&[&[slice(1, b'a', 10)]]);
    let before = fs::read(&path).unwrap();
    fs::write(&path, [before.as_slice(), b"torn"].concat()).unwrap();
    let refused = replay(dir.path(), &mut |frame| Err(frame.damaged("no such slice")));
    assert!(matches!(refused, Err(ReplayError::Damaged { lsn, .. }) if lsn == HEADER as u64));
    assert_eq!(fs::read(&path).unwrap().len(), before.len() + 4);
}

/// A frame and whether a sync follows it.
fn any_frame() -> impl Strategy<Value = (Appended, bool)> {
    let kind = prop::sample::select(vec![FrameKind::Slice, FrameKind::Commit, FrameKind::Catalogue]);
    ((kind, 0..50_u64, prop::collection::vec(any::<u8>(), 0..90)), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_power_cut_leaves_a_prefix_with_all_that_was_synced(
        frames in prop::collection::vec(any_frame(), 0..20),
        cut in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create_sized(dir.path(), 5, 300).unwrap();
        let mut ends = Vec::new();
        let mut promised = writer.synced_lsn();
        for (frame, is_synced) in &frames {
            append(&mut writer, frame);
            ends.push(writer.lsn());
            if *is_synced {
                writer.sync().unwrap();
            }
            promised = promised.max(writer.synced_lsn());
        }
        let start = writer.segment_lsn();
        let lsn_max = writer.lsn();
        writer.sync().unwrap();
        drop(writer);

        // The power goes: beyond what was synced the file ends anywhere, perhaps in noise.
        let cut_lsn = promised + cut.index(usize::try_from(lsn_max - promised).unwrap() + 1) as u64;
        let path = segment::path(dir.path(), start);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole[..usize::try_from(cut_lsn - start).unwrap()].to_vec();
        bytes.extend_from_slice(&noise);
        fs::write(&path, &bytes).unwrap();

        // Noise may begin with the very bytes that were cut off.
        let intact_bytes = bytes.iter().zip(&whole).take_while(|(is, was)| is == was).count() as u64;
        let kept = ends.iter().filter(|end| **end <= start + intact_bytes).count();
        let (seen, mut writer) = reopen(dir.path(), 300);
        let want: Vec<_> = frames.iter().map(|(frame, _)| frame.clone()).collect();
        prop_assert_eq!(&seen, &want[..kept]);
        append(&mut writer, &slice(1, b'z', 5));
        writer.sync().unwrap();
        prop_assert_eq!(read(dir.path()).unwrap().0.len(), kept + 1);
    }

    #[test]
    fn one_wrong_byte_never_changes_a_frame(
        frames in prop::collection::vec(any_frame(), 1..12),
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::create_sized(dir.path(), 0, 400).unwrap();
        for (frame, is_synced) in &frames {
            append(&mut writer, frame);
            if *is_synced {
                writer.sync().unwrap();
            }
        }
        writer.sync().unwrap();
        let path = at.get(&files(dir.path())).clone();
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        fs::write(&path, &bytes).unwrap();
        if let Ok((seen, _)) = read(dir.path()) {
            let want: Vec<_> = frames.into_iter().map(|(frame, _)| frame).collect();
            prop_assert!(seen.len() < want.len());
            prop_assert_eq!(&seen[..], &want[..seen.len()]);
        }
    }
}
