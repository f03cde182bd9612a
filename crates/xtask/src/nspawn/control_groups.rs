//! Control groups that a machine leaves behind, where it was given those of version 1 to write to.
//!
//! In: what is there before the machine boots. Out: the same again, when it is dropped after the machine has ended. Groups
//! with processes in them cannot be removed, and never are.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where the groups of memory are, in version 1.
const MEMORY: &str = "/sys/fs/cgroup/memory";

/// The groups below our own that were there before.
pub(super) struct ControlGroups {
    own: PathBuf,
    before: BTreeSet<PathBuf>,
}

impl ControlGroups {
    /// Takes note of what is there.
    pub(super) fn note() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let path = groups.lines().find_map(|line| line.split_once(":memory:")).map_or("", |(_, path)| path);
        let own = Path::new(MEMORY).join(path.trim_start_matches('/'));
        let before = children(&own).into_iter().collect();
        Self { own, before }
    }
}

impl Drop for ControlGroups {
    fn drop(&mut self) {
        for group in children(&self.own) {
            if !self.before.contains(&group) {
                remove(&group);
            }
        }
    }
}

/// Removes a group and those below it, as far as they are empty.
fn remove(group: &Path) {
    for child in children(group) {
        remove(&child);
    }
    let _is_empty = fs::remove_dir(group).is_ok();
}

/// The groups in a group.
fn children(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).collect()
}
