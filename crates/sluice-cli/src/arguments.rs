//! The command line of `sluice`, as data: usage, help, man pages and completions all come from here.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};

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

/// What is sent, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct SendingArguments {
    /// Files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Name of the supplier.
    #[arg(long, value_name = "NAME")]
    pub(crate) supplier: String,
    /// Format of the rows; told by the content when absent.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub(crate) format: Format,
    /// Read defanged values (`hxxp://example[.]com`) as what they stand for; the supplier's setting counts when absent.
    #[arg(long)]
    pub(crate) refang: bool,
    /// Columns of a table, by number from 1 or by name, such as `indicator=2,tags=5`.
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) column: Option<String>,
    /// Write the rows that are refused into this file, as NDJSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Files that are sent at the same time.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) connections: u8,
    /// Send parts of one file at the same time too: of a value that it has twice, either row may be the last.
    #[arg(long)]
    pub(crate) any_order: bool,
    /// Length of the requests that NDJSON, and lists with `--format lines`, are sent in.
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) piece_size: ByteSize,
    /// How long a request is repeated while the daemon is away or busy.
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
    /// Begin anew, though a push of the same files was broken off.
    #[arg(long)]
    pub(crate) restart: bool,
    #[command(flatten)]
    pub(crate) telling: TellingArguments,
}

/// Which rows are exported, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArguments {
    /// What this supplier holds; may be repeated.
    #[arg(long = "supplier", value_name = "NAME")]
    pub(crate) suppliers: Vec<String>,
    /// Indicators with this tag; may be repeated.
    #[arg(long = "tag", value_name = "NAME")]
    pub(crate) tags: Vec<String>,
    /// Indicators of this kind: `ipv4`, `ipv6`, `cidr`, `domain`, `url`, `md5`, `sha1` or `sha256`; may be repeated.
    #[arg(long = "kind", value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    /// What suppliers hold that are trusted at least so much.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) min_confidence: Option<u8>,
    /// What was updated later than this, such as 2026-11-01T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) updated_after: Option<String>,
    /// Write a table, with a record for each holding, in place of NDJSON.
    #[arg(long)]
    pub(crate) csv: bool,
    /// File to write; standard output when absent, or `-`.
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How long it is tried again while the daemon is away or busy and no row comes.
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
}

/// What is said of a push alone.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct PushArguments {
    /// Have the supplier hold exactly the rows of the file afterwards. All of it is stored at once, or nothing.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Refuse a replacement that removes more than this many per cent of what the supplier holds; 50 when absent.
    #[arg(long, value_name = "PERCENT", requires = "replace", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) max_shrink: Option<u8>,
    /// Tell what would be added, changed, unchanged and removed, and store nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Create tags that rows name and that there are not, instead of refusing the rows.
    #[arg(long)]
    pub(crate) create_tags: bool,
}

/// How it is told how far it is.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct TellingArguments {
    /// Tell how far it is, and what came of it, as NDJSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell nothing but what came of it.
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

/// How answers are printed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OutputArguments {
    /// How the answer is printed.
    #[arg(long = "output", short = 'o', value_enum, default_value_t = OutputForm::Table)]
    pub(crate) form: OutputForm,
}

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
        /// What the token may do: `read`, `write`, `admin` or `metrics`.
        #[arg(long, value_name = "SCOPE", default_value = "read")]
        scope: String,
        /// Tenant that a `write` token may change; may be repeated; General when absent.
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

/// Format of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Told by the content.
    Auto,
    /// A JSON object a line.
    Ndjson,
    /// A JSON array.
    Json,
    /// A table.
    Csv,
    /// A value a line.
    Lines,
    /// A bundle of STIX 2.1.
    Stix,
    /// Events of MISP.
    Misp,
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

impl Format {
    /// Its name, as the daemon takes it; `None` when the daemon is to tell by the content.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Ndjson => Some("ndjson"),
            Self::Json => Some("json"),
            Self::Csv => Some("csv"),
            Self::Lines => Some("lines"),
            Self::Stix => Some("stix"),
            Self::Misp => Some("misp"),
        }
    }
}
