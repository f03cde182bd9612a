//! Shows what the rows of documents become, in the order of the body.
//!
//! In: a slice whose rows were picked out of documents, and their format. Out: of each row any number of indicators, as
//! the [`Element`]s that an upload judges, and of what is no indicator why it is none. What one row, or one value of a
//! row, is refused for costs no other. CPU-bound, for the pool.

use std::time::SystemTime;

use memchr::memchr_iter;
use sluice_model::{limits, ranges::bytes_at};

use super::{
    cut::RowsSlice,
    document::Layout,
    fields::Fields,
    finding::{Fate, Finding},
    json,
    misp::{self, AttributeBuffers, MispRules},
    rows::RowPlace,
    stix,
    unread::Unread,
};
use crate::{
    body::{elements::Element, scan, tape::ParsedElement, text::nesting_levels},
    error::IngestError,
};

/// Levels that a context may be deeper than the object it is made of.
const LEVELS_ADDED: usize = 1;

/// What the rows of a document are, with what it takes to read them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DocumentFormat {
    /// Objects of STIX, and the time at which indicators must be valid.
    Stix(SystemTime),
    /// Attributes of MISP.
    Misp(MispRules),
}

impl DocumentFormat {
    pub(crate) fn layout(self) -> Layout {
        match self {
            Self::Stix(_) => Layout::Stix,
            Self::Misp(_) => Layout::Misp,
        }
    }

    /// How many indicators the rows of a slice give at most.
    pub(crate) fn indicators_max(self, slice: &RowsSlice) -> u64 {
        match self {
            // Each value of a pattern stands between two quotes.
            Self::Stix(_) => slice.lines + memchr_iter(b'\'', &slice.text).count() as u64 / 2,
            Self::Misp(rules) => slice.lines * (1 + u64::from(rules.takes_domain_ips)),
        }
    }
}

/// What is asked of documents, whatever their format.
#[derive(Clone, Copy)]
pub(crate) struct DocumentRules<'a> {
    /// Rows before this one are passed over.
    pub(crate) from_line: u64,
    /// Whether indicators have contexts.
    pub(crate) takes_contexts: bool,
    /// Knows the names of tags.
    pub(crate) is_tag: &'a dyn Fn(&str) -> bool,
}

/// Shows what the rows of a slice become to `visit`, each with its text, until that returns an error.
///
/// # Errors
///
/// That of `visit`.
pub(crate) fn visit_documents(
    slice: &RowsSlice,
    format: DocumentFormat,
    rules: DocumentRules<'_>,
    mut visit: impl FnMut(RowPlace, &[u8], Result<(Element<'_>, Fate), Unread>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let (mut fields, mut context, mut buffers) = (Fields::default(), Vec::new(), AttributeBuffers::default());
    let mut written = WrittenElement { takes_contexts: rules.takes_contexts, ..WrittenElement::default() };
    let names = match format {
        DocumentFormat::Stix(_) => &stix::NAMES[..],
        DocumentFormat::Misp(_) => &misp::NAMES,
    };
    for (line, picked) in (slice.first_line..).zip(&slice.picked.rows) {
        if line < rules.from_line {
            continue;
        }
        let row = bytes_at(&slice.text, picked.from..picked.to);
        let place = RowPlace { line, byte: picked.byte };
        let object = match object(row, picked.is_too_long)
            .and_then(|text| fields.read(text, names).map(|()| text).ok_or(Unread::NotJson))
        {
            Ok(object) => object,
            Err(unread) => {
                visit(place, row, Err(unread))?;
                continue;
            }
        };
        let mut tell = |finding: Finding<'_>| visit(place, row, written.read(finding));
        match format {
            DocumentFormat::Stix(now) => stix::tell(object, &fields, now, &mut context, &mut tell)?,
            DocumentFormat::Misp(misp_rules) => {
                let notes = slice.picked.notes.get(picked.notes).map_or(&[][..], |notes| notes);
                misp::tell(object, &fields, misp_rules, notes, rules.is_tag, &mut buffers, &mut tell)?;
            }
        }
    }
    Ok(())
}

/// The text of an object that may be parsed.
fn object(row: &[u8], is_too_long: bool) -> Result<&str, Unread> {
    if is_too_long {
        return Err(Unread::TooLong);
    }
    let Ok(text) = str::from_utf8(row) else { return Err(Unread::NotUtf8) };
    if !text.starts_with('{') {
        return Err(Unread::NotAnObject);
    }
    if limits::NESTING_LEVELS_MAX - LEVELS_ADDED <= nesting_levels(row) {
        return Err(Unread::TooDeep);
    }
    Ok(text)
}

/// Writes indicators as elements. Used again for the next one.
#[derive(Default)]
struct WrittenElement {
    takes_contexts: bool,
    text: Vec<u8>,
    spans: [scan::Span; scan::KNOWN_COUNT],
    parsed: ParsedElement,
}

impl WrittenElement {
    fn read(&mut self, finding: Finding<'_>) -> Result<(Element<'_>, Fate), Unread> {
        let Finding { value, context, tags, fate } = finding;
        self.text.clear();
        if !value.is_empty() {
            self.text.extend_from_slice(b",\"indicator\":");
            json::push_string(&mut self.text, value);
        }
        if self.takes_contexts && !context.is_empty() {
            self.text.extend_from_slice(b",\"context\":{");
            self.text.extend_from_slice(context);
            self.text.push(b'}');
        }
        if !tags.is_empty() {
            self.text.extend_from_slice(b",\"tags\":[");
            self.text.extend_from_slice(tags);
            self.text.push(b']');
        }
        // Each member has a comma before it.
        match self.text.first_mut() {
            Some(first) => *first = b'{',
            None => self.text.push(b'{'),
        }
        self.text.push(b'}');
        let text = str::from_utf8(&self.text).map_err(|_not_utf8| Unread::NotUtf8)?;
        let element = match scan::scan(text.as_bytes(), 0) {
            Some((spans, _end)) => {
                self.spans = spans;
                Element::scanned(text, &self.spans, 0)
            }
            None if self.parsed.read(text).is_some() => Element::parsed(text, &self.parsed, 0),
            None => return Err(Unread::NotJson),
        };
        Ok((element, fate))
    }
}

#[cfg(test)]
pub(crate) mod tests;
