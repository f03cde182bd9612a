//! The command line of `sluiced`, as data: usage, help, man pages and completions all come from here.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use sluice_server::{
    auth::{role::Role, scope::Scope},
    config::Flags,
    version,
};

/// Threat-indicator ingestion daemon. Serves when no command is given.
#[derive(Debug, Parser)]
#[command(name = "sluiced", version = version::TEXT)]
pub(crate) struct Arguments {
    /// Configuration file.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// A command; the daemon serves without one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the configuration in force as TOML, with where each value comes from, and all that is wrong with it.
    ///
    /// Opens what the daemon would open, and changes nothing. Exit code 78 if the daemon would not start, serve nobody,
    /// or take no snapshots. Certificate and key of the shipped unit are looked for in `tls` beside the configuration file.
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
        /// Go on in a place that holds the snapshots of another data directory, which is gone for good.
        #[arg(long)]
        take_over: bool,
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
    /// Ask the running daemon whether it is ready; exit code 0 if it is.
    ///
    /// Asks for /readyz where the configuration has the daemon listen, on this machine. For the health check of a container.
    Health,
    /// Write man pages, and completions for bash, zsh and fish.
    Manual {
        /// Directory to write them below, as /usr/share is laid out; made if it is missing.
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
        /// What the token may do: read, write, admin, metrics, or list:NAME to fetch one list.
        #[arg(long, default_value = "read")]
        scope: Scope,
        /// Tenant that a `write` token may change, or whose list it fetches; may be repeated; General when absent.
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
