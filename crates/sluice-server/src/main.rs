//! `sluiced`: arguments, logging and the exit code; nothing else.
//!
//! In: the command line and `SLUICE_*` variables. Out: a served API until a signal ends it, then exit code 0; or a
//! command's lines. Any failure is one line with its causes on standard error and exit code 1, or 78 if the configuration is
//! at fault, or 65 if only another version can read the data directory, or 75 when another process works on it, so that
//! trying again later may help.

mod commands;
mod signals;

use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Parser;
use rustix::fs::Mode;
use sluice_server::{
    Ending, ServeError,
    auth::first_admin,
    config::{self, Config, ConfigError, Flags},
    life::{fd_limit, sockets},
    logging, serve,
};
use sluice_store::{OpenError, watch_engine};
use tokio::sync::mpsc;

use crate::{commands::Command, signals::Signals};

/// Exit code for a data directory of another format: the service manager does not try again (`EX_DATAERR`).
const OTHER_FORMAT: u8 = 65;

/// Exit code while another process works on the data directory: trying again later may help (`EX_TEMPFAIL`).
const IN_USE: u8 = 75;

/// Exit code for a configuration that has to be mended first: the service manager does not try again (`EX_CONFIG`).
const CONFIG_FAULT: u8 = 78;

// Bodies allocate and free gigabytes in small pieces on many threads, which glibc's allocator turns into page faults: a
// tenth of the CPU time of a body.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Ok(()) => {
            logging::end(None);
            ExitCode::SUCCESS
        }
        Err(error) => {
            logging::end(Some(&format!("sluiced: {error:#}")));
            let refused = error.downcast_ref::<ServeError>();
            if error.is::<ConfigError>() || refused.is_some_and(ServeError::is_misconfigured) {
                ExitCode::from(CONFIG_FAULT)
            } else if is_in_use(&error) {
                ExitCode::from(IN_USE)
            } else if is_of_other_format(&error) {
                ExitCode::from(OTHER_FORMAT)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn is_of_other_format(error: &anyhow::Error) -> bool {
    let refused = match error.downcast_ref() {
        Some(Ending::NotOpened(refused)) => Some(refused),
        _ => None,
    };
    matches!(refused, Some(OpenError::Older { .. } | OpenError::Newer { .. }))
}

/// Returns true if another process works on the data directory.
fn is_in_use(error: &anyhow::Error) -> bool {
    let is_locked = |cause: &OpenError| matches!(cause, OpenError::Locked { .. });
    matches!(error.downcast_ref(), Some(ServeError::DataDir(cause)) if is_locked(cause))
        || error.chain().filter_map(|cause| cause.downcast_ref()).any(is_locked)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let read = || -> Result<_, ConfigError> {
        let variables = config::own_variables(std::env::vars_os())?.into_iter();
        config::load_with_origins(arguments.config.as_deref(), variables, arguments.flags.clone())
    };
    let (config, origins) = read()?;
    if let Some(command) = arguments.command {
        return say(&commands::run(command, &config, &origins)?);
    }
    let inherited = sockets::from_service_manager()?;
    logging::start(&config.log).context("cannot begin to log")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), data_dir = %config.data_dir.display(), "sluiced starts");
    fd_limit::raise_limit();
    if let Some(password) = first_admin::ensure_administrator(&config)? {
        say(&announcement(&password, &first_admin::password_file(&config)))?;
    }
    // One is enough to end.
    let (trouble_out, mut trouble_in) = mpsc::channel(1);
    watch_engine(Box::new(move |cause| drop(trouble_out.try_send(cause.to_owned()))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = runtime.block_on(async { Signals::catch() })?;
    let daemon = serve(config.clone(), inherited)?;
    say(&next_steps(&config, daemon.addresses()))?;
    let told = runtime.block_on(signals::attend(&daemon, signals, &mut trouble_in, || Ok(read()?.0)));
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

/// Commands to paste, for a first try by hand.
fn next_steps(config: &Config, addresses: &[SocketAddr]) -> String {
    let scheme = if config.tls.is_off() { "http" } else { "https" };
    let insecure = if config.tls.self_signed { " -k" } else { "" };
    let password = first_admin::password_file(config);
    let password = password.display();
    let places: Vec<_> = addresses.iter().map(|address| format!("{scheme}://{address}")).collect();
    let (listed, first) = (places.join(" and "), places.first().map_or("", String::as_str));
    let url = format!("{first}/api/1.3");
    let curl = format!("curl{insecure} -s -H Content-Type:application/json -u \"admin:$(cat {password})\"");
    format!(
        "sluiced listens on {listed}. To try it:\n\n\
         {curl} -X POST {url}/tags -d '[{{\"name\":\"TRIAL\",\"weight\":3}}]'\n\
         {curl} -X POST {url}/suppliers -d '[{{\"name\":\"Trial\",\"confidence\":80,\"retention\":10080}}]'\n\
         {curl} -X PUT {url}/suppliers/Trial/indicators -d \
         '[{{\"indicator\":\"bad.example.com\",\"tags\":[\"TRIAL\"]}}]'\n\
         {curl} -X POST {url}/lookup -d '[{{\"object\":\"https://www.bad.example.com:8443/\"}}]'\n"
    )
}
