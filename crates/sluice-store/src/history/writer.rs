//! Writes batches, and lets old ones go. For the compaction thread.
//!
//! A disk that is full costs the history, not the step that wrote it: all of it is forgotten, and readers begin again.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use sluice_model::{SupplierId, row};

use super::{
    Batch, History, HistoryRecord, UNNUMBERED,
    batch::RowsFile,
    block::{BatchRecord, OutlineBlock},
};

/// Bytes of blocks that wait to be written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Files among which the bytes of the history are, when it is as large as it may be: one goes at a time.
const FILES: u64 = 64;

/// Batches of one file, and of all.
const FILE_BATCHES_MAX: usize = 2_048;
const BATCHES_MAX: usize = 16 * FILE_BATCHES_MAX;

/// A file is not written to any more after this part of the time that the history reaches back.
const FILE_AGE_SHARE: u32 = 8;

/// How far back the history reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryOptions {
    pub(crate) seconds: u32,
    pub(crate) bytes_max: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct HistoryWriter {
    dir: PathBuf,
    options: HistoryOptions,
    list: u32,
    list_file: Option<File>,
    records: u32,
    next_file: u32,
    /// Whether the directory is to be synced.
    has_new_file: bool,
    /// Whether a file may be of no use any more.
    has_old_file: bool,
    /// The file that is written to, from this byte on.
    rows: Option<Arc<RowsFile>>,
    at: u64,
    /// Of the batch under way.
    block: OutlineBlock,
    buffer: Vec<u8>,
    written: u64,
    outline: Vec<u8>,
    /// Of the row before in the block, if it has one holding.
    last_holder: Option<(bool, SupplierId)>,
    /// Whether something of it changes what readers see beside commits.
    is_unnumbered: bool,
    failure: Option<io::Error>,
}

impl HistoryWriter {
    /// Goes on with what the manifest names. Without that, or when it cannot be read, the history begins anew, unnumbered.
    ///
    /// # Errors
    ///
    /// The directory cannot be made.
    pub(crate) fn open(
        data_dir: &Path,
        options: HistoryOptions,
        record: Option<&HistoryRecord>,
    ) -> io::Result<(Self, History)> {
        let dir = data_dir.join("history");
        match fs::create_dir(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut writer = Self {
            dir,
            options,
            list: 0,
            list_file: None,
            records: 0,
            next_file: 1,
            has_new_file: false,
            has_old_file: true,
            rows: None,
            at: 0,
            block: OutlineBlock::default(),
            buffer: Vec::new(),
            written: 0,
            outline: Vec::new(),
            last_holder: None,
            is_unnumbered: false,
            failure: None,
        };
        writer.next_file = writer.numbers_in_dir()?.last().map_or(1, |last| last + 1);
        let history = match record.map(|record| writer.read(record)) {
            Some(Ok(history)) => history,
            Some(Err(error)) => {
                tracing::warn!(%error, "the history of changes cannot be read and begins anew");
                writer.begin_anew()
            }
            None => writer.begin_anew(),
        };
        writer.sweep(&history);
        Ok((writer, history))
    }

    fn begin_anew(&mut self) -> History {
        (self.list, self.list_file, self.records, self.rows) = (self.next_file, None, 0, None);
        self.has_old_file = true;
        self.next_file += 1;
        History { horizon: UNNUMBERED, batches: Vec::new() }
    }

    /// Reads the batches that a record names.
    fn read(&mut self, record: &HistoryRecord) -> io::Result<History> {
        let mut batches: Vec<Batch> = Vec::new();
        if record.list != 0 && 0 < record.batches {
            let file = open(&self.list_path(record.list))?;
            let mut bytes = vec![0; record.batches as usize * BatchRecord::BYTES];
            file.read_exact_at(&mut bytes, 0)?;
            for bytes in bytes.chunks(BatchRecord::BYTES) {
                let Some(record) = BatchRecord::from_bytes(bytes) else {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a record fails its checksum"));
                };
                let rows = match batches.last() {
                    Some(last) if last.rows.number == record.file => Arc::clone(&last.rows),
                    _ => {
                        let file = open(&self.rows_path(record.file))?;
                        Arc::new(RowsFile::new(record.file, file))
                    }
                };
                let BatchRecord { from, bytes, number, stamp, .. } = record;
                batches.push(Batch { rows, from, bytes, number, stamp });
            }
            self.list_file = Some(file);
        }
        (self.list, self.records) = (record.list.max(1), record.batches);
        if let Some(last) = batches.last() {
            (self.rows, self.at) = (Some(Arc::clone(&last.rows)), last.end());
        }
        // The number of an earlier one is never higher than that of the next.
        let mut next = UNNUMBERED;
        for batch in batches.iter_mut().rev() {
            batch.number = batch.number.min(next);
            next = batch.number;
        }
        Ok(History { horizon: record.horizon, batches })
    }

    /// Begins a batch.
    pub(crate) fn begin(&mut self) {
        self.clear_block();
        self.buffer.clear();
        (self.written, self.is_unnumbered, self.failure) = (0, false, None);
    }

    /// Adds the row of a key; keys ascend.
    pub(crate) fn push(&mut self, key: &[u8], row: &[u8]) {
        // Most rows have one holding, of the supplier of the row before.
        let holder = row::single_holder(row);
        let is_full = if holder.is_some() && holder == self.last_holder {
            self.block.push(key, None)
        } else {
            self.outline.clear();
            row::outline(row, &mut self.outline);
            self.last_holder = holder;
            self.block.push(key, Some(&self.outline))
        };
        if is_full {
            self.close_block();
        }
    }

    /// Notes that what is written is visible under a number of its own.
    pub(crate) fn set_unnumbered(&mut self) {
        self.is_unnumbered = true;
    }

    fn close_block(&mut self) {
        if let Some(stored) = self.block.finish() {
            self.buffer.extend_from_slice(stored);
        }
        self.clear_block();
        if BUFFER_BYTES <= self.buffer.len() {
            self.write_out();
        }
    }

    fn clear_block(&mut self) {
        self.block.clear();
        self.last_holder = None;
    }

    fn write_out(&mut self) {
        if self.failure.is_none()
            && let Err(error) = self.try_write_out()
        {
            self.failure = Some(error);
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
    }

    fn try_write_out(&mut self) -> io::Result<()> {
        if let Some(rows) = &self.rows {
            return rows.file.write_all_at(&self.buffer, self.at + self.written);
        }
        let number = self.next_file;
        let file = create(&self.rows_path(number))?;
        (self.next_file, self.at, self.has_new_file) = (number + 1, 0, true);
        let rows = self.rows.insert(Arc::new(RowsFile::new(number, file)));
        rows.file.write_all_at(&self.buffer, self.at + self.written)
    }

    /// Makes the batch durable and adds it to a history, numbered by the newest commit in it, or unnumbered. `None` if there was nothing to add.
    ///
    /// # Errors
    ///
    /// The disk failed, and is not only full.
    pub(crate) fn end(
        &mut self,
        history: &History,
        number: Option<u64>,
        stamp: u32,
        left_bytes: u64,
    ) -> io::Result<Option<History>> {
        self.close_block();
        if self.written == 0 && self.buffer.is_empty() {
            return Ok(None);
        }
        self.write_out();
        let ended = match self.failure.take() {
            Some(error) => Err(error),
            None => self.try_end(history, number, stamp, left_bytes),
        };
        match ended {
            Ok(history) => Ok(Some(history)),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                tracing::warn!("the disk is full: the history of changes begins anew");
                Ok(Some(self.begin_anew()))
            }
            Err(error) => Err(error),
        }
    }

    fn try_end(
        &mut self,
        history: &History,
        number: Option<u64>,
        stamp: u32,
        left_bytes: u64,
    ) -> io::Result<History> {
        let Some(rows) = self.rows.clone() else { return Err(io::ErrorKind::NotFound.into()) };
        // What a sync cannot write is lost, whatever it says.
        rows.file.sync_data().map_err(io::Error::other)?;
        let number = number.filter(|_| !self.is_unnumbered).unwrap_or(UNNUMBERED);
        let (from, bytes) = (self.at, std::mem::take(&mut self.written));
        self.at += bytes;
        let mut history = history.clone();
        history.batches.push(Batch { rows: Arc::clone(&rows), from, bytes, number, stamp });
        let has_trimmed = self.trim(&mut history, stamp, left_bytes);
        if has_trimmed || self.list_file.is_none() {
            self.write_list(&history)?;
        } else if let (Some(file), Some(batch)) = (&self.list_file, history.batches.last()) {
            file.write_all_at(&record_of(batch), u64::from(self.records) * BatchRecord::BYTES as u64)?;
            file.sync_data().map_err(io::Error::other)?;
            self.records += 1;
        }
        let of_file = history.batches.iter().rev().take_while(|batch| batch.rows.number == rows.number);
        let (mut count, mut oldest) = (0, stamp);
        for batch in of_file {
            (count, oldest) = (count + 1, batch.stamp);
        }
        let is_old = self.options.seconds / FILE_AGE_SHARE <= stamp.saturating_sub(oldest);
        if self.options.bytes_max / FILES <= self.at || FILE_BATCHES_MAX <= count || is_old {
            self.rows = None;
        }
        Ok(history)
    }

    /// Lets the oldest files go whose time is over or that are too much; true if one went.
    fn trim(&self, history: &mut History, stamp: u32, left_bytes: u64) -> bool {
        let mut has_trimmed = false;
        while let Some(oldest) = history.batches.first().map(|batch| batch.rows.number) {
            let count = history.batches.partition_point(|batch| batch.rows.number == oldest);
            let Some(last) = history.batches.get(count - 1) else { break };
            let bytes: u64 = history.batches.iter().map(|batch| batch.bytes).sum();
            // A quarter of what is free is enough.
            let bytes_max = self.options.bytes_max.min(bytes.saturating_add(left_bytes) / 4);
            let is_over = last.stamp.saturating_add(self.options.seconds) < stamp;
            let is_too_much = bytes_max < bytes || BATCHES_MAX < history.batches.len();
            if count == history.batches.len() || !is_over && !is_too_much {
                break;
            }
            history.horizon = history.horizon.max(last.number);
            history.batches.drain(..count);
            has_trimmed = true;
        }
        has_trimmed
    }

    /// Writes another list.
    fn write_list(&mut self, history: &History) -> io::Result<()> {
        let number = self.next_file;
        self.next_file += 1;
        let file = create(&self.list_path(number))?;
        let bytes: Vec<u8> = history.batches.iter().flat_map(record_of).collect();
        file.write_all_at(&bytes, 0)?;
        file.sync_all().map_err(io::Error::other)?;
        (self.list, self.list_file) = (number, Some(file));
        (self.has_new_file, self.has_old_file) = (true, true);
        self.records = u32::try_from(history.batches.len()).map_err(io::Error::other)?;
        Ok(())
    }

    /// What the manifest is to say in the place of what it said before.
    ///
    /// # Errors
    ///
    /// The directory cannot be synced.
    pub(crate) fn record(&mut self, history: &History, before: HistoryRecord) -> io::Result<HistoryRecord> {
        if std::mem::take(&mut self.has_new_file) {
            File::open(&self.dir)?.sync_all().map_err(io::Error::other)?;
        }
        let mut record = before;
        record.wide.forget_through(history.horizon);
        Ok(HistoryRecord { list: self.list, batches: self.records, horizon: history.horizon, ..record })
    }

    /// Removes the files that are of no use once the manifest is written. What stays goes another time.
    pub(crate) fn sweep(&mut self, history: &History) {
        if !std::mem::take(&mut self.has_old_file) {
            return;
        }
        let named = |number: u32| {
            let is_written = self.rows.as_ref().is_some_and(|rows| rows.number == number);
            is_written || history.batches.iter().any(|batch| batch.rows.number == number)
        };
        let Ok(numbers) = self.numbers_in_dir() else { return };
        for number in numbers {
            for (path, is_named) in
                [(self.rows_path(number), named(number)), (self.list_path(number), number == self.list)]
            {
                if !is_named
                    && let Err(error) = fs::remove_file(&path)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(%error, path = %path.display(), "an old file of the history stays for now");
                }
            }
        }
    }

    /// The numbers of all files, ascending.
    fn numbers_in_dir(&self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let number: Option<u32> = name.to_str().and_then(|name| name.split_once('.')?.0.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    fn rows_path(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number}.rows"))
    }

    fn list_path(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number}.batches"))
    }
}

fn record_of(batch: &Batch) -> [u8; BatchRecord::BYTES] {
    let Batch { rows, from, bytes, number, stamp } = batch;
    BatchRecord { file: rows.number, from: *from, bytes: *bytes, number: *number, stamp: *stamp }.to_bytes()
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}
