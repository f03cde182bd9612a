//! What cannot be written is written later, and never in place of what is newer.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use sluice_ingest::{ImportReport, RejectsFrame, StepPlace};
use tokio::sync::mpsc;

use super::{BatchCommand, COMMANDS_QUEUED_MAX, WaitFor, Writer};
use crate::{
    batches::{
        Batches, Begun, Told,
        batch::Batch,
        entry::Entry,
        id::BatchId,
        index::{Index, tests::summary},
        journal::{BEGIN, Record, SUMMARY, list, read_frame, scan},
        ledger::Ledger,
        live::Live,
        summary::{BULK_ACTION, BatchState, Failure, Summary},
        tests::asked,
    },
    config::BatchSettings,
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
    let dir = dir.path().join("batches");
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
    writer.end_segment();
    assert!(writer.unwritten.is_empty());
    writer.carry_out(BatchCommand::Begin(summary(3, 10, running)));
    writer.carry_out(BatchCommand::Rejects(BatchId(2), frame(7)));
    writer.carry_out(BatchCommand::Summary(summary(2, 10, done)));
    writer.carry_out(BatchCommand::Summary(summary(3, 10, done)));
    writer.segment.as_mut().unwrap().0.break_syncs();
    writer.sync();
    let kinds: Vec<(u8, u128)> =
        writer.unwritten.iter().map(|(kind, summary)| (*kind, summary.id.0)).collect();
    assert_eq!(kinds, [(SUMMARY, 2), (BEGIN, 3)]);
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

/// The refused rows of the last steps were once still on their way when a batch was told to have ended, and whoever read them
/// then got fewer than it counted, and no word of the rest.
#[tokio::test]
async fn a_batch_has_not_ended_before_its_refused_rows_have_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(dir.path());
    let (commands_out, commands_in) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let ledger = Arc::new(Ledger::new(Arc::clone(&writer.index), commands_out, Arc::clone(&writer.last)));
    let live = Arc::new(Live::new(u64::MAX));
    let summary = summary(1, 10, BatchState::Running);
    let entry = Entry { summary, live: Some(Arc::clone(&live)), frames: vec![], segment: None };
    writer.index.lock().insert(entry);
    let told = || Told::of(ledger.index.lock().get(BatchId(1)).unwrap());
    let batch = Batch::new(Arc::clone(&ledger), BatchId(1), live, false);
    let report = ImportReport { refused_count: 5, ..ImportReport::default() };
    let frame = RejectsFrame { packed: vec![7], count: 5, text_bytes: 1 };
    batch.keeper().keep(&report, StepPlace::Last, vec![frame]).await;
    let mut ending = pin!(batch.end(BatchState::Cancelled, &report, None));
    assert!(ending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!((told().summary.state, told().elapsed.is_some()), (BatchState::Running, true));
    let thread = thread::Builder::new().spawn(move || writer.run(commands_in)).unwrap();
    assert!(ending.await.unwrap().is_recorded);
    let Told { summary, rejects_kept, elapsed, .. } = told();
    assert_eq!((summary.state, rejects_kept, elapsed), (BatchState::Cancelled, 5, None));
    ledger.write(BatchCommand::Close).await;
    thread.join().unwrap();
}

/// A line of progress once came before the answer of an import of one step.
#[tokio::test]
async fn the_lines_of_the_last_step_are_told_by_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let batches = Batches::open(dir.path(), &BatchSettings::default()).unwrap();
    let Ok(Begun::New(batch)) = batches.begin(None, asked("Feed", "add")).await else { panic!() };
    let told = |id| batches.get("General", id).unwrap().summary.counts;
    let (id, keeper) = (batch.id, batch.keeper());
    let report = |lines| ImportReport { rows_count: 1, committed_lines: lines, ..ImportReport::default() };
    for (place, lines, want) in [(StepPlace::Within, 3, (1, 3)), (StepPlace::Last, 7, (2, 3))] {
        keeper.keep(&report(lines), place, vec![]).await;
        assert_eq!((told(id).rows, told(id).committed_lines), want, "{place:?}");
    }
    batch.end(BatchState::Done, &report(7), None).await.unwrap();
    assert_eq!(told(id).committed_lines, 7);
    batches.close().await;
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
    for id in 1..=3 {
        let (summary, live) = (summary(id, 10, BatchState::Running), Some(Arc::new(Live::new(0))));
        ledger.index.lock().insert(Entry { summary, live, frames: vec![], segment: None });
    }
    let waiting = ledger.write_last(summary(1, 10, BatchState::Done), WaitFor::Sync);
    let end = async {
        // As in a panic.
        drop((commands_in, writer));
        ledger.write_last(summary(2, 10, BatchState::Done), WaitFor::Writing).await
    };
    assert_eq!(tokio::join!(waiting, end), (false, false));
    ledger.write_later(summary(3, 10, BatchState::Done));
    // They have ended all the same.
    let index = ledger.index.lock();
    assert_eq!(index.counts(), (3, 0));
    assert!(index.entries().all(|entry| entry.summary.state == BatchState::Done));
}

/// Adds a batch that has ended, with refused rows that pack to nothing less.
fn add(writer: &mut Writer, summary: &Summary, texts: &[Vec<u8>]) {
    let entry = Entry { summary: summary.clone(), live: None, frames: vec![], segment: None };
    writer.index.lock().insert(entry);
    for text in texts {
        let packed = zstd::bulk::compress(text, 1).unwrap();
        let frame = RejectsFrame { packed, count: 1, text_bytes: text.len().try_into().unwrap() };
        writer.carry_out(BatchCommand::Rejects(summary.id, frame));
        writer.evict();
    }
    writer.write_summary(SUMMARY, summary.clone());
    writer.evict();
}

/// One tenant's bulk requests, and its imports after them, push out neither its import with a key nor those of another tenant.
#[test]
fn what_an_owner_has_within_its_share_is_moved_before_its_segment_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let mut state = 1_u64;
    let mut noise = |bytes: usize| {
        let mut text = Vec::new();
        while text.len() < bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.extend_from_slice(&state.to_be_bytes()[..4]);
        }
        text
    };
    let now_ms = crate::clock::now_ms();
    let done = |id| {
        let mut summary = summary(id, now_ms, BatchState::Done);
        summary.counts.refused = 3;
        summary
    };
    let mut theirs = done(1);
    theirs.asked.tenant = "acme".into();
    // Of two segments, so that it is moved in two parts.
    let rows: Vec<Vec<u8>> = (0..3).map(|_| noise(50_000)).collect();
    add(&mut writer, &done(3), &[noise(60_000)]);
    add(&mut writer, &theirs, &rows[..]);
    let keyed = Summary { is_keyed: true, ..done(2) };
    add(&mut writer, &keyed, &[noise(1_000)]);
    let mut bytes_most = 0;
    for id in 10..210 {
        let mut flood = done(id);
        flood.asked.action = if id < 110 { BULK_ACTION } else { "add" }.into();
        add(&mut writer, &flood, &[noise(30_000)]);
        bytes_most = bytes_most.max(list(dir.path()).unwrap().iter().map(|segment| segment.bytes).sum());
    }
    writer.sync();
    // With room for what is moved.
    assert!(bytes_most <= writer.bytes_max / 8 * 7, "{bytes_most}");
    assert!(writer.bytes_max / 2 < bytes_most, "{bytes_most}");
    let mut again = Index::default();
    let segments = list(dir.path()).unwrap();
    for segment in &segments {
        scan(dir.path(), segment.number, |record| again.replay(segment.number, record)).unwrap();
    }
    again.end_replay(&segments);
    let index = writer.index.lock();
    for index in [&*index, &again] {
        let entry = index.get(BatchId(1)).unwrap();
        assert_eq!(entry.summary, theirs);
        let found: Vec<_> = entry.frames.iter().map(|place| read_frame(dir.path(), place).unwrap()).collect();
        assert!(found == rows);
        assert!(index.get(BatchId(2)).is_some());
        // Its own are the oldest of a full share.
        assert!(index.get(BatchId(10)).is_none() && index.get(BatchId(110)).is_none());
        assert!(index.get(BatchId(209)).is_some());
    }
    let segment = index.get(BatchId(1)).unwrap().segment.unwrap();
    drop(index);
    // What was moved is durable before its segment goes.
    writer.move_out(segment);
    assert_ne!(writer.index.lock().get(BatchId(1)).unwrap().segment, Some(segment));
    assert!(writer.unsynced.is_empty() && writer.unsynced_frames.is_empty());
    // If it is not, it is written again.
    writer.move_whole(BatchId(1), segment);
    assert_eq!(writer.unsynced, [(SUMMARY, theirs)]);
}
