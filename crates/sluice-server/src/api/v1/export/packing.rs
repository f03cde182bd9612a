//! The text of an answer, packed as its client wants it.
//!
//! In: text. Out: bytes, as they come to a piece; the last of them end what the packing began.

use std::io::{self, Write as _};

use flate2::{Compression, write::GzEncoder};

use crate::http::coding::Coding;

/// Level of Zstandard: the fastest of the ordinary ones.
const ZSTD_LEVEL: i32 = 1;

/// Packs text.
pub(in super::super) enum Packing {
    Identity,
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Packing {
    /// Begins.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(in super::super) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Identity => Self::Identity,
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            Coding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        })
    }

    /// Packs text, which is empty then, and takes what has come of it; that may be nothing yet.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(in super::super) fn pack(&mut self, text: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        let packed = match self {
            Self::Identity => return Ok(std::mem::take(text)),
            Self::Gzip(encoder) => {
                encoder.write_all(text)?;
                std::mem::take(encoder.get_mut())
            }
            Self::Zstd(encoder) => {
                encoder.write_all(text)?;
                std::mem::take(encoder.get_mut())
            }
        };
        text.clear();
        Ok(packed)
    }

    /// What is left, with the end.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(in super::super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(Vec::new()),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}
