//! What a snapshot consists of: one file, written last, that lists its objects.
//!
//! Its first line is the SHA-256 of the rest, which is JSON. Names are times and sort in the order in which snapshots were
//! taken, whatever the clock says: one that is behind the last name counts on from there. When it really was stands in the
//! list. Other files in the folder are passed over.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use humantime::{format_rfc3339_seconds, parse_rfc3339_weak};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_server::snapshot::{SEQUENCE_LENGTH, TIME_LENGTH, taken_at};
use sluice_store::{ObjectDigest, ObjectId};

use super::repository::{LISTS_FOLDER, Repository, check_name};

/// Raised when earlier versions could not read what this one writes.
const FORMAT: u32 = 1;

/// What every format of a list has.
#[derive(Deserialize)]
struct Head {
    format: u32,
    version: String,
}

/// Longest list.
const LIST_BYTES_MAX: usize = 256 << 20;

/// The content of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SnapshotList {
    format: u32,
    /// When it was taken, for people.
    pub(super) taken_at: String,
    /// Number of the last commit in it.
    pub(super) sequence: u64,
    /// Version of the command.
    version: String,
    /// The store's manifest.
    pub(super) manifest: String,
    /// The accounts file, if there was one.
    pub(super) accounts: Option<String>,
    /// The definitions of lists for devices, if there were any.
    #[serde(default)]
    pub(super) lists: Option<String>,
    /// What the manifest names.
    pub(super) objects: Vec<ListedObject>,
}

/// An object of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ListedObject {
    /// What it is.
    pub(super) id: ObjectId,
    /// Length and checksum.
    #[serde(flatten)]
    pub(super) digest: ObjectDigest,
}

/// Where the definitions of lists for devices are in the data directory.
pub(super) const LISTS_FILE: &str = "lists/lists.json";

impl ListedObject {
    /// Name in its folder: equal bytes have equal names, so whatever is there already need not travel again.
    pub(super) fn name(&self) -> String {
        let sha256 = &self.digest.sha256;
        match self.id {
            ObjectId::Part(number) => format!("part-{number:010}-{sha256}"),
            ObjectId::Contexts(number) => format!("contexts-{number:010}-{sha256}"),
            ObjectId::Catalogue => format!("catalogue-{sha256}"),
        }
    }
}

impl SnapshotList {
    pub(super) fn new(
        sequence: u64,
        manifest: String,
        (accounts, lists): (Option<String>, Option<String>),
        objects: Vec<ListedObject>,
    ) -> Self {
        let taken_at = format_rfc3339_seconds(SystemTime::now()).to_string();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, taken_at, sequence, version, manifest, accounts, lists, objects }
    }

    /// Name in its folder: of the time at which it was taken, or of the second after that of the `last` one.
    pub(super) fn name_after(&self, last: Option<&String>) -> anyhow::Result<String> {
        let name = |time: &str| format!("{}-{:0SEQUENCE_LENGTH$}", compact(time), self.sequence);
        let own = name(&self.taken_at);
        match last {
            Some(last) if own <= *last => {
                let mut next = String::new();
                let time = taken_at(last).unwrap_or(SystemTime::UNIX_EPOCH) + Duration::from_secs(1);
                write!(next, "{}", format_rfc3339_seconds(time))
                    .with_context(|| format!("no name comes after that of the snapshot {last}"))?;
                Ok(name(&next))
            }
            _ => Ok(own),
        }
    }

    /// Returns true if it was taken less than `age` ago; false if by the clock it will be taken some day.
    pub(super) fn is_younger(&self, age: Duration) -> bool {
        let taken_at = parse_rfc3339_weak(&self.taken_at).ok();
        let found = taken_at.and_then(|taken_at| SystemTime::now().duration_since(taken_at).ok());
        found.is_some_and(|found| found < age)
    }

    pub(super) fn write(&self, repository: &Repository, name: &str) -> anyhow::Result<()> {
        let body = serde_json::to_string_pretty(self)?;
        let text = format!("{}\n{body}", checksum_line(&body));
        repository.put(LISTS_FOLDER, name, text.into_bytes())
    }

    /// Reads a list and checks it.
    pub(super) fn read(repository: &Repository, name: &str) -> anyhow::Result<Self> {
        let mut bytes = Vec::new();
        repository.get(LISTS_FOLDER, name, &mut |chunk| {
            if LIST_BYTES_MAX < bytes.len() + chunk.len() {
                bail!("it is too long");
            }
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        let damaged = || format!("the list of the snapshot {name} is damaged");
        let text = String::from_utf8(bytes).with_context(damaged)?;
        let body = match text.split_once('\n') {
            Some((line, body)) if line == checksum_line(body) => body,
            _ => bail!("{}: it fails its checksum", damaged()),
        };
        let Head { format, version } = serde_json::from_str(body).with_context(damaged)?;
        if format != FORMAT {
            bail!(
                "the list of the snapshot {name} is of format {format}, written by version {version}, and this version reads \
                 {FORMAT}: restore it with that version"
            );
        }
        let list: Self = serde_json::from_str(body).with_context(damaged)?;
        for object in &list.objects {
            check_name(&object.name())?;
        }
        Ok(list)
    }
}

/// The names of all snapshots, earliest first.
pub(super) fn names(repository: &Repository) -> anyhow::Result<Vec<String>> {
    Ok(repository.list(LISTS_FOLDER)?.into_keys().filter(|name| taken_at(name).is_some()).collect())
}

/// The last snapshot that was taken at a time or before.
pub(super) fn choose(names: &[String], at: Option<&str>) -> anyhow::Result<String> {
    let limit = match at {
        Some(text) => {
            let time = parse_rfc3339_weak(text);
            let time = time.with_context(|| format!("{text} is no time such as 2026-01-31T18:00:00Z"))?;
            Some(compact(&format_rfc3339_seconds(time).to_string()))
        }
        None => None,
    };
    let is_early = |name: &&String| {
        limit.as_ref().is_none_or(|limit| name.get(..TIME_LENGTH).is_some_and(|time| time <= limit.as_str()))
    };
    match (names.iter().rfind(is_early), at) {
        (Some(name), _) => Ok(name.clone()),
        (None, Some(at)) if !names.is_empty() => {
            bail!("no snapshot was taken at {at} or before; there are:\n{}", names.join("\n"))
        }
        (None, _) => bail!("there is no snapshot"),
    }
}

/// `2026-11-28T16:01:02Z` as `20261128T160102Z`.
fn compact(time: &str) -> String {
    time.chars().filter(|letter| !matches!(letter, '-' | ':')).collect()
}

fn checksum_line(body: &str) -> String {
    format!("sha256 {:x}", Sha256::digest(body))
}

#[cfg(test)]
mod tests;
