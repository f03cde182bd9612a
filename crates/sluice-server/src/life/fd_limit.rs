//! File descriptors: how many the process may have, and how many of them connections may take.
//!
//! In: the limits of the operating system. Out: the soft limit raised to the hard one, and a bound on connections that
//! leaves enough descriptors for the files of the store. A store that cannot open a file fails for good, whereas a
//! connection that is not accepted yet waits in the backlog. With a limit of 1,024, of which 256 are reserved, each of
//! two HTTP threads takes 384 connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(test)]
mod tests;

/// Descriptors kept for the store, the log and the runtimes.
const RESERVED_MAX: u64 = 256;

/// Raises the soft limit to the hard one. To be called once, before [`serve`](crate::serve).
///
/// If it cannot be raised, that is logged and the daemon goes on.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = limit.current, "the limit of open files could not be raised");
    }
}

/// The connections that each of `workers` may hold, at most `wanted`.
pub(crate) fn connections_per_worker_max(workers: usize, wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    let fitting = fit(limit, workers, wanted);
    if fitting < wanted {
        tracing::warn!(
            limit,
            workers,
            wanted,
            fitting,
            "fewer connections are accepted than configured: the limit of file descriptors is too low"
        );
    }
    fitting
}

/// The connections of each worker under a limit of descriptors (`None`: unlimited). At least one.
fn fit(limit: Option<u64>, workers: usize, wanted: usize) -> usize {
    let Some(limit) = limit else { return wanted };
    let free = usize::try_from(limit.saturating_sub(RESERVED_MAX)).unwrap_or(usize::MAX);
    wanted.min(free / workers.max(1)).max(1)
}
