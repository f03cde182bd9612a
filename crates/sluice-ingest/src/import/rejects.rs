//! Refused rows, all of them, as lines of NDJSON that can be mended and sent again.
//!
//! In: refused rows, one by one. Out: frames of zstd, each of whole lines `{"line","byte","reason","hint","value","row"}`.
//! `row` is the element: as it was sent, without white space between its members, or as a row of a table or a list was read.
//! A row that could not be read has none; its `value` is then its text, up to [`UNREAD_BYTES_MAX`]. A frame ends once it has
//! [`FRAME_TEXT_BYTES`], so it holds no more than that and one row. One row of a document may be refused for many values; so a
//! slice keeps [`PACKED_BYTES_MAX`] and a frame at most, and whoever asks for the rows is told how many are not there. Beside the frames, a slice needs one text and one packer.

use std::io::Write as _;

use sluice_model::{limits, ranges::bytes_at};
use zstd::{bulk::Compressor, zstd_safe::CParameter};

use super::{
    json,
    report::{RejectsFrame, told_value},
    rows::RowPlace,
};
use crate::body::text::append_compact;

/// Bytes of text after which a frame ends.
const FRAME_TEXT_BYTES: usize = 128 * 1024;

/// Bytes of a row that could not be read that are kept.
const UNREAD_BYTES_MAX: usize = 64 * 1024;

/// Bytes of the frames of a slice after which no further row of it is kept: twice those of the longest row.
const PACKED_BYTES_MAX: usize = 2 * limits::ELEMENT_BYTES_MAX;

/// The fastest that packs well: lines are much alike.
const LEVEL: i32 = 1;

/// Packs the refused rows of one slice.
#[derive(Default)]
pub(crate) struct RejectsPacker {
    text: Vec<u8>,
    count: u32,
    compressor: Option<Compressor<'static>>,
    frames: Vec<RejectsFrame>,
    packed_bytes: usize,
}

impl RejectsPacker {
    /// Adds a row with the text `row` that was read as `object`, and why it was refused, in a word and in plain English.
    /// `indicator` is as of [`ImportReport::refuse`](super::report::ImportReport::refuse).
    pub(crate) fn push(
        &mut self,
        place: RowPlace,
        row: &[u8],
        object: &[u8],
        indicator: &[u8],
        (word, hint): (&str, &str),
    ) {
        if self.is_full() {
            return;
        }
        self.begin_line(place, word, hint);
        self.text.extend_from_slice(told_value(row, indicator).as_bytes());
        self.text.extend_from_slice(b",\"row\":");
        append_compact(object, &mut self.text);
        self.end_line();
    }

    /// Adds a row that could not be read.
    pub(crate) fn push_unread(&mut self, place: RowPlace, row: &[u8], (word, hint): (&str, &str)) {
        if self.is_full() {
            return;
        }
        self.begin_line(place, word, hint);
        let kept = bytes_at(row, ..row.len().min(UNREAD_BYTES_MAX));
        json::push_string(&mut self.text, &String::from_utf8_lossy(kept));
        self.end_line();
    }

    fn is_full(&self) -> bool {
        PACKED_BYTES_MAX <= self.packed_bytes
    }

    /// Up to the value.
    fn begin_line(&mut self, RowPlace { line, byte }: RowPlace, word: &str, hint: &str) {
        // Writing to memory does not fail.
        drop(write!(self.text, "{{\"line\":{line},\"byte\":{byte},\"reason\":\"{word}\",\"hint\":"));
        json::push_string(&mut self.text, hint);
        self.text.extend_from_slice(b",\"value\":");
    }

    fn end_line(&mut self) {
        self.text.extend_from_slice(b"}\n");
        self.count += 1;
        if FRAME_TEXT_BYTES <= self.text.len() {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        let count = std::mem::take(&mut self.count);
        match self.pack() {
            Ok(packed) => {
                let text_bytes = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
                self.packed_bytes += packed.len();
                self.frames.push(RejectsFrame { packed, count, text_bytes });
            }
            // They are counted, and whoever keeps them tells how many are there.
            Err(error) => tracing::error!(%error, count, "refused rows could not be packed"),
        }
        self.text.clear();
    }

    fn pack(&mut self) -> std::io::Result<Vec<u8>> {
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => {
                let mut compressor = Compressor::new(LEVEL)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                none.insert(compressor)
            }
        };
        compressor.compress(&self.text)
    }

    /// The frames of all that was added.
    pub(crate) fn finish(mut self) -> Vec<RejectsFrame> {
        if !self.text.is_empty() {
            self.end_frame();
        }
        self.frames
    }
}

#[cfg(test)]
pub(crate) mod tests;
