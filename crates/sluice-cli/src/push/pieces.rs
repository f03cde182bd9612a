//! Sources cut into pieces, each the body of one request.
//!
//! In: a source, and what of it is stored already. Out: the pieces that are not, in order, made on a thread of its own, which is at
//! most two pieces ahead. Of rows in lines, a piece ends where a line does; everything else is one piece. A piece of a file is a
//! range of it, of a pipe it is in memory; a pipe that cannot be cut is copied to a file without a name first, so that every piece
//! can be sent again. Lines of a pipe that is alive are a piece once the first of them has waited for [`LIVE_TIME`].

use std::{
    fs::File,
    io::{self, Write as _},
    ops::Range,
    os::unix::fs::FileExt as _,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver};

use super::{
    journal::FileEntries,
    pipe::{Brought, Pipe},
    source::{Nature, START_BYTES, Source, read_start},
};
use crate::{arguments::Format, failure::Failure};

/// Bytes that are read at once to find ends of lines.
const BLOCK_BYTES: usize = 256 << 10;
/// The most that a piece of a pipe may have, which is held in memory.
const PIPE_PIECE_BYTES_MAX: u64 = 16 << 20;
/// How long lines of a pipe wait for those behind them.
const LIVE_TIME: Duration = Duration::from_secs(1);
/// The longest line of a pipe.
const PIPE_LINE_BYTES_MAX: u64 = 64 << 20;

/// How sources are cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cutting {
    pub(super) format: Format,
    /// Bytes after which a piece ends with the next line.
    pub(super) piece_bytes: u64,
    /// Whether everything is one piece, whatever it is.
    pub(super) is_whole: bool,
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where in the source it starts.
    pub(super) start: u64,
    /// The number of its first line in the source, from 1.
    pub(super) first_line: u64,
    /// How many lines it has, if it is known to be of lines.
    pub(super) lines: Option<u64>,
    pub(super) content: Content,
    pub(super) nature: Nature,
    /// Whether it is all of its source.
    pub(super) is_whole: bool,
}

/// Bytes that can be read more than once.
#[derive(Clone, Debug)]
pub(super) enum Content {
    File { file: Arc<File>, range: Range<u64> },
    Memory(Bytes),
}

/// Cuts a source.
///
/// # Errors
///
/// [`Failure::Local`] when there is no thread to be had.
pub(super) fn cut(
    source: &Source,
    cutting: Cutting,
    stored: FileEntries,
) -> Result<Receiver<Result<Piece, Failure>>, Failure> {
    let (pieces_out, pieces) = mpsc::channel(1);
    let name = source.name();
    let unreadable = move |error: &io::Error| Failure::Local(format!("cannot read {name}: {error}"));
    let source_name = source.name();
    let source = source.clone();
    let work = move || {
        // Nobody waits for pieces once the command has failed.
        let take = |piece| pieces_out.blocking_send(Ok(piece)).is_ok();
        let ended = if source.identity().is_some() {
            source.open().and_then(|file| cut_file(file, cutting, &stored, &take))
        } else {
            source.open_once().and_then(|file| cut_pipe(Pipe::new(file, LIVE_TIME), cutting, &take))
        };
        if let Err(error) = ended {
            drop(pieces_out.blocking_send(Err(unreadable(&error))));
        }
    };
    let spawned = thread::Builder::new().name("read".to_owned()).spawn(work);
    spawned.map_err(|error| Failure::Local(format!("cannot read {source_name}: {error}")))?;
    Ok(pieces)
}

fn cut_file(
    mut file: File,
    cutting: Cutting,
    stored: &FileEntries,
    take: &dyn Fn(Piece) -> bool,
) -> io::Result<()> {
    let bytes = file.metadata()?.len();
    let nature = Nature::of(&read_start(&mut file)?, cutting.format);
    let file = Arc::new(file);
    let (mut start, mut first_line) = (0, 1);
    loop {
        if let Some((end, lines)) = stored.piece_at(start) {
            (start, first_line) = (end, first_line + lines);
        } else {
            let (end, lines) = if nature.is_of_lines && !cutting.is_whole {
                // What is stored of a piece that was begun is known by its lines.
                let begun_bytes = stored.end_at(start).map(|end| end - start);
                let piece_bytes = begun_bytes.unwrap_or(cutting.piece_bytes);
                let (end, lines) = end_of_piece(&file, start, piece_bytes, bytes)?;
                (end, Some(lines))
            } else {
                (bytes, None)
            };
            let content = Content::File { file: file.clone(), range: start..end };
            let is_whole = start == 0 && end == bytes;
            if !take(Piece { start, first_line, lines, content, nature, is_whole }) {
                return Ok(());
            }
            (start, first_line) = (end, first_line + lines.unwrap_or(0));
        }
        if bytes <= start {
            return Ok(());
        }
    }
}

/// Where the piece that starts at `start` ends, and how many lines it has, of which the last one of the file may have no end.
fn end_of_piece(file: &File, start: u64, piece_bytes: u64, file_bytes: u64) -> io::Result<(u64, u64)> {
    let (mut at, mut lines, mut block) = (start, 0, vec![0; BLOCK_BYTES]);
    let mut last = b'\n';
    while at < file_bytes {
        let got = file.read_at(&mut block, at)?;
        let read = block.get(..got).filter(|read| !read.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let is_last = |index: usize| start + piece_bytes <= at + index as u64 + 1;
        // All blocks but the last are counted as a whole.
        if is_last(read.len() - 1) {
            for index in memchr::memchr_iter(b'\n', read) {
                lines += 1;
                if is_last(index) {
                    return Ok((at + index as u64 + 1, lines));
                }
            }
        } else {
            lines += memchr::memchr_iter(b'\n', read).count() as u64;
        }
        at += read.len() as u64;
        last = read.last().copied().unwrap_or(last);
    }
    Ok((file_bytes, lines + u64::from(last != b'\n')))
}

fn cut_pipe(mut pipe: Pipe, cutting: Cutting, take: &dyn Fn(Piece) -> bool) -> io::Result<()> {
    let mut held = Vec::new();
    fill_start(&mut pipe, &mut held)?;
    let nature = Nature::of(held.get(..START_BYTES).unwrap_or(&held), cutting.format);
    if !nature.is_of_lines || cutting.is_whole {
        let mut file = tempfile::tempfile()?;
        file.write_all(&held)?;
        io::copy(&mut pipe.into_rest(), &mut file)?;
        let range = 0..file.metadata()?.len();
        let content = Content::File { file: Arc::new(file), range };
        take(Piece { start: 0, first_line: 1, lines: None, content, nature, is_whole: true });
        return Ok(());
    }
    let piece_bytes = cutting.piece_bytes.min(PIPE_PIECE_BYTES_MAX);
    let (mut at, mut first_line) = (0, 1);
    loop {
        let (end, is_end) = fill(&mut pipe, &mut held, piece_bytes)?;
        let rest = held.split_off(end);
        let is_whole = at == 0 && is_end;
        let ends = memchr::memchr_iter(b'\n', &held).count() as u64;
        let (bytes, lines) =
            (held.len() as u64, ends + u64::from(held.last().is_some_and(|last| *last != b'\n')));
        let content = Content::Memory(held.into());
        // Nothing at all is a piece too, of which the daemon says what it thinks.
        let piece = Piece { start: at, first_line, lines: Some(lines), content, nature, is_whole };
        if (bytes != 0 || is_whole) && !take(piece) {
            return Ok(());
        }
        if is_end {
            return Ok(());
        }
        (held, at, first_line) = (rest, at + bytes, first_line + lines);
    }
}

/// Reads what tells the nature of it: [`START_BYTES`], unless it ends before, or is alive.
fn fill_start(pipe: &mut Pipe, held: &mut Vec<u8>) -> io::Result<()> {
    let mut since = None;
    while held.len() < START_BYTES {
        let has_line = memchr::memchr(b'\n', held.trim_ascii_start()).is_some();
        match pipe.read(held, since.filter(|_| has_line))? {
            Brought::Bytes => _ = since.get_or_insert_with(Instant::now),
            Brought::End | Brought::Nothing => break,
        }
    }
    Ok(())
}

/// Reads until a piece and the end of its line are there, or whole lines have waited long enough, or the pipe ends; returns where the
/// piece ends, and whether it is the last one.
fn fill(pipe: &mut Pipe, held: &mut Vec<u8>, piece_bytes: u64) -> io::Result<(usize, bool)> {
    let least = usize::try_from(piece_bytes.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut since = (!held.is_empty()).then(Instant::now);
    loop {
        // One byte more tells whether there is another piece.
        let line_end = held.get(least..).and_then(|more| memchr::memchr(b'\n', more));
        if let Some(index) = line_end
            && least + index + 1 < held.len()
        {
            return Ok((least + index + 1, false));
        }
        if piece_bytes + PIPE_LINE_BYTES_MAX < held.len() as u64 {
            return Err(io::Error::other(
                "a line is longer than 64 MiB; is this of the format that it is taken for?",
            ));
        }
        let last_line_end = memchr::memrchr(b'\n', held);
        match (pipe.read(held, last_line_end.and(since))?, last_line_end) {
            (Brought::Nothing, Some(index)) => return Ok((index + 1, false)),
            (Brought::End, _) => return Ok((held.len(), true)),
            _ => _ = since.get_or_insert_with(Instant::now),
        }
    }
}

impl Piece {
    /// Where in the source it ends.
    pub(super) fn end(&self) -> u64 {
        self.start + self.content.bytes()
    }
}

impl Content {
    /// Its length.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::File { range, .. } => range.end - range.start,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Reads from an offset on, at most `bytes_max`; nothing at its end.
    ///
    /// # Errors
    ///
    /// Any of the system's; a file that has become shorter.
    pub(super) fn read_at(&self, offset: u64, bytes_max: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.bytes().saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = left.min(bytes_max);
        match self {
            Self::Memory(bytes) => {
                // An offset that is past the end has nothing left.
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(from..from + length))
            }
            Self::File { file, range } => {
                let mut block = vec![0; length];
                file.read_exact_at(&mut block, range.start + offset)?;
                Ok(block.into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
