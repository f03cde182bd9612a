//! What the benches share: a feed file as rows, ready to be stored.
//!
//! In: a file of one JSON object a line, as `PUT indicators` takes them. Out: rows with their normal form, so that
//! a bench of storing does not time the parsing. Benches are not tests: nothing here asserts a time.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;
use sluice_model::Indicator;

/// Which feed, and how much of it.
#[derive(Debug, clap::Args)]
pub struct Feed {
    /// File of one JSON object a line.
    #[arg(long)]
    feed: PathBuf,
    /// Rows at most.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
}

impl Feed {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// As [`read_feed`].
    pub fn read(&self) -> anyhow::Result<Vec<FeedRow>> {
        read_feed(&self.feed, self.rows)
    }
}

/// One element of the feed.
#[derive(Clone, Debug)]
pub struct FeedRow {
    /// Key of the indicator.
    pub key: Vec<u8>,
    /// JSON text of the context; empty without one.
    pub context: Vec<u8>,
    /// Numbers of its tags, by first appearance in the feed.
    pub tags: Vec<u32>,
}

/// Reads at most `rows_max` elements; those that are no indicators are left out.
///
/// # Errors
///
/// When the file cannot be read or a line is no JSON object.
pub fn read_feed(path: &Path, rows_max: usize) -> anyhow::Result<Vec<FeedRow>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut tags = BTreeMap::new();
    let mut rows = Vec::new();
    for line in BufReader::new(file).lines().take(rows_max) {
        let element: Value = serde_json::from_str(&line?)?;
        let text = element.get("indicator").and_then(Value::as_str).unwrap_or_default();
        let Ok(indicator) = Indicator::parse(text) else { continue };
        let names = element.get("tags").and_then(Value::as_array).into_iter().flatten();
        let numbers = names.filter_map(Value::as_str).map(|name| {
            let next = u32::try_from(tags.len() + 1).unwrap_or(u32::MAX);
            *tags.entry(name.to_owned()).or_insert(next)
        });
        rows.push(FeedRow {
            key: indicator.key().to_vec(),
            context: element.get("context").map(ToString::to_string).unwrap_or_default().into_bytes(),
            tags: numbers.collect(),
        });
    }
    Ok(rows)
}
