//! Picks the rows out of documents of JSON while they arrive: a STIX bundle, events of MISP.
//!
//! In: the bytes of one body after its BOM, cut anywhere: documents, one after the other. Out: [`RowsSlice`]s whose text
//! has the rows alone, each with its place in the body and the notes of the event that it stands in, as far as these
//! came before it. A document is followed by the keys that lead to rows ([`below`]); whatever else it has is passed over
//! by its brackets and strings as it comes, so neither a document nor a part of it has to fit into memory. A slice is closed
//! with the row with which it has [`limits::SLICE_BYTES`], or [`SLICE_LINES_MAX`] rows.
//!
//! On the way to rows the grammar of JSON must hold; a fault ends the body. Of a row over [`limits::ELEMENT_BYTES_MAX`] the
//! beginning is kept, to tell which one it was. Of an event [`NOTE_BYTES_MAX`] bytes of each note are kept, or none. No threads, no
//! clock, no I/O.

use std::sync::Arc;

use memchr::memchr2;
use sluice_model::{limits, ranges::bytes_at};

use super::{
    cut::{RowsSlice, SLICE_LINES_MAX},
    json,
    picked::{Picked, PickedRow},
    value::ValueScan,
};
use crate::{
    body::text::skip_space,
    error::{BodyError, Fault},
};

/// Longest note of an event, as sent, with its quotes.
const NOTE_BYTES_MAX: usize = 1_024;

/// Bytes that are kept of a row that is too long.
const TOO_LONG_BYTES_KEPT: usize = 256;

/// Longest key that leads anywhere.
const KEY_BYTES_MAX: usize = 16;

/// What is noted of an event, by its name in the context of a row.
const NOTES: [&str; 4] = ["event_uuid", "event_info", "event_org", "event_date"];

/// Where the rows of a document lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// In `objects`.
    Stix,
    /// In `Event.Attribute` and `Event.Object[*].Attribute`, in `response` or not.
    Misp,
}

/// An object or array on the way to rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Documents,
    Document,
    /// Array of rows.
    Rows,
    Event,
    /// The organization that made an event.
    Organization,
    Objects,
    Object,
}

impl Place {
    fn closing(self) -> u8 {
        match self {
            Self::Documents | Self::Rows | Self::Objects => b']',
            Self::Document | Self::Event | Self::Organization | Self::Object => b'}',
        }
    }
}

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    /// It leads to rows.
    Open(Place),
    Row,
    /// It is the note of this number.
    Note(usize),
    Skip,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// A document must begin, or the body end.
    Between,
    /// A value must begin.
    Value,
    /// The first element of an array or its end.
    FirstElement,
    /// The first key of an object or its end.
    FirstKey,
    /// A key must follow a comma.
    Key,
    InKey,
    /// After a backslash of a key.
    KeyEscape,
    Colon,
    /// In a value that leads nowhere further.
    Inside,
    /// A comma or the end of an array or object.
    After,
}

/// The state between two chunks.
#[derive(Debug)]
pub(crate) struct DocumentCutter {
    layout: Layout,
    state: State,
    /// What has opened and not closed, outermost first.
    open: Vec<Place>,
    /// The present key, cut where it leads nowhere for certain.
    key: Vec<u8>,
    value: ValueScan,
    value_use: Use,
    /// The present note as sent.
    note: Vec<u8>,
    notes: Notes,
    /// Offset of the next byte in the body.
    byte: u64,
    text: Vec<u8>,
    /// Where the rows that are whole end, and the present one begins.
    whole_to: usize,
    row_byte: u64,
    /// Whether the present row is longer than any may be.
    is_too_long: bool,
    first_line: u64,
    picked: Picked,
}

impl DocumentCutter {
    /// Starts at a byte of a body.
    pub(crate) fn new(layout: Layout, first_byte: u64) -> Self {
        Self {
            layout,
            state: State::Between,
            open: Vec::new(),
            key: Vec::new(),
            value: ValueScan::new(b'}'),
            value_use: Use::Skip,
            note: Vec::new(),
            notes: Notes::default(),
            byte: first_byte,
            text: Vec::new(),
            whole_to: 0,
            row_byte: first_byte,
            is_too_long: false,
            first_line: 1,
            picked: Picked::default(),
        }
    }

    /// Bytes that are not handed out yet.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.text.len() + self.picked.bytes()
    }

    /// Number of the row that is being read, or that comes next.
    pub(crate) fn line(&self) -> u64 {
        self.first_line + self.picked.rows.len() as u64
    }

    /// Consumes `chunk` until a slice is full or the chunk is used up (`None`).
    ///
    /// # Errors
    ///
    /// The first byte after which no row can be told from the next.
    pub(crate) fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<RowsSlice>, BodyError> {
        while let [byte, ..] = **chunk {
            let taken = match self.state {
                State::Inside => self.inside(chunk),
                State::InKey => self.in_key(chunk),
                State::KeyEscape => {
                    self.state = State::InKey;
                    1
                }
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => skip_space(chunk, 0),
                _ => self.between(byte).map_err(|fault| BodyError::Syntax { fault, byte: self.byte })?,
            };
            self.byte += taken as u64;
            *chunk = bytes_at(chunk, taken..);
            if limits::SLICE_BYTES <= self.whole_to + self.picked.given_bytes
                || SLICE_LINES_MAX <= self.picked.rows.len() as u64
            {
                return Ok(Some(self.close()));
            }
        }
        Ok(None)
    }

    /// Ends the body; gives a slice of what is left. To be called until it gives nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::Unfinished`] for a document that is not closed.
    pub(crate) fn finish(&mut self) -> Result<Option<RowsSlice>, BodyError> {
        if self.state != State::Between {
            return Err(BodyError::Syntax { fault: Fault::Unfinished, byte: self.byte });
        }
        Ok(self.flush())
    }

    /// Gives the whole rows that are there.
    pub(crate) fn flush(&mut self) -> Option<RowsSlice> {
        if self.picked.rows.is_empty() { None } else { Some(self.close()) }
    }

    /// Takes bytes of a value that leads nowhere further.
    fn inside(&mut self, chunk: &[u8]) -> usize {
        let taken = self.value.take(chunk);
        let bytes = bytes_at(chunk, ..taken);
        match self.value_use {
            Use::Row => {
                if !self.is_too_long {
                    self.text.extend_from_slice(bytes);
                }
                if limits::ELEMENT_BYTES_MAX < self.text.len() - self.whole_to {
                    self.is_too_long = true;
                    self.text.truncate(self.whole_to + TOO_LONG_BYTES_KEPT);
                    self.text.shrink_to(limits::SLICE_BYTES);
                }
            }
            Use::Note(_) if self.note.len() <= NOTE_BYTES_MAX => {
                self.note.extend_from_slice(bytes_at(bytes, ..taken.min(NOTE_BYTES_MAX + 1)));
            }
            Use::Note(_) | Use::Open(_) | Use::Skip => {}
        }
        if self.value.is_whole() {
            self.state = State::After;
            match self.value_use {
                Use::Row => self.end_row(),
                Use::Note(number) => self.notes.set(number, &self.note),
                Use::Open(_) | Use::Skip => {}
            }
        }
        taken
    }

    fn end_row(&mut self) {
        let notes = self.notes.written();
        if !self.notes.is_listed {
            self.picked.notes.push(Arc::clone(&notes));
            self.notes.is_listed = true;
        }
        let (from, to) = (self.whole_to, self.text.len());
        let number = self.picked.notes.len() - 1;
        let is_too_long = std::mem::take(&mut self.is_too_long);
        self.picked.rows.push(PickedRow { from, to, byte: self.row_byte, notes: number, is_too_long });
        self.picked.given_bytes += notes.len();
        self.whole_to = to;
    }

    /// Takes bytes of a key.
    fn in_key(&mut self, chunk: &[u8]) -> usize {
        let found = memchr2(b'"', b'\\', chunk);
        let bytes = bytes_at(chunk, ..found.unwrap_or(chunk.len()));
        let room = (KEY_BYTES_MAX + 1).saturating_sub(self.key.len());
        self.key.extend_from_slice(bytes_at(bytes, ..bytes.len().min(room)));
        match found.and_then(|found| chunk.get(found)) {
            Some(b'"') => self.state = State::Colon,
            Some(_) => {
                // None of those that lead anywhere is written so.
                self.key.resize(KEY_BYTES_MAX + 1, b'\\');
                self.state = State::KeyEscape;
            }
            None => {}
        }
        bytes.len() + usize::from(found.is_some())
    }

    /// Takes a byte of what holds values together; gives how many are taken: none, if a value begins that is to be looked
    /// through.
    fn between(&mut self, byte: u8) -> Result<usize, Fault> {
        let place = self.open.last().copied();
        match (self.state, byte) {
            (State::FirstElement, b']') | (State::FirstKey, b'}') => self.close_place(),
            (State::FirstKey | State::Key, b'"') => {
                self.key.clear();
                self.state = State::InKey;
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => {
                let is_array = place.is_some_and(|place| place.closing() == b']');
                self.state = if is_array { State::Value } else { State::Key };
            }
            (State::After, byte) if place.is_some_and(|place| place.closing() == byte) => self.close_place(),
            (State::Between, b'{') => return self.begin(Use::Open(Place::Document)),
            (State::Between, b'[') => return self.begin(Use::Open(Place::Documents)),
            (State::Value | State::FirstElement, byte) if !matches!(byte, b',' | b':' | b']' | b'}') => {
                let value_use = place.map_or(Use::Skip, |place| below(self.layout, place, &self.key, byte));
                return self.begin(value_use);
            }
            _ => return Err(Fault::Json),
        }
        Ok(1)
    }

    /// Begins a value; gives how many of its bytes are taken.
    fn begin(&mut self, value_use: Use) -> Result<usize, Fault> {
        let Use::Open(place) = value_use else {
            let closing = self.open.last().map_or(b'}', |place| place.closing());
            self.value = ValueScan::new(closing);
            self.value_use = value_use;
            self.note.clear();
            self.row_byte = self.byte;
            self.state = State::Inside;
            return Ok(0);
        };
        if limits::NESTING_LEVELS_MAX <= self.open.len() {
            return Err(Fault::TooDeep);
        }
        self.open.push(place);
        self.state = if place.closing() == b']' { State::FirstElement } else { State::FirstKey };
        Ok(1)
    }

    fn close_place(&mut self) {
        if self.open.pop() == Some(Place::Event) {
            self.notes = Notes::default();
        }
        self.state = if self.open.is_empty() { State::Between } else { State::After };
    }

    /// Hands the whole rows out, and begins the next slice with what there is of the present one.
    fn close(&mut self) -> RowsSlice {
        let begun = bytes_at(&self.text, self.whole_to..);
        // A body with one full slice will have more of them: spare the growing.
        let is_full = limits::SLICE_BYTES <= self.whole_to;
        let mut next = Vec::with_capacity(if is_full { self.text.len() } else { begun.len() });
        next.extend_from_slice(begun);
        let mut text = std::mem::replace(&mut self.text, next);
        text.truncate(self.whole_to);
        self.whole_to = 0;
        self.notes.is_listed = false;
        let picked = std::mem::take(&mut self.picked);
        let first_byte = picked.rows.first().map_or(self.byte, |row| row.byte);
        let (first_line, lines) = (self.first_line, picked.rows.len() as u64);
        self.first_line += lines;
        RowsSlice { text, first_line, lines, first_byte, strict_lines: 0, is_too_long: false, picked }
    }
}

/// What becomes of a value in this place, behind this key if that is an object, by its first byte.
fn below(layout: Layout, place: Place, key: &[u8], first: u8) -> Use {
    match (place, first) {
        (Place::Documents, b'{') => return Use::Open(Place::Document),
        // What is no document is told as a row that is none.
        (Place::Rows | Place::Documents, _) => return Use::Row,
        (Place::Objects, b'{') => return Use::Open(Place::Object),
        _ => {}
    }
    match (layout, place, key, first) {
        (Layout::Stix, Place::Document, b"objects", b'[')
        | (Layout::Misp, Place::Event | Place::Object, b"Attribute", b'[') => Use::Open(Place::Rows),
        (Layout::Misp, Place::Document, b"response", b'[') => Use::Open(Place::Documents),
        // Of a search for attributes the answer is in the form of an event.
        (Layout::Misp, Place::Document, b"Event" | b"response", b'{') => Use::Open(Place::Event),
        (Layout::Misp, Place::Event, b"Object", b'[') => Use::Open(Place::Objects),
        (Layout::Misp, Place::Event, b"Orgc", b'{') => Use::Open(Place::Organization),
        (Layout::Misp, Place::Event, b"uuid", b'"') => Use::Note(0),
        (Layout::Misp, Place::Event, b"info", b'"') => Use::Note(1),
        (Layout::Misp, Place::Organization, b"name", b'"') => Use::Note(2),
        (Layout::Misp, Place::Event, b"date", b'"') => Use::Note(3),
        _ => Use::Skip,
    }
}

/// What is noted of the present event.
#[derive(Debug, Default)]
struct Notes {
    values: [Option<String>; NOTES.len()],
    /// As members of JSON, once a row has asked for them.
    written: Option<Arc<[u8]>>,
    /// Whether the slice has them already.
    is_listed: bool,
}

impl Notes {
    /// Notes a string of JSON, unless it is none or too long.
    fn set(&mut self, number: usize, string: &[u8]) {
        let value = if string.len() <= NOTE_BYTES_MAX { serde_json::from_slice(string).ok() } else { None };
        if let Some(slot) = self.values.get_mut(number) {
            *slot = value;
        }
        (self.written, self.is_listed) = (None, false);
    }

    fn written(&mut self) -> Arc<[u8]> {
        let values = &self.values;
        let written = self.written.get_or_insert_with(|| {
            let mut written = Vec::new();
            for (name, value) in NOTES.iter().zip(values) {
                if let Some(value) = value {
                    json::push_string(&mut written, name);
                    written.push(b':');
                    json::push_string(&mut written, value);
                    written.push(b',');
                }
            }
            written.into()
        });
        Arc::clone(written)
    }
}

#[cfg(test)]
mod tests;
