//! Writing parts on a thread of its own, so that merging goes on meanwhile.
//!
//! In: the rows of one part after the other, ascending. Out: the parts. The keeper merges rows, settles and repacks
//! them; the blocks, filters and posting lists made of them here are about as much work. What is on its way is
//! bounded by a few batches.

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
    Finish { books: BTreeMap<u32, Arc<Book>> },
}

/// The keeper's end.
pub(crate) struct Scribe {
    jobs: Sender<Job>,
    finished: Receiver<Result<Option<Part>, TreeError>>,
    /// Batches that were written, to be filled again.
    spare: Receiver<Vec<u8>>,
    batch: Vec<u8>,
    raw_bytes: u64,
}

/// The thread's end.
pub(crate) struct Scribing {
    trees: Arc<Trees>,
    jobs: Receiver<Job>,
    /// Goes with the thread, however it ends: jobs that wait then would not.
    finished: Sender<Result<Option<Part>, TreeError>>,
    spare: Sender<Vec<u8>>,
}

/// Prepares both ends.
pub(crate) fn scribe(trees: Arc<Trees>) -> (Scribe, Scribing) {
    let (jobs, todo) = bounded(BATCHES_MAX);
    let (done, finished) = bounded(1);
    let (emptied, spare) = bounded(BATCHES_MAX);
    let scribe = Scribe { jobs, finished, spare, batch: Vec::new(), raw_bytes: 0 };
    (scribe, Scribing { trees, jobs: todo, finished: done, spare: emptied })
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
        self.ask(Job::Finish { books })?;
        self.finished.recv().unwrap_or(Err(TreeError::ScribeEnded))
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
                Job::Finish { books } => {
                    let writer = std::mem::replace(&mut writer, Err(TreeError::ScribeEnded));
                    // The other end waits for it, or is gone.
                    drop(self.finished.send(writer.and_then(|writer| writer.finish(&books))));
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

    use super::scribe;
    use crate::{error::TreeError, trees::Trees};

    /// The keeper must not wait for ever for a thread that has panicked: then the process could not end.
    #[test]
    fn a_part_ends_with_the_thread_that_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let trees = Arc::new(Trees::open(&dir.path().join("trees")).unwrap());
        for jobs_left in [0, 1, 3] {
            let (mut scribe, scribing) = scribe(Arc::clone(&trees));
            let (ended, end) = std::sync::mpsc::channel();
            let keep = move || {
                let written = scribe.begin(1).and_then(|()| scribe.finish(BTreeMap::new()));
                ended.send(matches!(written, Err(TreeError::ScribeEnded))).unwrap();
            };
            let keeper = thread::Builder::new().name("keeper".to_owned()).spawn(keep).unwrap();
            while scribing.jobs.len() < jobs_left {
                thread::yield_now();
            }
            drop(scribing);
            assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(true), "{jobs_left} jobs left");
            keeper.join().unwrap();
        }
    }
}
