//! What cannot be written is written later, and never in place of what is newer.

use std::{collections::VecDeque, fs, path::Path, sync::Arc, thread, time::Duration};

use parking_lot::Mutex;
use sluice_ingest::RejectsFrame;
use tokio::sync::mpsc;

use super::{BatchCommand, COMMANDS_QUEUED_MAX, WaitFor, Writer};
use crate::batches::{
    id::BatchId,
    index::{Entry, tests::summary},
    journal::{BEGIN, Record, SUMMARY, list, scan},
    ledger::Ledger,
    summary::{BatchState, Failure, Summary},
};

fn writer(dir: &Path) -> Writer {
    Writer {
        dir: dir.to_owned(),
        keep: Duration::from_hours(1),
        bytes_max: 1 << 20,
        index: Arc::default(),
        old: VecDeque::new(),
        segment: None,
        next_number: 1,
        bytes: Arc::default(),
        last: Arc::new(Mutex::new(Some(vec![]))),
        unwritten: VecDeque::new(),
        unsynced: vec![],
        unsynced_frames: vec![],
        unremoved: vec![],
        is_failing: false,
    }
}

/// What the segments of a directory have, oldest first.
fn records(dir: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    for segment in list(dir).unwrap() {
        scan(dir, segment.number, |record| records.push(record)).unwrap();
    }
    records
}

#[test]
fn what_was_not_written_does_not_follow_what_is_newer() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("batches");
    let mut writer = writer(&dir);
    let (running, done) = (BatchState::Running, BatchState::Done);
    fs::write(&dir, "in the way").unwrap();
    // One that begins anew, one that goes on, one of which nothing more comes.
    for command in [
        BatchCommand::Begin(summary(1, 10, running)),
        BatchCommand::Summary(summary(2, 20, running)),
        BatchCommand::Summary(summary(3, 30, running)),
    ] {
        writer.carry_out(command);
    }
    assert_eq!(writer.unwritten.len(), 3);
    fs::remove_file(&dir).unwrap();
    writer.carry_out(BatchCommand::Summary(summary(1, 10, done)));
    writer.carry_out(BatchCommand::Summary(summary(2, 20, done)));
    writer.write_again();
    assert!(writer.unwritten.is_empty());
    writer.sync();
    assert_eq!(
        records(&dir),
        [
            Record::Begin(summary(1, 10, done)),
            Record::Summary(summary(2, 20, done)),
            Record::Summary(summary(3, 30, running)),
        ]
    );
}

/// After a failed sync nobody knows what the disk has: it counts as nothing, and nobody is told that it is kept.
#[test]
fn what_a_failed_sync_leaves_open_is_written_again_and_rows_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, away) = (dir.path().join("batches"), dir.path().join("away"));
    let mut writer = writer(&dir);
    let (running, done) = (BatchState::Running, BatchState::Done);
    for (id, live) in [(1, true), (2, false), (3, false)] {
        let summary = summary(id, 10, if live { running } else { done });
        writer.index.lock().insert(Entry { summary, live: None, frames: vec![], segment: None });
    }
    let frame = |count| RejectsFrame { packed: vec![7], count, text_bytes: 1 };
    writer.carry_out(BatchCommand::Rejects(BatchId(2), frame(5)));
    writer.carry_out(BatchCommand::Summary(summary(2, 10, running)));
    writer.sync();
    writer.carry_out(BatchCommand::Begin(summary(1, 10, running)));
    writer.carry_out(BatchCommand::Rejects(BatchId(2), frame(6)));
    writer.carry_out(BatchCommand::Summary(summary(2, 10, done)));
    writer.carry_out(BatchCommand::Summary(summary(1, 10, running)));
    // It cannot be synced in a directory that is not there; the first sync of a segment needs it.
    writer.end_segment();
    assert!(writer.unwritten.is_empty());
    writer.carry_out(BatchCommand::Begin(summary(3, 10, running)));
    writer.carry_out(BatchCommand::Rejects(BatchId(2), frame(7)));
    writer.carry_out(BatchCommand::Summary(summary(2, 10, done)));
    writer.carry_out(BatchCommand::Summary(summary(3, 10, done)));
    fs::rename(&dir, &away).unwrap();
    writer.sync();
    let kinds: Vec<(u8, u128)> =
        writer.unwritten.iter().map(|(kind, summary)| (*kind, summary.id.0)).collect();
    assert_eq!(kinds, [(SUMMARY, 2), (BEGIN, 3)]);
    fs::rename(&away, &dir).unwrap();
    let before = records(&dir).len();
    writer.write_again();
    writer.sync();
    assert!(writer.unwritten.is_empty());
    let entry = writer.index.lock().get(BatchId(2)).unwrap().clone();
    assert_eq!(entry.frames.iter().map(|place| place.count).collect::<Vec<_>>(), [5, 6]);
    assert!(entry.summary.rejects_missing.as_deref().unwrap().starts_with("They could not be written: "));
    let missed = Summary { rejects_missing: entry.summary.rejects_missing, ..summary(2, 10, done) };
    assert_eq!(list(&dir).unwrap().len(), 3);
    assert_eq!(records(&dir)[before..], [Record::Summary(missed), Record::Begin(summary(3, 10, done))]);
}

/// An older summary once went behind the newer one that had ended its segment, and made a batch that was done begin anew.
#[test]
fn what_is_found_lost_when_a_segment_ends_does_not_follow_what_ended_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let (running, done) = (BatchState::Running, BatchState::Done);
    writer.carry_out(BatchCommand::Begin(summary(1, 10, running)));
    let (segment, _) = writer.segment.as_mut().unwrap();
    segment.is_broken = true;
    segment.break_syncs();
    assert!(writer.write_summary(SUMMARY, summary(1, 10, done)));
    writer.write_again();
    writer.sync();
    assert!(writer.unwritten.is_empty());
    assert_eq!(
        records(dir.path()),
        [Record::Begin(summary(1, 10, running)), Record::Begin(summary(1, 10, done))]
    );
}

/// What stands before the begin of a batch is not of it.
#[test]
fn refused_rows_follow_a_begin_that_could_not_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("batches");
    let mut writer = writer(&dir);
    let (running, done) = (BatchState::Running, BatchState::Done);
    let entry = Entry { summary: summary(1, 10, running), live: None, frames: vec![], segment: None };
    writer.index.lock().insert(entry);
    let rejects =
        || BatchCommand::Rejects(BatchId(1), RejectsFrame { packed: vec![7], count: 5, text_bytes: 1 });
    fs::write(&dir, "in the way").unwrap();
    writer.carry_out(BatchCommand::Begin(summary(1, 10, running)));
    writer.carry_out(rejects());
    fs::remove_file(&dir).unwrap();
    writer.carry_out(rejects());
    let missing = writer.index.lock().get(BatchId(1)).unwrap().summary.rejects_missing.clone();
    assert!(missing.is_some(), "those that came first");
    writer.carry_out(BatchCommand::Summary(summary(1, 10, done)));
    let records = records(&dir);
    assert!(
        matches!(records[..], [Record::Begin(_), Record::Rejects(..), Record::Summary(_)]),
        "{records:?}"
    );
}

/// Who waits is told the truth, whichever way it goes wrong.
#[tokio::test]
async fn who_ends_a_batch_is_told_whether_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("batches");
    let writer = writer(&dir);
    let (commands_out, commands_in) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let ledger = Ledger::new(Arc::clone(&writer.index), commands_out, Arc::clone(&writer.last));
    let thread = thread::Builder::new().spawn(move || writer.run(commands_in)).unwrap();
    let done = |id| summary(id, 10, BatchState::Done);
    assert!(ledger.write_last(done(1), WaitFor::Sync).await);
    assert_eq!(records(&dir), [Record::Summary(done(1))]);
    fs::remove_dir_all(&dir).unwrap();
    fs::write(&dir, "in the way").unwrap();
    // Longer than the present segment may become, so that it needs a file.
    let long = Summary {
        failure: Some(Failure { problem: "".into(), detail: "x".repeat(1 << 18).into() }),
        ..done(2)
    };
    assert!(ledger.write_last(long, WaitFor::Writing).await);
    assert!(!ledger.write_last(done(3), WaitFor::Writing).await);
    assert!(!ledger.write_last(done(4), WaitFor::Sync).await);
    fs::remove_file(&dir).unwrap();
    assert!(ledger.write_last(done(5), WaitFor::Writing).await);
    assert_eq!(records(&dir)[0], Record::Summary(done(5)));
    assert!(ledger.write_last(done(6), WaitFor::Sync).await);
    let mut known = records(&dir).into_iter();
    assert_eq!(known.next(), Some(Record::Summary(done(5))));
    let mut others: Vec<Record> = known.collect();
    others.sort_by_key(|record| match record {
        Record::Summary(summary) => summary.id,
        other => panic!("{other:?}"),
    });
    assert_eq!(others, [3, 4, 6].map(|id| Record::Summary(done(id))));
    ledger.write(BatchCommand::Close).await;
    thread.join().unwrap();
    assert!(!ledger.write_last(done(7), WaitFor::Sync).await);
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(dir.path());
    let (commands_out, commands_in) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let ledger = Ledger::new(Arc::clone(&writer.index), commands_out, Arc::clone(&writer.last));
    let waiting = ledger.write_last(summary(1, 10, BatchState::Done), WaitFor::Sync);
    let end = async {
        // As in a panic.
        drop((commands_in, writer));
        ledger.write_last(summary(2, 10, BatchState::Done), WaitFor::Writing).await
    };
    assert_eq!(tokio::join!(waiting, end), (false, false));
}
