//! `sluiced`: arguments, logging, signals and the exit code; nothing else.
//!
//! In: the command line and `SLUICE_*` variables. Out: a served API until SIGTERM or SIGINT, then exit code 0; or a
//! command's lines. Any failure is one line with its causes on standard error and exit code 1, or 78 if the
//! configuration is at fault.

mod commands;

use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use rustix::fs::Mode;
use sd_notify::NotifyState;
use sluice_server::{
    Daemon, Ending, Phase,
    auth::first_admin,
    config::{self, Config, ConfigError, Flags},
    life::fd_limit,
    logging, serve,
};
use sluice_store::watch_engine;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::commands::Command;

// Bodies allocate and free gigabytes in small pieces on many threads, which glibc's allocator turns into page faults: a
// tenth of the CPU time of a body.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for a configuration that has to be mended first: the service manager does not try again (`EX_CONFIG`).
const CONFIG_FAULT: u8 = 78;

/// Threat-indicator ingestion daemon. Serves when no command is given.
#[derive(Debug, Parser)]
#[command(name = "sluiced", version)]
struct Arguments {
    /// Configuration file.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

fn main() -> ExitCode {
    // Before any file is made, the storage engine's included.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The allocator asks for huge pages, and the kernel then zeroes two mebibytes wherever a few bytes are new: a
    // third of the CPU time of a body. A kernel that cannot turn them off still works.
    let _is_done = rustix::thread::disable_transparent_huge_pages(true);
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is nowhere to report to.
            drop(writeln!(std::io::stderr(), "sluiced: {error:#}"));
            if error.is::<ConfigError>() { ExitCode::from(CONFIG_FAULT) } else { ExitCode::FAILURE }
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let variables = config::own_variables(std::env::vars_os())?;
    let file = arguments.config.as_deref();
    let (config, origins) = config::load_with_origins(file, variables.into_iter(), arguments.flags)?;
    if let Some(command) = arguments.command {
        return say(&commands::run(command, &config, &origins)?);
    }
    logging::start(&config.log);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), data_dir = %config.data_dir.display(), "sluiced starts");
    fd_limit::raise_limit();
    if let Some(password) = first_admin::ensure_administrator(&config)? {
        say(&announcement(&password, &first_admin::password_file(&config)))?;
    }
    // One is enough to end.
    let (trouble_out, mut trouble_in) = mpsc::channel(1);
    watch_engine(Box::new(move |cause| drop(trouble_out.try_send(cause.to_owned()))));
    let daemon = serve(config.clone())?;
    say(&next_steps(&config, daemon.address()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(attend(&daemon, &mut trouble_in))?;
    let ending = daemon.join()?;
    // Trouble of the very end, when the daemon listened no more, or nobody did.
    match (ending, told.or_else(|| trouble_in.try_recv().ok())) {
        (Ending::Stopped, None) => {
            tracing::info!("stopped in good order");
            Ok(())
        }
        (Ending::Stopped, Some(cause)) => Err(anyhow::Error::new(Ending::StoreFailed(cause))),
        (ending, _) => Err(anyhow::Error::new(ending)),
    }
}

/// What to print about a password that was made up. A service manager keeps what is printed: it gets the file only.
fn announcement(password: &str, path: &Path) -> String {
    let path = path.display();
    let is_kept = ["JOURNAL_STREAM", "NOTIFY_SOCKET"].iter().any(|name| std::env::var_os(name).is_some());
    if is_kept && !std::io::stdout().is_terminal() {
        return format!("The password of the administrator admin is in {path}");
    }
    format!("The administrator admin has the password {password}\nIt is kept in {path}")
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}

/// Tells the service manager how the daemon is, and stops the daemon on SIGTERM or SIGINT, or when the engine of its store
/// fails. Returns the cause of that: a daemon that has all but ended takes no notice of it.
async fn attend(daemon: &Daemon, trouble_in: &mut mpsc::Receiver<String>) -> anyhow::Result<Option<String>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut phase = daemon.phase();
    // Without a watchdog the beats go nowhere.
    let limit = sd_notify::watchdog_enabled().unwrap_or(Duration::from_hours(3));
    let mut beat = tokio::time::interval(limit / 3);
    let mut told = None;
    loop {
        tokio::select! {
            _ = terminate.recv() => stop(daemon, "SIGTERM"),
            _ = interrupt.recv() => stop(daemon, "SIGINT"),
            Some(cause) = trouble_in.recv() => {
                daemon.fail(&cause);
                told.get_or_insert(cause);
            }
            _ = beat.tick() => if daemon.is_responsive() {
                notify(NotifyState::Watchdog);
            },
            changed = phase.changed() => {
                if changed.is_err() {
                    return Ok(told);
                }
                match *phase.borrow_and_update() {
                    Phase::Opening => {}
                    Phase::Ready => {
                        tracing::info!(address = %daemon.address(), "ready: requests are taken");
                        notify(NotifyState::Ready);
                    }
                    Phase::Stopping => notify(NotifyState::Stopping),
                }
            }
        }
    }
}

fn stop(daemon: &Daemon, signal: &str) {
    tracing::info!(signal, "stopping: requests in flight are finished, then the store is closed");
    daemon.stop();
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// Commands to paste, for a first try by hand.
fn next_steps(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_off() { "http" } else { "https" };
    let insecure = if config.tls.self_signed { " -k" } else { "" };
    let password = first_admin::password_file(config);
    let password = password.display();
    let url = format!("{scheme}://{address}/api/1.3");
    let curl = format!("curl{insecure} -s -H Content-Type:application/json -u \"admin:$(cat {password})\"");
    format!(
        "sluiced listens on {scheme}://{address}. To try it:\n\n\
         {curl} -X POST {url}/tags -d '[{{\"name\":\"TRIAL\",\"weight\":3}}]'\n\
         {curl} -X POST {url}/suppliers -d '[{{\"name\":\"Trial\",\"confidence\":80,\"retention\":10080}}]'\n\
         {curl} -X PUT {url}/suppliers/Trial/indicators -d \
         '[{{\"indicator\":\"bad.example.com\",\"tags\":[\"TRIAL\"]}}]'\n\
         {curl} -X POST {url}/lookup -d '[{{\"object\":\"https://www.bad.example.com:8443/\"}}]'\n"
    )
}
