//! Values to look up, in batches: from standard input, or out of texts.
//!
//! A text of any length is read in parts of a megabyte. A part ends where no value does go on: at white space or quotes, or else at a comma.

use std::{
    collections::HashSet,
    io::{self, BufRead as _, BufReader, Read},
    thread,
};

use tokio::sync::mpsc::{self, Receiver};

use super::extract;
use crate::failure::Failure;

/// Values of a request.
pub(super) const VALUES_MAX: usize = 5_000;
/// Bytes of values of a request, from which on no more are put into it.
const VALUES_BYTES_MAX: usize = 4 << 20;
/// Bytes of a line that are held at once; a longer one is taken apart, or is no value.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bytes at the end of a part in which an end of a value is looked for, far more than a value has.
const PART_END_BYTES_MAX: usize = 64 << 10;
/// Values that are remembered, so that none of a log is looked up twice; then the memory begins anew.
const REMEMBERED_MAX: usize = 1_000_000;

/// Values that are not looked up yet.
#[derive(Default)]
struct Unsent {
    values: Vec<String>,
    bytes: usize,
    /// Those that texts had before.
    seen: HashSet<String>,
}

/// Values of standard input, read on a thread of its own: a line each, or those in the lines.
///
/// # Errors
///
/// [`Failure::Local`] when there is no thread to be had.
pub(super) fn batches_of_stdin(extract: bool) -> Result<Receiver<io::Result<Vec<String>>>, Failure> {
    let (batches_out, batches) = mpsc::channel(1);
    let read = move || {
        // Nobody waits for values once the command has failed.
        let send = |values| batches_out.blocking_send(Ok(values)).is_ok();
        if let Err(error) = read_values(BufReader::new(io::stdin()), extract, send) {
            drop(batches_out.blocking_send(Err(error)));
        }
    };
    let spawned = thread::Builder::new().name("stdin".to_owned()).spawn(read);
    spawned.map_err(|error| Failure::Local(format!("cannot read standard input: {error}")))?;
    Ok(batches)
}

/// Reads values until there are no more, or nobody takes them.
fn read_values<R: Read>(
    mut input: BufReader<R>,
    extract: bool,
    send: impl Fn(Vec<String>) -> bool,
) -> io::Result<()> {
    let (mut batch, mut line) = (Unsent::default(), Vec::new());
    loop {
        let held = line.len() as u64;
        let read = input.by_ref().take(LINE_BYTES_MAX - held).read_until(b'\n', &mut line)?;
        let is_cut = LINE_BYTES_MAX <= line.len() as u64 && line.last() != Some(&b'\n');
        if is_cut && !extract {
            return Err(io::Error::other(
                "a line is over 1 MiB, which is no value; --extract finds those in it",
            ));
        }
        let rest = if is_cut && read != 0 { line.split_off(end_of_part(&line)) } else { Vec::new() };
        batch.add(&String::from_utf8_lossy(&line), extract);
        line = rest;
        // What is there is not held up by what is not.
        let is_due = read == 0 || batch.is_full() || input.buffer().is_empty();
        if is_due && batch.take().is_some_and(|values| !send(values)) || read == 0 {
            return Ok(());
        }
    }
}

/// Where a part of a text ends, so that no value is cut.
fn end_of_part(part: &[u8]) -> usize {
    let from = part.len().saturating_sub(PART_END_BYTES_MAX);
    for is_end in [is_surely_end, is_likely_end] {
        if let Some(index) = part.iter().copied().skip(from).rposition(is_end) {
            return from + index + 1;
        }
    }
    part.len()
}

/// Whether no value has it in it.
fn is_surely_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'<>|`".contains(&byte)
}

/// Whether few have.
fn is_likely_end(byte: u8) -> bool {
    b",;".contains(&byte)
}

/// The values in texts, each once.
pub(super) fn extract_of_arguments(texts: &[String]) -> Vec<String> {
    let mut batch = Unsent::default();
    for text in texts {
        batch.add(text, true);
    }
    batch.values
}

impl Unsent {
    fn add(&mut self, line: &str, extract: bool) {
        let line = line.trim();
        if !extract {
            if !line.is_empty() {
                self.push(line.to_owned());
            }
            return;
        }
        for value in extract::values(line) {
            if REMEMBERED_MAX <= self.seen.len() {
                self.seen.clear();
            }
            if self.seen.insert(value.clone()) {
                self.push(value);
            }
        }
    }

    fn push(&mut self, value: String) {
        self.bytes += value.len();
        self.values.push(value);
    }

    fn is_full(&self) -> bool {
        VALUES_MAX <= self.values.len() || VALUES_BYTES_MAX <= self.bytes
    }

    fn take(&mut self) -> Option<Vec<String>> {
        self.bytes = 0;
        Some(std::mem::take(&mut self.values)).filter(|values| !values.is_empty())
    }
}

#[cfg(test)]
mod tests;
