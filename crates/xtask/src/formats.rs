//! Real programs load lists, and are asked.
//!
//! In: a nasty corpus (`corpus`), a daemon, and the programs of Debian's packages that are installed. Out: a line for each program and format, with the
//! program's version, the entries that it was given, how many questions it answered as expected, and how many indicators were kept out; and an error if
//! one answers otherwise. What is expected is written down beside each question, apart from the code under test, and lookups are held to it as well.
//! A program that is not installed is said to be absent. Everything is on loopback or in a network namespace of its own, and ends with the command.

mod corpus;
mod firewalls;
mod inspection;
mod loaded;
mod probe;
mod proxies;
mod resolvers;

use std::fs;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use test_support::{client::indicators_path, daemon::Daemon};

use self::{
    corpus::{ADDRESSES, ALLOWED, LISTS, NAMES, NASTY, Reached},
    loaded::{Fetched, LoadedList, judge},
    probe::get,
};
use crate::workspace::{Profile, build};

/// What to run.
#[derive(Args, Debug)]
pub(crate) struct Formats {
    /// How the daemon is built.
    #[arg(long, value_enum, default_value_t = Profile::Dev)]
    profile: Profile,
    /// Fail if a program is not installed.
    #[arg(long)]
    all: bool,
}

impl Formats {
    /// Loads each list into each program, and asks.
    ///
    /// # Errors
    ///
    /// What was answered otherwise, or why a program does not take a list.
    pub(crate) fn run(&self) -> Result<()> {
        let binary = build("sluice-server", "sluiced", self.profile)?;
        let dir = tempfile::tempdir()?;
        // Programs that give up their rights read there.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(dir.path(), mode)?;
        let mut daemon = Daemon::start(&binary, dir.path());
        daemon.wait_until_ready();
        let refused = push(&daemon)?;
        check_lookups(&daemon)?;
        let fetched = Fetched { daemon, dir: dir.path().to_owned() };
        println!("{refused} of {} indicators are refused as none", NASTY.len());
        println!(
            "{:<16} {:<18} {:<22} {:>7} {:>8} {:>8}",
            "program", "version", "list", "entries", "answers", "kept out"
        );
        let (mut failures, mut absent) = (0, 0);
        for trials in [resolvers::run, firewalls::run, proxies::run, inspection::run] {
            for (program, trial) in trials(&fetched)? {
                let Some(trial) = trial else {
                    println!("{program:<16} absent");
                    absent += 1;
                    continue;
                };
                let (entries, dropped) = (
                    fetched.figure(trial.list, "sluice-list-entries")?,
                    fetched.figure(trial.list, "sluice-list-dropped")?,
                );
                let answers = format!("{}/{}", trial.asked - trial.wrong.len(), trial.asked);
                let LoadedList { program, version, list, wrong, .. } = trial;
                println!("{program:<16} {version:<18} {list:<22} {entries:>7} {answers:>8} {dropped:>8}");
                for answer in &wrong {
                    println!("    {answer}");
                }
                failures += wrong.len();
            }
        }
        ensure!(failures == 0, "{failures} answers are not as expected");
        ensure!(absent == 0 || !self.all, "{absent} programs are absent");
        Ok(())
    }
}

/// Pushes the corpus and defines the lists; returns how many indicators were refused.
fn push(daemon: &Daemon) -> Result<usize> {
    let mut client = daemon.client();
    client.prepare("Feed", &[])?;
    let mut refused = 0;
    for (supplier, indicators) in [("Feed", NASTY), ("FalsePositive", ALLOWED)] {
        let mut rows: Vec<_> = indicators.iter().map(|indicator| json!({ "indicator": indicator })).collect();
        // Where Squid cuts a line, what is behind would match everything.
        rows.push(json!({ "indicator": format!("{supplier}.example.com/{}", "(".repeat(1_000)) }));
        let answer = client.request("PUT", &indicators_path(supplier), json!(rows).to_string().as_bytes())?;
        refused += answer.rejected()?;
    }
    for (name, kinds) in LISTS {
        let definition = json!({ "kinds": kinds }).to_string();
        let answer = client.request("PUT", &format!("/v1/lists/{name}"), definition.as_bytes())?;
        ensure!(answer.status == 201, "{name}: {}", answer.text());
    }
    Ok(refused)
}

/// Holds what is expected of lists to what a lookup says.
fn check_lookups(daemon: &Daemon) -> Result<()> {
    let mut questions: Vec<(&str, bool)> = ADDRESSES.to_vec();
    for (name, reached) in NAMES {
        questions.push((*name, *reached != Reached::Never));
    }
    let wrong = judge(&questions, |value| {
        let answer = get(daemon.address(), &format!("/v1/lookup?value={value}"), &corpus::login())?;
        ensure!(answer.status == 200, "{value}: {}", answer.body);
        Ok(answer.body.contains("\"verdict\":\"listed\""))
    })?;
    ensure!(wrong.is_empty(), "lookups say otherwise: {}", wrong.join(", "));
    Ok(())
}
