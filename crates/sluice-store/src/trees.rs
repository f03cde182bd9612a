//! sled, and nothing but sled: five trees, small values, and a sync that syncs.
//!
//! In: pieces of at most [`PIECE_BYTES_MAX`] bytes under short keys. Out: the same pieces. What sled 0.34.7
//! does not do is done here: its writes reach the disk before it reuses what they replace (`sluice_sync`), every
//! file is synced at a checkpoint, pages stay small enough that none goes to the never-synced blob files, a
//! leftover snapshot that blocks the next open is swept, its thread that copies segments without an end is left out, panics of a damaged store become errors, and its drop, which
//! writes and syncs, can neither panic nor wait for ever.
//!
//! Keys of a part: `part id, piece number`, both big-endian. Pieces of rows count from 0, those of the index
//! from [`INDEX_PIECES_FROM`], those of the filter from [`FILTER_PIECES_FROM`].

mod pages;
mod watch;

use std::{
    ffi::OsStr,
    fmt::Display,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::bounded;

use sluice_model::memory_plan::TREES_CACHE_BYTES;

/// Consecutive pieces as read.
pub(crate) use sled::IVec as Pieces;
// Linked for the symbol that it defines.
use sluice_sync as _;

use self::pages::Pages;
pub(crate) use self::pages::Tree;
pub use self::watch::watch_engine;
use crate::{
    error::{OpenError, ReadError, TreeError},
    resident::ResidentBytes,
};

/// Largest value. A leaf of sled holds 16, and pages over a quarter of a segment become unsynced blob files.
pub(crate) const PIECE_BYTES_MAX: usize = 6 * 1024;
/// sled's unit of space.
const SEGMENT_BYTES: usize = 512 * 1024;
/// How long a store that was just killed may still hold its lock.
const LOCK_WAIT: Duration = Duration::from_secs(30);
/// How long sled's drop may take.
const DROP_WAIT: Duration = Duration::from_secs(5);

/// First piece number of a part's index.
pub(crate) const INDEX_PIECES_FROM: u32 = 0x8000_0000;
/// First piece number of a part's filter.
pub(crate) const FILTER_PIECES_FROM: u32 = 0xc000_0000;

/// What sled's panics and refusals come to.
const UNREADABLE: &str = "the files of the trees (db, conf, snap.*) make no sense together";

// Leaves split above 16 items, and two small ones merge to at most 19.
const _: () = assert!(20 * (PIECE_BYTES_MAX + 64) <= SEGMENT_BYTES / 4);

/// The open trees.
#[derive(Debug)]
pub(crate) struct Trees {
    db: sled::Db,
    /// sled's file, opened once: a descriptor reports every failed write-back since it was opened, a new one does
    /// not report those that sled's own thread has already been told of.
    file: File,
    dir: PathBuf,
    /// `part, piece` to a piece of a block, of the index or of the filter.
    pub(crate) indicators: Tree,
    /// `table, piece` to a piece of a block of contexts.
    pub(crate) contexts: Tree,
    /// `supplier, part, piece` to a piece of a posting list.
    pub(crate) suppliers: Tree,
    /// `tag, part, piece` to a piece of a posting list.
    pub(crate) tags: Tree,
    /// `generation, piece` to a piece of a catalogue.
    pub(crate) catalogue: Tree,
    pages: Arc<Pages>,
    /// Of the parts and tables that are in memory.
    pub(crate) resident: ResidentBytes,
    /// Fields are dropped in their order.
    _last: LastHandle,
}

/// The handle of sled that is dropped last, and so is the one that closes it.
#[derive(Debug)]
struct LastHandle(Option<sled::Db>);

impl Trees {
    /// Opens or creates the trees in `dir`. Waits for a lock that a killed process still holds.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] when the directory cannot be used, [`OpenError::Damaged`] when sled refuses it.
    pub(crate) fn open(dir: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(dir).map_err(OpenError::io("create", dir))?;
        sweep_unfinished_snapshots(dir).map_err(OpenError::io("sweep", dir))?;
        let give_up = Instant::now() + LOCK_WAIT;
        loop {
            match watch::call(|| Self::try_open(dir)) {
                Ok(Ok(trees)) => {
                    // sled writes its settings once and never syncs them.
                    return match trees.sync() {
                        Ok(()) => Ok(trees),
                        Err(TreeError::Io { action, source }) => Err(OpenError::io(action, dir)(source)),
                        Err(error) => Err(not_opened(dir, &error)),
                    };
                }
                Ok(Err(sled::Error::Io(source))) if is_lock_held(&source) && Instant::now() < give_up => {
                    thread::sleep(Duration::from_millis(50));
                }
                Ok(Err(error)) => return Err(not_opened(dir, &error)),
                Err(panic) => return Err(not_opened(dir, &panic)),
            }
        }
    }

    fn try_open(dir: &Path) -> sled::Result<Self> {
        let config = sled::Config::new()
            .path(dir)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(TREES_CACHE_BYTES as u64)
            // What that thread copies to shorten the file comes to lie in the space that it copies from first: it never ends.
            .flush_every_ms(None);
        let db = config.open()?;
        let pages = Arc::new(Pages::new());
        let open = |name| Tree::open(&db, name, &pages);
        Ok(Self {
            indicators: open("indicators")?,
            contexts: open("contexts")?,
            suppliers: open("suppliers")?,
            tags: open("tags")?,
            catalogue: open("catalogue")?,
            file: File::open(dir.join("db"))?,
            resident: ResidentBytes::default(),
            pages,
            _last: LastHandle(Some(db.clone())),
            db,
            dir: dir.to_owned(),
        })
    }

    /// Makes everything inserted so far durable: sled's flush, then a sync of every file it writes.
    ///
    /// # Errors
    ///
    /// Any failure is final: the trees must be reopened, which means the process must end.
    pub(crate) fn sync(&self) -> Result<(), TreeError> {
        guarded(|| self.db.flush())?;
        self.file.sync_all().map_err(TreeError::io("sync the trees"))?;
        sync_file(&self.dir.join("conf")).map_err(TreeError::io("sync the settings of the trees"))?;
        let blobs = self.dir.join("blobs");
        if let Ok(entries) = fs::read_dir(&blobs) {
            for entry in entries.flatten() {
                match sync_file(&entry.path()) {
                    // sled may remove a blob at any time.
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(TreeError::Io { action: "sync a blob", source: error });
                    }
                    _ => {}
                }
            }
            sync_file(&blobs).map_err(TreeError::io("sync the blobs"))?;
        }
        sync_file(&self.dir).map_err(TreeError::io("sync the directory of the trees"))
    }

    /// Lets up to so many pages of each 256th be in memory beside the cache.
    pub(crate) fn let_pile_up(&self, pages_max: u32) {
        self.pages.let_pile_up(pages_max);
    }

    /// Bytes on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }
}

impl Drop for LastHandle {
    /// Closes sled on a thread of its own: the drop flushes and syncs, panics when that fails, and waits for threads that
    /// may have died. What a checkpoint named is on the disk long before.
    fn drop(&mut self) {
        let Some(db) = self.0.take() else { return };
        let (done, closed) = bounded(1);
        let close = move || drop(done.send(watch::call(|| drop(db))));
        if thread::Builder::new().name("close-trees".to_owned()).spawn(close).is_err() {
            return;
        }
        let trouble = match closed.recv_timeout(DROP_WAIT) {
            Ok(Ok(())) => return,
            Ok(Err(panic)) => panic,
            Err(_silent) => "a thread of sled's does not end".to_owned(),
        };
        tracing::warn!("the trees were not closed in good order; the next start reads the log instead");
        watch::report(&trouble);
    }
}

/// Names files that sled cannot open. Its own words are about its own code. What the operating system refuses, on a full
/// disk, say, is no damage.
fn not_opened(dir: &Path, error: &dyn Display) -> OpenError {
    tracing::debug!(%error, "sled does not open");
    match watch::os_error_in(&error.to_string()) {
        Some(source) => OpenError::io("open", dir)(source),
        None => OpenError::Damaged { path: dir.to_owned(), detail: UNREADABLE.to_owned() },
    }
}

fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Calls sled and turns its errors and panics into one kind of failure.
///
/// # Errors
///
/// Whatever sled says; all of it is final.
pub(crate) fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, TreeError> {
    let text = match watch::call(call) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic,
    };
    tracing::debug!(text, "sled failed");
    Err(match watch::os_error_in(&text) {
        Some(source) => TreeError::Io { action: "use the trees", source },
        None => TreeError::Unreadable { detail: UNREADABLE },
    })
}

/// Stores `bytes` under consecutive pieces from `from_piece` and returns how many there were.
///
/// # Errors
///
/// Any failure of sled.
pub(crate) fn put_pieces(
    tree: &Tree,
    prefix: &[u8],
    from_piece: u32,
    bytes: &[u8],
) -> Result<u32, TreeError> {
    let mut piece = from_piece;
    for chunk in bytes.chunks(PIECE_BYTES_MAX) {
        guarded(|| tree.put_piece(prefix, piece, chunk))?;
        piece += 1;
    }
    Ok(piece - from_piece)
}

/// Reads `count` consecutive pieces; `None` when one is missing. A single one is not copied.
///
/// # Errors
///
/// Any failure of sled.
pub(crate) fn get_pieces(
    tree: &Tree,
    prefix: &[u8],
    from_piece: u32,
    count: u32,
) -> Result<Option<Pieces>, TreeError> {
    if count == 1 {
        return guarded(|| tree.get_piece(prefix, from_piece));
    }
    let mut bytes = Vec::new();
    for piece in from_piece..from_piece + count {
        match guarded(|| tree.get_piece(prefix, piece))? {
            Some(chunk) => bytes.extend_from_slice(&chunk),
            None => return Ok(None),
        }
    }
    Ok(Some(bytes.into()))
}

/// Reads the pieces of a part or stored table.
///
/// # Errors
///
/// [`ReadError::Damaged`] when one cannot be read.
pub(crate) fn read_pieces(tree: &Tree, id: u32, from: u32, count: u32) -> Result<Pieces, ReadError> {
    let pieces = get_pieces(tree, &id.to_be_bytes(), from, count).map_err(ReadError::damage(id, from))?;
    pieces.ok_or_else(|| ReadError::damaged(id, from, "piece is missing"))
}

/// Removes `count` consecutive pieces; those that are gone already are not an error.
///
/// # Errors
///
/// Any failure of sled.
pub(crate) fn remove_pieces(
    tree: &Tree,
    prefix: &[u8],
    from_piece: u32,
    count: u32,
) -> Result<(), TreeError> {
    for piece in from_piece..from_piece + count {
        guarded(|| tree.remove_piece(prefix, piece))?;
    }
    Ok(())
}

/// A kill during a snapshot leaves a file that makes every later open fail; it holds nothing.
fn sweep_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("generating")) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn is_lock_held(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

/// Removes the pieces of every part that is not in `named`; `part_at` is where the part number stands in a key.
/// Seeks from part to part, so it costs nothing for what stays. Returns how many pieces went.
///
/// # Errors
///
/// Any failure of sled.
pub(crate) fn sweep_parts(tree: &Tree, part_at: usize, named: &[u32]) -> Result<u64, TreeError> {
    let mut swept = 0;
    let mut from: Vec<u8> = Vec::new();
    while let Some((key, _)) = guarded(|| tree.range(from.clone()..).next().transpose())? {
        let head = part_at + 4;
        let is_named = match key.get(part_at..).and_then(<[u8]>::first_chunk) {
            Some(part) => named.contains(&u32::from_be_bytes(*part)),
            None => false,
        };
        if is_named {
            let Some(after) = key.get(..head).and_then(successor) else { break };
            from = after;
        } else {
            guarded(|| tree.remove(&key))?;
            swept += 1;
            from = key.to_vec();
        }
    }
    Ok(swept)
}

/// The smallest key that is greater than every key with this prefix.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = prefix.get(..=last)?.to_vec();
    if let Some(byte) = next.last_mut() {
        *byte += 1;
    }
    Some(next)
}

#[cfg(test)]
mod tests;
