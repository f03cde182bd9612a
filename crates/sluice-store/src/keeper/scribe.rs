//! Writing parts on a thread of its own, so that merging goes on meanwhile.
//!
//! In: the rows of one part after the other, ascending. Out: the parts. The keeper merges rows, settles and repacks them; the
//! blocks, filters and posting lists made of them here are about as much work. What is on its way is bounded by a few
//! batches.

use std::{collections::BTreeMap, sync::Arc};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{
    error::TreeError,
    rows::{Rows, push_row},
    run::{Book, Part, PartWriter},
    trees::Trees,
};

/// Bytes of rows that are handed over at once, unless a single row is longer.
const BATCH_BYTES: usize = 64 * 1024;
/// Batches on their way.
const BATCHES_MAX: usize = 4;

enum Job {
    Begin { id: u32 },
    Rows(Vec<u8>),
    Finish { books: BTreeMap<u32, Arc<Book>>, done: Sender<Result<Option<Part>, TreeError>> },
}

/// The keeper's end.
pub(crate) struct Scribe {
    jobs: Sender<Job>,
    /// Batches that were written, to be filled again.
    spare: Receiver<Vec<u8>>,
    batch: Vec<u8>,
    raw_bytes: u64,
}

/// The thread's end.
pub(crate) struct Scribing {
    trees: Arc<Trees>,
    jobs: Receiver<Job>,
    spare: Sender<Vec<u8>>,
}

/// Prepares both ends.
pub(crate) fn scribe(trees: Arc<Trees>) -> (Scribe, Scribing) {
    let (jobs, todo) = bounded(BATCHES_MAX);
    let (done, spare) = bounded(BATCHES_MAX);
    let scribe = Scribe { jobs, spare, batch: Vec::new(), raw_bytes: 0 };
    (scribe, Scribing { trees, jobs: todo, spare: done })
}

impl Scribe {
    /// Starts part number `id`; nothing comes of one that was not finished.
    ///
    /// # Errors
    ///
    /// [`TreeError::ScribeEnded`].
    pub(super) fn begin(&mut self, id: u32) -> Result<(), TreeError> {
        self.batch.clear();
        self.raw_bytes = 0;
        self.ask(Job::Begin { id })
    }

    /// Bytes of the rows so far.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Adds a row; keys ascend. A failure of sled shows when the part is finished.
    ///
    /// # Errors
    ///
    /// [`TreeError::ScribeEnded`].
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
        self.ask(Job::Rows(batch))
    }

    /// Ends the part; `None` when there was no row. `books` are all that the rows may name, by number.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(super) fn finish(&mut self, books: BTreeMap<u32, Arc<Book>>) -> Result<Option<Part>, TreeError> {
        self.hand_over()?;
        let (done, finished) = bounded(1);
        self.ask(Job::Finish { books, done })?;
        finished.recv().unwrap_or(Err(TreeError::ScribeEnded))
    }

    fn ask(&self, job: Job) -> Result<(), TreeError> {
        self.jobs.send(job).map_err(|_ended| TreeError::ScribeEnded)
    }
}

impl Scribing {
    /// Writes until the other end is gone.
    pub(crate) fn run(self) {
        let mut writer = Err(TreeError::ScribeEnded);
        for job in self.jobs {
            match job {
                Job::Begin { id } => writer = Ok(PartWriter::new(&self.trees, id)),
                Job::Rows(batch) => {
                    writer = writer.and_then(|writer| add_all(writer, &batch));
                    // Without room for it there are enough others.
                    drop(self.spare.try_send(batch));
                }
                Job::Finish { books, done } => {
                    let writer = std::mem::replace(&mut writer, Err(TreeError::ScribeEnded));
                    // Nobody waits any more when the store ends.
                    drop(done.send(writer.and_then(|writer| writer.finish(&books))));
                }
            }
        }
    }
}

fn add_all<'a>(mut writer: PartWriter<'a>, batch: &[u8]) -> Result<PartWriter<'a>, TreeError> {
    for (key, row) in Rows(batch) {
        writer.add(key, row)?;
    }
    Ok(writer)
}
