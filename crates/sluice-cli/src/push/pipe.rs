//! A pipe that may be alive: whoever writes to it may write more at any time.
//!
//! In: what can be read once. Out: its bytes, or that nothing more has come in time for those that are held.

use std::{
    fs::File,
    io::{self, Read as _},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// The most that is read at once.
const BLOCK_BYTES: usize = 256 << 10;

/// Something that is read once.
pub(super) struct Pipe {
    file: File,
    /// How long whole lines wait for more.
    live_time: Duration,
    block: Vec<u8>,
}

/// What reading has brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Brought {
    Bytes,
    End,
    /// Nothing in time.
    Nothing,
}

impl Pipe {
    pub(super) fn new(file: File, live_time: Duration) -> Self {
        Self { file, live_time, block: vec![0; BLOCK_BYTES] }
    }

    /// Adds what can be read to `held`. Waits for it, but no longer than lines may wait of which the first came at `since`.
    ///
    /// # Errors
    ///
    /// Any of the system's.
    pub(super) fn read(&mut self, held: &mut Vec<u8>, since: Option<Instant>) -> io::Result<Brought> {
        if let Some(since) = since
            && !self.is_readable_in_time(since)?
        {
            return Ok(Brought::Nothing);
        }
        loop {
            match self.file.read(&mut self.block) {
                Ok(0) => return Ok(Brought::End),
                Ok(bytes) => {
                    held.extend_from_slice(self.block.get(..bytes).unwrap_or(&[]));
                    return Ok(Brought::Bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn is_readable_in_time(&self, since: Instant) -> io::Result<bool> {
        loop {
            let Some(left) = self.live_time.checked_sub(since.elapsed()) else { return Ok(false) };
            // A time that the system has no number for is as good as none.
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], left.as_ref()) {
                Err(Errno::INTR) => {}
                count => return Ok(count? != 0),
            }
        }
    }

    /// What is left of it.
    pub(super) fn into_rest(self) -> File {
        self.file
    }
}
