//! A feed, line by line: of a file, plain or packed, or made up from a seed.
//!
//! In: options. Out: lines, each an indicator object, and the tags that they need. `.zst` is unpacked by the program
//! zstd. The end of the lines is the end of the feed: that the program failed is an error, not fewer lines.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use test_support::feed;

/// Which feed, and how much of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct FeedOptions {
    /// Feed: one indicator object a line; `.zst` is unpacked by the program zstd. One in the likeness of a real feed is
    /// made up when absent.
    #[arg(long)]
    feed: Option<PathBuf>,
    /// Tags to create first: one name a line. Those of a feed that is made up need no file.
    #[arg(long)]
    tags: Option<PathBuf>,
    /// Lines of the feed to use; all when absent, or a million of a feed that is made up.
    #[arg(long)]
    lines: Option<usize>,
    /// What a feed that is made up, repeats and lookups are drawn from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl FeedOptions {
    /// A file and nothing else.
    #[cfg(test)]
    pub(crate) fn of_file(path: &Path) -> Self {
        Self { feed: Some(path.to_owned()), tags: None, lines: None, seed: 1 }
    }

    /// Begins to read, or to make up.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or the program does not start.
    pub(crate) fn open(&self) -> Result<Lines> {
        let (source, most) = match &self.feed {
            Some(path) => (LineSource::File(FeedFile::open(path)?), usize::MAX),
            None => (LineSource::MadeUp { seed: self.seed, next: 0 }, feed::ROWS),
        };
        Ok(Lines { source, left: self.lines.unwrap_or(most) })
    }

    /// The tags to create first.
    ///
    /// # Errors
    ///
    /// When their file cannot be read.
    pub(crate) fn tags(&self) -> Result<Vec<String>> {
        match (&self.tags, &self.feed) {
            (Some(path), _) => {
                let names =
                    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(names.lines().map(str::to_owned).collect())
            }
            (None, Some(_)) => Ok(Vec::new()),
            (None, None) => Ok(feed::tags().into_iter().collect()),
        }
    }
}

/// The lines of a feed, as many as are asked for.
pub(crate) struct Lines {
    source: LineSource,
    left: usize,
}

enum LineSource {
    File(FeedFile),
    MadeUp { seed: u64, next: u64 },
}

impl Lines {
    /// Appends the next line without its end to `text`; false when there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or unpacked.
    pub(crate) fn next_line(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        match &mut self.source {
            LineSource::File(file) => file.next_line(text),
            LineSource::MadeUp { seed, next } => {
                let mut row = String::new();
                feed::write_row(*seed, *next, &mut row);
                text.extend_from_slice(row.as_bytes());
                *next += 1;
                Ok(true)
            }
        }
    }
}

/// A feed being read from a file.
pub(crate) struct FeedFile {
    /// Dropped before `unpack`, which ends when its output is no longer read.
    reader: Box<dyn BufRead>,
    unpack: Option<Unpack>,
}

/// The program that unpacks. Dropping it waits for its end.
struct Unpack(Child);

impl Drop for Unpack {
    fn drop(&mut self) {
        // Only a feed that is not read to its end is dropped with it; how the program ends does not matter then.
        drop(self.0.wait());
    }
}

impl FeedFile {
    /// Opens a file, or starts the program that unpacks it.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or the program does not start.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        if path.extension().is_none_or(|extension| extension != "zst") {
            return Ok(Self { reader: Box::new(BufReader::new(file)), unpack: None });
        }
        let mut unpack = Command::new("zstd");
        unpack.arg("-dcq").stdin(file).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = unpack.spawn().context("zstd does not start")?;
        let stdout = child.stdout.take().context("zstd has no output")?;
        Ok(Self { reader: Box::new(BufReader::new(stdout)), unpack: Some(Unpack(child)) })
    }

    /// Appends the next line without its end to `text`; false when there is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or unpacked.
    pub(crate) fn next_line(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let start = text.len();
        if self.reader.read_until(b'\n', text)? == 0 {
            if let Some(mut unpack) = self.unpack.take() {
                let status = unpack.0.wait()?;
                ensure!(status.success(), "zstd ended with {status}");
            }
            return Ok(false);
        }
        while text.get(start..).is_some_and(|line| matches!(line.last(), Some(b'\n' | b'\r'))) {
            text.pop();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
