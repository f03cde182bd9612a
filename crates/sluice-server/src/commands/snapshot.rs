//! `sluiced snapshot URL`: copies the store to a directory or to a service, beside a running daemon.
//!
//! Objects first, then the list that names them: until the list is there, nothing counts, and whatever is left of a
//! snapshot that was killed is used or removed by the next one. The connection lasts until the end, and so does the turn:
//! as long as it is open, no other snapshot of the same data is taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    time::Duration,
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};
use sluice_server::{
    config::Config,
    snapshot::{NEWEST, TAKEN},
};

use super::{
    connection::Connection,
    place_owner::{self, PlaceClaim},
    progress::Progress,
    repository::{LISTS_FOLDER, OBJECTS_FOLDER, Repository},
    snapshot_list::{LISTS_FILE, ListedObject, SnapshotList, names},
};

/// Takes a snapshot, unless the newest one is younger than `every`, and keeps the newest `keep_count`, or all. Gives what is
/// to be said of it, and why old ones stay that should have gone: then the snapshot is good all the same.
pub(super) fn run(
    url: &str,
    keep_count: Option<usize>,
    every: Option<Duration>,
    claim: PlaceClaim,
    config: &Config,
) -> anyhow::Result<(String, anyhow::Result<()>)> {
    let repository = Repository::open(url)?;
    // The newest snapshot of another data directory is none of this one.
    place_owner::check(&repository, &config.data_dir, claim)?;
    if let Some(every) = every
        && claim == PlaceClaim::Own
        && let Some(newest) = names(&repository)?.last()
        // One that cannot be read is none.
        && let Ok(newest) = SnapshotList::read(&repository, newest)
        && newest.is_younger(every)
    {
        return Ok((String::new(), Ok(())));
    }
    let mut connection = Connection::open(config)?;
    let pinned = connection.pin()?;
    repository.prepare()?;
    place_owner::take(&repository, &config.data_dir, claim)?;
    let (accounts, lists) = (read(config, "accounts.json")?, read(config, LISTS_FILE)?);
    let mut objects = Vec::with_capacity(pinned.objects.len());
    for id in pinned.objects {
        objects.push(ListedObject { id, digest: connection.digest(id)? });
    }
    let known = repository.list(OBJECTS_FOLDER)?;
    let (sent_count, sent_bytes) = send_new(&repository, &mut connection, &objects, &known)?;
    let bytes: u64 = objects.iter().map(|object| object.digest.bytes).sum();
    let objects_count = objects.len();
    // A command that was stopped for long has lost its turn, and another one may have removed what it copied.
    if let Some(object) = objects.first() {
        connection.digest(object.id)?;
    }
    let list = SnapshotList::new(pinned.sequence, pinned.manifest, (accounts, lists), objects);
    let name = list.name_after(names(&repository)?.last())?;
    // Somebody may have taken the place over meanwhile: a list of this one would be the newest there.
    place_owner::check(&repository, &config.data_dir, PlaceClaim::Own)?;
    list.write(&repository, &name)?;
    let said = format!(
        "snapshot {name}{TAKEN}commit {}, {objects_count} objects of {bytes} bytes, of which {sent_count} with {sent_bytes} \
         bytes were new",
        list.sequence
    );
    let Some(keep_count) = keep_count else { return Ok((said, Ok(()))) };
    // Somebody may have taken the place over meanwhile.
    let removed = place_owner::check(&repository, &config.data_dir, PlaceClaim::Own)
        .and_then(|()| remove_old(&repository, keep_count, &known));
    // Not before: the next snapshot may need what is removed, and copies it if it is gone.
    drop(connection);
    Ok(match removed {
        Ok(removed) => (format!("{said}\n{removed} old snapshots removed"), Ok(())),
        Err(error) => (said, Err(error.context("the snapshot is good, but old ones stay"))),
    })
}

/// Adds a line to what was said that names the newest snapshot, if there is one.
pub(super) fn with_newest(url: &str, said: String) -> anyhow::Result<String> {
    let names = names(&Repository::open(url)?)?;
    Ok(match names.last() {
        Some(newest) => format!("{said}\n{NEWEST}{newest}"),
        None => said,
    })
}

/// Sends the objects that are not `known`; tells how many, and their bytes.
fn send_new(
    repository: &Repository,
    connection: &mut Connection,
    objects: &[ListedObject],
    known: &BTreeMap<String, u64>,
) -> anyhow::Result<(usize, u64)> {
    let is_new = |object: &&ListedObject| known.get(&object.name()) != Some(&object.digest.bytes);
    let new: Vec<&ListedObject> = objects.iter().filter(is_new).collect();
    let total = new.iter().map(|object| object.digest.bytes).sum();
    let (mut progress, mut sent_bytes) = (Progress::new("copied"), 0);
    progress.show(0, total);
    for object in &new {
        let mut hasher = Sha256::new();
        let mut check = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => {
                hasher.update(bytes);
                sent_bytes += bytes.len() as u64;
                progress.show(sent_bytes, total);
                Ok(())
            }
            None if format!("{:x}", hasher.finalize_reset()) == object.digest.sha256 => Ok(()),
            None => bail!("it did not arrive whole; the log of the daemon says why"),
        };
        let mut bytes = connection.read(object.id)?;
        repository.put_from(OBJECTS_FOLDER, &object.name(), &mut bytes, &mut check)?;
    }
    Ok((new.len(), total))
}

/// Removes all but the newest snapshots, and then those of the `objects` that none of these lists; tells how many
/// snapshots. `objects` are what was there when this snapshot began: what has come since may be somebody else's.
///
/// Lists go first: a kill in between leaves objects that nobody lists, which the next run removes.
fn remove_old(
    repository: &Repository,
    keep_count: usize,
    objects: &BTreeMap<String, u64>,
) -> anyhow::Result<usize> {
    let names = names(repository)?;
    let (old, kept) = names.split_at(names.len().saturating_sub(keep_count));
    let mut listed = BTreeSet::new();
    // Before anything is removed: what a damaged list names is not known.
    for name in kept {
        let list = SnapshotList::read(repository, name).context("nothing was removed")?;
        listed.extend(list.objects.iter().map(ListedObject::name));
    }
    for name in old {
        repository.delete(LISTS_FOLDER, name)?;
    }
    for name in objects.keys().filter(|name| !listed.contains(*name)) {
        repository.delete(OBJECTS_FOLDER, name)?;
    }
    Ok(old.len())
}

/// A file of the data directory, if there is one.
fn read(config: &Config, name: &str) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(config.data_dir.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {name}")),
    }
}
