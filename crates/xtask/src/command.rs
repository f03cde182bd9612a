//! Commands of others.

use std::{
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// Pause between two looks at a program.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a command that prints what it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name} failed: {command:?}");
    Ok(())
}

/// Runs a command and returns what it printed.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Waits for a program to end; `None` if it has not within this time.
pub(crate) fn ended_within(program: &mut Child, time_max: Duration) -> Result<Option<ExitStatus>> {
    let began = Instant::now();
    while began.elapsed() < time_max {
        if let Some(status) = program.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(None)
}
