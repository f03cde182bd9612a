//! What `export` and `changes` take: which rows, and where to.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use sluice_model::cursor::Cursor;

/// Which rows are wanted.
#[derive(Args, Clone, Debug)]
pub(crate) struct RowFilters {
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
}

/// Which rows are exported, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) filters: RowFilters,
    /// Write a table, with a record for each holding, in place of NDJSON.
    #[arg(long)]
    pub(crate) csv: bool,
    /// File to write; standard output when absent, or `-`.
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// File that takes the cursor of what was exported, for `changes`, once all is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) cursor_file: Option<PathBuf>,
    /// How long it is tried again while the daemon is away or busy and no row comes.
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
}

/// Since when changes are told, of which rows, and whether it goes on.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChangesArguments {
    /// Cursor to begin behind, as an export or an earlier answer has told it.
    #[arg(
        long,
        value_name = "CURSOR",
        required_unless_present = "cursor_file",
        conflicts_with = "cursor_file"
    )]
    pub(crate) since: Option<Cursor>,
    /// File with the cursor to begin behind, which takes each further one once all before it has been written out.
    #[arg(long, value_name = "FILE")]
    pub(crate) cursor_file: Option<PathBuf>,
    /// Go on with what changes from now on, until it is interrupted.
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) filters: RowFilters,
    /// How long it is tried again while the daemon is away or busy.
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = humantime::parse_duration)]
    pub(crate) retry_for: Duration,
}

impl RowFilters {
    /// The parameters of a request that say it.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let Self { suppliers, tags, kinds, min_confidence, updated_after } = self;
        let mut parameters = Vec::new();
        for (name, values) in [("supplier", suppliers), ("tag", tags), ("kind", kinds)] {
            parameters.extend(values.iter().map(|value| (name, value.clone())));
        }
        parameters.extend(min_confidence.map(|confidence| ("min_confidence", confidence.to_string())));
        parameters.extend(updated_after.iter().map(|time| ("updated_after", time.clone())));
        parameters
    }
}
