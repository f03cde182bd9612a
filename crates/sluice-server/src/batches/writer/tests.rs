//! What cannot be written is written later, and never in place of what is newer.

use std::{collections::VecDeque, fs, sync::Arc, time::Duration};

use super::{BatchCommand, Writer};
use crate::batches::{
    index::{Index, tests::summary},
    journal::{Record, list, scan},
    summary::BatchState,
};

#[test]
fn what_was_not_written_does_not_follow_what_is_newer() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("batches");
    let mut writer = Writer {
        dir: dir.clone(),
        keep: Duration::from_hours(1),
        bytes_max: 1 << 20,
        index: Arc::default(),
        old: VecDeque::new(),
        segment: None,
        next_number: 1,
        bytes: Arc::default(),
        later: Arc::default(),
        unwritten: VecDeque::new(),
        is_failing: false,
        is_unsynced: false,
    };
    let (running, done) = (BatchState::Running, BatchState::Done);
    fs::write(&dir, "in the way").unwrap();
    // One that begins anew, one that goes on, one of which nothing more comes.
    for command in [
        BatchCommand::Begin(summary(1, 10, running)),
        BatchCommand::Summary(summary(2, 20, running), None),
        BatchCommand::Summary(summary(3, 30, running), None),
    ] {
        writer.carry_out(command, &mut vec![]);
    }
    assert_eq!(writer.unwritten.len(), 3);
    fs::remove_file(&dir).unwrap();
    writer.carry_out(BatchCommand::Summary(summary(1, 10, done), None), &mut vec![]);
    writer.carry_out(BatchCommand::Summary(summary(2, 20, done), None), &mut vec![]);
    writer.write_again();
    assert!(writer.unwritten.is_empty());
    writer.sync();
    let (mut records, mut index) = (Vec::new(), Index::default());
    for segment in list(&dir).unwrap() {
        scan(&dir, segment.number, |record| {
            records.push(record.clone());
            index.replay(segment.number, record);
        })
        .unwrap();
    }
    assert_eq!(
        records,
        [
            Record::Begin(summary(1, 10, done)),
            Record::Summary(summary(2, 20, done)),
            Record::Summary(summary(3, 30, running)),
        ]
    );
}
