//! The formats on disk: what each one looked like is kept, and every version opens it, or refuses it as what it is.
//!
//! In: the fixtures below `tests/fixtures`, data directories as they are without a last checkpoint, each in a folder `format-N` or, when
//! there are several of a format, `format-N-` and a word. Out: failures, when a version does not read what an earlier one
//! wrote, writes something else than the format says, or has a new format without a fixture.
//!
//! A fixture is made once and never changed. To make that of a new format, or another one of the same format:
//! `SLUICE_FIXTURE=format-3 UPDATE_EXPECT=1 cargo test --workspace formats`.

mod description;
mod fixture;
mod history;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use expect_test::expect_file;
use serde_json::Value;
use tempfile::TempDir;

use self::{
    description::describe,
    fixture::{Fixture, fixtures},
    history::{open, write_history},
};
use super::{DATA_FORMAT, FILE, Manifest, OLDEST_FORMAT};
use crate::{
    OpenError,
    log::inspect,
    trees::Trees,
    verify::{Verified, verify},
};

/// Names the fixture that is to be made.
const MAKE: &str = "SLUICE_FIXTURE";
/// Names the directory that a process writes the history into.
const INTO: &str = "SLUICE_HISTORY_INTO";

fn whole(data_dir: &Path) -> Verified {
    let verified = verify(data_dir, &mut |_, _| {}).unwrap();
    assert_eq!(verified.damages, []);
    verified
}

#[test]
fn every_format_is_opened_or_refused_as_older() {
    for Fixture { name, format, dir } in fixtures() {
        let unpacked = fixture::unpack(&dir);
        let data_dir = unpacked.path();
        if format < OLDEST_FORMAT {
            match open(data_dir) {
                Err(OpenError::Older { format: told, .. }) => assert_eq!(told, format, "{name}"),
                other => panic!("{name}: {:?}", other.err()),
            }
            continue;
        }
        let verified = whole(data_dir);
        assert!(0 < verified.rows && 0 < verified.frames, "{name}: {verified:?}");
        let expected = expect_file![dir.join("expected.txt")];
        let store = open(data_dir).unwrap();
        // Before anything else is written, so that an older version does not misread what is.
        assert_eq!(Manifest::read(data_dir).unwrap().unwrap().format, DATA_FORMAT, "{name}");
        let found = describe(&store);
        expected.assert_eq(&found);
        // What is in the log and in several runs says the same once it is in one.
        assert!(store.compact());
        assert_eq!(describe(&store), found, "{name}");
        store.close();
        drop(store);
        whole(data_dir);
        let store = open(data_dir).unwrap();
        assert_eq!(describe(&store), found, "{name}");
        store.halt();
    }
}

/// What this version writes. Slices are numbered through the life of a process, so it takes a process with nothing else.
fn written_today() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "manifest::formats::a_process_writes_the_history"]).env(INTO, dir.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    dir
}

#[test]
fn a_process_writes_the_history() {
    match std::env::var_os(INTO) {
        Some(dir) => write_history(Path::new(&dir)),
        None => assert!(written_today().path().join(FILE).exists()),
    }
}

/// What this version writes is what some fixture of its format has, byte for byte, but for what is drawn by chance.
///
/// When this fails, the format has changed: raise [`DATA_FORMAT`], and make a fixture of the new one. If versions that are
/// out read the new bytes all the same (another version of zstd, say), make a second fixture of this format instead.
#[test]
fn what_is_written_today_is_what_the_fixture_of_its_format_has() {
    let today = written_today();
    if let Ok(name) = std::env::var(MAKE) {
        fixture::pack(today.path(), &name);
    }
    let today = bytes_of(today.path());
    let kept: Vec<Fixture> = fixtures().into_iter().filter(|fixture| fixture.format == DATA_FORMAT).collect();
    assert!(!kept.is_empty(), "there is no fixture of format {DATA_FORMAT}; the module says how to make one");
    let differences: Vec<String> = kept
        .iter()
        .filter_map(|fixture| difference(&bytes_of(fixture::unpack(&fixture.dir).path()), &today))
        .collect();
    assert!(differences.len() < kept.len(), "{differences:?}; the test says what to do");
}

/// Everything in a data directory that is the same whoever writes it: the manifest without the version that wrote it, and
/// by place the pieces of the trees, the frames of the log and the files of the history.
fn bytes_of(data_dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = BTreeMap::new();
    let manifest = fs::read_to_string(data_dir.join(FILE)).unwrap();
    let mut manifest: Value = serde_json::from_str(manifest.split_once('\n').unwrap().1).unwrap();
    manifest.as_object_mut().unwrap().remove("version").unwrap();
    bytes.insert("manifest".to_owned(), serde_json::to_vec_pretty(&manifest).unwrap());
    inspect(&data_dir.join("log"), &mut |frame| {
        let (lsn, kind, txn) = (frame.lsn, frame.kind, frame.txn);
        bytes.insert(format!("frame {lsn} {kind:?} {txn}"), frame.payload.to_vec());
        Ok(())
    })
    .unwrap();
    // The first ones had none.
    for entry in fs::read_dir(data_dir.join("history")).into_iter().flatten() {
        let path = entry.unwrap().path();
        bytes.insert(format!("history {}", path.file_name().unwrap().display()), fs::read(path).unwrap());
    }
    let trees = Trees::open(&data_dir.join("trees")).unwrap();
    let named = [
        ("indicators", &trees.indicators),
        ("contexts", &trees.contexts),
        ("suppliers", &trees.suppliers),
        ("tags", &trees.tags),
        ("catalogue", &trees.catalogue),
    ];
    for (name, tree) in named {
        for pair in tree.iter() {
            let (key, value) = pair.unwrap();
            bytes.insert(format!("{name} {}", sluice_model::hex::encode(&key)), value.to_vec());
        }
    }
    bytes
}

/// The first place at which two differ.
fn difference(kept: &BTreeMap<String, Vec<u8>>, today: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let places = kept.keys().chain(today.keys());
    let mut differing = places.filter(|place| kept.get(*place) != today.get(*place));
    let place = differing.next()?;
    let text = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Some(format!("{place}: {:?} was written, and today {:?}", text(kept.get(place)), text(today.get(place))))
}
