//! Action lines of a bulk body: what is to be done, where, and with which id.
//!
//! In: a line. Out: its [`Action`], or that it is none. Whether a document follows is told by the beginning of the line
//! alone, so that a body is cut without reading it. Everything beside `_index` and `_id` is passed over.

use sluice_model::limits;

use crate::body::{
    scan::Shape,
    tape::visit_members,
    text::{nesting_levels, skip_space},
};

#[cfg(test)]
mod tests;

/// What an action does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Index,
    Create,
    Update,
    Delete,
}

impl Operation {
    pub(super) const ALL: [Self; 4] = [Self::Index, Self::Create, Self::Update, Self::Delete];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The status of an item that was carried out.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Index | Self::Create => 201,
            Self::Update | Self::Delete => 200,
        }
    }
}

/// What an action line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Action {
    pub(super) operation: Operation,
    /// `_index`, if it is there and not null; what is no string as it was sent, so that it is no other index.
    pub(super) index: Option<String>,
    /// `_id`, if it is there and a string.
    pub(super) id: Option<String>,
}

/// What a line begins to do; `None` if it is no action.
pub(super) fn operation_of(line: &[u8]) -> Option<Operation> {
    let opened = skip_space(line, 0);
    if line.get(opened) != Some(&b'{') {
        return None;
    }
    let rest = line.get(skip_space(line, opened + 1)..)?;
    let begins = |operation: &&Operation| {
        let after =
            rest.strip_prefix(b"\"").and_then(|rest| rest.strip_prefix(operation.as_str().as_bytes()));
        after.is_some_and(|after| after.starts_with(b"\""))
    };
    Operation::ALL.iter().find(begins).copied()
}

/// Reads an action line; `None` if it is no object of one action with an object of metadata.
pub(super) fn read(line: &str) -> Option<Action> {
    let operation = operation_of(line.as_bytes())?;
    if limits::NESTING_LEVELS_MAX <= nesting_levels(line.as_bytes()) {
        return None;
    }
    let mut places = Vec::new();
    visit_members(line, |member| places.push(member.place()))?;
    let [(from, to)] = places.as_slice() else { return None };
    let metadata = line.get(*from..*to)?;
    if !metadata.starts_with('{') {
        return None;
    }
    let mut action = Action { operation, index: None, id: None };
    let mut read = Vec::new();
    visit_members(metadata, |member| {
        if member.key != "_index" && member.key != "_id" {
            return;
        }
        read.clear();
        let shape = member.append_read(member.sent(), &mut read);
        let text = text(shape, &read);
        if member.key == "_id" {
            action.id = text;
            return;
        }
        let is_null = member.sent() == b"null";
        let sent = || String::from_utf8_lossy(member.sent()).into_owned();
        action.index = if is_null { None } else { Some(text.unwrap_or_else(sent)) };
    })?;
    Some(action)
}

/// A string as it is read, without the quotes around it.
pub(super) fn text(shape: Shape, read: &[u8]) -> Option<String> {
    match (shape, read) {
        (Shape::Text, [b'"', text @ .., b'"']) => str::from_utf8(text).ok().map(str::to_owned),
        _ => None,
    }
}
