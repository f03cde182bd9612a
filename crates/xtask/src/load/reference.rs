//! Plain sled with three trees, for a ratio measured in the same run.
//!
//! In: the feed, of which the first lines are taken as they are. Out: the figures that the reference prints.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    process::Command,
};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::feed::Feed;
use crate::workspace::{Profile, build};

/// Puts lines of the feed into three plain sled trees. The daemon should be gone by then.
///
/// # Errors
///
/// When the reference does not build or fails.
pub(super) fn run(feed: &Feed, lines: usize, profile: Profile) -> Result<Value> {
    let binary = build("sluice-benches", "three-trees", profile)?;
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("feed.jsonl");
    let mut file = BufWriter::new(File::create(&path)?);
    let mut line = Vec::new();
    for index in 0..lines.min(feed.lines()) {
        line.clear();
        feed.write_element(index, &mut line);
        line.push(b'\n');
        file.write_all(&line)?;
    }
    file.flush()?;
    let output = Command::new(binary).arg("--feed").arg(&path).output()?;
    ensure!(output.status.success(), "the reference failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
