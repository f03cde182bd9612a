//! What the kernel and the file system tell of processes and directories.
//!
//! In: the number of a process, or a directory. Out: processor time, peak resident set, bytes on disk. `xtask` and
//! `benches/compare` both compile this very file, so that no engine is measured in another way.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::{Context as _, Result};

/// Ticks of `/proc/PID/stat` in a second; fixed for user space on all architectures that Rust's standard library
/// has as a first choice.
const TICKS_PER_SECOND: f64 = 100.0;

/// Parent and processor time of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    /// Number of its parent.
    pub(crate) parent: u32,
    /// User and system time of all its threads.
    pub(crate) own_seconds: f64,
    /// The same of its children that have ended.
    pub(crate) children_seconds: f64,
}

/// Reads `/proc/*/stat` of a process by its number, or of `self`.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn stat(process: &str) -> Result<Stat> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may have anything in it. After it come the state and the parent; user and system time,
    // its own and its children's, are fields 14 to 17 of the line.
    let (_, fields) = stat.rsplit_once(')').context("stat has no name")?;
    let mut fields = fields.split_whitespace().skip(1);
    let parent = fields.next().context("stat has no parent")?.parse()?;
    let mut times = fields.skip(9).map(str::parse::<f64>);
    let mut both_seconds = || -> Result<f64> {
        let mut time = || times.next().context("stat is too short");
        Ok((time()?? + time()??) / TICKS_PER_SECOND)
    };
    Ok(Stat { parent, own_seconds: both_seconds()?, children_seconds: both_seconds()? })
}

/// Most bytes of a process that were resident, since its peak was reset or since it began.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn peak_resident_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1_024)
}

/// Bytes that the files below a directory take on disk.
///
/// # Errors
///
/// When a directory cannot be listed.
pub(crate) fn disk_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A file may go while we look.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
