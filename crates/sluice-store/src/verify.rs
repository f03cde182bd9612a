//! Reads everything in a data directory and lists what is damaged.
//!
//! In: the directory of a daemon that does not run. Out: what is wrong where and what that means, in sentences. Unlike
//! a start it does not stop at the first damage, and it neither cuts nor writes the log; opening the trees writes what
//! every start writes. One block and one segment of the log are in memory at a time. Blocking, as long as reading takes.

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    contexts::StoredTable,
    dir_lock::DirLock,
    error::OpenError,
    log::{self, Replayed},
    manifest::Manifest,
    recovery::{self, RESTORING},
    run::{Part, PartMeta},
    spare_room::SpareRoom,
    trees::Trees,
};

/// Damages that are listed; of more, only the number is told.
pub const DAMAGES_LISTED_MAX: usize = 1_000;

/// What every damage without which the daemon starts comes to.
const STARTS: &str = "the daemon starts";
/// What every other damage comes to.
const DOES_NOT_START: &str = "the daemon does not start";

/// Something that is not what was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Where it is.
    pub place: String,
    /// What is wrong.
    pub detail: String,
    /// What that means for the daemon and its data.
    pub meaning: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Number of the last commit that the runs have.
    pub sequence: u64,
    /// Rows that were read in runs.
    pub rows: u64,
    /// Stored bytes of the blocks of rows and contexts that were read.
    pub stored_bytes: u64,
    /// Frames of the log that were read.
    pub frames: u64,
    /// Bytes at the end of the log that were not written whole; a kill leaves such, and it is no damage.
    pub torn_bytes: u64,
    /// What is damaged: the first [`DAMAGES_LISTED_MAX`].
    pub damages: Vec<Damage>,
    /// How much is damaged.
    pub damages_count: usize,
}

impl Verified {
    pub(crate) fn add(&mut self, place: impl Display, detail: impl Display, meaning: impl Display) {
        self.damages_count += 1;
        if self.damages.len() < DAMAGES_LISTED_MAX {
            let (place, detail, meaning) = (place.to_string(), detail.to_string(), meaning.to_string());
            self.damages.push(Damage { place, detail, meaning });
        }
    }
}

/// Reads all of `data_dir` and checks every checksum. `progress` is told how many stored bytes are done, and of how many.
///
/// # Errors
///
/// [`OpenError::Locked`] while a daemon runs on it; [`OpenError::Io`] when the directory cannot be read or is none of
/// ours. Damage is no error.
pub fn verify(data_dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, OpenError> {
    recovery::check_is_data_dir(data_dir)?;
    let _lock = DirLock::take(data_dir)?;
    let _spare_room = SpareRoom::give_up(data_dir)?;
    let mut verified = Verified::default();
    if data_dir.join(RESTORING).exists() {
        let meaning = format!("{DOES_NOT_START}: repeat the restore, or remove the directory");
        verified.add(data_dir.display(), recovery::UNFINISHED_RESTORE, meaning);
        return Ok(verified);
    }
    let manifest = match Manifest::read(data_dir) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            let detail = "it is missing";
            verified.add(data_dir.join("MANIFEST").display(), detail, all_lost());
            return Ok(verified);
        }
        Err(OpenError::Damaged { path, detail }) => {
            verified.add(path.display(), detail, all_lost());
            return Ok(verified);
        }
        Err(error) => return Err(error),
    };
    verified.sequence = manifest.sequence;
    let trees_dir = data_dir.join("trees");
    if !trees_dir.join("db").exists() {
        verified.add(trees_dir.display(), "they are missing", all_lost());
        return Ok(verified);
    }
    match Trees::open(&trees_dir) {
        Ok(trees) => verify_trees(&trees, &manifest, &mut verified, progress),
        Err(OpenError::Damaged { path, detail }) => verified.add(path.display(), detail, all_lost()),
        Err(error) => return Err(error),
    }
    verify_log(&data_dir.join("log"), &manifest, &mut verified)?;
    Ok(verified)
}

fn all_lost() -> String {
    format!("{DOES_NOT_START}, and what was pushed cannot be told from leftovers: restore a snapshot")
}

/// Reads everything that a manifest names in the trees.
pub(crate) fn verify_trees(
    trees: &Trees,
    manifest: &Manifest,
    verified: &mut Verified,
    progress: &mut dyn FnMut(u64, u64),
) {
    if let Some(Err(detail)) = manifest.catalogue.map(|stored| stored.read(trees)) {
        let meaning = format!("{DOES_NOT_START}: names of suppliers, tags and tenants are lost");
        verified.add("trees: the catalogue", detail, meaning);
    }
    let parts = manifest.runs.iter().flat_map(|run| &run.parts);
    let total = parts.clone().map(|part| part.stored_bytes).sum::<u64>()
        + manifest.tables.iter().map(|table| table.stored_bytes).sum::<u64>();
    progress(0, total);
    let mut tables = BTreeMap::new();
    for meta in &manifest.tables {
        match StoredTable::open(trees, *meta) {
            Ok(table) => {
                verify_table(trees, &table, verified);
                tables.insert(meta.id, Arc::new(table));
            }
            Err(error) => {
                let meaning = format!("{DOES_NOT_START}: {} contexts are lost", meta.contexts);
                verified.add(format!("trees: context table {}", meta.id), error, meaning);
            }
        }
        verified.stored_bytes += meta.stored_bytes;
        progress(verified.stored_bytes, total);
    }
    for meta in parts {
        let before = verified.stored_bytes;
        verify_part(trees, meta, &tables, verified, &mut |done| progress(before + done, total));
        verified.stored_bytes = before + meta.stored_bytes;
        progress(verified.stored_bytes, total);
    }
}

fn verify_table(trees: &Trees, table: &StoredTable, verified: &mut Verified) {
    table.check(trees, &mut |from, to, error| {
        let meaning =
            format!("{STARTS}, but lookups that find rows with one of these {} contexts get 500", to - from);
        verified.add(format!("trees: context table {}", table.meta.id), error, meaning);
    });
}

fn verify_part(
    trees: &Trees,
    meta: &PartMeta,
    tables: &BTreeMap<u32, Arc<StoredTable>>,
    verified: &mut Verified,
    progress: &mut dyn FnMut(u64),
) {
    let name = format!("trees: part {}", meta.id);
    let part = match Part::open(trees, meta.clone(), tables) {
        Ok(part) => part,
        Err(error) => {
            let meaning = format!("{DOES_NOT_START}: the index of {} rows cannot be used", meta.rows);
            return verified.add(name, error, meaning);
        }
    };
    let mut done = 0;
    for block in 0..part.index.fences.len() {
        match part.check(trees, block) {
            Ok(stored_bytes) => done += stored_bytes,
            Err(error) => {
                let rows = part.rows_of(block);
                let meaning =
                    format!("{STARTS}, but lookups that may match one of these {rows} rows get 500");
                verified.add(&name, error, meaning);
            }
        }
        verified.rows += u64::from(part.rows_of(block));
        progress(done.min(meta.stored_bytes));
    }
    let suppliers = part.index.suppliers.iter().map(|(id, summary)| (&trees.suppliers, id.0, summary));
    let tags = part.index.tags.iter().map(|(id, summary)| (&trees.tags, id.0, summary));
    for (tree, id, summary) in suppliers.chain(tags) {
        let found = part.posting(tree, id, summary.pieces);
        let wrong = match found {
            Ok(rows) if rows.len() == summary.rows as usize => continue,
            Ok(rows) => format!("posting list has {} rows, {} are expected", rows.len(), summary.rows),
            Err(error) => error.to_string(),
        };
        let meaning =
            format!("{STARTS} and answers lookups, but imports that look for allowed rows may get 500");
        verified.add(&name, wrong, meaning);
    }
}

/// Reads the log without changing it.
fn verify_log(log_dir: &Path, manifest: &Manifest, verified: &mut Verified) -> Result<(), OpenError> {
    if !log_dir.exists() {
        verified.add(log_dir.display(), "it is missing", log_lost(manifest));
        return Ok(());
    }
    let read = log::inspect(log_dir, &mut |frame| recovery::check_frame(&frame));
    let checked = read.map_err(recovery::open_error).and_then(|replayed: Replayed| {
        verified.frames = replayed.frames;
        verified.torn_bytes = replayed.torn_bytes;
        recovery::check_log_begin(log_dir, manifest, &replayed)
    });
    let (path, detail): (PathBuf, String) = match checked {
        Ok(()) => return Ok(()),
        Err(OpenError::Damaged { path, detail }) => (path, detail),
        Err(error) => return Err(error),
    };
    verified.add(path.display(), detail, log_lost(manifest));
    Ok(())
}

fn log_lost(manifest: &Manifest) -> String {
    let sequence = manifest.sequence;
    format!(
        "{DOES_NOT_START}: what was acknowledged after commit {sequence} may be lost; what came before is in the trees"
    )
}
