//! Sorted rows in files without a name.
//!
//! In: rows, ascending by key, with their contexts in place. Out: a [`Chunk`], which gives them back block by block, as
//! often as asked. A block is `length | crc32c | raw length | zstd`. A file loses its name as soon as it is open: so it
//! goes with its chunk, after a kill as well, and what a kill in that very moment leaves goes at the next start.
//!
//! Nothing here is synced: it lasts no longer than the process. The reserve of the disk is kept, and half of what
//! is free above it is left to others: otherwise a write fails as on a full disk.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use sluice_model::limits;

use crate::{
    block,
    error::{OpenError, ReadError},
    merge::{Blocks, Source},
    rows::push_row,
    shared::{Health, Shared},
};

/// Bytes of rows after which a block is closed.
const BLOCK_BYTES: usize = 64 * limits::KIB;

/// Bytes of the length before a block.
const LENGTH_BYTES: usize = 4;

/// Removes what a life before has left. For a directory that is locked.
///
/// # Errors
///
/// [`OpenError::Io`].
pub(crate) fn clear_spool(data_dir: &Path) -> Result<(), OpenError> {
    let dir = spool_dir(data_dir);
    match fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::io("remove", &dir)(error)),
        _ => Ok(()),
    }
}

/// Opens a file that has no name any more.
fn create_file(data_dir: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let dir = spool_dir(data_dir);
    fs::create_dir_all(&dir)?;
    let path = dir.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn spool_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("spool")
}

/// Counts bytes of memory.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
}

impl Gauge {
    /// Changes what somebody has counted.
    fn change(&self, counted: &mut usize, bytes: usize) {
        let now = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes - *counted;
        self.bytes.fetch_sub(*counted, Ordering::Relaxed);
        self.peak_bytes.fetch_max(now, Ordering::Relaxed);
        *counted = bytes;
    }

    /// The most there were together.
    pub(crate) fn peak_bytes(&self) -> usize {
        self.peak_bytes.load(Ordering::Relaxed)
    }
}

/// Writes a chunk.
pub(crate) struct ChunkWriter<'a> {
    shared: &'a Shared,
    chunk: Chunk,
    /// Bytes of memory that the gauge was told of.
    counted: usize,
    framed: Vec<u8>,
    stored: Vec<u8>,
}

impl<'a> ChunkWriter<'a> {
    pub(crate) fn new(shared: &'a Shared, gauge: &Arc<Gauge>) -> io::Result<Self> {
        let file = create_file(&shared.config.data_dir)?;
        let (gauge, spooled_bytes) = (Arc::clone(gauge), Arc::clone(&shared.spooled_bytes));
        let chunk = Chunk { gauge, spooled_bytes, file, bytes: 0, raw_bytes: 0, block_bytes_max: 0 };
        Ok(Self { shared, chunk, counted: 0, framed: Vec::new(), stored: Vec::new() })
    }

    /// Adds a row; keys ascend.
    pub(crate) fn add(&mut self, key: &[u8], row: &[u8]) -> io::Result<()> {
        push_row(&mut self.framed, key, row);
        if BLOCK_BYTES <= self.framed.len() { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> io::Result<()> {
        let Self { shared, chunk, counted, framed, stored } = self;
        stored.clear();
        stored.extend_from_slice(&[0; LENGTH_BYTES]);
        block::encode(framed, stored)?;
        let length = u32::try_from(stored.len() - LENGTH_BYTES).map_err(io::Error::other)?;
        if let Some(place) = stored.first_chunk_mut() {
            *place = length.to_be_bytes();
        }
        // Feeds that were admitted grow while the disk fills up, and may not take all that is left.
        if shared.health() == Health::DiskFull
            || shared.disk_left_bytes() < shared.spooled_bytes.load(Ordering::Relaxed)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        chunk.file.write_all(stored)?;
        chunk.bytes += stored.len() as u64;
        chunk.spooled_bytes.fetch_add(stored.len() as u64, Ordering::Relaxed);
        chunk.raw_bytes += framed.len() as u64;
        chunk.gauge.change(counted, framed.capacity() + stored.capacity());
        chunk.block_bytes_max = chunk.block_bytes_max.max(framed.len() + stored.len());
        framed.clear();
        framed.shrink_to(2 * BLOCK_BYTES);
        stored.shrink_to(2 * BLOCK_BYTES);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<Chunk> {
        if !self.framed.is_empty() {
            self.close_block()?;
        }
        self.chunk.gauge.change(&mut self.counted, 0);
        Ok(self.chunk)
    }
}

/// Sorted rows in a file.
#[derive(Debug)]
pub(crate) struct Chunk {
    gauge: Arc<Gauge>,
    /// Of all chunks.
    spooled_bytes: Arc<AtomicU64>,
    file: File,
    bytes: u64,
    raw_bytes: u64,
    block_bytes_max: usize,
}

impl Chunk {
    /// Bytes of the rows.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Bytes of memory that a source of it takes at most.
    pub(crate) fn block_bytes_max(&self) -> usize {
        self.block_bytes_max
    }

    /// A source of all rows.
    pub(crate) fn source(chunk: &Arc<Self>) -> Source<'static> {
        let gauge = Arc::clone(&chunk.gauge);
        Source::blocks(ChunkBlocks { chunk: Arc::clone(chunk), gauge, at: 0, stored: Vec::new(), counted: 0 })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.spooled_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads a chunk through.
struct ChunkBlocks {
    chunk: Arc<Chunk>,
    gauge: Arc<Gauge>,
    at: u64,
    stored: Vec<u8>,
    /// Bytes of memory that the gauge was told of.
    counted: usize,
}

impl ChunkBlocks {
    fn read(&mut self, framed: &mut Vec<u8>) -> Result<(), String> {
        let read = |bytes: &mut [u8], at| {
            self.chunk.file.read_exact_at(bytes, at).map_err(|error| error.to_string())
        };
        let mut length = [0; LENGTH_BYTES];
        read(&mut length, self.at)?;
        self.stored.clear();
        self.stored.resize(u32::from_be_bytes(length) as usize, 0);
        read(&mut self.stored, self.at + LENGTH_BYTES as u64)?;
        block::decode(&self.stored, framed)?;
        self.at += (LENGTH_BYTES + self.stored.len()) as u64;
        Ok(())
    }
}

impl Blocks for ChunkBlocks {
    fn next_block(&mut self, framed: &mut Vec<u8>) -> Result<bool, ReadError> {
        if self.at == self.chunk.bytes {
            return Ok(false);
        }
        framed.clear();
        framed.shrink_to(2 * BLOCK_BYTES);
        self.stored.clear();
        self.stored.shrink_to(2 * BLOCK_BYTES);
        self.read(framed).map_err(|detail| {
            ReadError::damaged(0, 0, format_args!("rows that were spooled cannot be read back: {detail}"))
        })?;
        self.gauge.change(&mut self.counted, framed.capacity() + self.stored.capacity());
        Ok(true)
    }
}

impl Drop for ChunkBlocks {
    fn drop(&mut self) {
        self.gauge.change(&mut self.counted, 0);
    }
}
