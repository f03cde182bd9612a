//! Firewalls of Linux, each in a network namespace of its own: nftables and ipset.
//!
//! In: lists of networks. Out: whether addresses are in the sets. Each list is loaded twice, as a timer does, and that of ipset once before its sets
//! are there: what such a restore leaves behind must not stop the next one.

use std::{fmt::Write as _, fs, process::Command};

use anyhow::{Context as _, Result};

use super::{
    corpus::ADDRESSES,
    loaded::{Fetched, LoadedList, judge},
    probe::version,
};
use crate::program::RunningProgram;

/// Loads and asks each.
pub(super) fn run(fetched: &Fetched) -> Result<Vec<(&'static str, Option<LoadedList>)>> {
    let mut trials = Vec::new();
    for (program, list, load) in [
        ("nft", "nets.nft", "nft -c -f LIST && nft -f LIST && nft -f LIST\n"),
        (
            "ipset",
            "nets.ipset",
            "ipset -exist restore < LIST && exit 1\nipset create nets-v4 hash:net family inet && ipset create nets-v6 hash:net family inet6\n\
             ipset -exist restore < LIST && ipset -exist restore < LIST\n",
        ),
    ] {
        let Some(version) = version(program, &["--version"])? else {
            trials.push((program, None));
            continue;
        };
        let path = fetched.file(list)?;
        let mut script =
            format!("{}\n", load.replace("LIST", &path.display().to_string()).replace("\n\n", "\n"));
        script.insert_str(0, "set -e\n");
        if program == "ipset" {
            // The first restore is to fail.
            script = script.replace("&& exit 1", "2>&1 && exit 1 || true");
        }
        for (address, _) in ADDRESSES {
            let family = if address.contains(':') { "v6" } else { "v4" };
            let test = match program {
                "nft" => format!("nft get element inet sluice nets_{family} '{{ {address} }}'"),
                _ => format!("ipset test nets-{family} {address}"),
            };
            writeln!(script, "if {test} >/dev/null 2>&1; then echo 'in {address}'; fi")?;
        }
        let dir = fetched.dir.join(program);
        fs::create_dir(&dir)?;
        let mut command = Command::new("unshare");
        command.args(["--net", "bash", "-c", &script]);
        let printed =
            RunningProgram::run(&mut command, &dir).with_context(|| format!("{program} with {list}"))?;
        let held: Vec<&str> = printed.lines().collect();
        let wrong = judge(ADDRESSES, |address| Ok(held.contains(&format!("in {address}").as_str())))?;
        trials.push((program, Some(LoadedList { program, version, list, asked: ADDRESSES.len(), wrong })));
    }
    Ok(trials)
}
