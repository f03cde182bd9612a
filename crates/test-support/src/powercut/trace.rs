//! The recorder's trace, read back.
//!
//! In: the bytes that `shim.c` wrote. Out: events in order; data stays in the trace and is referred to by range.

use std::{collections::BTreeSet, ops::Range};

/// What happened to the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A file or directory was opened, perhaps created, perhaps emptied.
    Open { handle: u32, path: String, flags: u64 },
    /// Bytes of the trace went into the file.
    Write { handle: u32, offset: usize, data: Range<usize> },
    /// The file was made this long.
    Truncate { handle: u32, length: usize },
    /// The file was made at least this long.
    Allocate { handle: u32, length: usize },
    /// A sync began.
    SyncBegin { handle: u32, number: u64 },
    /// It succeeded.
    SyncEnd { number: u64 },
    /// A name was changed, taking the place of another.
    Rename { from: String, to: String },
    /// A file's name was removed.
    Unlink { path: String },
    /// A directory was made.
    MakeDir { path: String },
    /// An empty directory was removed.
    RemoveDir { path: String },
}

/// The handle of a sync of everything.
pub(crate) const EVERYTHING: u32 = u32::MAX;

const HEAD_BYTES: usize = 32;

/// Reads a trace; a record that the end cuts short did not happen.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut at = 0;
    while at + HEAD_BYTES <= bytes.len() {
        let short = |from: usize| u32::from_be_bytes(bytes[at + from..at + from + 4].try_into().unwrap());
        let long = |from: usize| u64::from_be_bytes(bytes[at + from..at + from + 8].try_into().unwrap());
        let size = |from: usize| usize::try_from(long(from)).unwrap();
        let (kind, handle, number) = (short(0), short(4), long(8));
        let data = at + HEAD_BYTES..at + HEAD_BYTES + size(24);
        if bytes.len() < data.end {
            break;
        }
        let text = || String::from_utf8(bytes[data.clone()].to_vec()).unwrap();
        let event = match kind {
            1 => Event::Open { handle, path: text(), flags: number },
            2 => Event::Write { handle, offset: size(8), data: data.clone() },
            3 => Event::Truncate { handle, length: size(8) },
            4 => Event::Allocate { handle, length: size(8) + size(16) },
            5 => Event::SyncBegin { handle, number },
            6 => Event::SyncEnd { number },
            7 => {
                let both = text();
                let (from, to) = both.split_once('\0').unwrap();
                Event::Rename { from: from.to_owned(), to: to.to_owned() }
            }
            8 => Event::Unlink { path: text() },
            9 => Event::MakeDir { path: text() },
            10 => Event::RemoveDir { path: text() },
            _ => panic!("the trace has a record of kind {kind}"),
        };
        events.push(event);
        at = data.end;
    }
    events
}

/// Where each record of a trace ends.
pub(crate) fn record_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while at + HEAD_BYTES <= bytes.len() {
        let length = u64::from_be_bytes(bytes[at + 24..at + HEAD_BYTES].try_into().unwrap());
        at += HEAD_BYTES + usize::try_from(length).unwrap();
        if at <= bytes.len() {
            ends.push(at);
        }
    }
    ends
}

/// The events just after writes to files whose names begin with `files`, of bytes that `is_meant` wants.
pub(crate) fn after_writes(
    bytes: &[u8],
    events: &[Event],
    files: &str,
    is_meant: fn(&[u8]) -> bool,
) -> Vec<usize> {
    let (mut handles, mut after) = (BTreeSet::new(), Vec::new());
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Open { handle, path, .. } if path.starts_with(files) => {
                handles.insert(*handle);
            }
            Event::Open { handle, .. } => {
                handles.remove(handle);
            }
            Event::Write { handle, data, .. }
                if handles.contains(handle) && is_meant(&bytes[data.clone()]) =>
            {
                after.push(index + 1);
            }
            _ => {}
        }
    }
    after
}

/// Bytes of a file, by name, that were written where something had been written before.
pub(crate) fn overwritten_bytes(events: &[Event], file: &str) -> usize {
    let (mut handles, mut end, mut overwritten) = (BTreeSet::new(), 0, 0);
    for event in events {
        match event {
            Event::Open { handle, path, .. } if path == file => {
                handles.insert(*handle);
            }
            Event::Open { handle, .. } => {
                handles.remove(handle);
            }
            Event::Write { handle, offset, data } if handles.contains(handle) => {
                overwritten += data.len().min(end.max(*offset) - offset);
                end = end.max(offset + data.len());
            }
            _ => {}
        }
    }
    overwritten
}
