//! In which format a body is: by what its sender says of it, then by its first bytes.
//!
//! In: what is announced, and the beginning of a body. Out: a [`Format`], or that more of the body is needed, or why
//! it is of none. JSON is told from NDJSON by its first byte. Without any announcement, a table is known by the
//! names in its first line or by a quote at its beginning, and everything else is a plain list.

use memchr::memchr;

use super::csv::{self, INDICATOR_NAMES};
use crate::{
    body::text::{skip_space, skip_string, skip_value},
    error::Fault,
};

/// Bytes of a body after which its format is decided by what is there.
pub(crate) const BEGINNING_BYTES_MAX: usize = 256 * 1024;

/// Bytes of an object that are looked into for what it is.
const OBJECT_BYTES_MAX: usize = 4_096;

/// How the rows of a body are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// An object a line.
    Ndjson,
    /// An array of objects.
    Json,
    /// A table, as of RFC 4180.
    Csv,
    /// A value a line.
    Lines,
    /// A bundle of STIX, or what TAXII wraps its objects in.
    Stix,
    /// Events of MISP, or the answer to a search for them.
    Misp,
}

/// What the sender says of the format of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Announced {
    /// Nothing.
    Nothing,
    /// That it is JSON of either form.
    SomeJson,
    /// The format.
    Exactly(Format),
}

/// Tells the format by the beginning of a body, after its BOM; `None` while more of it is needed. If it `is_decided`, that
/// is all there is to go by.
///
/// # Errors
///
/// The fault of a body that is of none of the formats, at its first byte that is no white space.
pub(crate) fn sniff(
    begin: &[u8],
    is_decided: bool,
    announced: Announced,
) -> Option<Result<Format, (usize, Fault)>> {
    if let Announced::Exactly(format) = announced {
        return Some(Ok(format));
    }
    let at = skip_space(begin, 0);
    let rest = begin.get(at..)?;
    match rest.first() {
        None => is_decided.then_some(Ok(Format::Lines)),
        Some(first @ (b'[' | b'{')) => {
            let is_enough = is_decided || OBJECT_BYTES_MAX <= rest.len();
            let rows = if *first == b'[' { Format::Json } else { Format::Ndjson };
            let object = if *first == b'[' { rest.get(skip_space(rest, 1)..)? } else { rest };
            let mut document = None;
            let format = match object.first() {
                None => None,
                Some(b'{') => of_object(object, &mut document),
                Some(_) => Some(Format::Ndjson),
            };
            let format = format.or(is_enough.then(|| document.unwrap_or(Format::Ndjson)))?;
            Some(Ok(if format == Format::Ndjson { rows } else { format }))
        }
        Some(_) if announced == Announced::SomeJson => Some(Err((at, Fault::Json))),
        Some(_) => of_text(rest, is_decided).map(Ok),
    }
}

/// Which document an object is, or a row of NDJSON, by its keys; `None` if there are more of them to come. An object that has
/// an `indicator` is a row, whatever else it has; until then, `document` is what it is otherwise.
fn of_object(object: &[u8], document: &mut Option<Format>) -> Option<Format> {
    let mut at = skip_space(object, 1);
    while object.get(at)? == &b'"' {
        let key_to = skip_string(object, at + 1);
        let key = object.get(at + 1..key_to.checked_sub(1)?)?;
        let colon = skip_space(object, key_to);
        if object.get(colon)? != &b':' {
            break;
        }
        let value_from = skip_space(object, colon + 1);
        let first = object.get(value_from)?;
        match (key, first) {
            (b"objects", b'[') | (b"spec_version", b'"') => *document = Some(Format::Stix),
            (b"Event", b'{') | (b"response", b'[' | b'{') => *document = Some(Format::Misp),
            (b"indicator", _) => return Some(Format::Ndjson),
            _ => {}
        }
        let value_to = skip_value(object, value_from);
        // What follows it shows that it is whole.
        let after = skip_space(object, value_to);
        let is_last = object.get(after)? != &b',';
        if (key, object.get(value_from..value_to)?) == (b"type", b"\"bundle\"") {
            *document = Some(Format::Stix);
        }
        if is_last {
            break;
        }
        at = skip_space(object, after + 1);
    }
    Some(document.unwrap_or(Format::Ndjson))
}

/// Tells a table from a plain list by the first line that is no comment. A table may have its header in a comment.
fn of_text(text: &[u8], is_decided: bool) -> Option<Format> {
    let (mut at, mut comment) = (0, &[][..]);
    while let Some(rest @ [first, ..]) = text.get(at..) {
        let length = memchr(b'\n', rest);
        if length.is_none() && !is_decided {
            return None;
        }
        let line = rest.get(..length.unwrap_or(rest.len()))?.trim_ascii();
        if *first == b'#' {
            comment = line;
        } else if !line.is_empty() {
            let is_table = line.starts_with(b"\"") || is_header(line) || is_header(csv::uncommented(comment));
            return Some(if is_table { Format::Csv } else { Format::Lines });
        }
        at += length.map_or(rest.len(), |length| length + 1);
    }
    is_decided.then_some(Format::Lines)
}

/// Whether a line has the names of columns: one that is known, and another one or that one alone.
fn is_header(line: &[u8]) -> bool {
    let is_delimiter = |byte: &u8| csv::DELIMITERS.contains(byte);
    let mut names = line.split(is_delimiter).map(csv::column_name);
    let is_known = names.any(|name| INDICATOR_NAMES.contains(&name.as_str()));
    is_known && (line.iter().any(is_delimiter) || csv::column_name(line) == INDICATOR_NAMES[0])
}

#[cfg(test)]
mod tests;
