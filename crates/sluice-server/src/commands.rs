//! The daemon's commands beside serving: check the configuration and a running daemon, manage users and tokens, copy, restore
//! and verify the data, write the manual.
//!
//! In: parsed arguments and the configuration. Out: lines for standard output. Commands work on the accounts file
//! of a daemon that has been started before, running or not; a running one notices a change within a second. Passwords
//! come from a file, a terminal or a pipe, never from an argument; a token is shown once.

mod check_config;
mod connection;
mod health;
mod password_input;
mod place_owner;
mod progress;
mod repository;
mod restore;
mod snapshot;
mod snapshot_list;
mod verify;

use std::path::Path;

use clap::CommandFactory as _;
use sluice_server::{
    auth::accounts::{AccountsFile, Token, User},
    auth::first_admin,
    auth::password::hash_password,
    config::Loaded,
    version,
};

use self::place_owner::PlaceClaim;
use crate::arguments::{Arguments, Command, TokenCommand, UserCommand};

/// Carries out a command; `say` takes what to print.
///
/// # Errors
///
/// Whatever went wrong, in words for the terminal.
pub(crate) fn run(
    command: Command,
    loaded: Loaded,
    say: impl Fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let config = match command {
        Command::CheckConfig { quiet } => return check_config::run(loaded, quiet, say),
        Command::Manual { dir } => {
            return sluice_manual::write(&Arguments::command(), "8", [version::NUMBER, version::DATE], &dir);
        }
        _ => loaded.into_values()?,
    };
    let data_dir = &config.data_dir;
    let told = match command {
        Command::CheckConfig { .. } | Command::Manual { .. } => return Ok(()),
        Command::Health => health::run(&config),
        Command::User(command) => run_user(command, &AccountsFile::existing(data_dir)?, data_dir),
        Command::Token(command) => run_token(command, &AccountsFile::existing(data_dir)?),
        Command::Snapshot { url, keep, every, take_over, name_newest } => {
            let keep_count = keep.map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
            let claim = if take_over { PlaceClaim::TakeOver } else { PlaceClaim::Own };
            let (said, outcome) = snapshot::run(&url, keep_count, every, claim, &config)?;
            say(&if name_newest { snapshot::with_newest(&url, said)? } else { said })?;
            return outcome;
        }
        Command::Restore { url, at, dir } => restore::run(&url, at.as_deref(), &dir),
        Command::Verify { dir } => verify::run(&dir),
    };
    say(&told?)
}

fn run_user(command: UserCommand, file: &AccountsFile, data_dir: &Path) -> anyhow::Result<String> {
    match command {
        UserCommand::Add { name, role, tenants, password_file } => {
            let mut user = User { name: name.clone(), password_hash: String::new(), role, tenants };
            // What would be refused is refused before somebody types a password twice.
            file.read()?.add_user(user.clone())?;
            user.password_hash = hash_password(&password_input::read(password_file.as_deref())?)?;
            file.change(|accounts| accounts.add_user(user))?;
            Ok(format!("user {name} added"))
        }
        UserCommand::Password { name, password_file } => {
            file.read()?.set_password(&name, String::new())?;
            let password_hash = hash_password(&password_input::read(password_file.as_deref())?)?;
            file.change(|accounts| accounts.set_password(&name, password_hash))?;
            first_admin::forget_password(data_dir, &name)?;
            Ok(format!("password of user {name} changed"))
        }
        UserCommand::Remove { name } => {
            file.change(|accounts| accounts.remove_user(&name))?;
            first_admin::forget_password(data_dir, &name)?;
            Ok(format!("user {name} removed"))
        }
        UserCommand::List => {
            let mut lines = Vec::new();
            for User { name, role, tenants, .. } in file.read()?.users {
                lines.push(format!("{name}\t{}\t{}", role.name(), tenants.join(",")));
            }
            Ok(lines.join("\n"))
        }
    }
}

fn run_token(command: TokenCommand, file: &AccountsFile) -> anyhow::Result<String> {
    match command {
        TokenCommand::Create { name, scope, tenants, days } => {
            let (text, token) = Token::make(name, scope, tenants, days)?;
            file.change(|accounts| accounts.add_token(token))?;
            Ok(text.to_string())
        }
        TokenCommand::Revoke { name } => {
            file.change(|accounts| accounts.revoke_token(&name))?;
            Ok(format!("token {name} revoked"))
        }
        TokenCommand::List => {
            let mut lines = Vec::new();
            for Token { name, scope, tenants, expires_at_seconds, .. } in file.read()?.tokens {
                let tenants = tenants.join(",");
                let expires_at = sluice_server::date(expires_at_seconds);
                lines.push(format!("{name}\t{scope}\t{tenants}\texpires at {expires_at}"));
            }
            Ok(lines.join("\n"))
        }
    }
}
