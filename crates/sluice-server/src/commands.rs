//! The daemon's commands beside serving: check the configuration, manage users and tokens, copy, restore and verify the data.
//!
//! In: parsed arguments and a checked configuration. Out: lines for standard output. Commands work on the accounts file
//! of a daemon that has been started before, running or not; a running one notices a change within a second. Passwords
//! come from a file, a terminal or a pipe, never from an argument; a token is shown once.

mod check_config;
mod connection;
mod password_input;
mod progress;
mod repository;
mod restore;
mod snapshot;
mod snapshot_list;
mod verify;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Subcommand;
use sluice_model::TenantName;
use sluice_server::{
    auth::accounts::{AccountsFile, Scope, Token, User},
    auth::first_admin,
    auth::make_token,
    auth::password::hash_password,
    auth::role::Role,
    config::Loaded,
};

/// Seconds in a day.
const DAY_SECONDS: u64 = 86_400;

/// A command; the daemon serves without one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the configuration in force as TOML, with where each value comes from, and all that is wrong with it.
    ///
    /// Opens what the daemon would open, and changes nothing. Exit code 78 if the daemon would not start, or serve nobody.
    CheckConfig {
        /// Print only what is wrong.
        #[arg(long, short)]
        quiet: bool,
    },
    /// Manage users.
    #[command(subcommand)]
    User(UserCommand),
    /// Manage API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Copy the data, beside the running daemon, to a directory or a service; only what is new travels.
    Snapshot {
        /// Where snapshots are kept, such as `file:///backup/sluice`. One place for each daemon.
        #[arg(value_name = "URL")]
        url: String,
        /// How many of the newest snapshots to keep; all when absent.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
        /// Do nothing while the newest snapshot is younger, such as 1day.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        every: Option<Duration>,
        /// Name the newest snapshot in the end, for the daemon.
        #[arg(long, hide = true)]
        name_newest: bool,
    },
    /// Make a data directory of a snapshot, and check all of it.
    Restore {
        /// Where snapshots are kept.
        #[arg(value_name = "URL")]
        url: String,
        /// Take the last snapshot of this time or before, such as 2026-01-31T18:00:00Z; the last one when absent.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// The data directory to make; empty or missing.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Check everything in the data directory of a stopped daemon, and list what is damaged.
    Verify {
        /// The data directory.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user.
    Add {
        /// Name of the user.
        name: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value = "analyst")]
        role: Role,
        /// Tenant that a tenant manager holds; may be repeated.
        #[arg(long = "tenant")]
        tenants: Vec<String>,
        /// File with the password; when absent, it is asked for on the terminal, or read from a pipe.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Give a user another password.
    Password {
        /// Name of the user.
        name: String,
        /// File with the password; when absent, it is asked for on the terminal, or read from a pipe.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Remove a user.
    Remove {
        /// Name of the user.
        name: String,
    },
    /// List all users.
    List,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it, once.
    Create {
        /// Name of the token.
        name: String,
        /// What the token may do.
        #[arg(long, value_enum, default_value = "read")]
        scope: Scope,
        /// Tenant that a `write` token may change; may be repeated; General when absent.
        #[arg(long = "tenant")]
        tenants: Vec<String>,
        /// Days until it expires.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: u32,
    },
    /// Revoke a token.
    Revoke {
        /// Name of the token.
        name: String,
    },
    /// List all tokens, without their secrets.
    List,
}

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
        _ => loaded.into_config()?,
    };
    let data_dir = &config.data_dir;
    let told = match command {
        Command::CheckConfig { .. } => return Ok(()),
        Command::User(command) => run_user(command, &AccountsFile::existing(data_dir)?, data_dir),
        Command::Token(command) => run_token(command, &AccountsFile::existing(data_dir)?),
        Command::Snapshot { url, keep, every, name_newest } => {
            let keep_count = keep.map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
            let said = snapshot::run(&url, keep_count, every, &config)?;
            if name_newest { snapshot::with_newest(&url, said) } else { Ok(said) }
        }
        Command::Restore { url, at, dir } => restore::run(&url, at.as_deref(), &dir),
        Command::Verify { dir } => verify::run(&dir),
    };
    say(&told?)
}

fn run_user(command: UserCommand, file: &AccountsFile, data_dir: &Path) -> anyhow::Result<String> {
    match command {
        UserCommand::Add { name, role, tenants, password_file } => {
            check_tenants(&tenants)?;
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
                lines.push(format!("{name}\t{role:?}\t{}", tenants.join(",")));
            }
            Ok(lines.join("\n"))
        }
    }
}

fn run_token(command: TokenCommand, file: &AccountsFile) -> anyhow::Result<String> {
    match command {
        TokenCommand::Create { name, scope, mut tenants, days } => {
            check_tenants(&tenants)?;
            if tenants.is_empty() {
                tenants.push(TenantName::GENERAL.to_owned());
            }
            let (text, digest) = make_token()?;
            let now_seconds = u64::from(sluice_server::now_seconds());
            let expires_at_seconds = now_seconds + u64::from(days) * DAY_SECONDS;
            let token = Token { name, digest, scope, tenants, expires_at_seconds };
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
                lines.push(format!(
                    "{name}\t{scope:?}\t{tenants}\texpires at {}",
                    sluice_server::date(expires_at_seconds)
                ));
            }
            Ok(lines.join("\n"))
        }
    }
}

fn check_tenants(tenants: &[String]) -> anyhow::Result<()> {
    for tenant in tenants {
        TenantName::parse(tenant)?;
    }
    Ok(())
}
