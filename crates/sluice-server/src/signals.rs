//! Signals, the terminal and the service manager: what the world outside tells the daemon, and is told by it.
//!
//! | signal | what happens |
//! |---|---|
//! | SIGTERM, SIGINT | the daemon stops in good order; a second one cuts requests in flight |
//! | SIGHUP | configuration, accounts and certificate are read anew; while the store opens, once it is open |
//! | SIGHUP from a terminal that has closed | as SIGTERM |
//!
//! A configuration that is refused changes nothing. The log says what became of it, and so does `systemctl status`.

use std::{fs::File, io, io::IsTerminal as _, time::Duration};

use sd_notify::NotifyState;
use sluice_server::{Daemon, Phase, config::Config};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

/// The signals that the daemon answers to, from when this is made on.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// The terminal that the daemon was started from, if any. It stops being one when it closes.
    terminal: Option<File>,
}

impl Signals {
    /// Begins to catch them. To be called within a runtime.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub(crate) fn catch() -> io::Result<Self> {
        let terminal = if is_hangup_ignored() { None } else { File::open("/dev/tty").ok() };
        // A process that could not begin anew (`allocator`) no longer ignores it, and a client that hangs up would end it.
        drop(signal(SignalKind::pipe())?);
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            terminal,
        })
    }

    /// Waits for a signal, and tells what ends the daemon; `None` is the signal to read its files anew.
    async fn next(&mut self) -> Option<&'static str> {
        tokio::select! {
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = self.hangup.recv() => match &self.terminal {
                Some(terminal) if !terminal.is_terminal() => Some("SIGHUP: the terminal has closed"),
                _ => None,
            },
        }
    }
}

/// Returns true if whoever started the daemon lets it outlive the terminal, as `nohup` does.
fn is_hangup_ignored() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Bit 0 is signal 1, SIGHUP.
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

/// Tells the service manager how the daemon is, and calls `greet` once it is ready; stops the daemon, or has it read its
/// files anew with `read`, when a signal says so; and ends it when the engine of its store fails. Returns when the daemon
/// has ended, with the cause of such a failure: a daemon that has all but ended takes no notice of it.
pub(crate) async fn attend(
    daemon: &Daemon,
    mut signals: Signals,
    trouble_in: &mut mpsc::Receiver<String>,
    read: impl Fn() -> anyhow::Result<Config>,
    greet: impl Fn(),
) -> Option<String> {
    let mut phase = daemon.phase();
    let (mut told, mut is_reload_due) = (None, false);
    // Without a watchdog the beats go nowhere.
    let limit = sd_notify::watchdog_enabled().unwrap_or(Duration::from_hours(3));
    let mut beat = tokio::time::interval(limit / 3);
    loop {
        tokio::select! {
            end = signals.next() => match end {
                Some(signal) => {
                    tracing::info!(signal, "stopping: requests in flight are finished, then the store is closed");
                    daemon.stop();
                }
                None => is_reload_due = true,
            },
            Some(cause) = trouble_in.recv() => {
                daemon.fail(&cause);
                told.get_or_insert(cause);
            }
            _ = beat.tick() => if daemon.is_responsive() {
                tell(&[NotifyState::Watchdog]);
            },
            changed = phase.changed() => {
                if changed.is_err() {
                    return told;
                }
                match *phase.borrow_and_update() {
                    Phase::Opening => {}
                    Phase::Ready => {
                        tracing::info!(addresses = ?daemon.addresses(), "ready: requests are taken");
                        tell(&[NotifyState::Ready]);
                        greet();
                    }
                    Phase::Stopping => {
                        // `stop_timeout` may be longer than TimeoutStopSec= of the unit.
                        let micros = u32::try_from(daemon.stop_time_max().as_micros()).unwrap_or(u32::MAX);
                        tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros)]);
                    }
                }
            }
        }
        if is_reload_due && *phase.borrow() == Phase::Ready {
            is_reload_due = false;
            reload(daemon, &read);
        }
    }
}

fn reload(daemon: &Daemon, read: impl Fn() -> anyhow::Result<Config>) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_no_clock) => tell(&[NotifyState::Reloading]),
    }
    let status = match read().and_then(|new| Ok(daemon.reload(&new)?)) {
        Ok(waiting) if waiting.is_empty() => {
            tracing::info!("configuration, accounts and certificate are read anew and in force");
            ""
        }
        Ok(waiting) => {
            let keys = waiting.join(", ");
            tracing::warn!(
                keys,
                "configuration, accounts and certificate are read anew and in force, but for keys that wait for a restart"
            );
            "Some changed keys of the configuration wait for a restart"
        }
        Err(error) => {
            daemon.note_refused_reload();
            tracing::error!(
                cause = format!("{error:#}"),
                "the new configuration, accounts or certificate are refused; everything stays as it was"
            );
            "The last reload was refused; the log tells why"
        }
    };
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
