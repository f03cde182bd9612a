//! The feed as all engines get it: a plain file, cut into the same batches for everybody.
//!
//! In: the lines of a feed, and limits. Out: a file of the lines that are used, the lines of each batch, bodies
//! for Sluice, arguments for the others, and values to look up.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::feed::{FeedFile, Lines};

/// Longest body that Sluice takes.
const BODY_BYTES_MAX: usize = 128 << 20;

/// A feed, prepared.
#[derive(Debug)]
pub(super) struct Batches {
    /// One indicator object a line.
    pub(super) path: PathBuf,
    /// Lines of each batch.
    pub(super) lines: Vec<usize>,
    known: PathBuf,
    unknown: PathBuf,
}

impl Batches {
    /// Copies the lines to use into a file in `dir` and finds the batches.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written, or nothing is in the feed.
    pub(super) fn prepare(mut feed: Lines, batch_lines: Option<usize>, dir: &Path) -> Result<Self> {
        let path = dir.join("feed.jsonl");
        let mut file = BufWriter::new(File::create(&path)?);
        let mut all = Vec::new();
        let (mut lines, mut bytes) = (0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            if !feed.next_line(&mut line)? {
                break;
            }
            file.write_all(&line)?;
            file.write_all(b"\n")?;
            let is_full = batch_lines.is_some_and(|most| most <= lines);
            if 0 < lines && (is_full || BODY_BYTES_MAX < bytes + line.len() + 2) {
                all.push(lines);
                (lines, bytes) = (0, 0);
            }
            lines += 1;
            bytes += line.len() + 1;
        }
        file.flush()?;
        ensure!(0 < lines, "the feed has no lines");
        all.push(lines);
        Ok(Self { path, lines: all, known: dir.join("known"), unknown: dir.join("unknown") })
    }

    /// Draws the values to look up with the engines' own program, which knows normal forms.
    pub(super) fn draw(&self, engines: &Path, count: usize) -> Result<()> {
        let mut command = Command::new(engines);
        command.args(["draw", "--count", &count.to_string(), "--feed"]).arg(&self.path);
        command.arg("--known").arg(&self.known).arg("--unknown").arg(&self.unknown);
        ensure!(command.status()?.success(), "no values were drawn");
        Ok(())
    }

    /// Lines in all batches.
    pub(super) fn lines_count(&self) -> usize {
        self.lines.iter().sum()
    }

    /// What the engines' program is told.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let batches: Vec<_> = self.lines.iter().map(ToString::to_string).collect();
        vec![
            "--feed".into(),
            self.path.clone().into(),
            "--batches".into(),
            batches.join(",").into(),
            "--known".into(),
            self.known.clone().into(),
            "--unknown".into(),
            self.unknown.clone().into(),
        ]
    }

    /// The batches as bodies of `PUT indicators`.
    pub(super) fn bodies(&self) -> Result<Vec<Vec<u8>>> {
        let mut file = FeedFile::open(&self.path)?;
        let mut body = |count: &usize| {
            let mut body = vec![b'['];
            for _ in 0..*count {
                ensure!(file.next_line(&mut body)?, "{} has become shorter", self.path.display());
                body.push(b',');
            }
            if let Some(last) = body.last_mut() {
                *last = b']';
            }
            Ok(body)
        };
        self.lines.iter().map(&mut body).collect()
    }

    /// The values that are stored and those that are not, one a line.
    pub(super) fn values(&self) -> Result<(String, String)> {
        Ok((fs::read_to_string(&self.known)?, fs::read_to_string(&self.unknown)?))
    }
}
