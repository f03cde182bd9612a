//! D8: a flipped byte is noticed, or changes nothing; it never makes a wrong answer and never a panic.
//!
//! Each test damages a copy of one directory at many places, one at a time.

use std::{
    fmt::{Debug, Write as _},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use sluice_model::TenantId;
use sluice_store::{OpenError, Store, StoreConfig, Tuning};
use tempfile::TempDir;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::Field,
    span::{Attributes, Id, Record},
    subscriber::with_default,
};

use crate::world::{World, read};

const KEYS: usize = 60;
const WRITES: usize = 5;

/// What became of one damaged copy.
enum Outcome {
    Refused,
    Read { unreadable: usize },
}

fn value(key: usize, write: usize) -> String {
    format!(
        "{{\"key\":{key},\"write\":{write},\"pad\":\"{}\"}}",
        format!("{:x}", key * 7_919 + write).repeat(20)
    )
}

/// A directory in which each key was written [`WRITES`] times; `in_trees` of the writes are in the trees.
pub(crate) fn built(in_trees: usize) -> (World, PathBuf) {
    let mut world = World::tuned(Tuning { flush_bytes: 1 << 20, part_bytes: 4_000, ..Tuning::default() });
    for write in 0..WRITES {
        let rows: Vec<_> = (0..KEYS).map(|key| (format!("key-{key:02}"), value(key, write))).collect();
        let rows: Vec<_> = rows.iter().map(|(key, context)| (key.as_str(), context.as_str())).collect();
        world.put(&rows);
        if write + 1 == in_trees {
            assert!(world.store().checkpoint());
        }
    }
    world.halt();
    let dir = world.data_dir();
    (world, dir)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A refusal is in our words: what is damaged, what may be lost, what is to be done; and no text of a panic.
#[track_caller]
fn check_words(error: &OpenError) {
    let text = error.to_string();
    for wanted in ["is damaged: ", "acknowledged", "restore", "move it away"] {
        assert!(text.contains(wanted), "no {wanted} in: {text}");
    }
    for word in
        ["panick", "index out", "out of range", "out of bounds", "unwrap", "assertion", ".rs", "called `"]
    {
        assert!(!text.contains(word), "{word} in: {text}");
    }
}

/// Opens a copy of `dir` with one byte of `file` changed, and reads every key. `may_lack` writes may be missing
/// from the end, all keys alike.
fn check(dir: &Path, file: &str, at: usize, may_lack: usize) -> Outcome {
    check_with(dir, file, at, may_lack, |bytes| bytes[at] ^= 1 << (at % 8))
}

fn check_with(
    dir: &Path,
    file: &str,
    at: usize,
    may_lack: usize,
    damage: impl FnOnce(&mut Vec<u8>),
) -> Outcome {
    let scratch = TempDir::new().unwrap();
    copy(dir, scratch.path());
    let path = scratch.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let config = StoreConfig::at(scratch.path());
    let store = match Store::open(config, Box::new(|cause| println!("{cause}"))) {
        Ok(store) => store,
        Err(error @ OpenError::Damaged { .. }) => {
            check_words(&error);
            return Outcome::Refused;
        }
        Err(error) => panic!("{file} byte {at}: {error}"),
    };
    let snapshot = store.snapshot();
    let feed = snapshot.catalogue().supplier(TenantId::GENERAL, "Feed");
    assert!(feed.is_some(), "{file} byte {at}: the supplier is gone");
    let (mut unreadable, mut seen_write) = (0, None);
    for key in 0..KEYS {
        match read(&snapshot, &format!("key-{key:02}")) {
            Err(_) => unreadable += 1,
            Ok(found) => {
                let write = (0..WRITES).find(|write| found.as_deref() == Some(&value(key, *write)));
                let Some(write) = write else { panic!("{file} byte {at}: key {key} is {found:?}") };
                assert!(WRITES <= write + 1 + may_lack, "{file} byte {at}: key {key} is of write {write}");
                assert_eq!(*seen_write.get_or_insert(write), write, "{file} byte {at}: torn at key {key}");
            }
        }
    }
    drop(snapshot);
    store.halt();
    Outcome::Read { unreadable }
}

/// Damages every file of a directory below `dir` at `places` places; tells how often the store refused to open.
fn check_files(dir: &Path, below: &str, places: usize, may_lack: usize) -> usize {
    let mut refused = 0;
    for entry in fs::read_dir(dir.join(below)).unwrap() {
        let entry = entry.unwrap();
        let bytes = usize::try_from(entry.metadata().unwrap().len()).unwrap();
        if entry.path().is_dir() || bytes == 0 {
            continue;
        }
        let file = format!("{below}/{}", entry.file_name().to_str().unwrap());
        for place in 0..places.min(bytes) {
            // A stride without a common divisor with the size of a block.
            let at = (place * bytes / places.min(bytes) + place * 131) % bytes;
            match check(dir, &file, at, may_lack) {
                Outcome::Refused => refused += 1,
                Outcome::Read { unreadable } => println!("{file} byte {at}: {unreadable} unreadable"),
            }
        }
    }
    refused
}

#[test]
fn a_damaged_log_is_refused_or_lacks_an_end_that_nothing_vouches_for() {
    let (_world, dir) = built(0);
    // Nothing was written after the last write, so damage to it looks like a write that power loss cut off.
    let refused = check_files(&dir, "log", 60, 1);
    assert!(30 < refused, "{refused}");
}

#[test]
fn damaged_trees_are_refused_or_unreadable() {
    let (_world, dir) = built(WRITES);
    let refused = check_files(&dir, "trees", 80, 0);
    assert!(0 < refused);
}

#[test]
fn a_damaged_manifest_is_refused() {
    let (_world, dir) = built(WRITES);
    let bytes = fs::read(dir.join("MANIFEST")).unwrap().len();
    for at in (0..bytes).step_by(bytes / 20 + 1) {
        assert!(matches!(check(&dir, "MANIFEST", at, 0), Outcome::Refused), "byte {at}");
    }
}

#[track_caller]
fn check_missing(dir: &Path, file: &str) {
    let scratch = TempDir::new().unwrap();
    copy(dir, scratch.path());
    let path = scratch.path().join(file);
    if path.is_dir() {
        fs::remove_dir_all(&path).unwrap();
    } else {
        fs::remove_file(&path).unwrap();
    }
    let config = StoreConfig::at(scratch.path());
    let opened = Store::open(config, Box::new(|cause| println!("{cause}")));
    match opened {
        Err(error @ OpenError::Damaged { .. }) => check_words(&error),
        other => panic!("without {file}: {:?}", other.err()),
    }
}

#[test]
fn a_missing_file_is_refused() {
    let (_world, dir) = built(3);
    for file in ["MANIFEST", "log", "trees", "trees/db"] {
        check_missing(&dir, file);
    }
}

/// Stretches that are zero, cut off, repeated or of another place: sled panics at some of them.
#[test]
fn torn_trees_are_refused_or_unreadable() {
    let (_world, dir) = built(WRITES);
    let bytes = fs::read(dir.join("trees/db")).unwrap().len();
    let mut refused = 0;
    for place in 0..40 {
        let at = (place * bytes / 40 + place * 131) % bytes;
        let end = (at + 4_096).min(bytes);
        for kind in 0..5 {
            let damage = |bytes: &mut Vec<u8>| match kind {
                0 => bytes[at..end].fill(0),
                1 => bytes[at..end].fill(0xff),
                2 => bytes.truncate(at),
                3 => bytes.copy_within(at..end, 0),
                _ => bytes.copy_within(..end - at, at),
            };
            refused += usize::from(matches!(check_with(&dir, "trees/db", at, 0, damage), Outcome::Refused));
        }
    }
    assert!(0 < refused);
}

/// Files of the trees that are gone, empty, cut or noise: sled names some of that as a fault of the disk.
#[test]
fn trees_whose_files_are_cut_or_noise_are_refused_or_unreadable() {
    let (_world, dir) = built(WRITES);
    for entry in fs::read_dir(dir.join("trees")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            continue;
        }
        let file = format!("trees/{}", entry.file_name().to_str().unwrap());
        for kind in 0..6 {
            let damage = |bytes: &mut Vec<u8>| match kind {
                0 => bytes.clear(),
                1 => bytes.truncate(1),
                2 => bytes.truncate(bytes.len() / 2),
                3 => bytes.truncate(bytes.len() - 1),
                4 => bytes.fill(0xff),
                _ => bytes.fill(0),
            };
            match check_with(&dir, &file, 0, 0, damage) {
                Outcome::Refused => println!("{file} damage {kind}: refused"),
                Outcome::Read { unreadable } => println!("{file} damage {kind}: {unreadable} unreadable"),
            }
        }
    }
}

/// A log of several segments, as several starts without a checkpoint leave it, newest last.
fn with_segments() -> (World, Vec<String>) {
    let mut world = World::new();
    for start in 0..4 {
        world.put(&[("a", &start.to_string())]);
        world.restart();
    }
    world.put(&[("a", "last")]);
    world.halt();
    let entries = fs::read_dir(world.data_dir().join("log")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let segments = paths.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let mut segments: Vec<_> =
        segments.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    segments.sort();
    assert!(3 < segments.len());
    (world, segments)
}

#[test]
fn a_missing_segment_of_the_log_is_noticed_wherever_it_was() {
    let (world, segments) = with_segments();
    for segment in &segments {
        check_missing(&world.data_dir(), &format!("log/{segment}"));
    }
}

#[test]
fn the_newest_segment_is_missed_by_its_name() {
    let (world, mut segments) = with_segments();
    let newest = segments.pop().unwrap();
    fs::remove_file(world.data_dir().join("log").join(&newest)).unwrap();
    let refusal = world.try_open().err().unwrap().to_string();
    assert!(refusal.contains(&newest) && refusal.contains("is missing"), "{refusal}");
}

/// It was taken for a creation that a crash had cut short, and what had been acknowledged last was gone without a word.
#[test]
fn the_newest_segment_is_missed_when_only_its_name_is_left() {
    let (world, segments) = with_segments();
    for segment in &segments {
        for length in [0, 1, 31] {
            let kept = |bytes: &mut Vec<u8>| bytes.truncate(length);
            let seen = check_with(&world.data_dir(), &format!("log/{segment}"), 0, 0, kept);
            assert!(matches!(seen, Outcome::Refused), "{segment} of {length} bytes");
        }
    }
}

#[test]
fn a_log_whose_newest_segment_has_no_name_yet_opens() {
    let (mut world, _) = with_segments();
    for entry in fs::read_dir(world.data_dir().join("log")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "newest") {
            fs::remove_file(path).unwrap();
        }
    }
    world.reopen();
    assert_eq!(world.get("a").as_deref(), Some("last"));
}

/// Keeps warnings as text.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            write!(text, "{field}={value:?} ").unwrap();
        });
        self.0.lock().unwrap().push(text);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn what_is_cut_off_the_log_is_a_warning() {
    for torn_bytes in [0, 1, 1_000] {
        let (world, segments) = with_segments();
        let path = world.data_dir().join("log").join(segments.last().unwrap());
        fs::write(&path, [fs::read(&path).unwrap(), vec![7; torn_bytes]].concat()).unwrap();
        let warnings = Warnings::default();
        let store = with_default(warnings.clone(), || world.try_open()).unwrap();
        let told = warnings.0.lock().unwrap().join("");
        assert_eq!(told.contains(&format!("torn_bytes={torn_bytes} ")), 0 < torn_bytes, "{told}");
        store.halt();
    }
}
