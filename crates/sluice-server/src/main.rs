//! `sluiced`: arguments, logging and the exit code; nothing else.
//!
//! In: the command line and `SLUICE_*` variables. Out: a served API until a signal ends it, then exit code 0; or a
//! command's lines. Any failure is one line with its causes on standard error and exit code 1, or 78 if the configuration is
//! at fault (a line for each fault of it), or 65 if no start of this version can read the data directory, or 75 when another
//! process works on it, so that trying again later may help.

mod allocator;
mod arguments;
mod commands;
mod hints;
mod signals;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::Parser;
use rustix::fs::Mode;
use sluice_server::{
    Ending, ServeError,
    auth::first_admin::{self, FirstAdministrator},
    config::{self, ConfigError, Credentials, Layers, Loaded},
    life::{fd_limit, sockets::Inherited},
    logging, serve, version,
};
use sluice_store::{DirLock, OpenError, watch_engine};
use tokio::sync::mpsc;

use crate::{
    arguments::{Arguments, Command},
    signals::Signals,
};

/// Exit code for a data directory of another format, or that is damaged where a start looks first: the service manager
/// does not try again (`EX_DATAERR`).
const DATA_FAULT: u8 = 65;

/// Exit code while another process works on the data directory: trying again later may help (`EX_TEMPFAIL`).
const IN_USE: u8 = 75;

/// Exit code for a configuration that has to be mended first: the service manager does not try again (`EX_CONFIG`).
const CONFIG_FAULT: u8 = 78;

fn main() -> ExitCode {
    // Before any file is made, the storage engine's included.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The allocator asks for huge pages, and the kernel then zeroes two mebibytes wherever a few bytes are new: a
    // third of the CPU time of a body. A kernel that cannot turn them off still works.
    let _is_done = rustix::thread::disable_transparent_huge_pages(true);
    // Begun anew by way of /proc (`allocator`), it would be called `exe`.
    let _is_named = rustix::thread::set_name(c"sluiced");
    let Err(error) = run(Arguments::parse()) else {
        logging::end(&[]);
        return ExitCode::SUCCESS;
    };
    let refusal = error.downcast_ref::<ConfigError>();
    let lines = refusal.map_or_else(|| vec![format!("{error:#}")], ConfigError::lines);
    logging::end(&lines);
    let refused = error.downcast_ref::<ServeError>();
    if refusal.is_some() || refused.is_some_and(ServeError::is_misconfigured) {
        ExitCode::from(CONFIG_FAULT)
    } else if is_in_use(&error) {
        ExitCode::from(IN_USE)
    } else if is_data_fault(&error) {
        ExitCode::from(DATA_FAULT)
    } else {
        ExitCode::FAILURE
    }
}

/// Returns true if only a person can mend the data directory, or another version read it.
fn is_data_fault(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ServeError::DataDir(
            OpenError::Older { .. } | OpenError::Newer { .. } | OpenError::Damaged { .. }
        ))
    )
}

/// Returns true if another process works on the data directory.
fn is_in_use(error: &anyhow::Error) -> bool {
    let is_locked = |cause: &OpenError| matches!(cause, OpenError::Locked { .. });
    matches!(error.downcast_ref(), Some(ServeError::DataDir(cause)) if is_locked(cause))
        || error.chain().filter_map(|cause| cause.downcast_ref()).any(is_locked)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let credentials = credentials(arguments.command.as_ref());
    let read = || -> Result<Loaded, ConfigError> {
        Ok(config::read_layers(Layers {
            credentials: credentials.clone(),
            file: arguments.config.clone(),
            variables: config::own_variables(std::env::vars_os())?,
            flags: arguments.flags.clone(),
        }))
    };
    if let Some(command) = arguments.command {
        return commands::run(command, read()?, say);
    }
    let loaded = read()?;
    let log = loaded.config.log.clone();
    let config = loaded.into_config();
    if let Ok(config) = &config {
        allocator::fit(config.memory.get());
    }
    // Whoever reads the lines finds the faults of the configuration in the form that he reads.
    logging::start(&log).context("cannot begin to log")?;
    let config = config?;
    let inherited = Inherited::from_service_manager()?;
    let (version, commit, data_dir) = (version::NUMBER, version::COMMIT, config.data_dir.display());
    tracing::info!(version, commit, %data_dir, "sluiced starts");
    fd_limit::raise_limit();
    // Before anything is read or written there.
    let lock = DirLock::take(&config.data_dir).map_err(ServeError::DataDir)?;
    sluice_store::check_data_dir(&config.data_dir).map_err(ServeError::DataDir)?;
    let first = first_admin::ensure_administrator(&config).map_err(ServeError::Auth)?;
    // One is enough to end.
    let (trouble_out, mut trouble_in) = mpsc::channel(1);
    watch_engine(Box::new(move |cause| drop(trouble_out.try_send(cause.to_owned()))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = runtime.block_on(async { Signals::catch() })?;
    let daemon = serve(config.clone(), lock, inherited)?;
    let addresses = daemon.addresses();
    say(&format!("sluiced listens on {}", hints::urls(&config, addresses)))?;
    let greet = || {
        let made_up = match &first {
            FirstAdministrator::Known => return,
            FirstAdministrator::Given => None,
            FirstAdministrator::MadeUp(password) => Some(password.as_str()),
        };
        // The daemon goes on without.
        drop(say(&hints::first_steps(&config, addresses, made_up)));
    };
    let read = || Ok(read()?.into_config()?);
    let told = runtime.block_on(signals::attend(&daemon, signals, &mut trouble_in, read, greet));
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

/// Where certificate and key may come from beside the configuration. By hand, nothing is handed over, and yet a check is to
/// see what the daemon would have.
fn credentials(command: Option<&Command>) -> Credentials {
    match (std::env::var_os("CREDENTIALS_DIRECTORY"), command) {
        (Some(dir), _) => Credentials::HandedOver(dir.into()),
        (None, Some(Command::CheckConfig { .. })) => Credentials::BesideFile,
        (None, _) => Credentials::None,
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}
