//! What processes used, as the kernel counts it.
//!
//! In: the number of a process. Out: CPU seconds, bytes that it caused to be written to disk.
//! A page that is written twice before it goes to disk counts once, and one that is given up before it goes does
//! not count.

use std::fs;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::proc;

/// What a process has used since its start, or in a phase.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Usage {
    /// User and system time of all threads.
    pub(super) cpu_seconds: f64,
    /// Bytes for the disk.
    pub(super) written_bytes: u64,
}

impl Usage {
    /// What the process has used until now.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
        let field = |name: &str| -> Result<u64> {
            let value = io.lines().find_map(|line| line.strip_prefix(name)).context("a field of io")?;
            Ok(value.trim_start_matches(':').trim().parse()?)
        };
        let written_bytes = field("write_bytes")?.saturating_sub(field("cancelled_write_bytes")?);
        Ok(Self { cpu_seconds: cpu_seconds(&pid.to_string())?, written_bytes })
    }

    /// What it has used after `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }
}

/// CPU seconds of this process.
pub(super) fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds("self")
}

/// CPU seconds of a process.
pub(super) fn cpu_seconds(process: &str) -> Result<f64> {
    Ok(proc::stat(process)?.own_seconds)
}

/// Lets the peak begin at what is resident now.
pub(super) fn reset_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("the peak cannot be reset")
}
