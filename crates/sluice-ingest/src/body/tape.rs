//! Reads an element that is out of the ordinary: the long way.
//!
//! In: the text of an object. Out: a [`ParsedElement`], in the form that `scan` gives: where each known property lies
//! in the text as sent, and where it lies, without escapes, white space and repeated keys, in a buffer. The parser
//! ([`parse`]) decides what is JSON and decodes strings; everything else is copied from the text, so that contexts
//! keep their spelling.
//!
//! The parser knows nothing of an element in which a single value cannot be read (a [`Flaw`]): it is then given a text
//! of the same length that has something readable in these places. Which properties hold a flaw that counts, and is
//! not in a member that was sent once more, is found in the text as sent.
//!
//! [`Flaw`]: sluice_model::rejection::Flaw

use std::collections::HashMap;

use simd_json::{Node, StaticNode};
use sluice_model::{
    ranges::{bytes_at, items_at},
    rejection::Flaw,
};

use super::{
    locate, parse,
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
        visit_members(text, |member| {
            let Some(known) = KnownProperty::of(member.key.as_bytes()) else { return };
            let (from, to) = member.place();
            let read_from = decoded.len();
            let shape = member.append_read(bytes_at(text.as_bytes(), from..to), &mut decoded);
            if let Some(sent) = self.sent.get_mut(known as usize) {
                *sent = Span { shape, is_spaced: true, from, to };
            }
            if let Some(read) = self.read.get_mut(known as usize) {
                *read = Span { shape, is_spaced: false, from: read_from, to: decoded.len() };
            }
        })?;
        // Strings and whole pieces of a text always make a text.
        self.decoded = String::from_utf8(decoded).ok()?;
        Some(())
    }
}

/// Shows the members of the object of this text to `visit`, in order; `None`, and nothing is shown, when the text is
/// not JSON.
pub(crate) fn visit_members(text: &str, mut visit: impl FnMut(Member<'_, '_>)) -> Option<()> {
    let visited = parse::with_tape(text.as_bytes(), |nodes, address| {
        visit_nodes(nodes, text, address, None, &mut visit);
    });
    if visited.is_some() {
        return visited;
    }
    let (readable, flawed_keys) = readable(text)?;
    parse::with_tape(readable.as_bytes(), |nodes, address| {
        let flawed_keys = FlawedKeys { offsets: &flawed_keys, address };
        visit_nodes(nodes, text, address, Some(flawed_keys), &mut visit);
    })
}

fn visit_nodes(
    nodes: &[Node<'_>],
    text: &str,
    address: usize,
    flawed_keys: Option<FlawedKeys<'_>>,
    visit: &mut impl FnMut(Member<'_, '_>),
) {
    for (key, nodes) in members(nodes) {
        visit(Member { key, nodes, text: text.as_bytes(), address, flawed_keys });
    }
}

/// A text of the same length, with something in place of what cannot be read, and where the keys begin that this
/// changes; `None` when the text is not JSON at all.
#[cold]
fn readable(text: &str) -> Option<(String, Vec<usize>)> {
    let (mut readable, mut flawed_keys) = (text.as_bytes().to_vec(), Vec::new());
    let fault = locate::visit_flaws(text.as_bytes(), |flawed| {
        if let Some(place) = readable.get_mut(flawed.from..flawed.to) {
            place.fill(b'x');
            // In place of an escape a string goes on, in place of a number, which is longer than that, there is one.
            if flawed.flaw == Flaw::NumberRange
                && let [first, .., last] = place
            {
                (*first, *last) = (b'"', b'"');
            }
        }
        // A key may have several flaws.
        if let Some(key_from) = flawed.key_from
            && flawed_keys.last() != Some(&key_from)
        {
            flawed_keys.push(key_from);
        }
    });
    if fault.is_some() {
        return None;
    }
    Some((String::from_utf8(readable).ok()?, flawed_keys))
}

/// Keys that are not what the parser was given, by where they begin in its copy. None of them counts as repeated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlawedKeys<'f> {
    /// Ascending.
    offsets: &'f [usize],
    address: usize,
}

impl FlawedKeys<'_> {
    fn have(&self, key: &str) -> bool {
        let offset = key.as_ptr().addr().wrapping_sub(self.address);
        !self.offsets.is_empty() && self.offsets.binary_search(&offset).is_ok()
    }
}

/// A member of an object that was parsed.
pub(crate) struct Member<'m, 'a> {
    pub(crate) key: &'a str,
    /// Those of the value, and of what follows it.
    nodes: &'m [Node<'a>],
    /// The text of the object.
    text: &'m [u8],
    address: usize,
    /// If there is a flaw anywhere in the object.
    flawed_keys: Option<FlawedKeys<'m>>,
}

impl<'m> Member<'m, '_> {
    /// Where the value lies in the text.
    pub(crate) fn place(&self) -> (usize, usize) {
        sent_value(self.text, self.address, self.key)
    }

    /// The value as sent.
    pub(crate) fn sent(&self) -> &'m [u8] {
        let (from, to) = self.place();
        bytes_at(self.text, from..to)
    }

    /// Appends the value as it is read, unless its shape says it all; `sent` is its text.
    pub(crate) fn append_read(&self, sent: &[u8], read: &mut Vec<u8>) -> Shape {
        let Some(flawed_keys) = self.flawed_keys else {
            return append_read(self.nodes, sent, FlawedKeys::default(), read);
        };
        let read_from = read.len();
        append_kept(self.nodes, sent, flawed_keys, read);
        let flaw = locate::first_flaw(bytes_at(read, read_from..));
        read.truncate(read_from);
        match flaw {
            Some(flaw) => Shape::Flawed(flaw),
            None => append_read(self.nodes, sent, flawed_keys, read),
        }
    }
}

/// Where the value lies in the text whose member has this key on the tape, by the address of the parser's copy.
pub(crate) fn sent_value(text: &[u8], address: usize, key: &str) -> (usize, usize) {
    let key_from = key.as_ptr().addr().wrapping_sub(address);
    let colon = skip_space(text, skip_string(text, key_from));
    let from = skip_space(text, colon + 1);
    (from, skip_value(text, from))
}

/// Appends a value without white space and repeated keys.
fn append_kept(nodes: &[Node<'_>], sent: &[u8], flawed_keys: FlawedKeys<'_>, kept: &mut Vec<u8>) {
    let from = kept.len();
    append_compact(sent, kept);
    if repeats_keys(nodes) {
        let compact = kept.split_off(from);
        append_last_wins(nodes, &compact, 0, flawed_keys, kept);
    }
}

/// Appends a value as it is read, unless its shape says it all; `sent` is its text.
fn append_read(nodes: &[Node<'_>], sent: &[u8], flawed_keys: FlawedKeys<'_>, read: &mut Vec<u8>) -> Shape {
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
            append_kept(nodes, sent, flawed_keys, read);
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
        return last_places(object, FlawedKeys::default()).len() < count;
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
fn last_places<'a>(object: &[Node<'a>], flawed_keys: FlawedKeys<'_>) -> HashMap<&'a str, usize> {
    let mut places = HashMap::new();
    for (place, (key, _)) in members(object).enumerate() {
        if !flawed_keys.have(key) {
            places.insert(key, place);
        }
    }
    places
}

/// Appends the value that begins at `at` of a compact text to `kept`, of members with the same key only the last one.
/// Returns the offset after it. `{"a":1,"b":2,"a":3}` becomes `{"b":2,"a":3}`.
///
/// `nodes` begins with the same value. Recursion is as deep as the value, which the splitter has bounded.
fn append_last_wins(
    nodes: &[Node<'_>],
    compact: &[u8],
    mut at: usize,
    flawed_keys: FlawedKeys<'_>,
    kept: &mut Vec<u8>,
) -> usize {
    match nodes.split_first() {
        Some((Node::Object { len, .. }, _)) if *len > 0 => {
            let last_places = last_places(nodes, flawed_keys);
            let mut separator = b'{';
            for (place, (key, value)) in members(nodes).enumerate() {
                // Step over `{` or `,`, then the key, then `:`.
                let key_from = at + 1;
                at = skip_string(compact, key_from + 1) + 1;
                if last_places.get(key) == Some(&place) || flawed_keys.have(key) {
                    kept.push(separator);
                    separator = b',';
                    kept.extend_from_slice(bytes_at(compact, key_from..at));
                    at = append_last_wins(value, compact, at, flawed_keys, kept);
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
                at = append_last_wins(items, compact, at + 1, flawed_keys, kept);
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
