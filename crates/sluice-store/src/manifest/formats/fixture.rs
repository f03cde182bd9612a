//! Data directories as files that are kept: one file each, packed.
//!
//! In: a directory. Out: `data.zst`, for each file below it, by name, a line with its length and its name, and then its
//! bytes; all of it packed by zstd. sled's file is mostly zeros, so little is left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// What no start needs: the lock, and room for the next one.
const LEFT_OUT: [&str; 2] = ["LOCK", crate::spare_room::SPARE_FILE];
const PACKED: &str = "data.zst";
const LEVEL: i32 = 19;

/// A data directory that is kept.
pub(super) struct Fixture {
    pub(super) name: String,
    /// Format of the data directory.
    pub(super) format: u32,
    /// Where it lies.
    pub(super) dir: PathBuf,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// All of them, by name.
pub(super) fn fixtures() -> Vec<Fixture> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<_> = entries.map(of_dir).collect();
    fixtures.sort_by(|one, other| one.name.cmp(&other.name));
    fixtures
}

fn of_dir(dir: PathBuf) -> Fixture {
    let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
    let number = name.strip_prefix("format-").unwrap().split('-').next().unwrap();
    Fixture { format: number.parse().unwrap(), name, dir }
}

/// Makes one of a directory on which nobody works.
pub(super) fn pack(data_dir: &Path, name: &str) {
    let dir = root().join(name);
    fs::create_dir(&dir).unwrap();
    let mut plain = Vec::new();
    let mut names = Vec::new();
    add_names(data_dir, "", &mut names);
    names.sort();
    for name in names {
        let bytes = fs::read(data_dir.join(&name)).unwrap();
        plain.extend_from_slice(format!("{} {name}\n", bytes.len()).as_bytes());
        plain.extend_from_slice(&bytes);
    }
    fs::write(dir.join(PACKED), zstd::encode_all(&*plain, LEVEL).unwrap()).unwrap();
    fs::write(dir.join("expected.txt"), "").unwrap();
}

fn add_names(data_dir: &Path, below: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(data_dir.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            add_names(data_dir, &path, names);
        } else if !LEFT_OUT.contains(&name.as_str()) {
            names.push(path);
        }
    }
}

/// Makes a data directory of one.
pub(super) fn unpack(dir: &Path) -> TempDir {
    let data_dir = tempfile::tempdir().unwrap();
    let plain = zstd::decode_all(&*fs::read(dir.join(PACKED)).unwrap()).unwrap();
    let mut rest = plain.as_slice();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let (length, name) = std::str::from_utf8(&rest[..end]).unwrap().split_once(' ').unwrap();
        let (bytes, after) = rest[end + 1..].split_at(length.parse().unwrap());
        let path = data_dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        rest = after;
    }
    data_dir
}
