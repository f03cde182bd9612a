//! One thread of a process that stands still, as if it hung, while the others go on.
//!
//! In: the process, and the name of the thread. Out: the thread, stopped by tracing it, which is the only way to stop one
//! without all. It ends with its process, and only once it has been waited for here can that be reaped.

use std::fs;

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// A thread that is traced and stopped.
pub(super) struct StoppedThread(Pid);

impl StoppedThread {
    /// Stops the first thread of this name.
    ///
    /// # Errors
    ///
    /// When there is none, or the kernel refuses.
    pub(super) fn stop(process: rustix::process::Pid, name: &str) -> Result<Self> {
        let has_name = |thread: &i32| {
            let path = format!("/proc/{process}/task/{thread}/comm");
            fs::read_to_string(path).is_ok_and(|found| found.trim_end() == name)
        };
        let mut threads = fs::read_dir(format!("/proc/{process}/task"))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let thread = threads.find(has_name).with_context(|| format!("no thread is called {name}"))?;
        let thread = Pid::from_raw(thread);
        ptrace::seize(thread, Options::empty())?;
        ptrace::interrupt(thread)?;
        Ok(Self(thread))
    }

    /// Returns true once its process has ended.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub(super) fn has_ended(&self) -> Result<bool> {
        match waitpid(self.0, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD) => Ok(true),
            Ok(_) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
