//! Which changes of the accounts the log has been told, over restarts: they are made without the daemon, too.
//!
//! In: the accounts as they are now. Out: a line for each change since the last that was told, and `accounts-told` in the
//! data directory, which the daemon alone writes. A kill between the two has changes told twice, never not at all. Blocking.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_model::excerpt::excerpt;

use super::{
    accounts::{AccountChange, Accounts, SYSTEM_USER},
    private_files::put_private,
};
use crate::{clock::date, logging::AUDIT};

#[cfg(test)]
mod tests;

/// See the module.
pub(super) struct ToldChanges {
    path: PathBuf,
    told: LastTold,
}

/// What the file holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct LastTold {
    /// Of the accounts as they were, so that a change which no command made is noticed.
    sha256: Option<String>,
    /// The last change.
    last: Option<AccountChange>,
}

impl ToldChanges {
    /// Reads what was told. Of a file that is missing, or is none, nothing was: all changes that are remembered are told.
    pub(super) fn read(data_dir: &Path) -> Self {
        let path = data_dir.join("accounts-told");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                tracing::warn!(%error, "accounts-told cannot be read: changes of the accounts may be told again");
                String::new()
            }
        };
        Self { path, told: serde_json::from_str(&text).unwrap_or_default() }
    }

    /// Tells what has changed since.
    pub(super) fn tell(&mut self, accounts: &Accounts) {
        // Cannot fail: they are plain values.
        let text = serde_json::to_string(accounts).unwrap_or_default();
        let now = LastTold {
            sha256: Some(format!("{:x}", Sha256::digest(text))),
            last: accounts.changes.last().cloned(),
        };
        if self.told == now {
            return;
        }
        let before = std::mem::replace(&mut self.told, now);
        let changes = &accounts.changes;
        let known = before.last.as_ref().and_then(|last| changes.iter().position(|change| change == last));
        if before.sha256.is_some() {
            let last_number = before.last.map_or(0, |last| last.number);
            let first_number = changes.first().map_or(0, |first| first.number);
            let missing = first_number.saturating_sub(last_number.saturating_add(1));
            if known.is_none() && missing != 0 {
                tracing::warn!(target: AUDIT, missing, "the accounts were changed more often than is remembered");
            }
            // Another file may stand in the place of the one before, an older one for example.
            if known.map_or(first_number <= last_number, |place| place + 1 == changes.len()) {
                tracing::info!(target: AUDIT, "accounts.json was changed, and not by a command");
            }
        }
        for change in changes.iter().skip(known.map_or(0, |place| place + 1)) {
            let AccountChange { number, at_seconds, by, change } = change;
            let (at, by, change) = (date(*at_seconds), excerpt(by), change.as_str());
            if by.starts_with(SYSTEM_USER) {
                tracing::info!(target: AUDIT, number, %at, by = &*by, change, "changed on the command line");
            } else {
                tracing::info!(target: AUDIT, number, %at, by = &*by, change, "changed over HTTP");
            }
        }
        self.keep();
    }

    fn keep(&self) {
        let kept = serde_json::to_vec(&self.told).map_err(io::Error::other);
        if let Err(error) = kept.and_then(|text| put_private(&self.path, &text)) {
            tracing::warn!(%error, "accounts-told cannot be written: changes of the accounts are told again at the next start");
        }
    }
}
