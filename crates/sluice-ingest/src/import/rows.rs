//! Shows the rows of a slice, whatever their format, as elements.
//!
//! In: a [`RowsSlice`] and its format. Out: each row in order with its place in the body, as the [`Element`] that an
//! upload judges, or why it is none. Objects are read where they lie, as those of the CyberTrace API are; rows of
//! tables and lists are written as objects first. A row that cannot be read costs no other. CPU-bound, for the pool.

use memchr::memchr;
use sluice_model::{limits, ranges::bytes_at};

use super::{
    csv::{self, Columns, RecordReader},
    cut::RowsSlice,
    json, list,
    record::RecordScan,
    unread::Unread,
    value::scalar_length,
};
use crate::{
    body::{
        elements::Element,
        scan,
        tape::ParsedElement,
        text::{nesting_levels, skip_space, skip_string, skip_value},
    },
    error::IngestError,
};

/// In which format the rows of a body are, with what it takes to read them.
#[derive(Debug)]
pub(crate) enum RowFormat {
    Ndjson,
    Json,
    Csv(Columns),
    /// Whether it is refanged.
    Lines(bool),
}

impl RowFormat {
    /// Bytes that each row is given beside its own, at most.
    pub(crate) fn given_bytes(&self) -> usize {
        match self {
            Self::Ndjson | Self::Json | Self::Lines(_) => 0,
            Self::Csv(columns) => columns.names_bytes(),
        }
    }
}

/// Where a row lies in its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RowPlace {
    /// From 1; of an array, the number of its element.
    pub(crate) line: u64,
    /// Offset of its first byte.
    pub(crate) byte: u64,
}

/// Shows the rows of a slice from `from_line` on to `visit`, each with its text, until that returns an error.
///
/// # Errors
///
/// That of `visit`.
pub(crate) fn visit_rows(
    slice: &RowsSlice,
    format: &RowFormat,
    from_line: u64,
    visit: impl FnMut(RowPlace, &[u8], Result<Element<'_>, Unread>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let text = str::from_utf8(&slice.text).ok();
    let (parsed, element) = (ParsedElement::default(), Vec::new());
    let mut reader = RowsReader { slice, text, from_line, parsed, element, visit };
    if slice.is_too_long {
        return reader.refuse(slice.first_line, 0, slice.text.len(), Unread::TooLong);
    }
    match format {
        RowFormat::Ndjson => reader.objects(),
        RowFormat::Json => reader.elements(),
        RowFormat::Csv(columns) => reader.records(columns),
        RowFormat::Lines(is_refanged) => reader.values(*is_refanged),
    }
}

struct RowsReader<'s, V> {
    slice: &'s RowsSlice,
    /// The text of the slice, if it is one.
    text: Option<&'s str>,
    from_line: u64,
    parsed: ParsedElement,
    /// The present row as an object, where it was none.
    element: Vec<u8>,
    visit: V,
}

impl<V: FnMut(RowPlace, &[u8], Result<Element<'_>, Unread>) -> Result<(), IngestError>> RowsReader<'_, V> {
    fn bytes(&self) -> &[u8] {
        &self.slice.text
    }

    fn refuse(&mut self, line: u64, from: usize, to: usize, why: Unread) -> Result<(), IngestError> {
        if line < self.from_line {
            return Ok(());
        }
        let place = RowPlace { line, byte: self.slice.first_byte + from as u64 };
        (self.visit)(place, bytes_at(&self.slice.text, from..to), Err(why))
    }

    /// Of NDJSON.
    fn objects(&mut self) -> Result<(), IngestError> {
        let (mut from, mut line) = (0, self.slice.first_line);
        while let Some((to, next)) = line_at(self.bytes(), from) {
            let row_from = skip_space(bytes_at(self.bytes(), ..to), from);
            if row_from < to {
                self.object(line, row_from, to)?;
            }
            (from, line) = (next, line + 1);
        }
        Ok(())
    }

    /// Of an array. What stands between its elements has been judged.
    fn elements(&mut self) -> Result<(), IngestError> {
        let (mut at, mut number) = (0, self.slice.first_line);
        loop {
            at = skip_space(self.bytes(), at);
            if let Some(to) = self.ordinary_object(number, at)? {
                (at, number) = (to, number + 1);
                continue;
            }
            let Some(rest @ [first, ..]) = self.bytes().get(at..) else { return Ok(()) };
            let to = match first {
                b',' => {
                    at += 1;
                    continue;
                }
                b'{' | b'[' => skip_value(self.bytes(), at),
                b'"' => skip_string(self.bytes(), at + 1),
                _ => at + scalar_length(rest, b']').max(1),
            };
            self.object(number, at, to)?;
            (at, number) = (to, number + 1);
        }
    }

    /// Shows the element at `at` if it is an ordinary object, of which one pass finds the end and all else; gives where it ends.
    fn ordinary_object(&mut self, number: u64, at: usize) -> Result<Option<usize>, IngestError> {
        let Some(text) = self.text else { return Ok(None) };
        let Some((spans, end)) = scan::scan(text.as_bytes(), at) else { return Ok(None) };
        if self.from_line <= number {
            let place = RowPlace { line: number, byte: self.slice.first_byte + at as u64 };
            let row = bytes_at(&self.slice.text, at..end);
            (self.visit)(place, row, Ok(Element::scanned(text, &spans, at)))?;
        }
        Ok(Some(end))
    }

    /// Of a table.
    fn records(&mut self, columns: &Columns) -> Result<(), IngestError> {
        let mut reader = RecordReader::new(columns.delimiter);
        let mut scan = RecordScan::new(columns.delimiter, self.slice.strict_lines);
        let mut line = self.slice.first_line;
        while let Some(record) = scan.next(self.bytes(), true) {
            let bytes = bytes_at(&self.slice.text, record.from..record.to);
            let to = record.from + bytes.trim_ascii_end().len();
            if record.is_broken {
                self.refuse(line, record.from, to, Unread::Quotes)?;
            } else if csv::is_no_row(bytes) || line < self.from_line {
                // Nothing to read.
            } else if self.text.is_none() && str::from_utf8(bytes).is_err() {
                self.refuse(line, record.from, to, Unread::NotUtf8)?;
            } else {
                self.element.clear();
                reader.append_element(bytes, columns, &mut self.element);
                self.written(line, record.from, to)?;
            }
            line += u64::from(record.lines);
        }
        Ok(())
    }

    /// Of a plain list.
    fn values(&mut self, is_refanged: bool) -> Result<(), IngestError> {
        let (mut from, mut line) = (0, self.slice.first_line);
        while let Some((to, next)) = line_at(self.bytes(), from) {
            let text =
                str::from_utf8(bytes_at(&self.slice.text, from..to)).map_err(|_not_utf8| Unread::NotUtf8);
            match text.and_then(|text| list::values(text, is_refanged)) {
                Ok(values) => {
                    for value in values {
                        self.element.clear();
                        self.element.extend_from_slice(b"{\"indicator\":");
                        json::push_string(&mut self.element, value);
                        self.element.push(b'}');
                        self.written(line, from, to)?;
                    }
                }
                Err(why) => self.refuse(line, from, to, why)?,
            }
            (from, line) = (next, line + 1);
        }
        Ok(())
    }

    /// Shows a row that has been written as an object.
    fn written(&mut self, line: u64, from: usize, to: usize) -> Result<(), IngestError> {
        let element = std::mem::take(&mut self.element);
        let place = RowPlace { line, byte: self.slice.first_byte + from as u64 };
        let row = bytes_at(&self.slice.text, from..to);
        let shown = match str::from_utf8(&element) {
            // With its names and escapes.
            Ok(text) if limits::ELEMENT_BYTES_MAX < text.len() => {
                self.refuse(line, from, to, Unread::TooLong)
            }
            Ok(text) if self.from_line <= line => self.show(place, row, text, 0, text.len()),
            _ => Ok(()),
        };
        self.element = element;
        shown
    }

    /// Shows a row that is an object as sent.
    fn object(&mut self, line: u64, from: usize, to: usize) -> Result<(), IngestError> {
        if line < self.from_line {
            return Ok(());
        }
        let place = RowPlace { line, byte: self.slice.first_byte + from as u64 };
        let row = bytes_at(&self.slice.text, from..to);
        if let Some(text) = self.text {
            return self.show(place, row, text, from, to);
        }
        match str::from_utf8(row) {
            Ok(alone) => self.show(place, row, alone, 0, alone.len()),
            Err(_not_utf8) => (self.visit)(place, row, Err(Unread::NotUtf8)),
        }
    }

    /// Shows the object of `text` that should lie in `from..to`.
    fn show(
        &mut self,
        place: RowPlace,
        row: &[u8],
        text: &str,
        from: usize,
        to: usize,
    ) -> Result<(), IngestError> {
        let bytes = bytes_at(text.as_bytes(), ..to);
        if bytes.get(from) != Some(&b'{') {
            return (self.visit)(place, row, Err(Unread::NotAnObject));
        }
        if let Some((spans, end)) = scan::scan(bytes, from) {
            let is_alone = skip_space(bytes, end) == to;
            let element = Element::scanned(text, &spans, from);
            return (self.visit)(place, row, if is_alone { Ok(element) } else { Err(Unread::Trailing) });
        }
        let alone = text.get(from..to).unwrap_or("").trim_ascii_end();
        // The outer array is a level too, whether or not there is one.
        if limits::NESTING_LEVELS_MAX <= nesting_levels(alone.as_bytes()) {
            return (self.visit)(place, row, Err(Unread::TooDeep));
        }
        match self.parsed.read(alone) {
            Some(()) => (self.visit)(place, row, Ok(Element::parsed(alone, &self.parsed, 0))),
            None => (self.visit)(place, row, Err(Unread::NotJson)),
        }
    }
}

/// Where the line that begins at `from` ends, and where the next one begins; `None` at the end.
pub(crate) fn line_at(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    if rest.is_empty() {
        return None;
    }
    let to = memchr(b'\n', rest).map_or(text.len(), |length| from + length);
    Some((to, to + 1))
}

#[cfg(test)]
mod tests;
