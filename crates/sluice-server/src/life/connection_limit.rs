//! How many connections are accepted, at most.
//!
//! In: the configuration, the limit of file descriptors, the memory. Out: a bound that leaves enough descriptors for the files
//! of the store, and seven eighths of the memory for everything else. A store that cannot open a file fails for good, whereas
//! a connection that is not accepted yet waits in the backlog. With a limit of 1,024 descriptors, of which 256 are reserved,
//! each of two HTTP threads takes 384 connections; with 256 MiB of memory, 341.

use rustix::process::{Resource, getrlimit};
use sluice_model::limits::KIB;

#[cfg(test)]
mod tests;

/// Descriptors kept for the store, the log and the runtimes.
const RESERVED_MAX: u64 = 256;

/// Bytes of a connection at worst: a request head of 32 KiB that never ends, and buffers for either direction.
const CONNECTION_BYTES_MAX: u64 = 48 * KIB as u64;

/// Connections may take one part in so many of the memory.
const MEMORY_PART: u64 = 8;

/// The connections that each of `workers` may hold, at most `wanted`, where there are so many bytes of memory.
pub(crate) fn connections_per_worker_max(workers: usize, wanted: usize, memory_bytes: u64) -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let fitting = fit(descriptors, memory_bytes, workers, wanted);
    if fitting < wanted {
        tracing::info!(
            descriptors,
            memory_bytes,
            workers,
            wanted,
            fitting,
            "fewer connections are accepted than configured: file descriptors or memory allow no more"
        );
    }
    fitting
}

/// The connections of each worker under a limit of descriptors (`None`: unlimited). At least one.
fn fit(descriptors: Option<u64>, memory_bytes: u64, workers: usize, wanted: usize) -> usize {
    let by_memory = memory_bytes / MEMORY_PART / CONNECTION_BYTES_MAX;
    let by_descriptors = descriptors.map_or(u64::MAX, |limit| limit.saturating_sub(RESERVED_MAX));
    let all = usize::try_from(by_memory.min(by_descriptors)).unwrap_or(usize::MAX);
    wanted.min(all / workers.max(1)).max(1)
}
