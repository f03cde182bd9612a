//! How much free space the disk has. The file system is asked a few times a second at most.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Age in milliseconds up to which the last answer of the file system is believed.
const ANSWER_AGE_MS_MAX: u64 = 200;

/// Watches the free space of the file system of one directory.
#[derive(Debug)]
pub(crate) struct DiskWatch {
    dir: PathBuf,
    reserve_bytes: u64,
    started: Instant,
    /// Milliseconds since `started` at the last question, plus one; 0 before the first.
    asked_ms: AtomicU64,
    free_bytes: AtomicU64,
}

impl DiskWatch {
    /// Watches `dir`; below `reserve_bytes` of free space the disk counts as full.
    pub(crate) fn new(dir: PathBuf, reserve_bytes: u64) -> Self {
        let (asked_ms, free_bytes) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Self { dir, reserve_bytes, started: Instant::now(), asked_ms, free_bytes }
    }

    /// Returns true if less than the reserve is free.
    pub(crate) fn is_full(&self) -> bool {
        self.free_bytes() < self.reserve_bytes
    }

    /// Free bytes as of at most a fifth of a second ago. A file system that does not answer counts as having space:
    /// if it has none, the write itself will fail.
    pub(crate) fn free_bytes(&self) -> u64 {
        let now_ms = 1 + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let asked_ms = self.asked_ms.load(Ordering::Relaxed);
        if asked_ms == 0 || ANSWER_AGE_MS_MAX <= now_ms.saturating_sub(asked_ms) {
            self.asked_ms.store(now_ms, Ordering::Relaxed);
            let answer = rustix::fs::statvfs(&self.dir);
            let free = answer.map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
            self.free_bytes.store(free, Ordering::Relaxed);
        }
        self.free_bytes.load(Ordering::Relaxed)
    }
}
