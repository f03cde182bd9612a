//! What may and what must be left after a power cut, on traces of a few events.

use std::{collections::BTreeSet, fs};

use super::{Disk, Files, files};
use crate::{dice::Dice, powercut::trace::Event};

const O_CREAT: u64 = 0o100;

fn open(handle: u32, path: &str) -> Event {
    Event::Open { handle, path: path.to_owned(), flags: O_CREAT }
}

/// All that a hundred images after these events can hold, as text.
#[track_caller]
fn check(trace: &[u8], events: &[Event], want: &[&str]) {
    let base = Files::from([("dir".to_owned(), None)]);
    let mut disk = Disk::new(base, trace, None);
    for event in events {
        disk.apply(event);
    }
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let image = tempfile::tempdir().unwrap();
        disk.image(&mut Dice::new(&[seed]), image.path());
        let shown = files(image.path())
            .into_iter()
            .filter_map(|(path, content)| Some(format!("{path}={}", String::from_utf8_lossy(&content?))));
        seen.insert(shown.collect::<Vec<_>>().join(" "));
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), want);
}

#[test]
fn what_is_not_synced_may_be_there_or_not() {
    let write = Event::Write { handle: 1, offset: 0, data: 0..1 };
    check(b"a", &[open(1, "dir/f"), write], &["", "dir/f=", "dir/f=a"]);
}

#[test]
fn a_sync_keeps_what_came_before_its_beginning() {
    let events = [
        open(1, "dir/f"),
        open(2, "dir"),
        Event::SyncBegin { handle: 2, number: 1 },
        Event::SyncEnd { number: 1 },
        Event::Write { handle: 1, offset: 0, data: 0..1 },
        Event::SyncBegin { handle: 1, number: 2 },
        Event::Write { handle: 1, offset: 1, data: 1..2 },
        Event::SyncEnd { number: 2 },
    ];
    check(b"ab", &events, &["dir/f=a", "dir/f=ab"]);
    check(b"ab", &events[..7], &["dir/f=", "dir/f=\0b", "dir/f=a", "dir/f=ab"]);
}

#[test]
fn names_change_in_order() {
    let rename = Event::Rename { from: "dir/new".to_owned(), to: "dir/f".to_owned() };
    let events = [open(1, "dir/f"), open(2, "dir/new"), rename, Event::Unlink { path: "dir/f".to_owned() }];
    check(b"", &events, &["", "dir/f=", "dir/f= dir/new="]);
}

#[test]
fn a_renamed_directory_takes_its_files_along() {
    let rename = Event::Rename { from: "dir".to_owned(), to: "dir.aside".to_owned() };
    let events = [open(1, "dir/f"), rename, Event::MakeDir { path: "dir".to_owned() }, open(2, "dir/g")];
    check(b"", &events, &["", "dir.aside/f=", "dir.aside/f= dir/g=", "dir/f="]);
}

#[test]
fn a_write_tears_between_sectors() {
    let trace = vec![b'x'; 1_024];
    let mut disk = Disk::new(Files::from([("f".to_owned(), Some(vec![b'o'; 1_024]))]), &trace, None);
    disk.apply(&open(1, "f"));
    disk.apply(&Event::Write { handle: 1, offset: 0, data: 0..1_024 });
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let image = tempfile::tempdir().unwrap();
        disk.image(&mut Dice::new(&[seed]), image.path());
        let content = fs::read(image.path().join("f")).unwrap();
        assert!(content.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        seen.insert((content[0], content[512]));
    }
    assert_eq!(seen.len(), 4);
}
