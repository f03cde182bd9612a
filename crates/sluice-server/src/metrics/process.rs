//! The process as the kernel sees it.
//!
//! In: `/proc/self`, and clocks. Out: memory, processor time and file descriptors. None of it is on a disk, and what
//! cannot be read is left out.

use std::{fs, time::SystemTime};

use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::{
    declared::{BUILD, PROCESS_CPU, PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_MEMORY, PROCESS_START},
    exposition::{Exposition, Value, seconds},
};
use crate::version;

#[cfg(test)]
mod tests;

/// See the module.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    started: SystemTime,
}

impl ProcessMetrics {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self { started: SystemTime::now() }
    }

    /// Tells what the process is and takes.
    pub(crate) fn tell(&self, to: &mut Exposition) {
        let build = [("version", version::NUMBER), ("commit", version::COMMIT), ("date", version::DATE)];
        to.add(BUILD, [(build.map(|(name, value)| (name, value.into())).to_vec(), Value::Whole(1))]);
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        to.add_one(PROCESS_START, Value::Real(started.as_secs_f64()));
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let microseconds = cpu.tv_sec.cast_unsigned() * 1_000_000 + cpu.tv_nsec.cast_unsigned() / 1_000;
        to.add_one(PROCESS_CPU, Value::Real(seconds(microseconds)));
        to.add(PROCESS_MEMORY, resident_bytes().map(|bytes| (vec![], Value::Whole(bytes))));
        to.add(PROCESS_FDS, open_fds().map(|count| (vec![], Value::Whole(count))));
        let limit = getrlimit(Resource::Nofile).current;
        to.add(PROCESS_FDS_MAX, limit.map(|count| (vec![], Value::Whole(count))));
    }
}

/// Pages that are resident stand second in `statm`.
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

/// From Linux 6.2 on, the length of the directory is the number of its entries; before, it is 0.
fn open_fds() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64),
        count => Some(count),
    }
}
