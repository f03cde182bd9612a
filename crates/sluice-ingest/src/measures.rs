//! What operators are told of memory and queues.
//!
//! In: waits, noted where somebody waits. Out: [`IngestMeasures`], read under short locks that nobody holds while he waits.

use sluice_store::{Histogram, HistogramReading};

/// Bounds of waits, in microseconds. What did not have to wait is in the first.
const WAIT_TIMES: &[u64] = &[
    100, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// How long something waited.
pub(crate) fn waits() -> Histogram {
    Histogram::new(WAIT_TIMES)
}

/// Memory and queues at one moment.
#[derive(Clone, Debug)]
pub struct IngestMeasures {
    /// Bytes that requests may hold for bodies and answers.
    pub permit_bytes_max: usize,
    /// Bytes that they hold.
    pub permit_bytes: usize,
    /// Requests that wait for such bytes.
    pub permits_waiting: usize,
    /// How long they waited whenever they wanted more, in microseconds.
    pub permit_waits: HistogramReading,
    /// Those of the pools.
    pub queues: Vec<QueueMeasures>,
}

/// The queue of a pool.
#[derive(Clone, Debug)]
pub struct QueueMeasures {
    /// Name of the pool.
    pub pool: &'static str,
    /// Bytes in flight.
    pub bytes: usize,
    /// How long slices and reads waited until they might begin, in microseconds.
    pub slot_waits: HistogramReading,
    /// How long jobs waited for a thread, in microseconds.
    pub thread_waits: HistogramReading,
}
