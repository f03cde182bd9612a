//! What start-up checks and mends.
//!
//! The directory is locked already. In order: the trees (waiting for a lock that a killed process still holds), the
//! manifest, the parts it names, the catalogue, then every commit of the log after the checkpoint. Whatever is
//! not committed, not named or torn off unsynced is dropped; whatever is damaged and was acknowledged makes the
//! start fail with the reason (D8). What was found is returned; no thread is started here.

mod replay;

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc, time::Instant};

use sluice_model::{hex, matching::FIRST_NETWORK_KEY};

use self::replay::Replay;
pub(crate) use self::replay::check_frame;
use crate::{
    catalogue::Catalogue,
    config::StoreConfig,
    contexts::StoredTable,
    dir_lock::create_dir,
    error::OpenError,
    filter::SharedFilters,
    history::{History, HistoryOptions, HistoryWriter},
    log::{self, LogWriter, ReplayError, Replayed},
    manifest::{DATA_FORMAT, Manifest},
    memtable::{Memtable, Slice},
    merge::MergeRows,
    networks::NetworkSummary,
    read::View,
    run::{Part, Run},
    stamps::Given,
    trees::Trees,
};

/// File of a data directory that a restore has not finished.
pub(crate) const RESTORING: &str = "RESTORING";
/// What such a directory has wrong.
pub(crate) const UNFINISHED_RESTORE: &str = "a restore into it did not finish";
/// Bytes of trees that a start which never finished can leave: sled's first segments, without a part in them.
const UNBORN_TREES_BYTES_MAX: u64 = 4 * 512 * 1024;

/// What was found in a data directory: where the store goes on from.
pub(crate) struct Recovered {
    pub(crate) trees: Arc<Trees>,
    /// The last checkpoint.
    pub(crate) manifest: Manifest,
    /// Catalogue as the manifest names it.
    pub(crate) stored_catalogue: Arc<Catalogue>,
    /// Goes on with the history of the view.
    pub(crate) history: HistoryWriter,
    /// With all commits of the log.
    pub(crate) view: View,
    /// That the slices of the view are in.
    pub(crate) filters: SharedFilters,
    /// At the end of the log, in a segment of its own.
    pub(crate) log: LogWriter,
    /// Newest commit of those that begin in a segment of the log, by the segment's position.
    pub(crate) newest_by_segment: BTreeMap<u64, u64>,
    /// The first transaction number that was not used.
    pub(crate) next_txn: u64,
    /// The latest stamps of the commits of the log, if they carry any.
    pub(crate) given: Option<Given>,
}

/// Recovers what is in the data directory, which is locked.
///
/// # Errors
///
/// As [`crate::Store::open`].
pub(crate) fn recover(config: &StoreConfig) -> Result<Recovered, OpenError> {
    let (started, data_dir) = (Instant::now(), config.data_dir.as_path());
    let log_dir = data_dir.join("log");
    create_dir(&log_dir).map_err(OpenError::io("create", &log_dir))?;
    let trees_dir = data_dir.join("trees");
    let found = read_manifest(data_dir)?;
    if found.is_none() {
        check_unborn(data_dir, &log_dir, &trees_dir)?;
        set_aside(&trees_dir)?;
    }
    let sequence = found.as_ref().map_or(0, |manifest| manifest.sequence);
    let trees = Arc::new(Trees::open(&trees_dir).map_err(|error| with_loss(error, sequence))?);
    let manifest = match found {
        Some(manifest) => manifest,
        None => create_manifest(data_dir, &log_dir)?,
    };
    let stored_catalogue = Arc::new(read_catalogue(&trees, &manifest, &trees_dir)?);
    let runs = open_runs(&trees, &manifest, &trees_dir)?;
    let mut replay = Replay::new(&manifest, &stored_catalogue);
    // The first pass cuts the end off, so it alone knows how long that was.
    let torn_bytes = log::replay(&log_dir, &mut |frame| replay.note(&frame)).map_err(open_error)?.torn_bytes;
    let replayed = log::replay(&log_dir, &mut |frame| replay.take(&frame)).map_err(open_error)?;
    check_log_begin(&log_dir, &manifest, &replayed)?;
    let log = start_log(&log_dir, replayed.next_lsn)?;
    if 0 < torn_bytes {
        tracing::warn!(
            torn_bytes,
            "the end of the log was not written whole and is cut off; nothing says that it was ever acknowledged"
        );
    }
    tracing::info!(
        commits = replay.commits,
        frames = replayed.frames,
        stopped_cleanly = replayed.stopped_cleanly,
        elapsed_ms = started.elapsed().as_millis(),
        "the store is recovered"
    );
    let networks = Arc::new(summarize_networks(&trees, &runs, &replay.slices, &trees_dir)?);
    let mut manifest = of_own_format(manifest, data_dir)?;
    let (history_writer, history) = open_history(config, &mut manifest, &mut replay)?;
    let view = View {
        memtable: Memtable::of(replay.slices),
        runs,
        catalogue: Arc::new(replay.catalogue),
        networks,
        renewals: Arc::new(replay.renewals),
        history: Arc::new(history),
        wide: Arc::new(replay.wide),
        sequence: replay.sequence,
    };
    Ok(Recovered {
        trees,
        stored_catalogue,
        history: history_writer,
        view,
        filters: replay.filters,
        log,
        newest_by_segment: replay.newest_by_segment,
        given: replay.given,
        next_txn: manifest.next_txn.max(replayed.txn_max + 1),
        manifest,
    })
}

/// Opens the history, and numbers what in it has no number yet: readers may have come as far as the newest commit.
fn open_history(
    config: &StoreConfig,
    manifest: &mut Manifest,
    replay: &mut Replay,
) -> Result<(HistoryWriter, History), OpenError> {
    let (seconds, bytes_max) = (config.history_seconds, config.tuning.history_bytes_max);
    let options = HistoryOptions { seconds, bytes_max };
    let at_dir = |source| OpenError::io("open the history in", &config.data_dir)(source);
    let opened = HistoryWriter::open(&config.data_dir, options, manifest.history.as_ref());
    let (mut writer, mut history) = opened.map_err(at_dir)?;
    let before = manifest.history.get_or_insert_default().clone();
    let mut record = writer.record(&history, before).map_err(at_dir)?;
    replay.sequence = replay.sequence.max(record.numbered);
    let next = replay.sequence + 1;
    if history.is_unsettled() | replay.wide.settle(next) {
        history.settle(next);
        record.settle(next);
        replay.sequence = next;
    }
    manifest.history = Some(record);
    Ok((writer, history))
}

/// Checks what a start looks at first, beside a running daemon too: the manifest, and whether a restore has ended.
///
/// # Errors
///
/// What a start would end with: [`OpenError::Io`], [`OpenError::Damaged`], [`OpenError::Older`] or [`OpenError::Newer`].
pub fn check_data_dir(data_dir: &Path) -> Result<(), OpenError> {
    read_manifest(data_dir).map(drop)
}

fn read_manifest(data_dir: &Path) -> Result<Option<Manifest>, OpenError> {
    let found = Manifest::read(data_dir)?;
    if data_dir.join(RESTORING).exists() {
        let detail = format!("{UNFINISHED_RESTORE}; repeat it, or remove the directory");
        return Err(OpenError::Damaged { path: data_dir.to_owned(), detail });
    }
    Ok(found)
}

/// Tells what lies in trees that cannot be opened.
fn with_loss(error: OpenError, sequence: u64) -> OpenError {
    match error {
        OpenError::Damaged { path, detail } => {
            let detail = format!(
                "{detail}; what was acknowledged up to commit {sequence} lies there and may be lost, what came later is \
                 in the log"
            );
            OpenError::Damaged { path, detail }
        }
        error => error,
    }
}

/// Refuses a directory in which no daemon has been: a mistyped path must not become a data directory.
///
/// # Errors
///
/// [`OpenError::Io`].
pub(crate) fn check_is_data_dir(data_dir: &Path) -> Result<(), OpenError> {
    if ["MANIFEST", "log", "trees"].iter().any(|name| data_dir.join(name).exists()) {
        return Ok(());
    }
    let nothing = io::Error::new(io::ErrorKind::NotFound, "no data of a daemon is there");
    Err(OpenError::io("use", data_dir)(nothing))
}

/// Without a manifest there may be no commit and no run: what they belong to would not be known.
fn check_unborn(data_dir: &Path, log_dir: &Path, trees_dir: &Path) -> Result<(), OpenError> {
    let frames = log::replay(log_dir, &mut |_| Ok(())).map_err(open_error)?.frames;
    if 0 < frames {
        let detail = format!("there are {frames} frames of log but no manifest");
        return Err(OpenError::Damaged { path: data_dir.to_owned(), detail });
    }
    let trees_bytes = match fs::metadata(trees_dir.join("db")) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(OpenError::io("look into", data_dir)(error)),
    };
    if UNBORN_TREES_BYTES_MAX < trees_bytes {
        let detail = format!("there are {trees_bytes} bytes of trees but no manifest");
        return Err(OpenError::Damaged { path: data_dir.to_owned(), detail });
    }
    Ok(())
}

/// Moves away trees from before the first manifest: nothing in them counts, and a power cut in the first moments
/// can leave settings that sled refuses for ever.
fn set_aside(trees_dir: &Path) -> Result<(), OpenError> {
    if !trees_dir.exists() {
        return Ok(());
    }
    let mut aside = trees_dir.with_extension("aside");
    while aside.exists() {
        aside.as_mut_os_string().push("+");
    }
    tracing::warn!(aside = %aside.display(), "trees of a start that never finished are set aside");
    fs::rename(trees_dir, aside).map_err(OpenError::io("set aside", trees_dir))
}

/// An empty manifest, written after the first log segment: so a manifest without a log is damage.
fn create_manifest(data_dir: &Path, log_dir: &Path) -> Result<Manifest, OpenError> {
    let mut segments = fs::read_dir(log_dir).map_err(OpenError::io("read", log_dir))?;
    if segments.next().is_none() {
        drop(start_log(log_dir, 0)?);
    }
    let manifest = Manifest::empty();
    manifest.write(data_dir).map_err(OpenError::io("write the manifest in", data_dir))?;
    Ok(manifest)
}

/// Has a directory of an older format refused by older versions from now on: what is written next may be nothing for them.
fn of_own_format(mut manifest: Manifest, data_dir: &Path) -> Result<Manifest, OpenError> {
    if manifest.format != DATA_FORMAT {
        let from = std::mem::replace(&mut manifest.format, DATA_FORMAT);
        manifest.write(data_dir).map_err(OpenError::io("write the manifest in", data_dir))?;
        tracing::info!(from, to = DATA_FORMAT, "the data directory is of a newer format now");
    }
    Ok(manifest)
}

fn start_log(log_dir: &Path, lsn: u64) -> Result<LogWriter, OpenError> {
    let started = LogWriter::create(log_dir, lsn).map_err(io::Error::other);
    started.map_err(OpenError::io("start a log segment in", log_dir))
}

/// A log that is gone, or begins after the checkpoint, or ends before it, has lost commits.
///
/// # Errors
///
/// [`OpenError::Damaged`].
pub(crate) fn check_log_begin(
    log_dir: &Path,
    manifest: &Manifest,
    replayed: &Replayed,
) -> Result<(), OpenError> {
    if let Some(first_lsn) = replayed.first_lsn
        && (first_lsn..=replayed.next_lsn).contains(&manifest.log_lsn)
    {
        return Ok(());
    }
    let detail = format!(
        "the checkpoint wants the log from position {}, but it reaches from {:?} to {}",
        manifest.log_lsn, replayed.first_lsn, replayed.next_lsn
    );
    Err(OpenError::Damaged { path: log_dir.to_owned(), detail })
}

fn read_catalogue(trees: &Trees, manifest: &Manifest, trees_dir: &Path) -> Result<Catalogue, OpenError> {
    let Some(stored) = manifest.catalogue else { return Ok(Catalogue::initial()) };
    stored.read(trees).map_err(OpenError::damaged(trees_dir))
}

/// Opens the runs that the manifest names, and the tables that their parts name.
fn open_runs(trees: &Trees, manifest: &Manifest, trees_dir: &Path) -> Result<Vec<Run>, OpenError> {
    let mut tables = BTreeMap::new();
    for meta in &manifest.tables {
        let table = StoredTable::open(trees, *meta).map_err(OpenError::damaged(trees_dir))?;
        tables.insert(meta.id, Arc::new(table));
    }
    let mut runs = Vec::with_capacity(manifest.runs.len());
    for entry in &manifest.runs {
        let mut run =
            Run { id: entry.id, parts: Vec::with_capacity(entry.parts.len()), merged_through: None };
        for meta in &entry.parts {
            let part = Part::open(trees, meta.clone(), &tables).map_err(OpenError::damaged(trees_dir))?;
            run.parts.push(Arc::new(part));
        }
        if let Some(text) = &entry.merged_through {
            let Some(key) = hex::decode(text) else {
                let detail = format!("{text} is not a key");
                return Err(OpenError::Damaged { path: trees_dir.to_owned(), detail });
            };
            run.merged_through = Some(key.into());
        }
        runs.push(run);
    }
    Ok(runs)
}

/// Reads which networks are stored: the last blocks of each run, and the ends of the slices.
fn summarize_networks(
    trees: &Trees,
    runs: &[Run],
    slices: &[Arc<Slice>],
    trees_dir: &Path,
) -> Result<NetworkSummary, OpenError> {
    let networks = NetworkSummary::default();
    for slice in slices {
        for key in slice.keys_from(FIRST_NETWORK_KEY) {
            networks.note(key);
        }
    }
    let sources = runs.iter().map(|run| run.source(trees, Some(FIRST_NETWORK_KEY))).collect();
    let mut rows = MergeRows::new(sources);
    while let Some((key, _row)) = rows.next_row() {
        networks.note(key);
    }
    rows.finish().map_err(OpenError::damaged(trees_dir))?;
    Ok(networks)
}

pub(crate) fn open_error(error: ReplayError) -> OpenError {
    match error {
        ReplayError::Io { action, path, source } => OpenError::Io { action, path, source },
        ReplayError::Damaged { path, lsn, detail } => {
            OpenError::Damaged { path, detail: format!("at log position {lsn}: {detail}") }
        }
    }
}
