//! How much memory there is to make do with.
//!
//! In: the control group that the process is in (`MemoryMax=` of a unit, the limit of a container), and the machine. Out:
//! the least limit on the way from the root to the group, or half of the machine's memory, whichever is less, and the
//! words for it. Never less than what works: below that, the daemon had better be given more.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sluice_model::memory_plan::RESIDENT_BYTES_MIN;

#[cfg(test)]
mod tests;

/// Where control groups are.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Files with a limit: of version 2, and of version 1. Memory over `memory.high` is as good as none.
const LIMIT_FILES: [&str; 3] = ["memory.max", "memory.high", "memory.limit_in_bytes"];

/// Bytes to make do with, and where they come from.
pub(super) fn available() -> (u64, String) {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let info = rustix::system::sysinfo();
    let machine = (info.totalram as u64).saturating_mul(u64::from(info.mem_unit));
    least(group_limit(Path::new(CONTROL_GROUPS), &own), machine)
}

/// The limit of a group against half of the machine.
fn least(group: Option<(u64, PathBuf)>, machine: u64) -> (u64, String) {
    let half = (machine / 2, "half of the machine's memory".to_owned());
    let (bytes, source) = match group {
        Some((bytes, path)) if bytes < machine => (bytes, path.display().to_string()),
        _ => half,
    };
    if bytes < RESIDENT_BYTES_MIN as u64 {
        return (RESIDENT_BYTES_MIN as u64, format!("the least that works; {source} is {bytes}B"));
    }
    (bytes, source)
}

/// The least limit of the groups that `own`, a `/proc/self/cgroup`, names, with the file that it is in.
fn group_limit(root: &Path, own: &str) -> Option<(u64, PathBuf)> {
    let mut limits = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        // Version 2 names no controllers; in version 1, that of memory has a tree of its own.
        let root = match controllers {
            "" => root.to_owned(),
            _ if controllers.split(',').any(|controller| controller == "memory") => root.join("memory"),
            _ => continue,
        };
        let mut dir = root.clone();
        // A container may not see the groups above its own: their names stay in its path, or are two dots.
        dir.extend(group.split('/').filter(|part| !part.is_empty() && *part != ".."));
        while dir.starts_with(&root) {
            for path in LIMIT_FILES.map(|name| dir.join(name)) {
                let text = fs::read_to_string(&path).unwrap_or_default();
                limits.extend(text.trim().parse().ok().map(|bytes: u64| (bytes, path)));
            }
            if !dir.pop() {
                break;
            }
        }
    }
    limits.into_iter().min()
}
