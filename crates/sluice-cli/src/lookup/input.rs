//! Values to look up, in batches: from standard input, or out of texts.

use std::{
    collections::HashSet,
    io::{self, BufRead as _, BufReader, Read as _},
    thread,
};

use tokio::sync::mpsc::{self, Receiver};

use super::extract;
use crate::failure::Failure;

/// Values of a request.
pub(super) const VALUES_MAX: usize = 5_000;
/// Bytes of values of a request, from which on no more are put into it.
const VALUES_BYTES_MAX: usize = 4 << 20;
/// Bytes of a line that are read at once; the rest of a longer one counts as another.
const LINE_BYTES_MAX: u64 = 1 << 20;
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
        let (mut stdin, mut batch, mut line) = (BufReader::new(io::stdin()), Unsent::default(), Vec::new());
        loop {
            line.clear();
            let sent = match stdin.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {
                    batch.add(&String::from_utf8_lossy(&line), extract);
                    // What is there is not held up by what is not.
                    if batch.is_full() || stdin.buffer().is_empty() {
                        batch.take().is_none_or(|values| batches_out.blocking_send(Ok(values)).is_ok())
                    } else {
                        true
                    }
                }
                Err(error) => {
                    drop(batches_out.blocking_send(Err(error)));
                    false
                }
            };
            if !sent {
                return;
            }
        }
        if let Some(values) = batch.take() {
            // Nobody waits for it once the command has failed.
            drop(batches_out.blocking_send(Ok(values)));
        }
    };
    let spawned = thread::Builder::new().name("stdin".to_owned()).spawn(read);
    spawned.map_err(|error| Failure::Local(format!("cannot read standard input: {error}")))?;
    Ok(batches)
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
