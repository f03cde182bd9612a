//! The command line of `sluice`, as data: usage, help, man pages and completions all come from here.

mod managing;
mod rows;
mod sending;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::{
    managing::{BatchesCommand, SuppliersCommand, TagsCommand, TokensCommand, UsersCommand},
    rows::{ChangesArguments, ExportArguments},
    sending::{Format, PushArguments, SendingArguments, TellingArguments},
};
use crate::{failure, version};

/// Pushes feeds to a Sluice daemon, looks values up, and manages suppliers, tags, users and tokens.
#[derive(Debug, Parser)]
#[command(name = "sluice", version = version::text(), after_help = failure::EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the daemon is, and who asks. A password or token is never an argument, which all users of the machine could see.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)]
pub(crate) struct ConnectionArguments {
    /// Profile to take what else is not said from; the file's `default` when absent.
    #[arg(long, value_name = "NAME", global = true, env = "SLUICE_CLIENT_PROFILE")]
    pub(crate) profile: Option<String>,
    /// File of the profiles; ~/.config/sluice/profiles.toml when absent.
    #[arg(long, value_name = "FILE", global = true, env = "SLUICE_CLIENT_PROFILES")]
    pub(crate) profiles_file: Option<PathBuf>,
    /// Where the daemon listens; `http://127.0.0.1:9440` when nothing says it.
    #[arg(long, value_name = "URL", global = true, env = "SLUICE_CLIENT_URL")]
    pub(crate) url: Option<String>,
    /// Name of the user.
    #[arg(long, value_name = "NAME", global = true, env = "SLUICE_CLIENT_USER")]
    pub(crate) user: Option<String>,
    /// File with the user's password; else the variable `SLUICE_CLIENT_PASSWORD` is asked, then the terminal.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) password_file: Option<PathBuf>,
    /// File with an API token, which takes the place of user and password; else the variable `SLUICE_CLIENT_TOKEN` is asked.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file with the certificates to trust in place of the system's, such as the daemon's own self-signed one.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM file with a client certificate and its key, which take the place of user and password.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) client_certificate: Option<PathBuf>,
    /// Take any certificate of the daemon for good.
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
    /// The tenant; General when nothing says it.
    #[arg(long, value_name = "NAME", global = true, env = "SLUICE_CLIENT_TENANT")]
    pub(crate) tenant: Option<String>,
    /// How long the daemon may say and take nothing until it counts as away.
    #[arg(long, value_name = "TIME", global = true, default_value = "1min", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Push feeds into a supplier: NDJSON, JSON, CSV or plain lists, of any length, packed by gzip or zstd or not.
    ///
    /// Rows are stored while they arrive. After a break or Ctrl-C, the same command goes on behind what is stored. Several files
    /// are pushed at once; rows of one file are stored in their order.
    Push {
        #[command(flatten)]
        sending: SendingArguments,
        #[command(flatten)]
        pushing: PushArguments,
        /// Create the supplier if there is none of this name.
        #[arg(long)]
        create_supplier: bool,
        /// Confidence of a supplier that is created.
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u8).range(..=100))]
        confidence: u8,
        /// Time from the last update after which indicators of a supplier that is created expire.
        #[arg(long, value_name = "TIME", default_value = "30days", value_parser = humantime::parse_duration)]
        retention: Duration,
    },
    /// Delete indicators of a supplier; takes the same files as push.
    Delete {
        #[command(flatten)]
        sending: SendingArguments,
    },
    /// Look values up; exit code 1 if none of them is detected.
    Lookup {
        /// Values: hashes, addresses, domains, URLs; `-` reads them from standard input, one a line.
        #[arg(required = true, value_name = "VALUE")]
        values: Vec<String>,
        /// Tell why: by which indicator of whom, what allows a value, and what is disabled or expired.
        #[arg(long)]
        explain: bool,
        /// Take the arguments, or lines of standard input, as text, such as lines of a log, and look up every value in it.
        #[arg(long)]
        extract: bool,
        /// Leave out what is not detected.
        #[arg(long)]
        detected: bool,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Export what is stored, as NDJSON or CSV, of one moment; what is exported can be pushed again.
    ///
    /// A row for each indicator, with who holds it; with one --supplier, the rows as that supplier sends them. After a break it
    /// goes on behind the last row. A file gets its name once it is whole.
    Export(ExportArguments),
    /// Tell what has become of rows since an export, as NDJSON: a line for each that is another one now, and for each that is gone.
    ///
    /// `sluice export --cursor-file FILE` begins a copy, and this command with the same file and filters keeps it: `put` takes the
    /// place of a row, `remove` takes it away, and `cursor` says how far that is. Lines may come more than once. After a
    /// break, Ctrl-C or a restart it goes on behind the cursor.
    Changes(ChangesArguments),
    /// List, create and remove suppliers.
    #[command(subcommand)]
    Suppliers(SuppliersCommand),
    /// List, create and remove tags.
    #[command(subcommand)]
    Tags(TagsCommand),
    /// List, add and remove users, and give them other passwords; for administrators.
    #[command(subcommand)]
    Users(UsersCommand),
    /// List, create and revoke tokens; for administrators.
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// List, show and cancel what was pushed and deleted, and print the rows that were refused.
    #[command(subcommand)]
    Batches(BatchesCommand),
    /// Write man pages, and completions for bash, zsh and fish.
    Manual {
        /// Directory to write them below, as /usr/share is laid out; made if it is missing.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// How answers are printed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OutputArguments {
    /// How the answer is printed.
    #[arg(long = "output", short = 'o', value_enum, default_value_t = OutputForm::Table)]
    pub(crate) form: OutputForm,
}

/// How answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum OutputForm {
    /// Columns, for people.
    Table,
    /// One JSON array.
    Json,
    /// A JSON object a line.
    Ndjson,
}
