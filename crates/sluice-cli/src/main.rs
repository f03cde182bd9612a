//! `sluice`, the client of the daemon: arguments, the exit code, and what is said last; nothing else.
//!
//! In: the command line, `SLUICE_CLIENT_*` variables, a profile. Out: what a command prints on standard output; how far it is and
//! what went wrong on standard error; an exit code of [`failure`].

mod accounts;
mod answer;
mod arguments;
mod batches;
mod catalogue;
mod changes;
mod credentials;
mod cursor_file;
mod escaping;
mod export;
mod failure;
mod interruption;
mod line_buffer;
mod lookup;
mod output;
mod patience;
mod profile;
mod push;
mod server;
mod version;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    rc::Rc,
};

use clap::{CommandFactory as _, Parser as _};

use crate::{
    arguments::{Arguments, ChangesArguments, Command, ConnectionArguments, ExportArguments},
    failure::{Ended, Failure},
    interruption::interruption,
    lookup::Question,
    push::{Progress, Sending, Verb},
    server::{Server, Timing},
};

fn main() -> ExitCode {
    let Arguments { connection, command } = Arguments::parse();
    match run(&connection, command) {
        Ok(ended) => ended.exit_code(),
        Err(failure) => {
            // Without standard error nobody looks.
            drop(writeln!(io::stderr(), "sluice: {failure}"));
            failure.exit_code()
        }
    }
}

fn run(connection: &ConnectionArguments, command: Command) -> Result<Ended, Failure> {
    if let Command::Manual { dir } = &command {
        sluice_manual::write(&Arguments::command(), "1", [version::NUMBER, version::DATE], dir)
            .map_err(|error| Failure::Local(format!("{error:#}")))?;
        return Ok(Ended::Well);
    }
    let (retry_for, telling) = match &command {
        Command::Push { sending, .. } | Command::Delete { sending } => {
            (Some(sending.retry_for), Some(sending.telling))
        }
        Command::Export(ExportArguments { retry_for, .. })
        | Command::Changes(ChangesArguments { retry_for, .. }) => (Some(*retry_for), None),
        _ => (None, None),
    };
    let progress = Rc::new(Progress::new(telling));
    let timing = Timing { silence_max: connection.timeout, retry_for };
    let ended = run_on_server(connection, timing, command, &progress);
    if let Err(failure) = &ended {
        progress.fail(failure);
    }
    ended
}

fn run_on_server(
    connection: &ConnectionArguments,
    timing: Timing,
    command: Command,
    progress: &Rc<Progress>,
) -> Result<Ended, Failure> {
    let told = progress.clone();
    let server = Server::of(profile::read(connection)?, timing, Box::new(move |text| told.notice(text)))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Local(format!("cannot begin: {error}")))?;
    runtime.block_on(async {
        tokio::select! {
            biased;
            ended = carry_out(&server, command, progress) => ended,
            () = interruption() => Err(Failure::Interrupted(progress.goes_on())),
        }
    })
}

async fn carry_out(server: &Server, command: Command, progress: &Progress) -> Result<Ended, Failure> {
    match command {
        Command::Push { sending, pushing, create_supplier, confidence, retention } => {
            let mut sending = sending;
            if create_supplier {
                let created =
                    catalogue::ensure_supplier(server, &sending.supplier, confidence, retention).await?;
                // What an earlier supplier of this name had is gone.
                sending.restart |= created;
            }
            let verb = if pushing.plan { Verb::Plan } else { Verb::Push };
            Sending::new(server, verb, &sending, Some(pushing), progress).await?.run().await
        }
        Command::Delete { sending } => {
            Sending::new(server, Verb::Delete, &sending, None, progress).await?.run().await
        }
        Command::Lookup { values, explain, extract, detected, output } => {
            let question = if explain { Question::Reasons } else { Question::Result };
            lookup::run(server, &values, question, extract, detected, output.form).await
        }
        Command::Export(arguments) => export::run(server, &arguments).await,
        Command::Changes(arguments) => changes::run(server, &arguments).await,
        Command::Suppliers(command) => catalogue::suppliers(server, command).await,
        Command::Batches(command) => batches::run(server, command).await,
        Command::Users(command) => accounts::users(server, command).await,
        Command::Tokens(command) => accounts::tokens(server, command).await,
        Command::Tags(command) => catalogue::tags(server, command).await,
        Command::Manual { .. } => Ok(Ended::Well),
    }
}
