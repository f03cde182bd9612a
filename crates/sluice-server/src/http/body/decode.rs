//! Content decoding in bounded steps.
//!
//! In: pieces of a body as they arrive. Out: decoded pieces of at most [`PIECE_BYTES_MAX`] each, one per step, so that
//! a body that decodes to gigabytes takes no memory: the caller counts and stops. Several gzip members or zstd frames
//! in a row are one body; a truncated one, or bytes after the last, are an error.

mod frame_header;

use std::io::{self, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation as _, OutBuffer};

use self::frame_header::FrameHeader;
use crate::http::{coding::Coding, problem::Cause};

#[cfg(test)]
mod tests;

/// Longest piece that one step gives, in bytes.
pub(crate) const PIECE_BYTES_MAX: usize = 65_536;

/// Largest zstd window that is taken: 8 MiB, what the format asks every decoder to support.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The same in bytes.
const ZSTD_WINDOW_BYTES_MAX: u64 = 1 << ZSTD_WINDOW_LOG_MAX;

/// Compressed bytes given to the gzip decoder at once.
const GZIP_INPUT_BYTES_MAX: usize = 16_384;

/// A body being decoded.
pub(crate) enum Decoder {
    /// As it is.
    Identity,
    /// gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// Zstandard.
    Zstd {
        /// The library's state.
        decoder: ZstdDecoder<'static>,
        /// Whether a frame is open, or output may still be held back.
        is_open: bool,
        /// That of the frame that is open, or of the last one.
        header: FrameHeader,
        /// Where pieces are written to, one after another: frames may be many and tiny.
        output: Vec<u8>,
    },
}

impl Decoder {
    /// A decoder at the beginning of a body.
    ///
    /// # Errors
    ///
    /// When the library gives none.
    pub(crate) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Identity => Self::Identity,
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Coding::Zstd => {
                let mut decoder = ZstdDecoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                let output = Vec::with_capacity(PIECE_BYTES_MAX);
                Self::Zstd { decoder, is_open: false, header: FrameHeader::default(), output }
            }
        })
    }

    /// Returns true if the body is not encoded, so that decoding costs nothing.
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Takes some of `input` and gives what comes of it, possibly nothing. To be called until `input` is empty.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when the bytes are not of the coding, or a frame wants too large a window.
    pub(crate) fn step(&mut self, input: &mut Bytes) -> Result<Bytes, Cause> {
        match self {
            Self::Identity => Ok(input.split_to(input.len().min(PIECE_BYTES_MAX))),
            Self::Gzip(decoder) => {
                let offered = input.get(..GZIP_INPUT_BYTES_MAX).unwrap_or(input);
                let taken = decoder.write(offered).map_err(undecodable)?;
                let piece = std::mem::take(decoder.get_mut());
                if taken == 0 && piece.is_empty() && !input.is_empty() {
                    return Err(undecodable(io::ErrorKind::InvalidData.into()));
                }
                input.advance(taken);
                Ok(piece.into())
            }
            Self::Zstd { decoder, is_open, header, output } => {
                if !*is_open {
                    header.begin();
                }
                match header.window_bytes(input) {
                    Some(bytes) if ZSTD_WINDOW_BYTES_MAX < bytes => return Err(wide_window(bytes)),
                    Some(_) | None => {}
                }
                output.clear();
                let mut from = InBuffer::around(input);
                let hint = decoder.run(&mut from, &mut OutBuffer::around(output)).map_err(undecodable)?;
                let taken = from.pos();
                *is_open = hint != 0;
                input.advance(taken);
                Ok(Bytes::copy_from_slice(output))
            }
        }
    }

    /// Ends the body and gives what was held back. To be called again until it gives nothing.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when the body is truncated.
    pub(crate) fn finish(&mut self) -> Result<Bytes, Cause> {
        match self {
            Self::Identity | Self::Zstd { is_open: false, .. } => Ok(Bytes::new()),
            Self::Gzip(decoder) => {
                decoder.try_finish().map_err(undecodable)?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
            Self::Zstd { .. } => {
                let piece = self.step(&mut Bytes::new())?;
                let is_truncated = matches!(self, Self::Zstd { is_open: true, .. }) && piece.is_empty();
                if is_truncated { Err(undecodable(io::ErrorKind::InvalidData.into())) } else { Ok(piece) }
            }
        }
    }
}

/// What the libraries say is of no use to a client.
fn undecodable(_error: io::Error) -> Cause {
    Cause::BadRequest("The body cannot be decoded as its Content-Encoding says".into())
}

fn wide_window(bytes: u64) -> Cause {
    Cause::BadRequest(
        format!(
            "The body has a zstd window of {bytes} bytes, over the limit of {ZSTD_WINDOW_BYTES_MAX} bytes"
        )
        .into(),
    )
}
