//! Steps of imports, as the daemon tells of them while it works.
//!
//! In: a daemon under clients. Out: the lines that it told to be committed, by batch: whoever was told so goes on behind them,
//! whatever the daemon remembers of it after a kill.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::reads::get;
use crate::daemon::Daemon;

/// Longest time until what is aimed at comes.
const AIM_WAIT: Duration = Duration::from_secs(30);
/// Pause between two questions, so short that a kill comes before the next step.
const ASK_INTERVAL: Duration = Duration::from_millis(1);

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aim {
    /// That rows are committed, and more are to come.
    Step,
    /// That a replacement is under way, to so many questions: of its steps, nothing is told.
    Replacement(u64),
}

/// Waits for what is aimed at; gives the lines that were told to be committed, by batch.
pub(super) fn wait_for(daemon: &mut Daemon, aim: Aim) -> BTreeMap<String, u64> {
    let (mut client, since) = (daemon.client(), Instant::now());
    let (mut told_lines, mut looks, mut is_there) = (BTreeMap::new(), BTreeMap::new(), false);
    while !is_there && since.elapsed() < AIM_WAIT {
        let told = get(&mut client, "GET", "/v1/batches?limit=100", "").unwrap_or_default();
        for batch in told["batches"].as_array().into_iter().flatten() {
            if batch["state"] == "running" {
                let id = batch["batch"].as_str().unwrap();
                let lines = batch["committed_lines"].as_u64().unwrap();
                told_lines.insert(id.to_owned(), lines);
                let looks: &mut u64 = looks.entry(id.to_owned()).or_default();
                *looks += 1;
                let is_replacement = batch["parameters"]["mode"] == "replace";
                assert!(lines == 0 || !is_replacement, "before its end: {batch}");
                is_there |= match aim {
                    Aim::Step => lines != 0,
                    Aim::Replacement(least) => is_replacement && least <= *looks,
                };
            }
        }
        daemon.pause(ASK_INTERVAL);
    }
    told_lines
}
