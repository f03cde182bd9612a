//! What a long piece of work costs: time, bytes written, memory.
//!
//! In: some work. Out: what came of it, and a line with its cost. Memory is what the process has that is no file, at most, above that before.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

/// How often memory is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Does some work, and prints what it cost.
///
/// # Errors
///
/// Those of the work, and what the kernel does not tell.
#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
pub fn measured<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let (memory_before, written_before) = (anonymous_bytes()?, written_bytes()?);
    let is_done = Arc::new(AtomicBool::new(false));
    let watch = {
        let is_done = Arc::clone(&is_done);
        move || -> anyhow::Result<u64> {
            let mut peak = 0;
            while !is_done.load(Ordering::Relaxed) {
                peak = anonymous_bytes()?.max(peak);
                thread::sleep(LOOK_INTERVAL);
            }
            Ok(peak)
        }
    };
    let watcher = thread::Builder::new().name("watch".to_owned()).spawn(watch)?;
    let started = Instant::now();
    let outcome = work();
    let elapsed = started.elapsed();
    is_done.store(true, Ordering::Relaxed);
    let peak = watcher.join().ok().context("the watching thread has panicked")??;
    let outcome = outcome?;
    println!(
        "{name}: {:.2} s, {} MB written, {} MiB of memory above {} MiB",
        elapsed.as_secs_f64(),
        (written_bytes()? - written_before) / 1_000_000,
        peak.saturating_sub(memory_before) >> 20,
        memory_before >> 20
    );
    Ok(outcome)
}

fn anonymous_bytes() -> anyhow::Result<u64> {
    Ok(number_of("/proc/self/status", "RssAnon:")? * 1_024)
}

fn written_bytes() -> anyhow::Result<u64> {
    number_of("/proc/self/io", "write_bytes:")
}

fn number_of(path: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(path)?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).context("the kernel does not tell it")?;
    Ok(line.split_whitespace().next().context("the kernel does not tell it")?.parse()?)
}
