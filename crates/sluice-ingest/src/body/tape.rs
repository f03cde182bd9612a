//! Reads an element that is out of the ordinary: the long way.
//!
//! In: the text of an object. Out: a [`ParsedElement`], in the form that `scan` gives: where each known property lies
//! in the text as sent, and where it lies, without escapes, white space and repeated keys, in a buffer. The parser
//! ([`parse`]) decides what is JSON and decodes strings; everything else is copied from the text, so that contexts
//! keep their spelling.

use std::collections::HashMap;

use simd_json::{Node, StaticNode};
use sluice_model::ranges::{bytes_at, items_at};

use super::{
    parse,
    scan::{KEYS_COMPARED_MAX, KNOWN_COUNT, KnownProperty, Shape, Span},
    text::{append_compact, skip_space, skip_string, skip_value},
};

/// The last of each known property of an element. Used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct ParsedElement {
    /// Where they lie in the text of the element.
    pub(crate) sent: [Span; KNOWN_COUNT],
    /// Where they lie in `decoded`.
    pub(crate) read: [Span; KNOWN_COUNT],
    /// Their text as it is read.
    pub(crate) decoded: String,
}

impl ParsedElement {
    /// Reads the element of this text; `None` when it is not JSON.
    pub(crate) fn read(&mut self, text: &str) -> Option<()> {
        self.sent = [Span::default(); KNOWN_COUNT];
        self.read = [Span::default(); KNOWN_COUNT];
        let mut decoded = std::mem::take(&mut self.decoded).into_bytes();
        decoded.clear();
        parse::with_tape(text.as_bytes(), |nodes, address| {
            for (key, value) in members(nodes) {
                let Some(known) = KnownProperty::of(key.as_bytes()) else { continue };
                let (from, to) = sent_value(text.as_bytes(), address, key);
                let read_from = decoded.len();
                let shape = append_read(value, bytes_at(text.as_bytes(), from..to), &mut decoded);
                *self.sent.get_mut(known as usize)? = Span { shape, is_spaced: true, from, to };
                *self.read.get_mut(known as usize)? =
                    Span { shape, is_spaced: false, from: read_from, to: decoded.len() };
            }
            Some(())
        })??;
        // Strings and whole pieces of a text always make a text.
        self.decoded = String::from_utf8(decoded).ok()?;
        Some(())
    }
}

/// Where the value lies in the text whose member has this key on the tape, by the address of the parser's copy.
pub(crate) fn sent_value(text: &[u8], address: usize, key: &str) -> (usize, usize) {
    let key_from = key.as_ptr().addr().wrapping_sub(address);
    let colon = skip_space(text, skip_string(text, key_from));
    let from = skip_space(text, colon + 1);
    (from, skip_value(text, from))
}

/// Appends a value as it is read, unless its shape says it all; `sent` is its text.
fn append_read(nodes: &[Node<'_>], sent: &[u8], read: &mut Vec<u8>) -> Shape {
    match nodes.split_first() {
        None => Shape::Absent,
        Some((Node::Static(StaticNode::Null), _)) => Shape::Null,
        Some((Node::Static(StaticNode::Bool(_)), _)) => Shape::Boolean,
        Some((Node::Static(_), _)) => Shape::Number,
        Some((Node::String(string), _)) => {
            read.push(b'"');
            read.extend_from_slice(string.as_bytes());
            read.push(b'"');
            Shape::Text
        }
        Some((Node::Array { len, count }, items)) => {
            let items = items_at(items, ..*count);
            let is_flat = len == count && items.iter().all(|item| matches!(item, Node::String(_)));
            if !is_flat {
                return Shape::Array;
            }
            append_texts(items, read);
            Shape::Texts
        }
        Some((Node::Object { len: 0, .. }, _)) => Shape::EmptyObject,
        Some((Node::Object { .. }, _)) => {
            let from = read.len();
            append_compact(sent, read);
            if repeats_keys(nodes) {
                let compact = read.split_off(from);
                append_last_wins(nodes, &compact, 0, read);
            }
            Shape::Object
        }
    }
}

/// Appends a list of strings. A backslash stands before a quote or backslash that is part of one: `a"b` and `c` become
/// `["a\"b","c"]`, whatever escapes were sent.
fn append_texts(strings: &[Node<'_>], read: &mut Vec<u8>) {
    read.push(b'[');
    for (place, string) in strings.iter().enumerate() {
        let Node::String(string) = string else { continue };
        read.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
        for byte in string.bytes() {
            if matches!(byte, b'"' | b'\\') {
                read.push(b'\\');
            }
            read.push(byte);
        }
        read.push(b'"');
    }
    read.push(b']');
}

/// The number of nodes that a value takes, its own included.
fn node_count(node: &Node<'_>) -> usize {
    match node {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
}

/// The members of the object that `nodes` begins with, repeated ones included: key, and the nodes from the value on.
pub(crate) fn members<'t, 'a>(nodes: &'t [Node<'a>]) -> impl Iterator<Item = (&'a str, &'t [Node<'a>])> {
    let (count, mut rest) = match nodes.split_first() {
        Some((Node::Object { len, .. }, members)) => (*len, members),
        _ => (0, nodes),
    };
    (0..count).map_while(move |_| {
        let (Node::String(key), value) = rest.split_first()? else { return None };
        rest = value.get(node_count(value.first()?)..)?;
        Some((*key, value))
    })
}

/// Returns true if an object at any depth of the value that `nodes` begins with has the same key twice.
fn repeats_keys(nodes: &[Node<'_>]) -> bool {
    let count = nodes.first().map_or(0, node_count);
    for at in 0..count {
        let value = items_at(nodes, at..);
        if let Some(Node::Object { len, .. }) = value.first()
            && *len > 1
            && object_repeats_keys(value, *len)
        {
            return true;
        }
    }
    false
}

fn object_repeats_keys(object: &[Node<'_>], count: usize) -> bool {
    if count > KEYS_COMPARED_MAX {
        return last_places(object).len() < count;
    }
    let mut seen = [""; KEYS_COMPARED_MAX];
    for (place, (key, _)) in members(object).enumerate() {
        if items_at(&seen, ..place).contains(&key) {
            return true;
        }
        if let Some(slot) = seen.get_mut(place) {
            *slot = key;
        }
    }
    false
}

/// For each key of an object the place of its last member.
fn last_places<'a>(object: &[Node<'a>]) -> HashMap<&'a str, usize> {
    let mut places = HashMap::new();
    for (place, (key, _)) in members(object).enumerate() {
        places.insert(key, place);
    }
    places
}

/// Appends the value that begins at `at` of a compact text to `kept`, of members with the same key only the last one.
/// Returns the offset after it. `{"a":1,"b":2,"a":3}` becomes `{"b":2,"a":3}`.
///
/// `nodes` begins with the same value. Recursion is as deep as the value, which the splitter has bounded.
fn append_last_wins(nodes: &[Node<'_>], compact: &[u8], mut at: usize, kept: &mut Vec<u8>) -> usize {
    match nodes.split_first() {
        Some((Node::Object { len, .. }, _)) if *len > 0 => {
            let last_places = last_places(nodes);
            let mut separator = b'{';
            for (place, (key, value)) in members(nodes).enumerate() {
                // Step over `{` or `,`, then the key, then `:`.
                let key_from = at + 1;
                at = skip_string(compact, key_from + 1) + 1;
                if last_places.get(key) == Some(&place) {
                    kept.push(separator);
                    separator = b',';
                    kept.extend_from_slice(bytes_at(compact, key_from..at));
                    at = append_last_wins(value, compact, at, kept);
                } else {
                    at = skip_value(compact, at);
                }
            }
            kept.push(b'}');
            at + 1
        }
        Some((Node::Array { len, .. }, mut items)) if *len > 0 => {
            let mut separator = b'[';
            for _ in 0..*len {
                kept.push(separator);
                separator = b',';
                // Step over `[` or `,`.
                at = append_last_wins(items, compact, at + 1, kept);
                items = items_at(items, items.first().map_or(0, node_count)..);
            }
            kept.push(b']');
            at + 1
        }
        _ => {
            let end = skip_value(compact, at);
            kept.extend_from_slice(bytes_at(compact, at..end));
            end
        }
    }
}

#[cfg(test)]
mod tests;
