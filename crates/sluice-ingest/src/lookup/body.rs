//! How the body of a lookup is cut into slices: as the array of the CyberTrace API, or as rows.
//!
//! In: the chunks of one body, cut anywhere. Out: [`LookupSlice`]s. An array of that API is refused as a whole for its
//! grammar. Rows are an array, NDJSON or a plain list, told by what the sender says of them, then by the first byte that
//! is no white space; one that cannot be read costs no other, and only where no row can be told from the next does the
//! body end. No threads, no clock, no I/O.

use crate::{
    body::{
        pipeline::{Cut, Locate},
        split::{BodySlice, Splitter},
    },
    error::{BodyError, Fault},
    import::{
        array::ArrayScan,
        cut::{Cutter, RowEnds, RowsSlice},
        format::{Announced, Format},
        rows::RowFormat,
    },
};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Some values of a body.
pub(crate) enum LookupSlice {
    /// Elements of an array of the CyberTrace API.
    Elements(BodySlice),
    /// Rows that are objects.
    Objects(RowsSlice, RowFormat),
    /// Lines that are values.
    Lines(RowsSlice),
}

/// Cuts the body of a lookup.
pub(crate) enum LookupCut {
    /// An array of the CyberTrace API.
    Array(Splitter),
    /// Rows.
    Rows(RowsCut),
}

/// Cuts rows.
pub(crate) struct RowsCut {
    announced: Announced,
    /// Bytes of the BOM that were seen, and bytes before the first row.
    bom_bytes: usize,
    before_bytes: u64,
    /// Once the format is known.
    cutter: Option<(Cutter, Format)>,
    rows_count: u64,
}

impl RowsCut {
    /// Begins a body of which its sender says so much.
    pub(super) fn new(announced: Announced) -> Self {
        Self { announced, bom_bytes: 0, before_bytes: 0, cutter: None, rows_count: 0 }
    }

    fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<LookupSlice>, BodyError> {
        while self.cutter.is_none() {
            let Some((first, rest)) = chunk.split_first() else { return Ok(None) };
            if self.before_bytes == self.bom_bytes as u64 && BOM.get(self.bom_bytes) == Some(first) {
                self.bom_bytes += 1;
            } else if !(first.is_ascii_whitespace() && self.bom_bytes.is_multiple_of(BOM.len())) {
                self.begin(*first)?;
                break;
            }
            self.before_bytes += 1;
            *chunk = rest;
        }
        let Some((cutter, format)) = &mut self.cutter else { return Ok(None) };
        let slice = cutter.next_slice(chunk)?;
        Ok(slice.map(|slice| counted(slice, *format, &mut self.rows_count)))
    }

    /// Goes by the first byte that is not passed over.
    fn begin(&mut self, first: u8) -> Result<(), BodyError> {
        let format = match (self.announced, first) {
            (Announced::Exactly(format), _) => format,
            (_, b'[') => Format::Json,
            (_, b'{') => Format::Ndjson,
            (Announced::SomeJson, _) => {
                return Err(BodyError::Syntax { fault: Fault::Json, byte: self.before_bytes });
            }
            (Announced::Nothing, _) => Format::Lines,
        };
        let ends = match format {
            Format::Json => RowEnds::Elements(ArrayScan::new()),
            _ => RowEnds::Lines,
        };
        // The beginning of a BOM that is none belongs to the first row, which cannot be read then.
        let mut of_first_row = if self.bom_bytes < BOM.len() { bytes_of_bom(self.bom_bytes) } else { &[] };
        let first_byte = self.before_bytes - of_first_row.len() as u64;
        let mut cutter = Cutter::new(ends, 1, first_byte, 0);
        cutter.next_slice(&mut of_first_row)?;
        self.cutter = Some((cutter, format));
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<LookupSlice>, BodyError> {
        if self.cutter.is_none() && !self.bom_bytes.is_multiple_of(BOM.len()) {
            self.begin(0)?;
        }
        let Some((cutter, format)) = &mut self.cutter else { return Ok(None) };
        let slice = cutter.finish()?;
        Ok(slice.map(|slice| counted(slice, *format, &mut self.rows_count)))
    }
}

fn bytes_of_bom(count: usize) -> &'static [u8] {
    BOM.get(..count).unwrap_or(&[])
}

fn counted(slice: RowsSlice, format: Format, rows_count: &mut u64) -> LookupSlice {
    *rows_count += slice.lines;
    match format {
        Format::Json => LookupSlice::Objects(slice, RowFormat::Json),
        Format::Ndjson => LookupSlice::Objects(slice, RowFormat::Ndjson),
        _ => LookupSlice::Lines(slice),
    }
}

impl Cut for LookupCut {
    type Slice = LookupSlice;

    fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<LookupSlice>, BodyError> {
        match self {
            Self::Array(splitter) => Ok(splitter.next_slice(chunk)?.map(LookupSlice::Elements)),
            Self::Rows(cut) => cut.next_slice(chunk),
        }
    }

    fn finish(&mut self) -> Result<Option<LookupSlice>, BodyError> {
        match self {
            Self::Array(splitter) => Ok(splitter.finish()?.map(LookupSlice::Elements)),
            Self::Rows(cut) => cut.finish(),
        }
    }

    fn text(slice: &LookupSlice) -> &[u8] {
        match slice {
            LookupSlice::Elements(slice) => &slice.text,
            LookupSlice::Objects(slice, _) | LookupSlice::Lines(slice) => &slice.text,
        }
    }

    fn elements_count(&self) -> u64 {
        match self {
            Self::Array(splitter) => splitter.elements_count(),
            Self::Rows(cut) => cut.rows_count,
        }
    }

    fn locate_rest(&mut self) -> (usize, Locate) {
        match self {
            Self::Array(splitter) => splitter.locate_rest(),
            // What is wrong within a row is a matter of that row.
            Self::Rows(_) => (0, Box::new(|| None)),
        }
    }
}

#[cfg(test)]
mod tests;
