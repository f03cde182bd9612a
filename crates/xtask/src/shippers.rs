//! Real shippers against a real daemon that refuses, is busy, is not ready, or is cut off.
//!
//! In: the clients of Elasticsearch that can be had (`client`), a daemon, and a proxy before it (`proxy`), whose 429 and 503 are
//! those of daemons that really had no room or were not ready (`refusals`). Out: a line for each client and fault, and an error if
//! anything was lost that a client takes for stored, or refused without a word (`outcome`). Everything is on loopback, bounded
//! in number and time, and ends with the command.

mod client;
mod message;
mod outcome;
mod proxy;
mod push;
mod refusals;
mod syslog;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use test_support::daemon::Daemon;

use self::{
    client::{Kind, SHIPPERS, Shipper},
    proxy::{Proxy, ProxyFault},
    push::Push,
    refusals::Refusals,
};
use crate::workspace::{Profile, build};

/// What to run.
#[derive(Args, Debug)]
pub(crate) struct Shippers {
    /// Run only clients whose name begins so; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How the daemon is built.
    #[arg(long, value_enum, default_value_t = Profile::Dev)]
    profile: Profile,
}

/// What goes wrong while a client pushes.
const FAULTS: [&str; 5] = ["none", "refused", "429", "503", "cut"];

impl Shippers {
    /// Lets each client push through each fault.
    ///
    /// # Errors
    ///
    /// What was lost or not said, or why a client does not run.
    pub(crate) fn run(&self) -> Result<()> {
        let is_wanted = |shipper: &Shipper| {
            self.only.is_empty() || self.only.iter().any(|begin| shipper.name().starts_with(begin.as_str()))
        };
        let shippers: Vec<Shipper> = SHIPPERS.into_iter().filter(is_wanted).collect();
        ensure!(!shippers.is_empty(), "there are {}", SHIPPERS.map(|shipper| shipper.name()).join(", "));
        let binary = build("sluice-server", "sluiced", self.profile)?;
        let dir = tempfile::tempdir()?;
        let refusals = Refusals::take(&binary, &dir.path().join("refusing"))?;
        let daemon_dir = dir.path().join("daemon");
        fs::create_dir(&daemon_dir)?;
        let mut daemon = Daemon::start(&binary, &daemon_dir);
        daemon.wait_until_ready();
        let mut failures = 0;
        for shipper in shippers {
            let at = shipper.install().with_context(|| format!("{} cannot be had", shipper.name()))?;
            let version = shipper.version(&at)?;
            for fault in FAULTS {
                let dir = dir.path().join(format!("{}-{fault}", shipper.name()));
                fs::create_dir(&dir)?;
                let outcome = push(&daemon, shipper, &at, (fault, &refusals), &dir);
                failures += usize::from(outcome.is_err());
                let outcome = outcome.unwrap_or_else(|error| format!("FAILED: {error:#}"));
                println!("{:<32} {version:<20} {fault:<8} {outcome}", shipper.name());
            }
        }
        ensure!(daemon.terminate().success(), "the daemon does not stop well");
        if failures != 0 {
            bail!("{failures} pushes are not as they should be");
        }
        Ok(())
    }
}

/// Lets a client push, and compares.
fn push(
    daemon: &Daemon,
    shipper: Shipper,
    at: &Path,
    (fault, refusals): (&str, &Refusals),
    dir: &Path,
) -> Result<String> {
    let of_proxy = match fault {
        "429" => ProxyFault::Answer(refusals.busy.clone()),
        "503" => ProxyFault::Answer(refusals.not_ready.clone()),
        "cut" => ProxyFault::Cut,
        _ => ProxyFault::None,
    };
    let is_fault_free = matches!(of_proxy, ProxyFault::None);
    let proxy = Proxy::start(daemon.address(), of_proxy)?;
    let index = format!("{}-{fault}", shipper.name());
    let push = Push::begin(daemon, &proxy, index, fault == "refused")?;
    let told = match shipper.kind {
        Kind::Python | Kind::JavaScript => push.run_script(shipper, at, dir)?,
        kind => syslog::ship(kind, at, &push, dir)?,
    };
    let found = push.found()?;
    let outcome = found.check(&told, is_fault_free)?;
    let (requests, faults) = proxy.counts();
    ensure!(is_fault_free || faults != 0, "the fault was not met in {requests} requests");
    Ok(format!("{outcome}; {requests} requests, {faults} of them failed"))
}
