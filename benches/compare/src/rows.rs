//! A feed as rows, cut into batches.
//!
//! In: a file of one JSON object a line. Out: normal forms, contexts and numbers of tags; elements that are not
//! indicators are left out, as Sluice refuses them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use sluice_model::{
    Indicator, SupplierId, TagId,
    row::{HoldingChange, TagsChange, encode},
};

/// Seconds since 1970-01-01 UTC that all rows carry.
const UPDATED: u32 = 1_900_000_000;

/// One element of the feed.
#[derive(Debug)]
pub(crate) struct Row {
    /// The indicator.
    pub(crate) indicator: Indicator,
    /// JSON text of the context; empty without one.
    pub(crate) context: String,
    /// Numbers of its tags, by first appearance in the feed.
    pub(crate) tags: Vec<u32>,
}

/// Reads the feed in batches of so many lines.
///
/// # Errors
///
/// When the file cannot be read or a line is not a JSON object.
pub(crate) fn read_batches(path: &Path, batches_lines: &[usize]) -> Result<Vec<Vec<Row>>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut lines = BufReader::new(file).lines();
    let mut tags = BTreeMap::new();
    let mut read_batch = |lines_count: &usize| {
        let rows = lines.by_ref().take(*lines_count).map(|line| read_row(&line?, &mut tags));
        rows.filter_map(Result::transpose).collect()
    };
    batches_lines.iter().map(&mut read_batch).collect()
}

fn read_row(line: &str, tags: &mut BTreeMap<String, u32>) -> Result<Option<Row>> {
    let element: Value = serde_json::from_str(line)?;
    let text = element.get("indicator").and_then(Value::as_str).unwrap_or_default();
    let Ok(indicator) = Indicator::parse(text) else { return Ok(None) };
    let names = element.get("tags").and_then(Value::as_array).into_iter().flatten();
    let numbers = names.filter_map(Value::as_str).map(|name| {
        let next = u32::try_from(tags.len() + 1).unwrap_or(u32::MAX);
        *tags.entry(name.to_owned()).or_insert(next)
    });
    let numbers = numbers.collect();
    let context = element.get("context").map(ToString::to_string).unwrap_or_default();
    Ok(Some(Row { indicator, context, tags: numbers }))
}

/// Key and encoded row, as Sluice's own store would keep them.
pub(crate) fn encoded(row: &Row) -> (Vec<u8>, Vec<u8>) {
    let tags: Vec<_> = row.tags.iter().copied().map(TagId).collect();
    let holding =
        HoldingChange::Hold { updated: UPDATED, context: Some(row.context.as_bytes()), spelling: &[] };
    let mut encoded = Vec::new();
    encode(SupplierId(1), holding, TagsChange::Replace(&tags), &mut encoded);
    (row.indicator.key().to_vec(), encoded)
}
