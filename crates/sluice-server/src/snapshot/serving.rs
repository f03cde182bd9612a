//! The daemon's end of a connection: a pinned checkpoint, and its objects as they are asked for. Blocking.

use std::{
    error::Error,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde::Serialize;
use sluice_store::{PinnedCheckpoint, Store};

use super::{SnapshotReply, SnapshotRequest, VERSION};

/// How long the other end may be silent. A command that was stopped must not keep the pin, which takes disk space.
const STALL_MAX: Duration = Duration::from_mins(5);
/// Longest line of a request.
const REQUEST_BYTES_MAX: u64 = 4 * 1024;
/// Bytes that are handed over at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves one connection until the other end closes it. `may_go_on` is asked all the time: when it says no, because the
/// daemon stops or its disk fills up, the pin is let go.
///
/// # Errors
///
/// When the other end is gone or silent, or breaks the rules.
pub fn serve(store: &Store, stream: &UnixStream, may_go_on: &dyn Fn() -> bool) -> io::Result<()> {
    stream.set_read_timeout(Some(STALL_MAX))?;
    stream.set_write_timeout(Some(STALL_MAX))?;
    let mut requests = BufReader::new(stream);
    let mut replies = BufWriter::with_capacity(BUFFER_BYTES, Watched { stream, may_go_on });
    match next_request(&mut requests)? {
        Some(SnapshotRequest::Pin(VERSION)) => {}
        Some(SnapshotRequest::Pin(other)) => {
            let detail = format!("the daemon and the command are of different builds ({VERSION}, {other})");
            return reply(&mut replies, &SnapshotReply::Refused(detail));
        }
        _ => return Err(io::ErrorKind::InvalidData.into()),
    }
    let pinned = match store.pin_checkpoint() {
        Ok(pinned) => pinned,
        Err(error) => return reply(&mut replies, &refused(&error)),
    };
    let (manifest, sequence, objects) = (pinned.manifest()?, pinned.sequence(), pinned.objects());
    tracing::info!(sequence, objects = objects.len(), "a snapshot begins");
    reply(&mut replies, &SnapshotReply::Pinned { manifest, sequence, objects })?;
    while let Some(request) = next_request(&mut requests)? {
        hand_out(&pinned, request, &mut replies)?;
    }
    tracing::info!(sequence, "a snapshot has been handed out");
    Ok(())
}

fn hand_out(pinned: &PinnedCheckpoint, request: SnapshotRequest, replies: &mut dyn Write) -> io::Result<()> {
    let (object, is_read) = match request {
        SnapshotRequest::Pin(_) => return Err(io::ErrorKind::InvalidData.into()),
        SnapshotRequest::Digest(object) => (object, false),
        SnapshotRequest::Read(object) => (object, true),
    };
    match pinned.digest(object) {
        Ok(digest) => reply(replies, &SnapshotReply::Digest(digest))?,
        Err(error) => {
            tracing::error!(error = chain(&error), ?object, "an object cannot go into a snapshot");
            return reply(replies, &refused(&error));
        }
    }
    if is_read {
        pinned.write(object, replies).map_err(io::Error::other)?;
        replies.flush()?;
    }
    Ok(())
}

/// Says why nothing comes of a request.
pub(super) fn refuse(stream: &UnixStream, detail: &str) -> io::Result<()> {
    stream.set_write_timeout(Some(STALL_MAX))?;
    reply(&mut &*stream, &SnapshotReply::Refused(detail.to_owned()))
}

fn refused(error: &dyn Error) -> SnapshotReply {
    SnapshotReply::Refused(chain(error))
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn reply(to: &mut dyn Write, reply: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// The next request; `None` once the other end has closed.
fn next_request(requests: &mut impl BufRead) -> io::Result<Option<SnapshotRequest>> {
    let mut line = String::new();
    requests.take(REQUEST_BYTES_MAX).read_line(&mut line)?;
    if line.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&line)?)) }
}

/// A stream that fails once it may not go on.
struct Watched<'a> {
    stream: &'a UnixStream,
    may_go_on: &'a dyn Fn() -> bool,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !(self.may_go_on)() {
            return Err(io::Error::other(
                "the daemon stops, or its disk has less free space than the reserve",
            ));
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
