//! In which format a body is: by what its sender says of it, then by its first bytes.
//!
//! In: what is announced, and the beginning of a body. Out: a [`Format`], or that more of the body is needed, or why
//! it is of none. JSON is told from NDJSON by its first byte. Without any announcement, a table is known by the
//! names in its first line or by a quote at its beginning, and everything else is a plain list.

use memchr::memchr;

use super::csv::{self, INDICATOR_NAMES};
use crate::{body::text::skip_space, error::Fault};

/// Bytes of a body after which its format is decided by what is there.
pub(crate) const BEGINNING_BYTES_MAX: usize = 256 * 1024;

/// Bytes of an object that are looked into for what it is.
const OBJECT_BYTES: usize = 256;

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
        Some(b'[') => Some(Ok(Format::Json)),
        Some(b'{') => {
            let is_enough = is_decided || OBJECT_BYTES <= rest.len() || rest.contains(&b'\n');
            is_enough.then(|| of_object(rest).map_err(|fault| (at, fault)))
        }
        Some(_) if announced == Announced::SomeJson => Some(Err((at, Fault::Json))),
        Some(_) => of_text(rest, is_decided).map(Ok),
    }
}

/// What begins with an object: rows, or one of the documents that are not taken.
fn of_object(object: &[u8]) -> Result<Format, Fault> {
    let key_at = skip_space(object, 1);
    let begins = |at: usize, text: &[u8]| object.get(at..).is_some_and(|rest| rest.starts_with(text));
    for (key, fault) in [
        (&b"\"objects\""[..], Fault::Stix),
        (b"\"spec_version\"", Fault::Stix),
        (b"\"Event\"", Fault::Misp),
        (b"\"response\"", Fault::Misp),
    ] {
        if begins(key_at, key) {
            return Err(fault);
        }
    }
    if begins(key_at, b"\"type\"") {
        let colon = skip_space(object, key_at + b"\"type\"".len());
        if begins(skip_space(object, colon + 1), b"\"bundle\"") {
            return Err(Fault::Stix);
        }
    }
    Ok(Format::Ndjson)
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
