//! How much a directory takes on disk, now and at most.
//!
//! In: a directory that others write to. Out: bytes in allocated blocks. The peak is what was seen when it was looked
//! at, fifty times a second.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};

use crate::proc::disk_bytes;

/// How often the disk is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Watches how much a directory takes at most.
pub(super) struct DiskWatch {
    is_over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u64>>,
}

impl DiskWatch {
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let (dir, is_over) = (dir.to_owned(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&is_over);
        let watch = move || {
            let mut peak = 0;
            while !seen.load(Ordering::Relaxed) {
                peak = peak.max(disk_bytes(&dir).unwrap_or(0));
                thread::park_timeout(LOOK_INTERVAL);
            }
            peak
        };
        let thread = thread::Builder::new().name("disk-watch".to_owned()).spawn(watch)?;
        Ok(Self { is_over, thread: Some(thread) })
    }

    /// Ends the watch and tells the peak.
    pub(super) fn stop(mut self) -> Result<u64> {
        self.end().ok_or_else(|| anyhow!("the disk watch panicked"))
    }

    fn end(&mut self) -> Option<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take()?;
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for DiskWatch {
    fn drop(&mut self) {
        // After an error the peak is not asked for.
        let _peak = self.end();
    }
}
