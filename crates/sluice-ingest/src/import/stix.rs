//! Objects of a STIX bundle, to indicators.
//!
//! In: an object. Out: what each value of its pattern becomes, if it is an `indicator`: objects of other types are no rows.
//! One that is revoked, or was valid until some time in the past, is withdrawn. The context has what an analyst needs
//! to find the object again and to weigh it ([`NAMES`]); of markings, those of the traffic light protocol are named, which
//! have ids of their own, and others stay ids, because the bundle need not have them, and may have them later. Pure.

mod path;
mod pattern;

use std::{borrow::Cow, time::SystemTime};

use sluice_model::{NotAnIndicator, Rejection, limits, ranges::items_at};

use self::{path::Meaning, pattern::Group};
use super::{
    fields::Fields,
    finding::{Fate, Finding},
    json,
    unsupported::Unsupported,
};
use crate::{
    body::{elements::strings, scan::Shape, text::append_compact},
    error::IngestError,
};

const TYPE: usize = 0;
const PATTERN: usize = 1;
const PATTERN_TYPE: usize = 2;
const REVOKED: usize = 3;
const VALID_UNTIL: usize = 4;
const MARKINGS: usize = 5;
/// From here on they go into the context as they are.
const CONTEXT_FROM: usize = 6;

/// Members of an object that are read.
pub(crate) const NAMES: [&str; 15] = [
    "type",
    "pattern",
    "pattern_type",
    "revoked",
    "valid_until",
    "object_marking_refs",
    "id",
    "created",
    "modified",
    "valid_from",
    "confidence",
    "labels",
    "indicator_types",
    "kill_chain_phases",
    "external_references",
];

/// How many times as long as an object the contexts of its values may be, where each has notes of its own: what is in memory
/// is planned by what was sent.
const CONTEXT_BYTES_PER_BYTE_MAX: usize = 4;

/// A shorter object counts as one of so many bytes.
const OBJECT_BYTES_MIN: usize = 2 * limits::KIB;

/// The traffic light protocol, in both versions, the most open first.
const TLP: [(&str, &str); 9] = [
    ("white", "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    ("clear", "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"),
    ("green", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    ("green", "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"),
    ("amber", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"),
    ("amber", "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"),
    ("amber+strict", "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"),
    ("red", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
    ("red", "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"),
];

/// Tells what becomes of an object whose [`NAMES`] have been read, for indicators that were valid at `now`.
///
/// # Errors
///
/// That of `tell`.
pub(crate) fn tell(
    object: &str,
    fields: &Fields,
    now: SystemTime,
    context: &mut Vec<u8>,
    tell: &mut impl FnMut(Finding<'_>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    if fields.text(TYPE) != Some("indicator") {
        return Ok(());
    }
    let is_withdrawn = fields.sent(object, REVOKED) == b"true"
        || fields
            .text(VALID_UNTIL)
            .and_then(|until| humantime::parse_rfc3339(until).ok())
            .is_some_and(|until| until <= now);
    context.clear();
    append_members(object, fields, context);
    let groups = match groups(fields, object.len(), context.len()) {
        Ok(groups) => groups,
        Err(why) => {
            let (value, fate) =
                (fields.text(PATTERN).unwrap_or(""), Fate::Unsupported(Unsupported::Pattern(why)));
            return tell(Finding { value, context, tags: &[], fate });
        }
    };
    let common_bytes = context.len();
    for group in &groups {
        context.truncate(common_bytes);
        append_notes(group, context);
        tell_group(group, context, is_withdrawn, tell)?;
    }
    Ok(())
}

/// What the pattern of an object of so many bytes names, if each value is given so many bytes of context.
fn groups(fields: &Fields, object_bytes: usize, common_bytes: usize) -> Result<Vec<Group<'_>>, &'static str> {
    let pattern = fields.text(PATTERN).ok_or("The indicator has no pattern")?;
    // Indicators of version 2.0 do not have it.
    if fields.shape(PATTERN_TYPE) != Shape::Absent && fields.text(PATTERN_TYPE) != Some("stix") {
        return Err("Patterns are taken in the language of STIX alone");
    }
    let groups = pattern::parse(pattern)?;
    if limits::ELEMENT_BYTES_MAX < written_bytes(&groups, common_bytes) {
        return Err("The values of the pattern and their contexts are longer than 4 MiB");
    }
    if CONTEXT_BYTES_PER_BYTE_MAX * object_bytes.max(OBJECT_BYTES_MIN) < context_bytes(&groups, common_bytes)
    {
        return Err("The notes of the pattern make its contexts many times as long as the indicator");
    }
    Ok(groups)
}

fn tell_group(
    group: &Group<'_>,
    context: &[u8],
    is_withdrawn: bool,
    tell: &mut impl FnMut(Finding<'_>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    if group.values.is_empty()
        && let Some(note) = group.notes.first()
    {
        let value = match &note.value {
            Ok(text) => text,
            Err(text) => *text,
        };
        let fate = Fate::Unsupported(Unsupported::of_type(note.path));
        tell(Finding { value, context, tags: &[], fate })?;
    }
    for (meaning, value) in &group.values {
        let fate = match meaning {
            Meaning::Hash(kind) if !kind.is_of(value.trim()) => {
                Fate::Refused(Rejection::InvalidFormat(NotAnIndicator::Format))
            }
            _ if is_withdrawn => Fate::Withdrawn,
            _ => Fate::AsAsked,
        };
        tell(Finding { value, context, tags: &[], fate })?;
    }
    Ok(())
}

/// Bytes of the contexts of a pattern that differ, which are kept in memory, if they have so many in common.
fn context_bytes(groups: &[Group<'_>], common_bytes: usize) -> usize {
    groups
        .iter()
        .filter(|group| !group.notes.is_empty() && !group.values.is_empty())
        .map(|group| common_bytes + notes_bytes(group))
        .sum()
}

fn notes_bytes(group: &Group<'_>) -> usize {
    group.notes.iter().map(|note| note.path.len() + literal_bytes(&note.value)).sum()
}

fn literal_bytes(value: &Result<Cow<'_, str>, &str>) -> usize {
    match value {
        Ok(text) => text.len(),
        Err(text) => text.len(),
    }
}

/// Bytes of all that a pattern gives, if each value is given so many of the context. What has no value is told as well.
fn written_bytes(groups: &[Group<'_>], common_bytes: usize) -> usize {
    let of_group = |group: &Group<'_>| {
        let values = group.values.iter().map(|(_, value)| value.len()).sum::<usize>();
        values + group.values.len().max(1) * (common_bytes + notes_bytes(group))
    };
    groups.iter().map(of_group).fold(0, usize::saturating_add)
}

/// Appends members of the context that all values share, with commas between them.
fn append_members(object: &str, fields: &Fields, context: &mut Vec<u8>) {
    for (number, name) in NAMES.iter().enumerate().skip(CONTEXT_FROM) {
        if !matches!(fields.shape(number), Shape::Absent | Shape::Null) {
            append_name(name, context);
            append_compact(fields.sent(object, number), context);
        }
    }
    let Some(markings) = fields.texts(MARKINGS) else { return };
    let (mut strictest, mut others) = (0, Vec::new());
    for marking in strings(markings) {
        if let Some(place) = TLP.iter().position(|(_, id)| *id == marking) {
            strictest = strictest.max(place + 1);
        } else {
            others.push(if others.is_empty() { b'[' } else { b',' });
            json::push_string(&mut others, &marking);
        }
    }
    if let [(label, _), ..] = items_at(&TLP, strictest.saturating_sub(1)..)
        && strictest > 0
    {
        append_name("tlp", context);
        json::push_string(context, label);
    }
    if !others.is_empty() {
        append_name("object_marking_refs", context);
        context.extend_from_slice(&others);
        context.push(b']');
    }
}

/// Appends what is noted of a group, each name once.
fn append_notes(group: &Group<'_>, context: &mut Vec<u8>) {
    let mut notes: Vec<(&str, &Result<Cow<'_, str>, &str>)> = Vec::new();
    for note in &group.notes {
        let name = match note.meaning {
            Meaning::Note(name) => name,
            Meaning::Type => continue,
            _ => note.path,
        };
        notes.push((name, &note.value));
    }
    notes.sort_by_key(|(name, _)| *name);
    for same in notes.chunk_by(|one, other| one.0 == other.0) {
        let [(name, first), more @ ..] = same else { continue };
        append_name(name, context);
        if more.is_empty() {
            append_literal(first, context);
            continue;
        }
        for (place, (_, value)) in same.iter().enumerate() {
            context.push(if place == 0 { b'[' } else { b',' });
            append_literal(value, context);
        }
        context.push(b']');
    }
}

fn append_name(name: &str, context: &mut Vec<u8>) {
    if !context.is_empty() {
        context.push(b',');
    }
    json::push_string(context, name);
    context.push(b':');
}

fn append_literal(literal: &Result<Cow<'_, str>, &str>, context: &mut Vec<u8>) {
    match literal {
        Ok(text) => json::push_string(context, text),
        Err(text) => json::push_scalar(context, text),
    }
}

#[cfg(test)]
mod tests;
