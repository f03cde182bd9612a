//! How much permits and the memtable hold together, without asking the memtable each time.
//!
//! A body is admitted when it is a head, and grows while the rows of others are committed, so the store's own admission
//! does not bound the sum. Rows move from permits to the memtable; the sum grows only by what permits are granted. So
//! one look at the memtable is good until as many bytes were granted as were free then.
//!
//! An example, in MiB. Planned for both are 1,472: 1,024 for large requests, 64 for small ones, 384 for the memtable.
//!
//! 1. Permits hold 200, and 1,000 were granted in all. The memtable is asked and holds 300. The level is 500 at 1,000.
//! 2. Later 1,500 were granted in all, 500 more. Whatever was committed or given back meanwhile, both hold at most
//!    500 + 500 = 1,000: the memtable need not be asked.
//! 3. When 2,000 were granted, it may be 500 + 1,000 = 1,500, which is 28 too many. The memtable is asked again: permits
//!    hold 150, it holds 250. The level is 400 at 2,000, good for 1,072 more.
//! 4. Had it held 1,350, both would be 28 over the plan: the body waits until the store has written rows to disk.

/// An upper bound of what permits and the memtable hold together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MemoryLevel {
    /// What they held at some moment.
    bytes: usize,
    /// All bytes granted to permits until that moment.
    granted_bytes: u64,
}

impl MemoryLevel {
    /// Of permits alone, which hold `held_bytes` after `granted_bytes` were granted in all.
    pub(super) fn of_permits(held_bytes: usize, granted_bytes: u64) -> Self {
        Self { bytes: held_bytes, granted_bytes }
    }

    /// Of both, the memtable having been asked afterwards. Rows that were committed in between count twice.
    pub(super) fn with_memtable(self, memtable_bytes: usize) -> Self {
        Self { bytes: self.bytes.saturating_add(memtable_bytes), ..self }
    }

    /// How many bytes over `bytes_max` both may be, now that `granted_bytes` were granted in all.
    pub(super) fn excess(self, granted_bytes: u64, bytes_max: usize) -> usize {
        let since = usize::try_from(granted_bytes - self.granted_bytes).unwrap_or(usize::MAX);
        self.bytes.saturating_add(since).saturating_sub(bytes_max)
    }
}

#[cfg(test)]
mod tests;
