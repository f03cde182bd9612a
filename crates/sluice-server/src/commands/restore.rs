//! `sluiced restore URL DIR`: makes a data directory of a snapshot.

use std::path::Path;

use anyhow::{Context as _, bail};
use sluice_server::auth::private_files::{create_private_dir, give_to_owner, replace_private};
use sluice_store::Restore;

use super::{
    progress::Progress,
    repository::{OBJECTS_FOLDER, Repository},
    snapshot_list::{LISTS_FILE, ListedObject, SnapshotList, choose, names},
};
use crate::hints;

/// Restores the last snapshot, or the last one of a time or before, into an empty directory, and checks everything.
pub(super) fn run(url: &str, at: Option<&str>, dir: &Path) -> anyhow::Result<String> {
    let repository = Repository::open(url)?;
    let name = choose(&names(&repository)?, at)?;
    let list = SnapshotList::read(&repository, &name)?;
    check_present(&repository, &name, &list.objects)?;
    let restore = Restore::begin(dir, &list.manifest)?;
    let restored = fill(&repository, &restore, &list, dir).and_then(|()| {
        let mut progress = Progress::new("checked");
        Ok(restore.finish(&mut |done, total| progress.show(done, total))?)
    });
    give_to_owner(dir).context("cannot give the files to the owner of the directory")?;
    let verified = restored.with_context(|| {
        format!("{} is not restored; repeat the command, or remove the directory", dir.display())
    })?;
    Ok(format!(
        "{} is restored from the snapshot {name}, taken at {}: commit {}, {} rows, all of it read back and checked\nIts \
         snapshots want a place of their own; or, if the daemon whose data it was is gone for good, take this one over: \
         sluiced --data-dir {} snapshot URL --take-over",
        dir.display(),
        list.taken_at,
        verified.sequence,
        verified.rows,
        hints::absolute(dir).display()
    ))
}

/// Looks whether everything is there before anything is written.
fn check_present(repository: &Repository, name: &str, objects: &[ListedObject]) -> anyhow::Result<()> {
    let known = repository.list(OBJECTS_FOLDER)?;
    let mut wrong = Vec::new();
    for object in objects {
        match known.get(&object.name()) {
            Some(bytes) if *bytes == object.digest.bytes => {}
            Some(bytes) => wrong.push(format!("{} has {bytes} bytes", object.name())),
            None => wrong.push(format!("{} is missing", object.name())),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("the snapshot {name} is damaged; an earlier one may be whole (--at):\n{}", wrong.join("\n"))
}

fn fill(repository: &Repository, restore: &Restore, list: &SnapshotList, dir: &Path) -> anyhow::Result<()> {
    let total = list.objects.iter().map(|object| object.digest.bytes).sum();
    let (mut progress, mut done) = (Progress::new("copied"), 0);
    progress.show(0, total);
    for object in &list.objects {
        let mut arriving = restore.object();
        let copied = repository.get(OBJECTS_FOLDER, &object.name(), &mut |chunk| {
            arriving.take(chunk)?;
            done += chunk.len() as u64;
            progress.show(done, total);
            Ok(())
        });
        let checked = copied.and_then(|()| match arriving.finish()? {
            digest if digest == object.digest => Ok(()),
            _ => bail!("it fails its checksum"),
        });
        checked.with_context(|| {
            format!(
                "the object {} is damaged: remove it, so that the next snapshot writes it again; an earlier snapshot may \
                 be whole (--at)",
                object.name()
            )
        })?;
    }
    if let Some(accounts) = &list.accounts {
        replace_private(&dir.join("accounts.json"), accounts.as_bytes())
            .context("cannot write accounts.json")?;
    }
    if let Some(lists) = &list.lists {
        let path = dir.join(LISTS_FILE);
        if let Some(dir) = path.parent() {
            create_private_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        replace_private(&path, lists.as_bytes()).with_context(|| format!("cannot write {LISTS_FILE}"))?;
    }
    Ok(())
}
