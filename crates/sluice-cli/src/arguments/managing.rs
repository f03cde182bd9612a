//! What the commands take that manage suppliers, tags, accounts and batches.

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;

use super::OutputArguments;

/// What to do with suppliers.
#[derive(Debug, Subcommand)]
pub(crate) enum SuppliersCommand {
    /// List all suppliers.
    List {
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Show the settings of a supplier.
    Show {
        /// Its name.
        name: String,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Create a supplier.
    Create {
        /// Its name.
        name: String,
        /// How far it is trusted, up to 100.
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u8).range(..=100))]
        confidence: u8,
        /// Time from the last update after which its indicators expire.
        #[arg(long, value_name = "TIME", default_value = "30days", value_parser = humantime::parse_duration)]
        retention: Duration,
        /// Who makes the feed.
        #[arg(long, value_name = "NAME")]
        vendor: Option<String>,
    },
    /// Remove a supplier, with all its indicators.
    Delete {
        /// Its name.
        name: String,
    },
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// List all users.
    List {
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Add a user.
    Add {
        /// Its name.
        name: String,
        /// What the user may do: `administrator`, `analyst` or `tenant-manager`.
        #[arg(long, value_name = "ROLE", default_value = "analyst")]
        role: String,
        /// Tenant that a tenant manager holds; may be repeated.
        #[arg(long = "holds", value_name = "TENANT")]
        tenants: Vec<String>,
        /// File with its password; when absent, it is asked for on the terminal, or read from a pipe.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// Give a user another password.
    Password {
        /// Its name.
        name: String,
        /// File with the password; when absent, it is asked for on the terminal, or read from a pipe.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// Remove a user.
    Remove {
        /// Its name.
        name: String,
    },
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// List all tokens, without their secrets.
    List {
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Create a token and print it, once.
    Create {
        /// Its name.
        name: String,
        /// What the token may do: `read`, `write`, `admin`, `metrics`, or `list:NAME` to fetch one list.
        #[arg(long, value_name = "SCOPE", default_value = "read")]
        scope: String,
        /// Tenant that a `write` token may change, or whose list it fetches; may be repeated; General when absent.
        #[arg(long = "holds", value_name = "TENANT")]
        tenants: Vec<String>,
        /// Days until it expires.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: u32,
        /// How it is printed: alone, or as the object that it is.
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Revoke a token.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// What to do with batches: each request of a push or deletion is one.
#[derive(Debug, Subcommand)]
pub(crate) enum BatchesCommand {
    /// List batches, the newest first.
    List {
        /// Those of this supplier alone; may be repeated.
        #[arg(long = "supplier", value_name = "NAME")]
        suppliers: Vec<String>,
        /// How many at most.
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        limit: u16,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Show what became of a batch, or how far it is.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Print the rows that a batch has refused, as NDJSON.
    Rejects {
        /// Its id.
        id: String,
    },
    /// Cancel a batch; what is stored of it stays.
    Cancel {
        /// Its id.
        id: String,
    },
}

/// What to do with tags.
#[derive(Debug, Subcommand)]
pub(crate) enum TagsCommand {
    /// List all tags.
    List {
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Create a tag.
    Create {
        /// Its name.
        name: String,
        /// Its weight, up to 5.
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=5))]
        weight: u8,
    },
    /// Remove a tag, and take it off every indicator.
    Delete {
        /// Its name.
        name: String,
    },
}
