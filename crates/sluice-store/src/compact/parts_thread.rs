//! The parts thread: writes the parts of runs, so that merging goes on meanwhile.
//!
//! In: the rows of one part after the other, ascending. Out: the parts. The compaction thread merges rows and drops
//! what is dead; the blocks, filters and posting lists made of them here are about as much work. What is on its way
//! is bounded by a few batches.

use std::{collections::BTreeMap, sync::Arc};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{
    contexts::StoredTable,
    error::TreeError,
    rows::{Rows, push_row},
    run::{Part, PartWriter},
    trees::Trees,
};

/// Bytes of rows that are handed over at once, unless a single row is longer.
const BATCH_BYTES: usize = 64 * 1024;
/// Batches on their way.
const BATCHES_MAX: usize = 4;

enum PartRequest {
    Begin { id: u32 },
    Rows(Vec<u8>),
    Finish { tables: BTreeMap<u32, Arc<StoredTable>> },
}

/// The compaction thread's end.
pub(super) struct PartsHandle {
    requests: Sender<PartRequest>,
    finished: Receiver<Result<Option<Part>, TreeError>>,
    /// Batches that were written, to be filled again.
    spare: Receiver<Vec<u8>>,
    batch: Vec<u8>,
    raw_bytes: u64,
}

/// Makes the compaction thread's end, and what the thread is to run. It writes until the other end is gone.
pub(super) fn parts_thread(trees: Arc<Trees>) -> (PartsHandle, impl FnOnce() + Send + 'static) {
    let (requests, inbox) = bounded(BATCHES_MAX);
    let (done, finished) = bounded(1);
    let (emptied, spare) = bounded(BATCHES_MAX);
    let handle = PartsHandle { requests, finished, spare, batch: Vec::new(), raw_bytes: 0 };
    // The other end of what the thread owns closes with the thread, however it ends: no thread waits for a dead one.
    (handle, move || write_parts(&trees, &inbox, &done, &emptied))
}

impl PartsHandle {
    /// Starts part number `id`; nothing comes of one that was not finished.
    ///
    /// # Errors
    ///
    /// [`TreeError::PartsEnded`].
    pub(super) fn begin(&mut self, id: u32) -> Result<(), TreeError> {
        self.batch.clear();
        self.raw_bytes = 0;
        self.ask(PartRequest::Begin { id })
    }

    /// Bytes of the rows so far.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Adds a row; keys ascend. A failure of sled shows when the part is finished.
    ///
    /// # Errors
    ///
    /// [`TreeError::PartsEnded`].
    pub(super) fn add(&mut self, key: &[u8], row: &[u8]) -> Result<(), TreeError> {
        push_row(&mut self.batch, key, row);
        self.raw_bytes += (key.len() + row.len()) as u64;
        if BATCH_BYTES <= self.batch.len() { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<(), TreeError> {
        let mut empty = self.spare.try_recv().unwrap_or_default();
        empty.clear();
        empty.shrink_to(2 * BATCH_BYTES);
        let batch = std::mem::replace(&mut self.batch, empty);
        self.ask(PartRequest::Rows(batch))
    }

    /// Ends the part; `None` when there was no row. `tables` are all that the rows may name, by number.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(super) fn finish(
        &mut self,
        tables: BTreeMap<u32, Arc<StoredTable>>,
    ) -> Result<Option<Part>, TreeError> {
        self.hand_over()?;
        self.ask(PartRequest::Finish { tables })?;
        self.finished.recv().unwrap_or(Err(TreeError::PartsEnded))
    }

    fn ask(&self, request: PartRequest) -> Result<(), TreeError> {
        self.requests.send(request).map_err(|_ended| TreeError::PartsEnded)
    }
}

fn write_parts(
    trees: &Trees,
    requests: &Receiver<PartRequest>,
    finished: &Sender<Result<Option<Part>, TreeError>>,
    spare: &Sender<Vec<u8>>,
) {
    let mut writer = Err(TreeError::PartsEnded);
    for request in requests {
        match request {
            PartRequest::Begin { id } => writer = Ok(PartWriter::new(trees, id)),
            PartRequest::Rows(batch) => {
                if let Ok(part) = &mut writer
                    && let Err(error) = add_all(part, &batch)
                {
                    writer = Err(error);
                }
                // When the queue is full, there are enough spare ones.
                drop(spare.try_send(batch));
            }
            PartRequest::Finish { tables } => {
                let writer = std::mem::replace(&mut writer, Err(TreeError::PartsEnded));
                // The other end waits for it, or is gone.
                drop(finished.send(writer.and_then(|writer| writer.finish(&tables))));
            }
        }
    }
}

fn add_all(part: &mut PartWriter<'_>, batch: &[u8]) -> Result<(), TreeError> {
    for (key, row) in Rows(batch) {
        part.add(key, row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
