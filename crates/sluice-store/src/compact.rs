//! Compaction: memtable to runs, many runs to few, old log to nothing.
//!
//! In: the view as commits leave it. Out: checkpoints. `thread` decides what is due and does one step after the
//! other, `step` is one flush or one part of a merge, `adopt` a part of the
//! run of a large replacement, `checkpoint` makes its outcome durable and visible, and
//! `parts_thread` writes the parts meanwhile. What is worth merging (`policy`) and what of a row is worth keeping
//! (`retention`) are questions without a side effect.

mod adopt;
mod checkpoint;
mod parts_thread;
mod policy;
mod retention;
mod step;
mod thread;

pub(crate) use self::thread::CompactionThread;
