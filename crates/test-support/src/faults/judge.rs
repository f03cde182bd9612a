//! What a daemon may do on a disk that fails.
//!
//! In: which calls failed, how the daemon ended, what it said, and how many writes it answered with success that were
//! sent after a sync of its log had failed. Out: nothing, or the promise that it broke. No process, no disk.

/// How the daemon ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// With this exit code.
    Code(i32),
    /// By a signal.
    Signal,
    /// Not within the time that it has.
    Hung,
}

/// What was seen of one daemon.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    /// A line for each call that counted: the verdict, the kind and the path.
    pub(super) trace: &'a str,
    pub(super) end: End,
    /// Standard error.
    pub(super) said: &'a str,
    /// Writes that were answered with success though a sync of the log had failed before they were sent.
    pub(super) acked_after_failed_sync: u64,
}

/// What a call that fails says, or what we say for it.
const REASONS: [&str; 3] = [
    "Input/output error (os error 5)",
    "No space left on device (os error 28)",
    "the disk of the log is full",
];

/// What the daemon can do without: the file of known logins, and what is kept of imports, whose rows are in the log.
const DISPENSABLE: [&str; 2] = ["known-logins", "batches"];

/// Compares what was seen with what is promised.
///
/// # Errors
///
/// The promise that was broken.
pub(super) fn judge(seen: &Seen<'_>) -> Result<(), String> {
    if 0 < seen.acked_after_failed_sync {
        return Err(format!("{} writes acknowledged after a failed sync", seen.acked_after_failed_sync));
    }
    match seen.end {
        End::Hung => Err("it hangs".to_owned()),
        End::Signal => Err("it was ended by a signal".to_owned()),
        End::Code(0) if must_end(seen.trace) => Err("it ended as if all were well".to_owned()),
        End::Code(0) => Ok(()),
        End::Code(1) => {
            let last = seen.said.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
            let has_reason = REASONS.iter().any(|reason| last.contains(reason));
            let is_ours = last.starts_with("sluiced: ") && !last.contains("panicked");
            if has_reason && is_ours { Ok(()) } else { Err(format!("no reason in its last line: {last:?}")) }
        }
        End::Code(code) => Err(format!("exit code {code}")),
    }
}

/// Returns true if a daemon that has seen these calls cannot go on, because a sync failed. Without those of what it can
/// do without: nothing that was acknowledged is in there.
pub(super) fn must_end(trace: &str) -> bool {
    let mut unsynced = trace.lines().filter_map(|line| line.strip_prefix("fail sync "));
    unsynced.any(|name| !DISPENSABLE.iter().any(|one| name.starts_with(one)))
}

/// Returns true if a sync of the log failed.
pub(super) fn log_sync_failed(trace: &str) -> bool {
    trace.lines().any(|line| line.starts_with("fail sync log"))
}

#[cfg(test)]
mod tests;
