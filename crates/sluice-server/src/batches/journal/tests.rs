//! Records are found again, up to what is torn off, and damage costs no more than itself.

use std::fs::{self, OpenOptions};

use sluice_ingest::RejectsFrame;

use super::{BEGIN, FramePlace, Record, SUMMARY, Segment, list, path, read_frame, scan};
use crate::batches::{
    id::BatchId,
    index::tests::summary,
    summary::{BatchState, Summary},
};

fn frame(text: &str) -> RejectsFrame {
    let packed = zstd::bulk::compress(text.as_bytes(), 1).unwrap();
    RejectsFrame { packed, count: 1, text_bytes: text.len().try_into().unwrap() }
}

/// A segment with a begin, refused rows and a summary; the places of the rows.
fn write(dir: &std::path::Path) -> (Summary, Vec<FramePlace>) {
    let begun = summary(7, 100, BatchState::Running);
    let ended = summary(7, 100, BatchState::Done);
    let mut segment = Segment::create(dir, 3).unwrap();
    segment.append_summary(BEGIN, &begun).unwrap();
    let places = ["first\n", "second\n"].map(|text| segment.append_rejects(ended.id, &frame(text)).unwrap());
    segment.append_summary(SUMMARY, &ended).unwrap();
    segment.sync().unwrap();
    assert_eq!(segment.bytes, fs::metadata(path(dir, 3)).unwrap().len());
    (ended, places.to_vec())
}

fn records(dir: &std::path::Path) -> Vec<Record> {
    let mut records = Vec::new();
    scan(dir, 3, |record| records.push(record)).unwrap();
    records
}

#[test]
fn what_was_written_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("batches");
    assert!(list(&dir).unwrap().is_empty());
    let (ended, places) = write(&dir);
    let found = records(&dir);
    let id = BatchId(7);
    assert_eq!(
        found,
        [
            Record::Begin(Summary { state: BatchState::Running, ..ended.clone() }),
            Record::Rejects(id, places[0]),
            Record::Rejects(id, places[1]),
            Record::Summary(ended.clone()),
        ]
    );
    let moved = Record::Moved(ended.clone(), places.clone());
    let mut segment = Segment::create(&dir, 4).unwrap();
    segment.append_moved(&ended, &places).unwrap();
    let mut records = Vec::new();
    scan(&dir, 4, |record| records.push(record)).unwrap();
    assert_eq!(records, [moved]);
    fs::remove_file(path(&dir, 4)).unwrap();
    let texts = places.iter().map(|place| read_frame(&dir, place).unwrap()).collect::<Vec<_>>();
    assert_eq!(texts, [b"first\n".to_vec(), b"second\n".to_vec()]);
    assert_eq!(list(&dir).unwrap().iter().map(|segment| segment.number).collect::<Vec<_>>(), [3]);
    fs::write(dir.join("other"), "").unwrap();
    assert_eq!(list(&dir).unwrap().len(), 1);
}

#[test]
fn whatever_is_torn_off_the_rest_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (_, places) = write(dir.path());
    let whole = records(dir.path());
    let length = fs::metadata(path(dir.path(), 3)).unwrap().len();
    for cut in (0..length).rev() {
        OpenOptions::new().write(true).open(path(dir.path(), 3)).unwrap().set_len(cut).unwrap();
        let found = records(dir.path());
        assert_eq!(found, whole[..found.len()], "cut at {cut}");
        assert!(found.len() < whole.len());
        if found.len() == 3 {
            assert!(read_frame(dir.path(), &places[1]).is_ok());
        }
    }
}

#[test]
fn damage_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (_, places) = write(dir.path());
    let whole = records(dir.path());
    let bytes = fs::read(path(dir.path(), 3)).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(path(dir.path(), 3), damaged).unwrap();
        let found = records(dir.path());
        assert!(found.len() <= whole.len() && found.iter().all(|record| whole.contains(record)), "at {at}");
        for (place, text) in places.iter().zip([b"first\n".to_vec(), b"second\n".to_vec()]) {
            let read = read_frame(dir.path(), place);
            assert!(read.is_err() || read.unwrap() == text, "at {at}");
        }
    }
}

/// As when there are no descriptors left.
#[test]
fn a_sync_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, away) = (dir.path().join("batches"), dir.path().join("away"));
    let mut segment = Segment::create(&dir, 1).unwrap();
    segment.append_summary(SUMMARY, &summary(1, 10, BatchState::Done)).unwrap();
    fs::rename(&dir, &away).unwrap();
    segment.sync().unwrap();
    segment.break_syncs();
    assert!(segment.sync().is_err());
}
