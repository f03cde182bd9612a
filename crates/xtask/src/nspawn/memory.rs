//! A limit on memory: the daemon plans with it, and large bodies do not break it.

use std::{fs, thread};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use test_support::{client::Client, daemon};

use super::{
    feeding::push_path,
    trial::{CONFIG, LeftOut, Trial},
};

/// The limit, as the unit says it and in bytes.
const LIMIT: (&str, &str) = ("256M", "268435456");
/// Bodies that are sent at once, their length, and how often.
const BODIES: usize = 4;
const BODY_BYTES: usize = 56 << 20;
const ROUNDS: usize = 3;
/// Where more is said of the unit.
const DROP_INS: &str = "/etc/systemd/system/sluiced.service.d";

/// Sends bodies that do not all fit: each is taken or told to come again, and nobody is killed.
pub(super) fn limit(trial: &Trial) -> Result<String> {
    trial.write(&format!("{DROP_INS}/memory.conf"), &format!("[Service]\nMemoryMax={}\n", LIMIT.0))?;
    open_controllers(trial)?;
    let outcome = in_the_limit(trial);
    fs::remove_dir_all(trial.machine.path(DROP_INS))?;
    restart(trial)?;
    outcome
}

/// Lets systemd set limits on a machine whose control groups are those of version 1, which systemd-nspawn mounts read-only.
fn open_controllers(trial: &Trial) -> Result<()> {
    trial.machine.run(
        "if [ -d /sys/fs/cgroup/memory ]; then mount -o remount,bind,rw /sys/fs/cgroup/memory; fi; systemctl daemon-reexec",
    )?;
    Ok(())
}

fn restart(trial: &Trial) -> Result<()> {
    trial.machine.run("systemctl daemon-reload && systemctl restart sluiced")?;
    trial.wait_until_ready().map(drop)
}

fn in_the_limit(trial: &Trial) -> Result<String> {
    restart(trial)?;
    let group = group(trial)?;
    let plan = trial.machine.run(&format!(
        "systemd-run --quiet --pipe --wait --property=MemoryMax={} sluiced check-config --config {CONFIG}",
        LIMIT.0
    ))?;
    let memory = plan.lines().find(|line| line.starts_with("memory = ")).context("there is no plan")?;
    ensure!(memory.contains("\"256MiB\"") && memory.contains("/memory."), "check-config plans with {memory}");
    let pid = trial.main_pid()?;
    let (mut taken, mut busy) = (0, 0);
    for _ in 0..ROUNDS {
        let sent = send_at_once(trial);
        let ended = || trial.journal("--lines=5 --output=cat").unwrap_or_default();
        for is_taken in sent.with_context(ended)? {
            if is_taken { taken += 1 } else { busy += 1 }
        }
    }
    ensure!(trial.main_pid()? == pid, "the daemon was killed");
    let kills = trial
        .machine
        .run(&format!("cat {group}/memory.oom_control {group}/memory.events 2>/dev/null; true"))?;
    let killed =
        kills.lines().filter_map(|line| line.strip_prefix("oom_kill ")).map(str::trim).collect::<Vec<_>>();
    ensure!(killed == ["0"], "kills for want of memory: {kills}");
    ensure!(0 < taken, "no body was taken");
    ensure!(0 < busy, "no body was told to come again: the memory was not short");
    let peak = trial
        .machine
        .run(&format!("cat {group}/memory.max_usage_in_bytes {group}/memory.peak 2>/dev/null; true"))?;
    let resident = trial.machine.run(&format!("grep VmHWM /proc/{pid}/status"))?;
    let checked = trial.check_ledger()?;
    Ok(format!(
        "{memory}; {taken} bodies of 56 MiB taken, {busy} times 429; no kill; most bytes of the group {}, {}; {checked} values are there",
        peak.trim(),
        resident.split_whitespace().collect::<Vec<_>>().join(" "),
    ))
}

/// The directory of the daemon's control group, once it is sure that the limit is in force.
fn group(trial: &Trial) -> Result<String> {
    let group = trial.property("ControlGroup")?;
    for (dir, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
    {
        let (_, said) = trial.machine.try_run(&format!("cat {dir}{group}/{limit}"))?;
        if said.trim() == LIMIT.1 {
            return Ok(format!("{dir}{group}"));
        }
    }
    Err(anyhow!(LeftOut(format!("systemd cannot limit the memory of {group} on this machine"))))
}

/// Sends bodies from as many threads, and tells which were taken.
fn send_at_once(trial: &Trial) -> Result<Vec<bool>> {
    let bodies: Vec<_> = (0..BODIES).map(|_| trial.ledger.large_body(BODY_BYTES)).collect();
    let mut clients = (0..BODIES).map(|_| trial.client()).collect::<Result<Vec<Client>>>()?;
    thread::scope(|scope| {
        let mut senders = Vec::new();
        for ((body, indexes), client) in bodies.iter().zip(&mut clients) {
            let send = move || -> Result<bool> {
                let answer = client.request("PUT", &push_path(), body)?;
                match (answer.status, answer.retry_after_seconds) {
                    (201 | 202, _) => {
                        trial.ledger.acknowledge(indexes.clone());
                        Ok(true)
                    }
                    (429, Some(_)) => Ok(false),
                    (status, _) => bail!("a body is answered with {status}: {}", answer.text()),
                }
            };
            senders.push(thread::Builder::new().name("sender".to_owned()).spawn_scoped(scope, send));
        }
        senders.into_iter().map(daemon::join).collect()
    })
}
