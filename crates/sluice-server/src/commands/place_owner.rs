//! Whose snapshots a place holds: those of one data directory.
//!
//! In: the place, and a data directory. Out: consent, or the refusal to touch what belongs to another one. Two daemons that
//! shared a place would each take the other's newest snapshot for its own, and remove the other's as old.
//!
//! A data directory has a number of its own (`dir_number`). The place has an object of that name in the folder `owner`, which tells people where the directory is. A restored directory is another one: it is
//! not known whether the daemon that the snapshots are from is gone, so a person says that (`--take-over`).

use std::path::Path;

use anyhow::{Context as _, bail};
use sluice_model::excerpt::excerpt;
use sluice_server::dir_number;

use super::repository::{OWNER_FOLDER as FOLDER, Repository};
use crate::hints;

/// Longest description that is read.
const DESCRIPTION_BYTES_MAX: usize = 4 * 1024;

/// Whether the place may belong to another data directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PlaceClaim {
    /// It may not.
    Own,
    /// It is taken over from whomever it belongs to.
    TakeOver,
}

/// Checks whether the place is, or may become, that of a data directory. Changes nothing.
///
/// # Errors
///
/// When it belongs to another one.
pub(super) fn check(repository: &Repository, data_dir: &Path, claim: PlaceClaim) -> anyhow::Result<()> {
    let own = dir_number::read(data_dir).with_context(|| number_of(data_dir))?;
    match others(repository, own.as_deref())?.first() {
        Some(other) if claim == PlaceClaim::Own => {
            let mut description = Vec::new();
            repository.get(FOLDER, other, &mut |chunk| {
                let room = DESCRIPTION_BYTES_MAX.saturating_sub(description.len());
                description.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
                Ok(())
            })?;
            let description = String::from_utf8_lossy(&description);
            bail!(
                "the place holds the snapshots of another data directory, {}; each wants a place of its own. If that one is \
                 gone for good, repeat the command with --take-over",
                excerpt(description.trim_end())
            );
        }
        _ => Ok(()),
    }
}

/// Makes the place that of a data directory. Whoever calls it has the turn to take snapshots of that directory.
///
/// # Errors
///
/// As [`check`], or when the directory or the place cannot be written to.
pub(super) fn take(repository: &Repository, data_dir: &Path, claim: PlaceClaim) -> anyhow::Result<()> {
    check(repository, data_dir, claim)?;
    let own = dir_number::read_or_draw(data_dir).with_context(|| number_of(data_dir))?;
    if !repository.list(FOLDER)?.contains_key(&own) {
        let host = rustix::system::uname();
        let dir = hints::absolute(data_dir);
        let description = format!("{} on {}\n", dir.display(), host.nodename().to_string_lossy());
        repository.put(FOLDER, &own, description.into_bytes())?;
    }
    // One that came in the same moment is refused like any other, and so is this one; a person decides.
    check(repository, data_dir, claim)?;
    if claim == PlaceClaim::TakeOver {
        // Last, so that there is no moment at which it belongs to nobody.
        for other in others(repository, Some(&own))? {
            repository.delete(FOLDER, &other)?;
        }
    }
    Ok(())
}

/// Whom the place belongs to beside a data directory. Files of others in the folder are passed over.
fn others(repository: &Repository, own: Option<&str>) -> anyhow::Result<Vec<String>> {
    let owners = repository.list(FOLDER)?.into_keys();
    Ok(owners.filter(|name| dir_number::is_number(name) && Some(name.as_str()) != own).collect())
}

/// What cannot be had, for an error.
fn number_of(data_dir: &Path) -> String {
    format!("cannot read or write the file IDENTITY with the number of {}", data_dir.display())
}
