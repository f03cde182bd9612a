//! A disk that loses power: what may be on it at any moment of a trace.
//!
//! In: the events of a trace, one by one. Out: images. A file's changes are on the disk once a sync of the file
//! that began after them has ended; before that any subset of them may be, each wholly or in 512-byte sectors.
//! Names change in order: those of a synced directory, and all that changed before them, are on the disk, of the
//! later changes some first ones may be. A sync of a file says nothing about its name.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use super::trace::{EVERYTHING, Event};
use crate::dice::Dice;

const SECTOR_BYTES: usize = 512;
/// Share of the images in which no change of a name has come to the disk that was not synced.
const NAMES_LATE_PERCENT: u64 = 25;
/// A file whose blocks are reserved by calls that the recorder does not see, and in which nothing is ever written.
const NO_CONTENT: &str = "SPARE";
const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Node {
    Dir,
    File(usize),
}

#[derive(Clone, Debug)]
enum DataChange {
    Write { offset: usize, data: std::ops::Range<usize> },
    Truncate(usize),
    Allocate(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Put(String, Node),
    Remove(String),
    Rename(String, String),
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    pending: Vec<(u64, DataChange)>,
}

#[derive(Clone)]
enum Target {
    File(usize),
    Dir(String),
    Everything,
}

type Names = BTreeMap<String, Node>;

/// Contents by path; `None` for directories.
pub(crate) type Files = BTreeMap<String, Option<Vec<u8>>>;

/// The state of the disk at some event of a trace.
pub(crate) struct Disk<'t> {
    trace: &'t [u8],
    /// A fault of the disk, for proving that it is noticed: syncs of paths that begin so are lies.
    deaf_to: Option<&'t str>,
    time: u64,
    inodes: Vec<Inode>,
    names: Names,
    durable_names: Names,
    pending_names: Vec<(u64, NameChange)>,
    handles: HashMap<u32, (Target, String)>,
    syncs: HashMap<u64, (Target, u64)>,
}

/// What becomes of the changes that were not synced.
#[derive(Clone, Copy)]
enum Fate {
    Dropped,
    Kept,
    Some { percent: u64 },
    Torn,
}

impl<'t> Disk<'t> {
    /// A disk that durably holds `base`, before the first event of `trace`.
    pub(crate) fn new(base: Files, trace: &'t [u8], deaf_to: Option<&'t str>) -> Self {
        let mut disk = Self {
            trace,
            deaf_to,
            time: 0,
            inodes: Vec::new(),
            names: Names::from([(String::new(), Node::Dir)]),
            durable_names: Names::new(),
            pending_names: Vec::new(),
            handles: HashMap::new(),
            syncs: HashMap::new(),
        };
        for (path, content) in base {
            let node = match content {
                None => Node::Dir,
                Some(durable) => disk.add_inode(durable),
            };
            disk.names.insert(path, node);
        }
        disk.durable_names = disk.names.clone();
        disk
    }

    fn add_inode(&mut self, durable: Vec<u8>) -> Node {
        self.inodes.push(Inode { durable, pending: Vec::new() });
        Node::File(self.inodes.len() - 1)
    }

    /// Lets an event happen.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.time += 1;
        match event {
            Event::Open { handle, path, flags } => self.open(*handle, path, *flags),
            Event::Write { handle, offset, data } => {
                self.change_data(*handle, DataChange::Write { offset: *offset, data: data.clone() });
            }
            Event::Truncate { handle, length } => self.change_data(*handle, DataChange::Truncate(*length)),
            Event::Allocate { handle, length } => self.change_data(*handle, DataChange::Allocate(*length)),
            Event::SyncBegin { handle, number } => {
                let (target, path) = match self.handles.get(handle) {
                    _ if *handle == EVERYTHING => (Target::Everything, String::new()),
                    Some(known) => known.clone(),
                    None => panic!("a sync of something that was never opened"),
                };
                if self.deaf_to.is_none_or(|prefix| !path.starts_with(prefix)) {
                    self.syncs.insert(*number, (target, self.time));
                }
            }
            Event::SyncEnd { number } => {
                if let Some((target, began)) = self.syncs.remove(number) {
                    self.settle(&target, began);
                }
            }
            Event::Rename { from, to } => self.change_name(NameChange::Rename(from.clone(), to.clone())),
            Event::Unlink { path } | Event::RemoveDir { path } => {
                self.change_name(NameChange::Remove(path.clone()));
            }
            Event::MakeDir { path } => self.change_name(NameChange::Put(path.clone(), Node::Dir)),
        }
    }

    fn open(&mut self, handle: u32, path: &str, flags: u64) {
        let node = if let Some(node) = self.names.get(path) {
            *node
        } else {
            assert!(flags & O_CREAT != 0, "{path} was opened and never made");
            let node = self.add_inode(Vec::new());
            self.change_name(NameChange::Put(path.to_owned(), node));
            node
        };
        let target = match node {
            Node::Dir => Target::Dir(path.to_owned()),
            Node::File(inode) => Target::File(inode),
        };
        self.handles.insert(handle, (target, path.to_owned()));
        if flags & O_TRUNC != 0 {
            self.change_data(handle, DataChange::Truncate(0));
        }
    }

    fn change_data(&mut self, handle: u32, change: DataChange) {
        let Some((Target::File(inode), _)) = self.handles.get(&handle) else {
            panic!("data went into something that is not a file");
        };
        self.inodes[*inode].pending.push((self.time, change));
    }

    fn change_name(&mut self, change: NameChange) {
        apply_name(&mut self.names, &change);
        self.pending_names.push((self.time, change));
    }

    fn settle(&mut self, target: &Target, began: u64) {
        match target {
            Target::File(inode) => self.settle_file(*inode, began),
            Target::Dir(dir) => {
                let touches = |(time, change): &(u64, NameChange)| *time < began && touches(change, dir);
                let last = self.pending_names.iter().rposition(touches);
                self.settle_names(last.map_or(0, |last| last + 1));
            }
            Target::Everything => {
                for inode in 0..self.inodes.len() {
                    self.settle_file(inode, began);
                }
                self.settle_names(self.pending_names.partition_point(|(time, _)| *time < began));
            }
        }
    }

    fn settle_file(&mut self, inode: usize, began: u64) {
        let Inode { durable, pending } = &mut self.inodes[inode];
        let count = pending.partition_point(|(time, _)| *time < began);
        for (_, change) in pending.drain(..count) {
            apply_data(durable, &change, self.trace);
        }
    }

    fn settle_names(&mut self, count: usize) {
        for (_, change) in self.pending_names.drain(..count) {
            apply_name(&mut self.durable_names, &change);
        }
    }

    /// What the running system reads from a file, and nothing when there is none.
    pub(crate) fn current(&self, path: &str) -> Vec<u8> {
        let Some(Node::File(inode)) = self.names.get(path) else { return Vec::new() };
        let Inode { durable, pending } = &self.inodes[*inode];
        let mut content = durable.clone();
        for (_, change) in pending {
            apply_data(&mut content, change, self.trace);
        }
        content
    }

    /// Puts into the empty directory `to` what may be left when the power fails now.
    pub(crate) fn image(&self, dice: &mut Dice, to: &Path) {
        let mut names = self.durable_names.clone();
        // A name may be late for long after the data of other files.
        let kept = if dice.chance(NAMES_LATE_PERCENT) { 0 } else { dice.index(self.pending_names.len() + 1) };
        for (_, change) in &self.pending_names[..kept] {
            apply_name(&mut names, change);
        }
        let fate = match dice.below(8) {
            0 | 1 => Fate::Dropped,
            2 => Fate::Kept,
            3 => Fate::Some { percent: 90 },
            4 | 5 => Fate::Some { percent: 50 },
            _ => Fate::Torn,
        };
        for (path, node) in &names {
            let Node::File(inode) = node else {
                fs::create_dir_all(to.join(path)).unwrap();
                continue;
            };
            let Inode { durable, pending } = &self.inodes[*inode];
            let mut content = durable.clone();
            for (_, change) in pending {
                self.decide(&mut content, change, fate, dice);
            }
            fs::write(to.join(path), content).unwrap();
        }
    }

    fn decide(&self, content: &mut Vec<u8>, change: &DataChange, fate: Fate, dice: &mut Dice) {
        let is_kept = match (fate, change) {
            (Fate::Dropped, _) => false,
            (Fate::Kept, _) => true,
            (Fate::Some { percent }, _) => dice.chance(percent),
            (Fate::Torn, DataChange::Write { offset, data }) => {
                let mut from = data.start;
                while from < data.end {
                    let at = offset + (from - data.start);
                    let to = data.end.min(from + SECTOR_BYTES - at % SECTOR_BYTES);
                    if dice.chance(50) {
                        apply_data(content, &DataChange::Write { offset: at, data: from..to }, self.trace);
                    }
                    from = to;
                }
                false
            }
            (Fate::Torn, _) => dice.chance(50),
        };
        if is_kept {
            apply_data(content, change, self.trace);
        }
    }

    /// Fails unless the trace, applied wholly, gives exactly what is in `root`: then nothing escaped the recorder.
    pub(crate) fn check_complete(&self, root: &Path) {
        let seen = files(root);
        let names: Vec<_> = self.names.keys().filter(|path| !path.is_empty()).collect();
        assert_eq!(seen.keys().collect::<Vec<_>>(), names, "a change of a name escaped the recorder");
        for (path, content) in seen {
            if let Some(content) = content
                && !path.ends_with(NO_CONTENT)
            {
                assert!(self.current(&path) == content, "a change of {path} escaped the recorder");
            }
        }
    }
}

fn touches(change: &NameChange, dir: &str) -> bool {
    let is_in = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent) == dir;
    match change {
        NameChange::Put(path, _) | NameChange::Remove(path) => is_in(path),
        NameChange::Rename(from, to) => is_in(from) || is_in(to),
    }
}

fn apply_name(names: &mut Names, change: &NameChange) {
    match change {
        NameChange::Put(path, node) => {
            names.insert(path.clone(), *node);
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
        NameChange::Rename(from, to) => {
            let node = names.remove(from).unwrap();
            names.insert(to.clone(), node);
            if node == Node::Dir {
                move_below(names, from, to);
            }
        }
    }
}

/// What lies in a renamed directory goes with it.
fn move_below(names: &mut Names, from: &str, to: &str) {
    let prefix = format!("{from}/");
    let below: Vec<String> = names.keys().filter(|path| path.starts_with(&prefix)).cloned().collect();
    for path in below {
        let node = names.remove(&path).unwrap();
        names.insert(format!("{to}/{}", &path[prefix.len()..]), node);
    }
}

fn apply_data(content: &mut Vec<u8>, change: &DataChange, trace: &[u8]) {
    match change {
        DataChange::Write { offset, data } => {
            let end = offset + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(&trace[data.clone()]);
        }
        DataChange::Truncate(length) => content.resize(*length, 0),
        DataChange::Allocate(length) => content.resize(content.len().max(*length), 0),
    }
}

/// Everything below a directory.
pub(crate) fn files(root: &Path) -> Files {
    let mut found = Files::new();
    let mut dirs = vec![String::new()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(root.join(&dir)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            if entry.file_type().unwrap().is_dir() {
                dirs.push(path.clone());
                found.insert(path, None);
            } else {
                found.insert(path, Some(fs::read(entry.path()).unwrap()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
