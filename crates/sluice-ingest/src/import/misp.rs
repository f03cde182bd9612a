//! Attributes of MISP, to indicators.
//!
//! In: an attribute, and members of the context that its event gives it. Out: what it becomes: an indicator, by its type
//! ([`role`]); nothing, if it is of a type that says something to people alone; or why it is none. One that is not
//! for detection (`to_ids`) is left out, unless those are asked for, and told as such, before its type is looked at. One
//! that is deleted is withdrawn. Of a name and the address that it had, the name is the indicator, and the address is
//! another one only if that is asked for: others may be hosted there. Tags that exist are set, and others stand in the
//! context. Pure.

use sluice_model::{NotAnIndicator, Rejection};

use super::{
    fields::Fields,
    finding::{Fate, Finding},
    hash_kind::HashKind,
    json,
    unsupported::Unsupported,
};
use crate::{
    body::{
        scan::Shape,
        text::{append_compact, skip_space, skip_value},
    },
    error::IngestError,
};

const TYPE: usize = 0;
const VALUE: usize = 1;
const TO_IDS: usize = 2;
const DELETED: usize = 3;
const TAGS: usize = 4;
/// From here on they go into the context as they are.
const CONTEXT_FROM: usize = 5;

/// Members of an attribute that are read.
pub(crate) const NAMES: [&str; 9] =
    ["type", "value", "to_ids", "deleted", "Tag", "category", "comment", "timestamp", "first_seen"];

/// Which attributes are indicators, and of what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MispRules {
    /// Whether those that are not for detection are left out.
    pub only_to_ids: bool,
    /// Whether the address of a `domain|ip` is an indicator as well.
    pub takes_domain_ips: bool,
}

/// What an attribute of a type is for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// Its value is an indicator of any kind.
    Value,
    Hash(HashKind),
    /// A name, and after the last `|` the hash of what has it.
    NamedHash(HashKind),
    /// An indicator, and after the last `|` what goes into the context under this name.
    With(&'static str),
    /// A name, and after the last `|` the address that it had.
    NameAndAddress,
    /// It says something to people.
    Silent,
    Unsupported,
}

/// What attributes of a type are.
fn role(name: &str) -> Role {
    match name {
        "domain" | "hostname" | "ip-src" | "ip-dst" | "url" | "uri" => Role::Value,
        "md5" | "sha1" | "sha256" => HashKind::of(name).map_or(Role::Unsupported, Role::Hash),
        "filename|md5" | "malware-sample" => Role::NamedHash(HashKind::Md5),
        "filename|sha1" => Role::NamedHash(HashKind::Sha1),
        "filename|sha256" => Role::NamedHash(HashKind::Sha256),
        "ip-dst|port" | "ip-src|port" | "hostname|port" => Role::With("port"),
        "domain|ip" => Role::NameAndAddress,
        "text" | "comment" | "datetime" | "port" => Role::Silent,
        _ => Role::Unsupported,
    }
}

/// Where the context and the tags of an attribute are written; used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct AttributeBuffers {
    context: Vec<u8>,
    tags: Vec<u8>,
    other_tags: Vec<u8>,
    tag: Fields,
}

/// Tells what becomes of an attribute whose [`NAMES`] have been read. `notes` are members that its context begins with, each followed by a comma; `is_tag` knows
/// the names of tags.
///
/// # Errors
///
/// That of `tell`.
pub(crate) fn tell(
    attribute: &str,
    fields: &Fields,
    rules: MispRules,
    notes: &[u8],
    is_tag: &dyn Fn(&str) -> bool,
    buffers: &mut AttributeBuffers,
    tell: &mut impl FnMut(Finding<'_>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let name = fields.text(TYPE).unwrap_or("");
    let role = role(name);
    if role == Role::Silent {
        return Ok(());
    }
    let sent = fields.text(VALUE);
    let (value, beside) = match (role, sent.and_then(|value| value.rsplit_once('|'))) {
        (Role::NamedHash(_), Some((file_name, hash))) => (hash, Some(("file_name", file_name))),
        (Role::With(name), Some((value, beside))) => (value, Some((name, beside))),
        (Role::NameAndAddress, Some((name, address))) => (name, Some(("ip", address))),
        _ => (sent.unwrap_or(""), None),
    };
    let fate = match role {
        _ if rules.only_to_ids && !is_true(fields, attribute, TO_IDS) => {
            Fate::Unsupported(Unsupported::NotToIds)
        }
        _ if sent.is_none() => Fate::Refused(Rejection::IndicatorMissing),
        Role::Unsupported | Role::Silent => Fate::Unsupported(Unsupported::of_type(name)),
        Role::Hash(kind) | Role::NamedHash(kind) if !kind.is_of(value.trim()) => {
            Fate::Refused(Rejection::InvalidFormat(NotAnIndicator::Format))
        }
        _ if is_true(fields, attribute, DELETED) => Fate::Withdrawn,
        _ => Fate::AsAsked,
    };
    buffers.read_tags(attribute, fields, is_tag);
    buffers.write_context(attribute, fields, notes, name, beside);
    let told = Finding { value, context: &buffers.context, tags: &buffers.tags, fate: fate.clone() };
    tell(told)?;
    match (role, beside) {
        // Whatever it is left out for, it is left out as a whole.
        (Role::NameAndAddress, Some((_, address)))
            if rules.takes_domain_ips && matches!(fate, Fate::AsAsked | Fate::Withdrawn) =>
        {
            buffers.write_context(attribute, fields, notes, name, Some(("domain", value)));
            tell(Finding { value: address, context: &buffers.context, tags: &buffers.tags, fate })
        }
        _ => Ok(()),
    }
}

/// Whether a member is true, as any version of MISP writes that.
fn is_true(fields: &Fields, attribute: &str, number: usize) -> bool {
    matches!(fields.sent(attribute, number), b"true" | b"1" | b"\"1\"" | b"\"true\"")
}

impl AttributeBuffers {
    /// Sorts the names of tags into those that exist and others.
    fn read_tags(&mut self, attribute: &str, fields: &Fields, is_tag: &dyn Fn(&str) -> bool) {
        self.tags.clear();
        self.other_tags.clear();
        if fields.shape(TAGS) != Shape::Array {
            return;
        }
        let sent = fields.sent(attribute, TAGS);
        let mut at = skip_space(sent, 1);
        while sent.get(at).is_some_and(|byte| *byte != b']') {
            let to = skip_value(sent, at);
            if let Some(Ok(tag)) = sent.get(at..to).map(str::from_utf8)
                && tag.starts_with('{')
                && self.tag.read(tag, &["name"]).is_some()
                && let Some(name) = self.tag.text(0)
            {
                let names = if is_tag(name) { &mut self.tags } else { &mut self.other_tags };
                if !names.is_empty() {
                    names.push(b',');
                }
                json::push_string(names, name);
            }
            at = skip_space(sent, to);
            if sent.get(at) == Some(&b',') {
                at = skip_space(sent, at + 1);
            }
        }
    }

    fn write_context(
        &mut self,
        attribute: &str,
        fields: &Fields,
        notes: &[u8],
        type_name: &str,
        beside: Option<(&str, &str)>,
    ) {
        let context = &mut self.context;
        context.clear();
        context.extend_from_slice(notes);
        context.extend_from_slice(b"\"type\":");
        json::push_string(context, type_name);
        for (number, name) in NAMES.iter().enumerate().skip(CONTEXT_FROM) {
            let is_empty = fields.text(number) == Some("");
            if !is_empty && !matches!(fields.shape(number), Shape::Absent | Shape::Null) {
                push_name(name, context);
                append_compact(fields.sent(attribute, number), context);
            }
        }
        if let Some((name, text)) = beside {
            push_name(name, context);
            if name == "port" { json::push_scalar(context, text) } else { json::push_string(context, text) }
        }
        if !self.other_tags.is_empty() {
            push_name("tags", context);
            context.push(b'[');
            context.extend_from_slice(&self.other_tags);
            context.push(b']');
        }
    }
}

fn push_name(name: &str, context: &mut Vec<u8>) {
    context.push(b',');
    json::push_string(context, name);
    context.push(b':');
}

#[cfg(test)]
mod tests;
