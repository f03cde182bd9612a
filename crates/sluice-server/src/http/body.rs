//! A request body, read piece by piece under its limits.
//!
//! In: the payload of a request whose head has been judged. Out: decoded pieces of at most 64 KiB. A body is given up
//! when it exceeds its limit (before or after decoding), when it unpacks to much more than was sent, when nothing arrives
//! for the stall time, when it is slower than the least rate, or when it takes longer than the deadline. None of these is a
//! fault of the server, and the connection is closed. One that cannot arrive before the daemon stops is told so.
//!
//! What the pieces mean is decided elsewhere. The caller sets the pace: a piece that is not asked for is not read.

pub(crate) mod decode;

use std::time::Duration;

use actix_web::{dev::Payload, http::header::HeaderMap};
use bytes::Bytes;
use futures_util::StreamExt as _;
use sluice_model::limits;
use tokio::time::Instant;

use self::decode::Decoder;
use super::{
    coding, head,
    problem::Cause,
    stopping::{Arrival, Stopping},
};

#[cfg(test)]
mod tests;

/// Bytes that any packed body may unpack to, as far as its limit allows.
const UNPACKED_BYTES_FREE: u64 = 256 * limits::MIB as u64;

/// Beyond that, how many times as long as what has arrived of it. Feeds of nothing but counted names in one long context
/// come to 300; what is packed to keep a core busy, to 1,000 (gzip) and 30,000 (zstd).
const UNPACKED_TIMES_MAX: u64 = 500;

/// How slow a body may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pace {
    /// Longest time without a byte; also how long a body may be slower than the least rate.
    pub(crate) stall: Duration,
    /// Least bytes a second, averaged from the first moment on.
    pub(crate) bytes_per_second_min: u64,
    /// Longest time for the whole body.
    pub(crate) deadline: Duration,
}

/// A body being read.
pub(crate) struct BodyReader<'payload> {
    payload: &'payload mut Payload,
    decoder: Decoder,
    input: Bytes,
    received_bytes: u64,
    /// What the head declares. A request to upgrade, which is answered like any other, has a payload without end.
    declared_bytes: Option<u64>,
    decoded_bytes: usize,
    bytes_max: usize,
    pace: Pace,
    stopping: &'payload Stopping,
    started: Instant,
    /// Time that we waited for the client, without the time that the client waited for us.
    waited: Duration,
    has_ended: bool,
}

impl<'payload> BodyReader<'payload> {
    /// Judges the declared length and encoding; reads nothing.
    ///
    /// # Errors
    ///
    /// [`Cause::BodyTooLong`] for a body declared longer than `bytes_max`, [`Cause::NotAcceptable`] for an unknown
    /// encoding.
    pub(crate) fn new(
        headers: &HeaderMap,
        payload: &'payload mut Payload,
        bytes_max: usize,
        pace: Pace,
        stopping: &'payload Stopping,
    ) -> Result<Self, Cause> {
        check_declared(headers, bytes_max)?;
        let Ok(decoder) = Decoder::new(coding::content_encoding(headers)?) else {
            return Err(Cause::Internal);
        };
        let declared_bytes = head::content_length(headers).map(|bytes| bytes as u64);
        Ok(Self {
            payload,
            decoder,
            input: Bytes::new(),
            received_bytes: 0,
            declared_bytes,
            decoded_bytes: 0,
            bytes_max,
            pace,
            stopping,
            started: Instant::now(),
            waited: Duration::ZERO,
            has_ended: declared_bytes == Some(0),
        })
    }

    /// The next decoded piece, never empty; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Cause::BodyTooLong`] for a body that is too long or unpacks to too much, [`Cause::BodyTooSlow`] for one that is too slow,
    /// [`Cause::BadRequest`] for one that is cut off or badly encoded, [`Cause::OutOfTime`] for one that the daemon will not be
    /// there for.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Cause> {
        loop {
            if self.input.is_empty() && !self.has_ended {
                self.receive().await?;
            }
            let is_last = self.input.is_empty() && self.has_ended;
            let piece = if is_last { self.decoder.finish()? } else { self.decoder.step(&mut self.input)? };
            if is_last && piece.is_empty() {
                return Ok(None);
            }
            self.decoded_bytes += piece.len();
            if self.bytes_max < self.decoded_bytes {
                return Err(too_long(self.bytes_max));
            }
            let unpacked_bytes_max = self.received_bytes.saturating_mul(UNPACKED_TIMES_MAX);
            if unpacked_bytes_max.max(UNPACKED_BYTES_FREE) < self.decoded_bytes as u64 {
                let detail =
                    format!("The body unpacks to more than {UNPACKED_TIMES_MAX} times what was sent");
                return Err(Cause::BodyTooLong(detail.into()));
            }
            if !self.decoder.is_identity() {
                // Decoding is much faster than the wire; other requests get their turn between two pieces.
                tokio::task::yield_now().await;
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// Bytes that have arrived, as sent.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Time that the client was waited for.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    async fn receive(&mut self) -> Result<(), Cause> {
        let asked = Instant::now();
        // A time-out of zero would still take what is there already, for as long as something is.
        let left = self.pace.deadline.checked_sub(self.started.elapsed()).ok_or_else(too_late)?;
        let arrival = self.arrival();
        let received = tokio::select! {
            biased;
            received = tokio::time::timeout(self.pace.stall.min(left), self.payload.next()) => Some(received),
            () = self.stopping.out_of_time(&arrival) => None,
        };
        self.waited += asked.elapsed();
        let Some(received) = received else { return Err(Cause::OutOfTime) };
        match received {
            Err(_elapsed) => return Err(too_late()),
            Ok(None) => self.has_ended = true,
            Ok(Some(Ok(mut chunk))) => {
                if let Some(declared_bytes) = self.declared_bytes {
                    let missing = declared_bytes - self.received_bytes;
                    chunk.truncate(usize::try_from(missing).unwrap_or(usize::MAX));
                    self.has_ended = chunk.len() as u64 == missing;
                }
                self.received_bytes += chunk.len() as u64;
                // An encoding can carry any number of bytes that decode to nothing.
                if (self.bytes_max as u64) < self.received_bytes {
                    return Err(too_long(self.bytes_max));
                }
                self.input = chunk;
            }
            Ok(Some(Err(_cut_or_malformed))) => {
                return Err(Cause::BadRequest("The body is incomplete or badly framed".into()));
            }
        }
        // The least rate is asked for from the stall time on, over the time that we waited for the client. At 65,536
        // bytes a second and a stall time of 10 s: after 11 s of waiting, 720,896 bytes must have arrived.
        if !self.has_ended && self.pace.stall < self.waited {
            let least = self.pace.bytes_per_second_min.saturating_mul(self.waited.as_secs());
            if self.received_bytes < least {
                return Err(Cause::BodyTooSlow("The body arrives too slowly"));
            }
        }
        if !self.has_ended && self.stopping.is_out_of_time(&self.arrival()) {
            return Err(Cause::OutOfTime);
        }
        Ok(())
    }

    fn arrival(&self) -> Arrival {
        let missing_bytes = self.declared_bytes.map(|declared_bytes| declared_bytes - self.received_bytes);
        Arrival { began: self.started, received_bytes: self.received_bytes, missing_bytes }
    }
}

/// Refuses a body that cannot arrive before the daemon stops.
///
/// # Errors
///
/// [`Cause::OutOfTime`].
pub(crate) fn check_time(headers: &HeaderMap, stopping: &Stopping) -> Result<(), Cause> {
    let declared_bytes = head::content_length(headers).map(|bytes| bytes as u64);
    if stopping.is_out_of_time(&Arrival::announced(declared_bytes)) {
        return Err(Cause::OutOfTime);
    }
    Ok(())
}

/// Refuses a body that is declared longer than it may be.
///
/// # Errors
///
/// [`Cause::BodyTooLong`] naming the limit.
pub(crate) fn check_declared(headers: &HeaderMap, bytes_max: usize) -> Result<(), Cause> {
    match head::content_length(headers) {
        Some(bytes) if bytes_max < bytes => Err(too_long(bytes_max)),
        Some(_) | None => Ok(()),
    }
}

fn too_late() -> Cause {
    Cause::BodyTooSlow("The body did not arrive in time")
}

fn too_long(bytes_max: usize) -> Cause {
    Cause::BodyTooLong(format!("The body is over the limit of {bytes_max} bytes").into())
}
