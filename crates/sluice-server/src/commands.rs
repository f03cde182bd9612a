//! The daemon's commands beside serving: check the configuration, manage users and tokens.
//!
//! In: parsed arguments and a checked configuration. Out: lines for standard output. They work on the accounts
//! file of a daemon that has been started before, running or not; a running one notices a change within a second.
//! Passwords come from a file or from standard input, never from an argument; a token is shown once.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use sluice_model::TenantName;
use sluice_server::{
    auth::{
        accounts::{AccountsFile, Scope, Token, User},
        first_admin::{read_password_file, trim_password},
        make_token,
        password::hash_password,
        role::Role,
    },
    config::Config,
};
use zeroize::Zeroizing;

/// Seconds in a day.
const DAY_SECONDS: u64 = 86_400;

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what is in force, or what is wrong with it.
    CheckConfig,
    /// Manage users.
    #[command(subcommand)]
    User(UserCommand),
    /// Manage API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user.
    Add {
        /// Name of the user.
        name: String,
        /// What the user may.
        #[arg(long, value_enum, default_value = "analyst")]
        role: Role,
        /// Tenant that a tenant manager holds; may be repeated.
        #[arg(long = "tenant")]
        tenants: Vec<String>,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Give a user another password.
    Password {
        /// Name of the user.
        name: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Remove a user.
    Remove {
        /// Name of the user.
        name: String,
    },
    /// List all users.
    List,
}

/// Where a password comes from.
#[derive(Debug, Args)]
pub(crate) struct PasswordSource {
    /// File with the password; standard input when absent.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it, once.
    Create {
        /// Name of the token.
        name: String,
        /// What the token may.
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

/// Carries out a command and gives what to print.
///
/// # Errors
///
/// Whatever went wrong, in words for the terminal.
pub(crate) fn run(command: Command, config: &Config) -> anyhow::Result<String> {
    match command {
        Command::CheckConfig => Ok(format!("{config:#?}")),
        Command::User(command) => run_user(command, &AccountsFile::existing(&config.data_dir)?),
        Command::Token(command) => run_token(command, &AccountsFile::existing(&config.data_dir)?),
    }
}

fn run_user(command: UserCommand, file: &AccountsFile) -> anyhow::Result<String> {
    match command {
        UserCommand::Add { name, role, tenants, password } => {
            check_tenants(&tenants)?;
            let password_hash = hash_password(&read_password(&password)?)?;
            let user = User { name: name.clone(), password_hash, role, tenants };
            file.change(|accounts| accounts.add_user(user))?;
            Ok(format!("user {name} added"))
        }
        UserCommand::Password { name, password } => {
            let password_hash = hash_password(&read_password(&password)?)?;
            file.change(|accounts| accounts.set_password(&name, password_hash))?;
            Ok(format!("password of user {name} changed"))
        }
        UserCommand::Remove { name } => {
            file.change(|accounts| accounts.remove_user(&name))?;
            Ok(format!("user {name} removed"))
        }
        UserCommand::List => {
            let lines = file.read()?.users.into_iter();
            Ok(lines
                .map(|user| format!("{}\t{:?}\t{}", user.name, user.role, user.tenants.join(",")))
                .collect::<Vec<_>>()
                .join("\n"))
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
            let lines = file.read()?.tokens.into_iter();
            Ok(lines
                .map(|token| {
                    let tenants = token.tenants.join(",");
                    format!(
                        "{}\t{:?}\t{tenants}\texpires at {}",
                        token.name, token.scope, token.expires_at_seconds
                    )
                })
                .collect::<Vec<_>>()
                .join("\n"))
        }
    }
}

fn check_tenants(tenants: &[String]) -> anyhow::Result<()> {
    for tenant in tenants {
        TenantName::parse(tenant)?;
    }
    Ok(())
}

fn read_password(source: &PasswordSource) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if let Some(path) = &source.password_file {
        return Ok(read_password_file(path)?);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    std::io::stdin().lock().take(1 << 16).read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(trim_password(bytes)?)
}
