//! Rows that were refused, as NDJSON that can be mended and pushed again, and as remarks for people.
//!
//! In: what the daemon says of a piece. Out: a line for each row, with the number of its line in the file and not in the piece, and
//! with the row itself if it could be read as one: mend it, `jq -c .row`, push again.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    pieces::Piece,
    receipt::{Receipt, Reject},
    source::Source,
};
use crate::{
    escaping::{plain, plain_json},
    failure::Failure,
};

/// The reason of a row that is told among those that are refused, but counted apart.
const ALLOW_LISTED: &str = "allow-listed";
/// Rows that are told where no file takes them.
const SAMPLES_MAX: usize = 5;

/// Where they go.
pub(super) struct Rejects {
    file: Option<(PathBuf, BufWriter<File>)>,
    listed: u64,
    samples: Vec<String>,
}

/// A line.
#[derive(Serialize)]
struct RejectLine<'reject> {
    file: &'reject str,
    line: u64,
    byte: u64,
    reason: &'reject str,
    hint: &'reject str,
    value: Option<&'reject RawValue>,
    /// The element that was refused.
    row: Option<&'reject RawValue>,
}

impl Rejects {
    /// Opens the file, if there is to be one; goes on with it if the push goes on.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for a file that is to be sent, [`Failure::Local`] when it cannot be written.
    pub(super) fn open(path: Option<&Path>, sources: &[Source], is_resumed: bool) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self { file: None, listed: 0, samples: Vec::new() }) };
        let is_source = |path: &Path| sources.iter().any(|source| source.canonical_path() == Some(path));
        if fs::canonicalize(path).is_ok_and(|path| is_source(&path)) {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "{path} is to be sent, and cannot take the rows that are refused"
            )));
        }
        let mut options = File::options();
        options.create(true).write(true).append(is_resumed).truncate(!is_resumed);
        let file = options.open(path).map_err(|error| Failure::of_file("write", path, &error))?;
        Ok(Self { file: Some((path.to_owned(), BufWriter::new(file))), listed: 0, samples: Vec::new() })
    }

    /// Takes those of a part of a piece.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when the file cannot be written.
    pub(super) fn write(&mut self, source: &Source, piece: &Piece, part: &Receipt) -> Result<(), Failure> {
        let written = self.take_all(source, piece, part);
        let path = self.file.as_ref().map_or(Path::new(""), |(path, _)| path);
        written.map_err(|error| Failure::of_file("write", path, &error))
    }

    fn take_all(&mut self, source: &Source, piece: &Piece, part: &Receipt) -> io::Result<()> {
        if let Some(mut all) = part.all_rejects.as_ref() {
            all.rewind()?;
            for reject in serde_json::Deserializer::from_reader(BufReader::new(all)).into_iter() {
                // What cannot be read was no reject.
                let Ok(reject) = reject else { break };
                self.take(source, piece, &reject)?;
            }
        } else {
            for reject in &part.rejects {
                self.take(source, piece, reject)?;
            }
        }
        if let Some((_, file)) = &mut self.file {
            file.flush()?;
        }
        Ok(())
    }

    fn take(&mut self, source: &Source, piece: &Piece, reject: &Reject) -> io::Result<()> {
        // What an allow list keeps out is not refused.
        if reject.reason == ALLOW_LISTED {
            return Ok(());
        }
        let name = source.name();
        let line = line_of(&name, piece, reject);
        self.listed += 1;
        if let Some((_, file)) = &mut self.file {
            let line = serde_json::to_string(&line).map_err(io::Error::other)?;
            return writeln!(file, "{line}");
        }
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(remark(&line));
        }
        Ok(())
    }

    /// What is to be said in the end, of so many rows that were refused now.
    pub(super) fn remarks(&self, refused: u64) -> Vec<String> {
        match &self.file {
            Some((path, _)) if self.listed < refused => vec![format!(
                "{} has {} of {refused} refused rows: the daemon has not kept the others",
                path.display(),
                self.listed
            )],
            Some(_) => Vec::new(),
            None => {
                let more = refused.saturating_sub(self.samples.len() as u64);
                let more = (more != 0).then(|| format!("and {more} more; --rejects FILE keeps them"));
                self.samples.iter().cloned().chain(more).collect()
            }
        }
    }
}

fn line_of<'reject>(name: &'reject str, piece: &Piece, reject: &'reject Reject) -> RejectLine<'reject> {
    let Reject { line, byte, reason, hint, value, row } = reject;
    RejectLine {
        file: name,
        line: piece.first_line - 1 + line,
        byte: piece.start + byte,
        reason,
        hint,
        value: value.as_deref(),
        row: row.as_deref(),
    }
}

fn remark(line: &RejectLine<'_>) -> String {
    let RejectLine { file, line, reason, hint, value, .. } = line;
    let value = plain_json(value.map_or("", RawValue::get));
    let hint = if hint.is_empty() { String::new() } else { format!(" ({})", plain(hint)) };
    format!("{file}:{line}: {} {value}{hint}", plain(reason))
}
