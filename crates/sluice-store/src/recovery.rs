//! What start-up checks and mends, and how the store comes to life.
//!
//! In order: the directory's lock, the trees (waiting for a lock that a killed process still holds), the
//! manifest, the parts it names, the catalogue, then every commit of the log after the checkpoint. Whatever is
//! not committed, not named or torn off unsynced is dropped; whatever is damaged and was acknowledged makes the
//! start fail with the reason (D8).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::bounded;
use rustix::fs::{FlockOperation, flock};
use sluice_model::{TenantName, hex, limits, varint::take};

use crate::shared::OnFailure;
use crate::{
    catalogue::{Catalogue, CatalogueChange, Effect},
    committer::{Committer, Completion, Message},
    disk::DiskWatch,
    error::{ChangeError, OpenError, ReadError},
    filter::Covers,
    keeper::{Keeper, scribe},
    log::{self, Frame, FrameKind, LogWriter, ReplayError, Replayed},
    manifest::{Manifest, RunEntry},
    memtable::{Memtable, Slice, join_small},
    run::{Book, Part, Run, block, book::BookMeta},
    shared::{Parts, Shared},
    store::StoreConfig,
    trees::Trees,
    view::View,
};

/// Name of the log thread.
pub(crate) const LOG_THREAD: &str = "write-log";
/// Name of the background thread.
const KEEPER_THREAD: &str = "write-runs";
/// The thread that writes their parts.
const SCRIBE_THREAD: &str = "write-parts";
/// Bytes of trees that a start which never finished can leave: sled's first segments, without a part in them.
const UNBORN_TREES_BYTES_MAX: u64 = 4 * 512 * 1024;
/// How long another process may take to let go of the directory.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Opens the store and starts its threads.
///
/// # Errors
///
/// As [`crate::Store::open`].
pub(crate) fn open(config: StoreConfig, on_failure: OnFailure) -> Result<Arc<Shared>, OpenError> {
    let started = Instant::now();
    let StoreConfig { data_dir, disk_reserve_bytes, tenants, tuning } = config;
    create_dir(&data_dir)?;
    let lock = lock(&data_dir)?;
    let log_dir = data_dir.join("log");
    create_dir(&log_dir)?;
    let trees_dir = data_dir.join("trees");
    let found = Manifest::read(&data_dir)?;
    if found.is_none() {
        check_unborn(&data_dir, &log_dir, &trees_dir)?;
        set_aside(&trees_dir)?;
    }
    let trees = Arc::new(Trees::open(&trees_dir)?);
    let manifest = match found {
        Some(manifest) => manifest,
        None => create_manifest(&data_dir, &log_dir)?,
    };
    let stored_catalogue = Arc::new(read_catalogue(&trees, &manifest, &data_dir)?);
    let books = open_books(&trees, &manifest, &data_dir)?;
    let runs =
        manifest.runs.iter().map(|run| open_run(&trees, run, &books, &data_dir)).collect::<Result<_, _>>()?;
    drop(books);
    let mut replay = Replay::new(&manifest, &stored_catalogue);
    // Twice, so that the slices of bodies that were never committed need no memory.
    log::replay(&log_dir, &mut |frame| replay.note(&frame)).map_err(open_error)?;
    let replayed = log::replay(&log_dir, &mut |frame| replay.take(&frame)).map_err(open_error)?;
    check_log_begin(&log_dir, &manifest, &replayed)?;
    let log = start_log(&log_dir, replayed.next_lsn)?;
    let view = View {
        memtable: Memtable::of(std::mem::take(&mut replay.slices)),
        runs,
        catalogue: Arc::new(std::mem::take(&mut replay.catalogue)),
        sequence: replay.sequence,
    };
    let (messages, inbox) = bounded(limits::LOG_QUEUE_MAX);
    let (wishes, keeper_inbox) = bounded(1);
    let shared = Arc::new(Shared::new(Parts {
        disk: DiskWatch::new(data_dir.clone(), disk_reserve_bytes),
        next_txn: manifest.next_txn.max(replayed.txn_max + 1),
        data_dir,
        view,
        tuning,
        trees,
        covers: replay.covers,
        messages,
        wishes,
        lock,
        on_failure,
    }));
    let committer = Committer::new(Arc::clone(&shared), log, inbox, replay.newest_by_segment);
    let (scribe, scribing) = scribe(Arc::clone(&shared.trees));
    let keeper = Keeper::new(Arc::clone(&shared), keeper_inbox, scribe, manifest, stored_catalogue);
    // Joined in this order: the keeper needs the log thread to the end, and the scribe ends with the keeper.
    let threads = [
        start(&shared, KEEPER_THREAD, || keeper.run())?,
        start(&shared, SCRIBE_THREAD, || scribing.run())?,
        start(&shared, LOG_THREAD, || committer.run())?,
    ];
    shared.threads.lock().extend(threads);
    add_tenants(&shared, tenants)?;
    tracing::info!(
        commits = replay.commits,
        frames = replayed.frames,
        torn_bytes = replayed.torn_bytes,
        stopped_cleanly = replayed.stopped_cleanly,
        elapsed_ms = started.elapsed().as_millis(),
        "the store is open"
    );
    Ok(shared)
}

fn create_dir(dir: &Path) -> Result<(), OpenError> {
    if dir.is_dir() {
        return Ok(());
    }
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let synced = created.and_then(|()| match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    });
    synced.map_err(|source| OpenError::Io { action: "create", path: dir.to_owned(), source })
}

fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let path = data_dir.join("LOCK");
    let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = opened.map_err(|source| OpenError::Io { action: "open", path: path.clone(), source })?;
    let give_up = Instant::now() + LOCK_WAIT;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < give_up => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::Locked { path }),
            Err(error) => return Err(OpenError::Io { action: "lock", path, source: error.into() }),
        }
    }
}

/// Without a manifest there may be no commit and no run: what they belong to would not be known.
fn check_unborn(data_dir: &Path, log_dir: &Path, trees_dir: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { action: "look into", path: data_dir.to_owned(), source };
    let damaged = |detail: String| OpenError::Damaged { path: data_dir.to_owned(), detail };
    let mut frames = 0_u64;
    let counted = log::replay(log_dir, &mut |_| {
        frames += 1;
        Ok(())
    });
    counted.map_err(open_error)?;
    if 0 < frames {
        return Err(damaged(format!("there are {frames} frames of log but no manifest")));
    }
    let trees_bytes = match fs::metadata(trees_dir.join("db")) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(source) => return Err(io(source)),
    };
    if UNBORN_TREES_BYTES_MAX < trees_bytes {
        return Err(damaged(format!("there are {trees_bytes} bytes of trees but no manifest")));
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
    let renamed = fs::rename(trees_dir, aside);
    renamed.map_err(|source| OpenError::Io { action: "set aside", path: trees_dir.to_owned(), source })
}

/// An empty manifest, written after the first log segment: so a manifest without a log is damage.
fn create_manifest(data_dir: &Path, log_dir: &Path) -> Result<Manifest, OpenError> {
    if fs::read_dir(log_dir).is_ok_and(|mut segments| segments.next().is_none()) {
        drop(start_log(log_dir, 0)?);
    }
    let manifest = Manifest::empty();
    manifest.write(data_dir).map_err(|source| OpenError::Io {
        action: "write the manifest in",
        path: data_dir.to_owned(),
        source,
    })?;
    Ok(manifest)
}

fn start_log(log_dir: &Path, lsn: u64) -> Result<LogWriter, OpenError> {
    LogWriter::create(log_dir, lsn).map_err(|error| OpenError::Io {
        action: "start a log segment in",
        path: log_dir.to_owned(),
        source: std::io::Error::other(error),
    })
}

/// A log that is gone, or begins after the checkpoint, or ends before it, has lost commits.
fn check_log_begin(log_dir: &Path, manifest: &Manifest, replayed: &Replayed) -> Result<(), OpenError> {
    let is_whole = replayed
        .first_lsn
        .is_some_and(|first| first <= manifest.log_lsn && manifest.log_lsn <= replayed.next_lsn);
    if is_whole {
        return Ok(());
    }
    let detail = format!(
        "the checkpoint wants the log from position {}, but it reaches from {:?} to {}",
        manifest.log_lsn, replayed.first_lsn, replayed.next_lsn
    );
    Err(OpenError::Damaged { path: log_dir.to_owned(), detail })
}

fn read_catalogue(trees: &Trees, manifest: &Manifest, data_dir: &Path) -> Result<Catalogue, OpenError> {
    let damaged = |detail: String| OpenError::Damaged { path: data_dir.join("trees"), detail };
    manifest.catalogue.map_or_else(|| Ok(Catalogue::initial()), |stored| stored.read(trees).map_err(damaged))
}

fn open_books(
    trees: &Trees,
    manifest: &Manifest,
    data_dir: &Path,
) -> Result<BTreeMap<u32, Arc<Book>>, OpenError> {
    let open = |meta: &BookMeta| Ok((meta.id, Arc::new(Book::open(trees, *meta)?)));
    let opened: Result<_, ReadError> = manifest.books.iter().map(open).collect();
    opened.map_err(|error| OpenError::Damaged { path: data_dir.join("trees"), detail: error.to_string() })
}

fn open_run(
    trees: &Trees,
    entry: &RunEntry,
    books: &BTreeMap<u32, Arc<Book>>,
    data_dir: &Path,
) -> Result<Run, OpenError> {
    let damaged = |detail: String| OpenError::Damaged { path: data_dir.join("trees"), detail };
    let parts = entry
        .parts
        .iter()
        .map(|meta| Part::open(trees, meta.clone(), books).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(error.to_string()))?;
    let merged_through = match &entry.merged_through {
        None => None,
        Some(text) => Some(hex::decode(text).ok_or_else(|| damaged(format!("{text} is no key")))?.into()),
    };
    Ok(Run { id: entry.id, parts, merged_through })
}

fn open_error(error: ReplayError) -> OpenError {
    match error {
        ReplayError::Io { action, path, source } => OpenError::Io { action, path, source },
        ReplayError::Damaged { path, lsn, detail } => {
            OpenError::Damaged { path, detail: format!("at log position {lsn}: {detail}") }
        }
    }
}

/// A write whose commit was not seen yet.
#[derive(Default)]
struct OpenWrite {
    first_segment_lsn: u64,
    /// By place in the body, packed.
    slices: Vec<(u32, Vec<u8>)>,
}

/// Builds the memtable from the log.
struct Replay {
    checkpoint: u64,
    /// Writes with a commit after the checkpoint.
    committed: BTreeSet<u64>,
    sequence: u64,
    commits: u64,
    catalogue: Catalogue,
    slices: Vec<Arc<Slice>>,
    covers: Covers,
    /// Writes whose commit was not seen yet.
    open: HashMap<u64, OpenWrite>,
    newest_by_segment: BTreeMap<u64, u64>,
}

impl Replay {
    fn new(manifest: &Manifest, catalogue: &Catalogue) -> Self {
        Self {
            checkpoint: manifest.sequence,
            committed: BTreeSet::new(),
            sequence: manifest.sequence,
            commits: 0,
            catalogue: Catalogue::clone(catalogue),
            slices: Vec::new(),
            covers: Covers::new(),
            open: HashMap::new(),
            newest_by_segment: BTreeMap::new(),
        }
    }

    /// First pass: which writes are worth keeping.
    fn note(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        let mut payload = frame.payload;
        if matches!(frame.kind, FrameKind::Commit) && self.checkpoint < take_sequence(&mut payload, frame)? {
            self.committed.insert(frame.txn);
        }
        Ok(())
    }

    /// Second pass: rows and names.
    fn take(&mut self, frame: &Frame<'_>) -> Result<(), ReplayError> {
        let mut payload = frame.payload;
        match frame.kind {
            FrameKind::Slice if !self.committed.contains(&frame.txn) => {}
            FrameKind::Slice => {
                let index = take(&mut payload, 4).and_then(|bytes| bytes.try_into().ok());
                let index =
                    index.map(u32::from_be_bytes).ok_or_else(|| frame.damaged("slice is too short"))?;
                let open = OpenWrite { first_segment_lsn: frame.segment_lsn, slices: Vec::new() };
                self.open.entry(frame.txn).or_insert(open).slices.push((index, payload.to_vec()));
            }
            FrameKind::Commit => {
                let sequence = take_sequence(&mut payload, frame)?;
                let OpenWrite { first_segment_lsn, mut slices } =
                    self.open.remove(&frame.txn).unwrap_or_default();
                // Without the first frames of a commit that is in the runs already, there is nothing to do.
                if self.is_new(sequence, first_segment_lsn) {
                    slices.sort_unstable_by_key(|(index, _)| *index);
                    for (_, packed) in slices {
                        let mut slice = unpack(&packed, frame)?;
                        slice.take_cover(&self.covers);
                        self.slices.push(Arc::new(slice));
                        let tail = std::mem::take(&mut self.slices);
                        self.slices = join_small(tail, &self.covers);
                    }
                }
            }
            FrameKind::Catalogue => {
                let sequence = take_sequence(&mut payload, frame)?;
                if self.is_new(sequence, frame.segment_lsn) {
                    let effects: Vec<Effect> =
                        serde_json::from_slice(payload).map_err(|error| frame.damaged(error.to_string()))?;
                    let applied = effects.iter().try_for_each(|effect| self.catalogue.apply(effect));
                    applied.map_err(|detail| frame.damaged(detail))?;
                }
            }
            FrameKind::Marker => {}
        }
        Ok(())
    }

    fn is_new(&mut self, sequence: u64, first_segment_lsn: u64) -> bool {
        if sequence <= self.checkpoint {
            return false;
        }
        self.sequence = self.sequence.max(sequence);
        self.commits += 1;
        self.newest_by_segment.insert(first_segment_lsn, sequence);
        true
    }
}

fn take_sequence(payload: &mut &[u8], frame: &Frame<'_>) -> Result<u64, ReplayError> {
    let bytes = take(payload, 8).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_be_bytes).ok_or_else(|| frame.damaged("commit has no number"))
}

fn unpack(packed: &[u8], frame: &Frame<'_>) -> Result<Slice, ReplayError> {
    let mut rows = Vec::new();
    block::decode(packed, &mut rows).map_err(|detail| frame.damaged(detail))?;
    Slice::from_bytes(&rows).ok_or_else(|| frame.damaged("a slice makes no sense"))
}

/// Starts a thread whose panic is a failure of the store.
fn start(
    shared: &Arc<Shared>,
    name: &'static str,
    body: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, OpenError> {
    let shared = Arc::clone(shared);
    let guarded = move || {
        // Nothing of the thread's own state is used after a panic.
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            shared.fail(&format!("the thread {name} panicked"));
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(guarded).map_err(|source| OpenError::Io {
        action: "start the thread",
        path: name.into(),
        source,
    })
}

/// Creates the tenants that are configured and not there yet. Asks the log thread itself: a memtable that recovery
/// has filled must not keep the store from opening.
fn add_tenants(shared: &Arc<Shared>, tenants: Vec<TenantName>) -> Result<(), OpenError> {
    for name in tenants {
        if shared.view().catalogue.tenant(name.as_str()).is_some() {
            continue;
        }
        let (told, answer) = bounded(1);
        let change = CatalogueChange::AddTenant { name: name.clone() };
        let done: Completion<ChangeError> = Box::new(move |outcome| {
            // The channel has room for the one answer.
            let _is_heard = told.send(outcome);
        });
        let ended = || std::io::Error::other("the log thread has ended");
        let asked = shared.messages.send(Message::Change { change, done }).ok();
        let answered = asked.and_then(|()| answer.recv().ok());
        let outcome = answered.map_or_else(|| Err(ended()), |outcome| outcome.map_err(std::io::Error::other));
        outcome.map_err(|source| OpenError::Io {
            action: "add the tenant",
            path: name.as_str().into(),
            source,
        })?;
    }
    Ok(())
}
