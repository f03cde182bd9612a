//! A feed file, line by line, plain or packed.
//!
//! In: a file with one indicator object a line; `.zst` is unpacked by the program zstd. Out: its lines. The end of the
//! lines is the end of the feed: that the program failed is an error, not fewer lines.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// A feed being read.
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
mod tests {
    use std::{fs, path::Path};

    use super::FeedFile;

    fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
        let (mut file, mut lines, mut line) = (FeedFile::open(path)?, Vec::new(), Vec::new());
        while file.next_line(&mut line)? {
            lines.push(String::from_utf8(std::mem::take(&mut line))?);
        }
        Ok(lines)
    }

    #[test]
    fn lines_come_without_their_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("feed.jsonl");
        fs::write(&path, "{\"a\":1}\r\n\n{\"a\":2}").unwrap();
        assert_eq!(lines(&path).unwrap(), ["{\"a\":1}", "", "{\"a\":2}"]);
    }

    #[test]
    fn a_packed_feed_that_is_broken_is_not_a_short_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("feed.jsonl.zst");
        fs::write(&path, "not packed at all").unwrap();
        assert!(lines(&path).is_err());
    }
}
