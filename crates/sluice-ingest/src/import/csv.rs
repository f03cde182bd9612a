//! Tables: which column is what, and a record as an element of JSON.
//!
//! In: the beginning of a table, then its records. Out: its [`Columns`], and the text of an object for each record. The
//! header decides: the first of [`INDICATOR_NAMES`] that it has is the indicator, `tags` is a list separated by
//! semicolons, and every other column is a member of the context, unless its field is empty. It may stand in a
//! comment, right before the first record. Without a header, the first column is the indicator and the others are
//! nothing. A request may say which columns they are.

use std::mem;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::memchr_iter;
use sluice_model::{Indicator, limits, ranges::bytes_at};

use super::{json, record::RecordScan};
use crate::error::Fault;

/// What separates fields.
pub(crate) const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Names of the column of the indicator, the one that counts first.
pub(crate) const INDICATOR_NAMES: [&str; 10] =
    ["indicator", "value", "ioc", "ip", "domain", "url", "md5", "sha1", "sha256", "hash"];

/// Name of the column of tags.
const TAGS_NAME: &str = "tags";

/// A column, as a request names it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum ColumnName {
    /// By its number, from 0.
    Number(usize),
    /// By its name in the header.
    Header(String),
}

/// Which columns a request names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColumnChoice {
    indicator: Option<ColumnName>,
    tags: Option<ColumnName>,
}

impl ColumnChoice {
    /// Reads `indicator=2,tags=5`, or the same with names of the header; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut choice = Self::default();
        for part in text.split(',') {
            let (role, name) = part.split_once('=')?;
            let name = match name.trim().parse::<usize>() {
                Ok(number) => ColumnName::Number(number.checked_sub(1)?),
                Err(_no_number) if name.trim().is_empty() => return None,
                Err(_no_number) => ColumnName::Header(column_name(name.as_bytes())),
            };
            let chosen = match role.trim() {
                "indicator" => &mut choice.indicator,
                "tags" => &mut choice.tags,
                _ => return None,
            };
            if chosen.replace(name).is_some() {
                return None;
            }
        }
        Some(choice)
    }
}

/// Which column is what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Columns {
    pub(crate) delimiter: u8,
    indicator: usize,
    tags: Option<usize>,
    /// Of each column its name as a key of JSON; empty for those that are no member of the context.
    keys: Vec<Vec<u8>>,
}

/// The header of a table.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) columns: Columns,
    /// Bytes and lines before the first record.
    pub(crate) bytes: usize,
    pub(crate) lines: u64,
}

/// Reads the beginning of a table; `None` while more of it is needed.
///
/// # Errors
///
/// The offset of the header, if it does not have a column that is needed, or has too much.
pub(crate) fn read_header(
    begin: &[u8],
    is_whole: bool,
    choice: &ColumnChoice,
) -> Option<Result<Header, (usize, Fault)>> {
    let mut comment = &[][..];
    // What separates fields is told by the first line of interest, so comments are scanned with any.
    let mut scan = RecordScan::new(delimiter_of(begin), 0);
    let first = loop {
        let Some(record) = scan.next(begin, is_whole) else {
            return is_whole.then(|| Ok(after(begin, 0, without_header(choice, DELIMITERS[0]))));
        };
        let line = begin.get(record.from..record.to)?.trim_ascii();
        if line.starts_with(b"#") {
            comment = uncommented(line);
        } else if !line.is_empty() {
            break record;
        }
    };
    let line = begin.get(first.from..first.to)?;
    let header = columns_of(line, choice)
        .map(|columns| after(begin, first.to, columns))
        .or_else(|| Some(after(begin, first.from, columns_of(comment, choice)?)));
    Some(match header {
        Some(header) if header.columns.indicator == usize::MAX => Err((first.from, Fault::NoColumn)),
        Some(header) if limits::HEADER_NAMES_BYTES_MAX < header.columns.names_bytes() => {
            Err((first.from, Fault::HeaderTooLong))
        }
        Some(header) => Ok(header),
        None if choice.needs_header() => Err((first.from, Fault::NoColumn)),
        None => Ok(after(begin, first.from, without_header(choice, delimiter_in(line)))),
    })
}

impl Columns {
    /// Bytes that a record is given beside its own: names of columns.
    pub(crate) fn names_bytes(&self) -> usize {
        self.keys.iter().map(Vec::len).sum()
    }
}

impl ColumnChoice {
    fn needs_header(&self) -> bool {
        [&self.indicator, &self.tags].into_iter().any(|name| matches!(name, Some(ColumnName::Header(_))))
    }
}

/// What stands before the records, if they begin after so many bytes.
fn after(begin: &[u8], bytes: usize, columns: Columns) -> Header {
    Header { columns, bytes, lines: memchr_iter(b'\n', bytes_at(begin, ..bytes)).count() as u64 }
}

/// The columns of a table without a header.
fn without_header(choice: &ColumnChoice, delimiter: u8) -> Columns {
    let number = |name: &Option<ColumnName>| match name {
        Some(ColumnName::Number(number)) => Some(*number),
        _ => None,
    };
    Columns {
        delimiter,
        indicator: number(&choice.indicator).unwrap_or(0),
        tags: number(&choice.tags),
        keys: Vec::new(),
    }
}

/// The columns that a line names; `None` if it is no header. A column that is asked for and not there is
/// `usize::MAX`.
fn columns_of(line: &[u8], choice: &ColumnChoice) -> Option<Columns> {
    let delimiter = delimiter_in(line);
    let mut reader = RecordReader::new(delimiter);
    let fields = reader.read(line);
    let names: Vec<String> = fields.map(column_name).collect();
    let place = |name: &str| names.iter().position(|known| known == name);
    let known = INDICATOR_NAMES.iter().find_map(|name| place(name));
    let chosen = |name: &Option<ColumnName>, otherwise: Option<usize>| match name {
        Some(ColumnName::Number(number)) => Some(*number),
        Some(ColumnName::Header(name)) => Some(place(name).unwrap_or(usize::MAX)),
        None => otherwise,
    };
    let (indicator, tags) = (chosen(&choice.indicator, known), chosen(&choice.tags, place(TAGS_NAME)));
    let is_named =
        |name: &Option<ColumnName>| matches!(name, Some(ColumnName::Header(name)) if place(name).is_some());
    if known.is_none() && !is_named(&choice.indicator) {
        return None;
    }
    // `192.0.2.1,ip` is a value and its type. `indicator`, `value` and `ioc` are no types.
    let is_sure = INDICATOR_NAMES.iter().take(3).any(|name| place(name).is_some())
        || is_named(&choice.indicator)
        || is_named(&choice.tags);
    let is_value =
        |name: &String| (name.contains(['.', ':']) || 32 <= name.len()) && Indicator::recognize(name).is_ok();
    if !is_sure && names.iter().any(is_value) {
        return None;
    }
    let indicator = if tags == Some(usize::MAX) { usize::MAX } else { indicator? };
    let keys = reader.fields().enumerate().map(|(column, name)| {
        let mut key = Vec::new();
        if column != indicator && Some(column) != tags && !name.trim_ascii().is_empty() {
            json::push_string(&mut key, &String::from_utf8_lossy(name.trim_ascii()));
            key.push(b':');
        }
        key
    });
    Some(Columns { delimiter, indicator, tags, keys: keys.collect() })
}

/// A name as it is compared.
pub(crate) fn column_name(field: &[u8]) -> String {
    let name = field.trim_ascii();
    let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
    String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase()
}

/// What a comment says.
pub(crate) fn uncommented(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"#").unwrap_or(line).trim_ascii()
}

/// The delimiter of the first line that is neither empty nor a comment.
fn delimiter_of(begin: &[u8]) -> u8 {
    let mut lines = begin.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    delimiter_in(lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or(b""))
}

/// What separates the fields of a line: whichever there are most of, outside of quotes.
fn delimiter_in(line: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in line {
        is_quoted ^= *byte == b'"';
        for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
            *count += usize::from(!is_quoted && *byte == delimiter);
        }
    }
    let mut best = (0, DELIMITERS[0]);
    for (count, delimiter) in counts.into_iter().zip(DELIMITERS) {
        if best.0 < count {
            best = (count, delimiter);
        }
    }
    best.1
}

/// Reads the fields of records.
pub(crate) struct RecordReader {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    /// Parts of the element being written, kept for the next one.
    context: Vec<u8>,
    tags: Vec<u8>,
}

impl RecordReader {
    pub(crate) fn new(delimiter: u8) -> Self {
        // A lone carriage return is a character.
        let reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        let (context, tags) = (Vec::new(), Vec::new());
        Self { reader, text: vec![0; 1_024], ends: vec![0; 32], count: 0, context, tags }
    }

    /// Reads a record and gives its fields.
    fn read(&mut self, record: &[u8]) -> impl Iterator<Item = &[u8]> {
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let mut left = record.strip_suffix(b"\r").unwrap_or(record);
        self.reader.reset();
        let (mut text_to, mut ends_to) = (0, 0);
        loop {
            let text = self.text.get_mut(text_to..).unwrap_or(&mut []);
            let ends = self.ends.get_mut(ends_to..).unwrap_or(&mut []);
            let (result, taken, written, ended) = self.reader.read_record(left, text, ends);
            left = bytes_at(left, taken..);
            text_to += written;
            ends_to += ended;
            match result {
                // An empty text is its end.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.count = ends_to;
        self.fields()
    }

    /// The fields of the record that was read last.
    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().take(self.count).map(move |to| {
            let field = bytes_at(&self.text, from..*to);
            from = *to;
            field
        })
    }

    /// Writes a record, which is UTF-8, as an element. An indicator that is empty or not there is left out.
    pub(crate) fn append_element(&mut self, record: &[u8], columns: &Columns, element: &mut Vec<u8>) {
        let (mut context, mut tags) = (mem::take(&mut self.context), mem::take(&mut self.tags));
        context.clear();
        tags.clear();
        element.push(b'{');
        for (column, field) in self.read(record).enumerate() {
            // Fields of a text that is cut at characters of ASCII.
            let Ok(text) = str::from_utf8(field) else { continue };
            if column == columns.indicator {
                if !text.trim().is_empty() {
                    element.extend_from_slice(b"\"indicator\":");
                    json::push_string(element, text.trim());
                }
            } else if Some(column) == columns.tags {
                for tag in text.split(';').map(str::trim).filter(|tag| !tag.is_empty()) {
                    tags.push(if tags.is_empty() { b'[' } else { b',' });
                    json::push_string(&mut tags, tag);
                }
            } else if let Some(key @ [_, ..]) = columns.keys.get(column).map(Vec::as_slice)
                && !text.is_empty()
            {
                context.push(if context.is_empty() { b'{' } else { b',' });
                context.extend_from_slice(key);
                json::push_string(&mut context, text);
            }
        }
        for (name, value, closing) in
            [(&b"\"context\":"[..], &context, b'}'), (&b"\"tags\":"[..], &tags, b']')]
        {
            if !value.is_empty() {
                if element.len() > 1 {
                    element.push(b',');
                }
                element.extend_from_slice(name);
                element.extend_from_slice(value);
                element.push(closing);
            }
        }
        element.push(b'}');
        (self.context, self.tags) = (context, tags);
    }
}

/// Whether a record is a comment or has nothing in it.
pub(crate) fn is_no_row(record: &[u8]) -> bool {
    record.starts_with(b"#") || record.trim_ascii().is_empty()
}

#[cfg(test)]
mod tests;
