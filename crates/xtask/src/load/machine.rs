//! Where and of what the figures are: the machine, and the commit of this workspace.

use std::{fs, process::Command, thread};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::workspace::root;

/// What a number is worth nothing without.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    memory_bytes: u64,
    kernel: String,
    /// Empty outside of a repository.
    commit: String,
    /// Whether files differ from the commit.
    is_dirty: bool,
}

impl Machine {
    /// Asks the kernel and git.
    pub(super) fn look() -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus.lines().find(|line| line.starts_with("model name"));
        let cpu = model.and_then(|line| line.split_once(':')).map_or("", |(_, name)| name.trim());
        let memory = fs::read_to_string("/proc/meminfo")?;
        let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).context("no MemTotal")?;
        let kibibytes: u64 = total.trim().trim_end_matches(" kB").parse()?;
        Ok(Self {
            cpu: cpu.to_owned(),
            cores: thread::available_parallelism()?.get(),
            memory_bytes: kibibytes * 1_024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            commit: git(&["rev-parse", "HEAD"])?,
            is_dirty: !git(&["status", "--porcelain"])?.is_empty(),
        })
    }

    /// One line.
    pub(super) fn text(&self) -> String {
        let commit = self.commit.get(..12).unwrap_or("unknown");
        let dirty = if self.is_dirty { " with changes" } else { "" };
        format!(
            "{} cores of {}, {} MiB, Linux {}; commit {commit}{dirty}",
            self.cores,
            self.cpu,
            self.memory_bytes >> 20,
            self.kernel
        )
    }
}

/// What git says; nothing where there is no git or no repository.
fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root()?).output();
    Ok(output.map_or_else(
        |_none| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    ))
}
