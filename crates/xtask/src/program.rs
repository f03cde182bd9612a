//! Programs of others that run for a bounded time.
//!
//! In: a command. Out: what it printed, or its process, which is killed when it is dropped.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::ended_within;

/// Longest time for a client to push everything.
const RUN_MAX: Duration = Duration::from_mins(2);

/// A running program.
pub(crate) struct RunningProgram {
    child: Child,
    said: PathBuf,
}

impl RunningProgram {
    /// Starts it; what it prints goes to files in `dir`.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn start(command: &mut Command, dir: &Path) -> Result<Self> {
        let said = dir.join("said");
        let (stdout, stderr) = (File::create(dir.join("printed"))?, File::create(&said)?);
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn();
        let child = child.with_context(|| format!("{} does not start", command.get_program().display()))?;
        Ok(Self { child, said })
    }

    /// Runs it to its end, and gives what it printed.
    ///
    /// # Errors
    ///
    /// When it takes too long, or fails.
    pub(crate) fn run(command: &mut Command, dir: &Path) -> Result<String> {
        let mut program = Self::start(command, dir)?;
        let Some(status) = ended_within(&mut program.child, RUN_MAX)? else {
            bail!("it does not end: {}", program.said());
        };
        ensure!(status.success(), "it ended with {status}: {}", program.said());
        Ok(fs::read_to_string(dir.join("printed"))?)
    }

    /// How it has ended, if it has.
    ///
    /// # Errors
    ///
    /// When that is not known.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// What it said on standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
