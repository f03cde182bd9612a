//! What the steps share: a machine with the package, its service as an operator handles it, and the clients' ledger.
//!
//! In: what the operator wants. Out: what systemd, the journal and the daemon answer.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use test_support::client::Client;

use super::{feeding::Ledger, machine::BootedMachine, outcomes::Outcomes};
use crate::prometheus::scrape;

/// What only users may ask for.
pub(super) const SUPPLIERS: &str = "/api/1.3/suppliers";
/// Where the daemon listens.
pub(super) const ADDRESS: &str = "127.0.0.1:9440";
/// The configuration.
pub(super) const CONFIG: &str = "/etc/sluice/sluiced.toml";
/// The data directory.
pub(super) const DATA_DIR: &str = "/var/lib/sluice";
/// Longest time from a start to ready, and for whatever else is waited for.
const WAIT: Duration = Duration::from_mins(2);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Why a step cannot be done here; that is not the fault of the package.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LeftOut(pub(super) String);

/// How a reload ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reload {
    /// What is new is in force.
    Done,
    /// It is refused, and everything stays as it was.
    Refused,
}

/// A machine, and all that its daemon was told to keep.
pub(super) struct Trial {
    pub(super) machine: BootedMachine,
    pub(super) ledger: Ledger,
    /// A directory outside of the machine.
    pub(super) scratch: PathBuf,
    /// Program of an S3 server.
    pub(super) s3_server: Option<PathBuf>,
}

impl Trial {
    /// Where the daemon listens.
    pub(super) fn address() -> Result<SocketAddr> {
        Ok(ADDRESS.parse()?)
    }

    /// The password that the first start has made up.
    pub(super) fn password(&self) -> Result<String> {
        let path = self.machine.path("/var/lib/private/sluice/admin-password");
        Ok(fs::read_to_string(path).context("the first start leaves no password")?.trim_end().to_owned())
    }

    /// A client that is the administrator.
    pub(super) fn client(&self) -> Result<Client> {
        Ok(Client::new(Self::address()?, "admin", &self.password()?))
    }

    /// Does something under load.
    ///
    /// # Errors
    ///
    /// That of `work`, or of the clients.
    pub(super) fn under_load<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, Outcomes)> {
        let (address, password) = (Self::address()?, self.password()?);
        self.ledger.under_load(&move || Client::new(address, "admin", &password), work)
    }

    /// Looks up everything that was ever acknowledged; tells how many values that are.
    ///
    /// # Errors
    ///
    /// When a value is lost.
    pub(super) fn check_ledger(&self) -> Result<usize> {
        self.ledger.check(&mut self.client()?, usize::MAX)
    }

    /// Waits until the daemon is ready.
    ///
    /// # Errors
    ///
    /// When it is not in time, with its journal.
    pub(super) fn wait_until_ready(&self) -> Result<Duration> {
        let (address, began) = (Self::address()?, Instant::now());
        let is_ready = || {
            let answer = Client::new(address, "", "").request("GET", "/readyz", b"");
            Ok(answer.is_ok_and(|answer| answer.status == 200))
        };
        self.wait_until("ready", is_ready)?;
        Ok(began.elapsed())
    }

    /// Waits until something is so.
    ///
    /// # Errors
    ///
    /// When it is not in time, with the journal.
    pub(super) fn wait_until(&self, what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        while !is_so()? {
            ensure!(began.elapsed() < WAIT, "the daemon is not {what}: {}", self.journal("--lines=30")?);
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    /// A property of the service, as systemd tells it.
    pub(super) fn property(&self, name: &str) -> Result<String> {
        let told = self.machine.run(&format!("systemctl show --value --property={name} sluiced.service"))?;
        Ok(told.trim().to_owned())
    }

    /// Number of the daemon's process inside of the machine; 0 when there is none.
    pub(super) fn main_pid(&self) -> Result<u32> {
        Ok(self.property("MainPID")?.parse()?)
    }

    /// Restarts the service, and waits until the new daemon is ready.
    pub(super) fn restart(&self) -> Result<()> {
        let before = self.main_pid()?;
        self.machine.run("systemctl restart sluiced")?;
        self.wait_for_another(before)
    }

    /// Sends the daemon a signal that is its end, and waits until another one is ready.
    pub(super) fn kill(&self, signal: &str) -> Result<()> {
        let before = self.main_pid()?;
        self.machine.run(&format!("kill -{signal} {before}"))?;
        self.wait_for_another(before)
    }

    /// Waits until another process than `before` is the daemon, and ready.
    pub(super) fn wait_for_another(&self, before: u32) -> Result<()> {
        self.wait_until("started again", || Ok(![0, before].contains(&self.main_pid()?)))?;
        self.wait_until_ready().map(drop)
    }

    /// Reloads, and waits until the daemon has counted it.
    pub(super) fn reload(&self, outcome: Reload) -> Result<()> {
        let before = self.reloads(outcome)?;
        self.machine.run("systemctl reload sluiced")?;
        self.wait_until("reloaded", || Ok(before < self.reloads(outcome)?))
    }

    /// How many reloads have ended so, by the daemon's metrics.
    fn reloads(&self, outcome: Reload) -> Result<u64> {
        let label = match outcome {
            Reload::Done => "done",
            Reload::Refused => "refused",
        };
        let text = scrape(&mut self.client()?)?;
        let name = format!("sluice_config_reloads_total{{outcome=\"{label}\"}} ");
        let count =
            text.lines().find_map(|line| line.strip_prefix(&name)).context("reloads are not counted")?;
        Ok(count.parse()?)
    }

    /// Lines of the service in the journal.
    pub(super) fn journal(&self, arguments: &str) -> Result<String> {
        self.machine.run(&format!("journalctl --quiet --no-pager --unit=sluiced.service {arguments}"))
    }

    /// The last place of the service in the journal, for `--after-cursor=`.
    pub(super) fn cursor(&self) -> Result<String> {
        let told = self.journal("--lines=1 --show-cursor")?;
        let (_, cursor) = told.rsplit_once("-- cursor: ").context("the journal has no cursor")?;
        Ok(format!("'--after-cursor={}'", cursor.trim()))
    }

    /// Writes the configuration.
    pub(super) fn configure(&self, text: &str) -> Result<()> {
        self.write(CONFIG, text)
    }

    /// Writes a file of the machine, and its directory.
    pub(super) fn write(&self, inside: &str, text: &str) -> Result<()> {
        let path = self.machine.path(inside);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// `curl`, which tells what goes wrong and nothing else, and ends.
pub(super) fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
    curl
}
