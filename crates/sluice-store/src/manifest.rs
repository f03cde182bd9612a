//! The manifest: which runs count, up to which commit they reach, and where the log must begin.
//!
//! In: the state of a checkpoint. Out: one file, replaced as a whole: written beside, synced, renamed, and the
//! directory synced. Its first line is the checksum of the rest. Whatever the trees hold that no manifest names
//! is the rest of a flush or merge that did not finish, and is swept.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    catalogue::StoredCatalogue, contexts::StoredTableMeta, error::OpenError, history::HistoryRecord,
    renewals::Renewals, run::PartMeta, stamps::StampsRecord,
};

const FILE: &str = "MANIFEST";
const FILE_BESIDE: &str = "MANIFEST.new";
/// Format of the whole data directory and of snapshots: raised when earlier versions could not read what this one writes.
///
/// In 3, suppliers have renewals, and rows spellings.
pub(crate) const DATA_FORMAT: u32 = 3;
/// The oldest format that is read; an opened directory is of [`DATA_FORMAT`] from then on.
pub(crate) const OLDEST_FORMAT: u32 = 2;

/// What every format of the manifest has, so that each can be told from damage.
#[derive(Deserialize)]
struct Head {
    format: u32,
    /// Who wrote it; there is none in that of an earlier version.
    #[serde(default)]
    version: Option<String>,
}

/// A manifest with the version that writes it.
#[derive(Serialize)]
struct Written<'a> {
    version: &'static str,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

/// State of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Format of the whole data directory.
    pub(crate) format: u32,
    /// Commits up to this number are in the runs and the catalogue tree.
    pub(crate) sequence: u64,
    /// Commits after it are in the log from here on; a log that begins later has lost something.
    pub(crate) log_lsn: u64,
    /// Transaction numbers below this one were used.
    pub(crate) next_txn: u64,
    /// Part numbers below this one were used.
    pub(crate) next_part: u32,
    /// Run numbers below this one were used.
    pub(crate) next_run: u32,
    /// The catalogue as of the last commit in the runs; `None` while it is as at the beginning.
    pub(crate) catalogue: Option<StoredCatalogue>,
    /// Runs, newest first.
    pub(crate) runs: Vec<RunEntry>,
    /// Tables that the parts of the runs name, ascending by number.
    #[serde(rename = "books")]
    pub(crate) tables: Vec<StoredTableMeta>,
    /// How old holdings are; `None` in that of an older daemon.
    #[serde(default)]
    pub(crate) stamps: Option<StampsRecord>,
    /// When suppliers were replaced, as of the last commit in the runs.
    #[serde(default, skip_serializing_if = "Renewals::is_empty")]
    pub(crate) renewals: Renewals,
    /// The history of changes; `None` in that of an older daemon, and in snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<HistoryRecord>,
    /// Run that the first of the merging ones flows into, while a merge is under way.
    pub(crate) merge: Option<MergeEntry>,
}

/// A run of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunEntry {
    /// Its number.
    pub(crate) id: u32,
    /// Its parts, ascending.
    pub(crate) parts: Vec<PartMeta>,
    /// Hexadecimal key up to which its rows lie in the run it is merged into.
    pub(crate) merged_through: Option<String>,
}

/// A merge that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MergeEntry {
    /// Run that is being written.
    pub(crate) output: u32,
    /// Runs that flow into it, newest first.
    pub(crate) inputs: Vec<u32>,
}

impl Manifest {
    /// The manifest of a store without anything.
    pub(crate) fn empty() -> Self {
        let history = Some(HistoryRecord::default());
        Self { format: DATA_FORMAT, next_txn: 1, next_part: 1, next_run: 1, history, ..Self::default() }
    }

    /// Reads the manifest of `dir`; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`], or as [`Self::from_text`].
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(OpenError::Damaged { path, detail: "it is not text".to_owned() });
            }
            Err(source) => return Err(OpenError::Io { action: "read", path, source }),
        };
        Self::from_text(&text, &path).map(Some)
    }

    /// Reads the text of a manifest, checksum first; `path` is where it is from.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] when it fails its checksum; [`OpenError::Older`] or [`OpenError::Newer`] when it is whole and
    /// of another format.
    pub(crate) fn from_text(text: &str, path: &Path) -> Result<Self, OpenError> {
        let path = path.to_owned();
        let body = match text.split_once('\n') {
            Some((checksum, body)) if checksum == checksum_line(body) => body,
            _ => {
                let detail = "it fails its checksum; the runs it names cannot be trusted".to_owned();
                return Err(OpenError::Damaged { path, detail });
            }
        };
        // Of another format, nothing but this can be read.
        let Head { format, version } = serde_json::from_str(body).map_err(OpenError::damaged(&path))?;
        if format < OLDEST_FORMAT {
            return Err(OpenError::Older { path, format, oldest: OLDEST_FORMAT });
        }
        if DATA_FORMAT < format {
            let version =
                version.map_or_else(|| "a later version".to_owned(), |version| format!("version {version}"));
            return Err(OpenError::Newer { path, format, newest: DATA_FORMAT, version });
        }
        serde_json::from_str(body).map_err(OpenError::damaged(&path))
    }

    /// The text of the manifest, checksum first.
    ///
    /// # Errors
    ///
    /// None that can happen.
    pub(crate) fn to_text(&self) -> io::Result<String> {
        let written = Written { version: env!("CARGO_PKG_VERSION"), manifest: self };
        let body = serde_json::to_string_pretty(&written)?;
        Ok(format!("{}\n{body}", checksum_line(&body)))
    }

    /// Replaces the manifest of `dir`, durably and at once.
    ///
    /// # Errors
    ///
    /// Any failure of the disk; a sync that failed is never taken for a disk that is only full. Before the rename the old
    /// manifest is still whole.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let text = self.to_text()?;
        let beside = dir.join(FILE_BESIDE);
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all().map_err(io::Error::other)?;
        fs::rename(&beside, dir.join(FILE))?;
        File::open(dir)?.sync_all().map_err(io::Error::other)
    }
}

fn checksum_line(body: &str) -> String {
    format!("crc32c {:08x}", crc32c::crc32c(body.as_bytes()))
}

#[cfg(test)]
mod formats;
#[cfg(test)]
mod tests;
