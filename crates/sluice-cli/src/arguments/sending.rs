//! What `push` and `delete` take.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

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
    #[command(flatten)]
    pub(crate) misp: MispArguments,
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

/// Which attributes of MISP are indicators.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct MispArguments {
    /// Whether attributes of MISP that are not for detection are left out; they are when absent.
    #[arg(long, value_name = "BOOL")]
    pub(crate) only_to_ids: Option<bool>,
    /// Take the address of an attribute `domain|ip` of MISP as well, which others may share.
    #[arg(long)]
    pub(crate) domain_ips: bool,
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
