//! A database server of the machine's own, run for a while as a child process.
//!
//! In: a command. Out: the process, which stops when this is dropped, or by itself when this process is killed. Its
//! socket lies in a directory of its own with a short path, because paths of sockets are short.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

const READY_WAIT: Duration = Duration::from_mins(1);
/// PostgreSQL writes what is in its buffers before it stops.
const STOP_WAIT: Duration = Duration::from_mins(2);
const ASK_INTERVAL: Duration = Duration::from_millis(20);

/// Whom a server runs as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// This process's own user.
    Ours,
    /// The user and group of these numbers; this process must be root's.
    Other(u32, u32),
}

impl Account {
    /// `name`'s account when this process is root's, otherwise its own.
    pub(crate) fn unless_root(name: &str) -> Result<Self> {
        let ask = |arguments: &[&str]| -> Result<u32> {
            let output = Command::new("id").args(arguments).output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok(String::from_utf8(output.stdout)?.trim().parse()?)
        };
        if ask(&["-u"])? != 0 {
            return Ok(Self::Ours);
        }
        Ok(Self::Other(ask(&["-u", name])?, ask(&["-g", name])?))
    }

    /// A command that runs a program under this account and is interrupted when this process ends.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Self::Other(user, group) = self {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
        }
        command.arg("--").arg(program).stdin(Stdio::null());
        command
    }

    /// Creates a directory that belongs to this account.
    pub(crate) fn create_dir(self, dir: &Path) -> Result<()> {
        fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        self.own(dir)
    }

    fn own(self, dir: &Path) -> Result<()> {
        if let Self::Other(user, group) = self {
            chown(dir, Some(user), Some(group))?;
        }
        Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?)
    }
}

/// A server being started, or running.
pub(crate) struct Server {
    child: Child,
    said: PathBuf,
    socket_dir: TempDir,
}

impl Server {
    /// Starts a server; `set_up` gives the command for a directory for the socket. What it says goes to the file
    /// `said`.
    pub(crate) fn start(
        account: Account,
        said: &Path,
        set_up: impl FnOnce(&Path) -> Command,
    ) -> Result<Self> {
        let socket_dir = TempDir::with_prefix("compare-")?;
        account.own(socket_dir.path())?;
        let mut command = set_up(socket_dir.path());
        let output = fs::File::create(said)?;
        let child = command.stdout(output.try_clone()?).stderr(output).spawn();
        let child = child.with_context(|| format!("cannot run {command:?}"))?;
        Ok(Self { child, said: said.to_owned(), socket_dir })
    }

    /// Number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tries to connect until it works.
    pub(crate) fn connect<C, E>(&mut self, connect: impl Fn(&Path) -> Result<C, E>) -> Result<C> {
        let started = Instant::now();
        loop {
            if let Ok(connection) = connect(self.socket_dir.path()) {
                return Ok(connection);
            }
            if self.child.try_wait()?.is_some() || READY_WAIT < started.elapsed() {
                bail!("the server does not start: {}", fs::read_to_string(&self.said).unwrap_or_default());
            }
            thread::park_timeout(ASK_INTERVAL);
        }
    }

    /// Asks the server to stop and waits until it has.
    fn stop(&mut self) -> std::io::Result<()> {
        Command::new("kill").args(["-INT", &self.pid().to_string()]).status()?;
        let give_up = Instant::now() + STOP_WAIT;
        while self.child.try_wait()?.is_none() {
            if give_up < Instant::now() {
                self.child.kill()?;
            }
            thread::park_timeout(ASK_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever reads the figures does not need this one to end well.
        drop(self.stop());
    }
}

/// The first line that a program says about its version.
pub(crate) fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
