//! A machine: a Debian that systemd-nspawn has booted, with a systemd of its own as process 1 and a network of its own.
//!
//! In: a root directory. Out: what commands inside of it say, and its network for clients that run outside. Dropping it
//! ends it, by the numbers of the two processes that it started.

use std::{
    fs::{self, File},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

/// Longest time to boot.
const BOOT_WAIT: Duration = Duration::from_mins(1);
/// Longest time to power off.
const END_WAIT: Duration = Duration::from_secs(20);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A machine that runs.
pub(super) struct BootedMachine {
    nspawn: Child,
    /// Its process 1, as seen from outside.
    leader: Pid,
    root: PathBuf,
}

impl BootedMachine {
    /// Boots a root directory and waits until everything in it has started.
    ///
    /// # Errors
    ///
    /// When it does not boot; the error has what its console says.
    pub(super) fn boot(root: &Path, console: &Path) -> Result<Self> {
        let log = File::create(console)?;
        // However this command ends, the machine ends with it.
        let mut nspawn = Command::new("setpriv");
        nspawn
            .args(["--pdeathsig", "TERM", "systemd-nspawn", "--directory"])
            .arg(root)
            .arg(format!("--machine=sluice-{}", std::process::id()));
        nspawn.args(["--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]);
        nspawn.args(["--kill-signal=SIGRTMIN+3", "--resolv-conf=off", "--timezone=off"]);
        nspawn.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut nspawn =
            nspawn.spawn().context("systemd-nspawn is missing: apt-get install systemd-container")?;
        let leader = match leader(&mut nspawn) {
            Ok(leader) => leader,
            Err(error) => {
                end(&mut nspawn, None);
                return Err(error.context(fs::read_to_string(console)?));
            }
        };
        let machine = Self { nspawn, leader, root: root.to_owned() };
        let began = Instant::now();
        loop {
            let (_, said) = machine.try_run("systemctl is-system-running")?;
            if said.trim() == "running" {
                return Ok(machine);
            }
            ensure!(began.elapsed() < BOOT_WAIT, "the machine is {said}: {}", fs::read_to_string(console)?);
            thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Moves the calling thread, and what it starts from now on, into the machine's network.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(super) fn enter_network(&self) -> Result<()> {
        let network = File::open(format!("/proc/{}/ns/net", self.leader.as_raw_nonzero()))?;
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    }

    /// A command that runs inside.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.leader.as_raw_nonzero()));
        command.args([
            "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--", program,
        ]);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    }

    /// Runs a script of the shell inside and returns what it says.
    ///
    /// # Errors
    ///
    /// When it fails; the error has what it said.
    pub(super) fn run(&self, script: &str) -> Result<String> {
        let (code, said) = self.try_run(script)?;
        ensure!(code == 0, "`{script}` ends with {code}: {}", said.trim_end());
        Ok(said)
    }

    /// Runs a script of the shell inside and returns its exit code and what it says.
    ///
    /// # Errors
    ///
    /// When it does not run, or is killed.
    pub(super) fn try_run(&self, script: &str) -> Result<(i32, String)> {
        let output = self.command("/bin/sh").arg("-c").arg(script).output()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok((output.status.code().with_context(|| format!("`{script}` is killed: {said}"))?, said))
    }

    /// The number that one of its processes has outside.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub(super) fn pid_outside(&self, inside: u32) -> Result<Pid> {
        let names = |process: &str| fs::read_link(format!("/proc/{process}/ns/pid"));
        let (ours, inside) = (names(&self.leader.as_raw_nonzero().to_string())?, inside.to_string());
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(process) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            else {
                continue;
            };
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or("");
            let is_it = numbers.split_whitespace().next_back() == Some(&inside);
            if is_it && names(process).is_ok_and(|theirs| theirs == ours) {
                return Pid::from_raw(process.parse()?).context("a process has the number 0");
            }
        }
        bail!("the machine has no process {inside}")
    }

    /// Where a path of the machine lies outside of it.
    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }
}

impl Drop for BootedMachine {
    fn drop(&mut self) {
        end(&mut self.nspawn, Some(self.leader));
    }
}

/// The number of the child that has become process 1 of a machine.
fn leader(nspawn: &mut Child) -> Result<Pid> {
    let (list, began) = (format!("/proc/{0}/task/{0}/children", nspawn.id()), Instant::now());
    while began.elapsed() < BOOT_WAIT {
        ensure!(nspawn.try_wait()?.is_none(), "systemd-nspawn has ended");
        let children = fs::read_to_string(&list).unwrap_or_default();
        // Before, there are children that set the machine up.
        let is_systemd = |child: &&str| {
            fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "systemd")
        };
        if let Some(number) = children.split_whitespace().find(is_systemd) {
            return Pid::from_raw(number.parse()?).context("a process has the number 0");
        }
        thread::sleep(LOOK_INTERVAL);
    }
    bail!("systemd-nspawn starts nothing")
}

/// Powers a machine off, or kills it where that takes too long.
fn end(nspawn: &mut Child, leader: Option<Pid>) {
    // Each of them may have ended by itself.
    let signal = |pid: Pid, signal| {
        let _is_alive = kill_process(pid, signal).is_ok();
    };
    if let Ok(pid) = i32::try_from(nspawn.id())
        && let Some(pid) = Pid::from_raw(pid)
    {
        signal(pid, Signal::TERM);
    }
    let began = Instant::now();
    while began.elapsed() < END_WAIT {
        if !matches!(nspawn.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(LOOK_INTERVAL);
    }
    if let Some(leader) = leader {
        signal(leader, Signal::KILL);
    }
    drop(nspawn.kill());
    drop(nspawn.wait());
}
