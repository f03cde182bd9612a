//! What is stored of a push that was broken off: a file, a line for each piece, by which the same command goes on.
//!
//! In: what the daemon says is stored. Out: the same, when the same command is given again for files that have not changed. It lies
//! in the user's directory of state under a name made of the errand and the files, and is removed once everything is stored. A line that was
//! not written to its end counts as none. Nothing is synced: what the journal has lost is sent again and changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    hash::Hasher as _,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::Xxh3;

use super::{
    receipt::Receipt,
    source::{Identity, Source},
};
use crate::{failure::Failure, profile::base_dir};

/// Age from which on a journal counts no more.
const AGE_MAX: Duration = Duration::from_hours(7 * 24);
/// Folder of the journals in the user's directory of state.
const FOLDER: &str = "sluice/push";

/// A journal.
pub(super) struct Journal {
    /// None where there is no directory for it.
    file: Option<(PathBuf, File)>,
    /// What was stored before, of each file.
    entries: BTreeMap<usize, FileEntries>,
    /// The sum of it.
    before: Receipt,
    bytes_before: u64,
    /// Keys of the requests by which it was.
    keys: BTreeSet<String>,
    /// When the first of it was, in seconds since 1970.
    since_seconds: u64,
    /// Bytes of its first line.
    header_bytes: u64,
    /// What should be known of it: why there is none though there is something to keep, or why it begins anew.
    remark: Option<String>,
}

/// What is known of a file, by where a piece starts.
#[derive(Clone, Debug, Default)]
pub(super) struct FileEntries {
    /// Pieces that are stored as a whole: where they end, and how many lines they have.
    whole: BTreeMap<u64, (u64, u64)>,
    /// Lines that are stored of others.
    lines: BTreeMap<u64, u64>,
    /// Keys of requests whose end is not known.
    begun: BTreeMap<u64, String>,
    /// Where pieces end that were begun.
    ends: BTreeMap<u64, u64>,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    files: Vec<Option<Identity>>,
}

/// Any other line.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "lowercase")]
enum Entry {
    /// That a request is sent.
    Begun {
        file: usize,
        start: u64,
        /// Where the piece ends.
        #[serde(default)]
        end: Option<u64>,
        key: String,
        /// When, in seconds since 1970.
        #[serde(default)]
        at_seconds: u64,
    },
    Stored(Stored),
}

/// That rows are stored.
#[derive(Serialize, Deserialize, Clone, Debug)]
struct Stored {
    file: usize,
    start: u64,
    /// Where the piece ends, if it is stored as a whole.
    end: Option<u64>,
    /// Its lines that are stored.
    lines: u64,
    rows: u64,
    accepted: u64,
    refused: u64,
    allowed: u64,
    /// When, in seconds since 1970.
    #[serde(default)]
    at_seconds: u64,
}

impl Journal {
    /// Opens the journal of an errand, if it is to have one, and reads what an earlier command has left in it, unless it is to begin anew.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when it cannot be written, or a command of the same errand is running.
    pub(super) fn open(errand: Option<&str>, sources: &[Source], begins_anew: bool) -> Result<Self, Failure> {
        let mut journal = Self::none();
        let errand = errand.filter(|_| sources.iter().any(|source| source.identity().is_some()));
        let (Some(errand), Some(dir)) = (errand, base_dir("XDG_STATE_HOME", ".local/state")) else {
            return Ok(journal);
        };
        let dir = dir.join(FOLDER);
        if let Err(error) = fs::create_dir_all(&dir) {
            journal.remark = Some(format!("no journal, cannot create {}: {error}", dir.display()));
            return Ok(journal);
        }
        let path = dir.join(format!("{:016x}.ndjson", name(errand, sources)));
        let failed = |error| Failure::of_file("write", &path, &error);
        let mut options = File::options();
        let mut file = match options.read(true).write(true).create(true).open(&path) {
            Ok(file) => file,
            Err(error) => {
                journal.remark = Some(format!("no journal, cannot open {}: {error}", path.display()));
                return Ok(journal);
            }
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let text = "another command is sending the same files to the same supplier";
            return Err(Failure::Local(text.to_owned()));
        }
        let mut text = String::new();
        // What is no text is no journal.
        let is_read = is_recent(&file) && file.read_to_string(&mut text).is_ok();
        let identities: Vec<_> = sources.iter().map(|source| source.identity().cloned()).collect();
        let kept = if is_read && !begins_anew { still_true(&text, &identities) } else { Vec::new() };
        let mut rewritten = line(&Header { files: identities });
        journal.header_bytes = rewritten.len() as u64;
        rewritten.extend(kept.iter().map(line));
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        file.write_all(rewritten.as_bytes()).map_err(failed)?;
        for entry in &kept {
            journal.take(entry);
        }
        journal.file = Some((path, file));
        Ok(journal)
    }

    /// One that keeps nothing.
    fn none() -> Self {
        let (entries, before, keys) = (BTreeMap::new(), Receipt::default(), BTreeSet::new());
        let (since_seconds, header_bytes) = (u64::MAX, 0);
        Self { file: None, entries, before, bytes_before: 0, keys, since_seconds, header_bytes, remark: None }
    }

    /// Forgets what was stored before, for a reason that is to be told.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when it cannot be written.
    pub(super) fn forget(&mut self, why: &str) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.file {
            let cut = file.set_len(self.header_bytes).and_then(|()| file.seek(SeekFrom::End(0)));
            cut.map_err(|error| Failure::of_file("write", path, &error))?;
        }
        *self = Self {
            file: self.file.take(),
            header_bytes: self.header_bytes,
            remark: Some(format!("begins anew: {why}")),
            ..Self::none()
        };
        Ok(())
    }

    /// Goes on with what was stored before, though something is to be known of it.
    pub(super) fn keep(&mut self, remark: String) {
        self.remark = Some(remark);
    }

    /// Keys of requests whose end is not known.
    pub(super) fn begun_keys(&self) -> impl Iterator<Item = &String> {
        self.entries.values().flat_map(|file| file.begun.values())
    }

    /// Keys of the requests by which it was.
    pub(super) fn keys(&self) -> &BTreeSet<String> {
        &self.keys
    }

    /// How long ago the first of it was sent.
    pub(super) fn age(&self) -> Duration {
        Duration::from_secs(now_seconds().saturating_sub(self.since_seconds))
    }

    /// What should be known of it.
    pub(super) fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Whether the same command would go on with it.
    pub(super) fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Whether something was sent before.
    pub(super) fn is_resumed(&self) -> bool {
        !self.entries.is_empty()
    }

    /// What was stored before: counts, and bytes of the pieces that are stored as a whole.
    pub(super) fn before(&self) -> (&Receipt, u64) {
        (&self.before, self.bytes_before)
    }

    /// What was stored of a file before.
    pub(super) fn entries_of(&self, file: usize) -> FileEntries {
        self.entries.get(&file).cloned().unwrap_or_else(FileEntries::default)
    }

    /// Adds that a piece is sent with a key.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when it cannot be written.
    pub(super) fn begin(
        &mut self,
        file: usize,
        Range { start, end }: Range<u64>,
        key: &str,
    ) -> Result<(), Failure> {
        let (key, at_seconds) = (key.to_owned(), now_seconds());
        self.write(&Entry::Begun { file, start, end: Some(end), key, at_seconds })
    }

    /// Adds what is stored of a piece now.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when it cannot be written.
    pub(super) fn add(
        &mut self,
        file: usize,
        start: u64,
        (end, lines): (Option<u64>, u64),
        stored: &Receipt,
    ) -> Result<(), Failure> {
        let Receipt { rows, accepted, refused, allowed, .. } = *stored;
        let at_seconds = now_seconds();
        let stored = Stored { file, start, end, lines, rows, accepted, refused, allowed, at_seconds };
        self.write(&Entry::Stored(stored))
    }

    fn write(&mut self, entry: &Entry) -> Result<(), Failure> {
        let Some((path, journal)) = &mut self.file else { return Ok(()) };
        let written = journal.write_all(line(entry).as_bytes());
        written.map_err(|error| Failure::of_file("write", path, &error))
    }

    /// Removes it.
    pub(super) fn remove(self) {
        if let Some((path, _file)) = self.file {
            // What is left is passed over once the files have changed.
            drop(fs::remove_file(path));
        }
    }

    fn take(&mut self, entry: &Entry) {
        let of_file = self.entries.entry(entry.file()).or_default();
        let entry = match entry {
            Entry::Begun { start, end, key, at_seconds, .. } => {
                of_file.begun.insert(*start, key.clone());
                of_file.ends.extend(end.map(|end| (*start, end)));
                self.since_seconds = self.since_seconds.min(*at_seconds);
                return;
            }
            Entry::Stored(entry) => entry,
        };
        // Whatever the key was for is known.
        self.keys.extend(of_file.begun.remove(&entry.start));
        self.since_seconds = self.since_seconds.min(entry.at_seconds);
        match entry.end {
            Some(end) => {
                of_file.whole.insert(entry.start, (end, entry.lines));
                self.bytes_before += end - entry.start;
            }
            None => drop(of_file.lines.insert(entry.start, entry.lines)),
        }
        self.before.rows += entry.rows;
        self.before.accepted += entry.accepted;
        self.before.refused += entry.refused;
        self.before.allowed += entry.allowed;
    }
}

impl FileEntries {
    /// Where the piece ends that starts here, and how many lines it has; `None` if it is not stored as a whole.
    pub(super) fn piece_at(&self, start: u64) -> Option<(u64, u64)> {
        self.whole.get(&start).copied()
    }

    /// Where the piece ends that was begun here, however pieces are cut now.
    pub(super) fn end_at(&self, start: u64) -> Option<u64> {
        self.ends.get(&start).copied()
    }

    /// How many lines of the piece that starts here are stored.
    pub(super) fn lines_stored(&self, start: u64) -> u64 {
        self.lines.get(&start).copied().unwrap_or(0)
    }

    /// The key of a request with the piece that starts here, if its end is not known.
    pub(super) fn key_of(&self, start: u64) -> Option<&str> {
        self.begun.get(&start).map(String::as_str)
    }
}

impl Entry {
    fn file(&self) -> usize {
        match self {
            Self::Begun { file, .. } => *file,
            Self::Stored(stored) => stored.file,
        }
    }

    /// Whether it can be true of any file.
    fn is_sound(&self) -> bool {
        match self {
            Self::Begun { start, end, .. } => end.is_none_or(|end| *start <= end),
            Self::Stored(stored) => stored.end.is_none_or(|end| stored.start < end),
        }
    }
}

fn now_seconds() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// Whether the journal was written to of late. What was stored long ago may have expired or been deleted since.
fn is_recent(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age < AGE_MAX))
}

/// What an earlier command has left of files that are as they were.
fn still_true(text: &str, identities: &[Option<Identity>]) -> Vec<Entry> {
    let mut lines = text.lines();
    let Some(Header { files }) = lines.next().and_then(parsed) else { return Vec::new() };
    let is_same = |file: usize| {
        let now = identities.get(file).and_then(Option::as_ref);
        now.is_some() && files.get(file).and_then(Option::as_ref) == now
    };
    let entries = lines.filter_map(parsed::<Entry>);
    entries.filter(|entry| is_same(entry.file()) && entry.is_sound()).collect()
}

/// A name that this errand with these files has, and no other.
fn name(errand: &str, sources: &[Source]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.write(errand.as_bytes());
    for source in sources {
        hasher.write(b"\0");
        hasher.write(source.canonical_path().unwrap_or(Path::new("")).as_os_str().as_encoded_bytes());
    }
    hasher.finish()
}

fn line<T: Serialize>(value: &T) -> String {
    // Numbers and paths always serialize, but for a path that is no text: its file is sent again.
    let text = serde_json::to_string(value).unwrap_or_else(|_no_text| String::new());
    format!("{text}\n")
}

fn parsed<T: DeserializeOwned>(line: &str) -> Option<T> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests;
