//! JSON text as sent to JSON text as kept.
//!
//! In: text that the scanner or the parser has accepted, and for repeated keys the tape that the parser made of it. Out: the same value without white space
//! outside its strings, and, if a key repeats within an object, with the last of them only. Strings and numbers
//! are copied byte by byte, so an integer of forty digits, `1.0` and `\u00e9` stay what they were.
//!
//! On text that is not JSON the result is meaningless, but nothing panics. Pure.

use std::collections::HashMap;

use memchr::memchr2;
use simd_json::Node;

use crate::parse::node_count;

/// Keys of an object up to which comparing each with each is cheaper than hashing, and the object is ordinary.
pub(crate) const KEYS_COMPARED_MAX: usize = 16;

/// Tells the offset after the white space at `at`.
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Tells the offset after the string whose opening quote lies just before `at`.
pub(crate) fn skip_string(text: &[u8], mut at: usize) -> usize {
    while let Some(rest) = text.get(at..) {
        match memchr2(b'"', b'\\', rest) {
            None => break,
            Some(found) if rest.get(found) == Some(&b'"') => return at + found + 1,
            Some(found) => at += found + 2,
        }
    }
    text.len()
}

/// Tells the offset after the digits at `at`.
pub(crate) fn skip_digits(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

/// Tells the offset after the object that begins at `at`, by its brackets and strings alone, as the splitter does.
pub(crate) fn skip_element(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = skip_string(text, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    at
}

/// Appends the value that begins at `at` to `compact`, without white space; tells the offset after it.
pub(crate) fn append_compact(text: &[u8], at: usize, compact: &mut Vec<u8>) -> usize {
    let mut at = skip_space(text, at);
    let mut depth = 0_usize;
    // Everything from here to `at` is still to be copied.
    let mut from = at;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = skip_string(text, at + 1),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                compact.extend_from_slice(text.get(from..at).unwrap_or_default());
                at = skip_space(text, at);
                from = at;
                continue;
            }
            b',' | b':' => {
                at += 1;
                continue;
            }
            _ => at = skip_scalar(text, at),
        }
        if depth == 0 {
            break;
        }
    }
    compact.extend_from_slice(text.get(from..at).unwrap_or_default());
    at
}

fn skip_scalar(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b']' | b'}');
    at + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// Tells whether an object at any depth of a value has the same key twice. `nodes` begins with the value.
pub(crate) fn repeats_keys(nodes: &[Node<'_>]) -> bool {
    let count = nodes.first().map_or(0, node_count);
    let subtree = nodes.get(..count).unwrap_or_default();
    subtree.iter().enumerate().any(|(at, node)| match node {
        Node::Object { len, .. } if *len > 1 => {
            object_repeats_keys(*len, subtree.get(at + 1..).unwrap_or_default())
        }
        _ => false,
    })
}

fn object_repeats_keys(count: usize, members: &[Node<'_>]) -> bool {
    if count > KEYS_COMPARED_MAX {
        return last_places(count, members).len() < count;
    }
    let mut seen = [""; KEYS_COMPARED_MAX];
    for (place, (key, _)) in Members::new(count, members).enumerate() {
        if seen.iter().take(place).any(|other| *other == key) {
            return true;
        }
        if let Some(slot) = seen.get_mut(place) {
            *slot = key;
        }
    }
    false
}

/// For each key the place of its last member.
fn last_places<'a>(count: usize, members: &[Node<'a>]) -> HashMap<&'a str, usize> {
    Members::new(count, members).enumerate().map(|(place, (key, _))| (key, place)).collect()
}

/// The members of an object: key, and the nodes from the value on.
pub(crate) struct Members<'t, 'a> {
    left_count: usize,
    nodes: &'t [Node<'a>],
}

impl<'t, 'a> Members<'t, 'a> {
    /// `nodes` begins with the first key.
    pub(crate) fn new(count: usize, nodes: &'t [Node<'a>]) -> Self {
        Self { left_count: count, nodes }
    }
}

impl<'t, 'a> Iterator for Members<'t, 'a> {
    type Item = (&'a str, &'t [Node<'a>]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left_count = self.left_count.checked_sub(1)?;
        let (Node::String(key), value) = self.nodes.split_first()? else { return None };
        self.nodes = value.get(node_count(value.first()?)..)?;
        Some((key, value))
    }
}

/// Appends a compact value to `kept`, of repeated keys the last member only.
///
/// `compact` is the output of [`append_compact`]; `nodes` begins with the same value. Recursion is as deep as
/// the value, which the splitter has bounded.
pub(crate) fn append_last_wins(nodes: &[Node<'_>], compact: &[u8], kept: &mut Vec<u8>) {
    LastWins { text: compact, at: 0 }.value(nodes, kept);
}

struct LastWins<'a> {
    text: &'a [u8],
    at: usize,
}

impl LastWins<'_> {
    fn value(&mut self, nodes: &[Node<'_>], kept: &mut Vec<u8>) {
        match nodes.split_first() {
            Some((Node::Object { len, .. }, members)) if *len > 0 => self.object(*len, members, kept),
            Some((Node::Array { len, .. }, items)) if *len > 0 => self.array(*len, items, kept),
            _ => self.at = append_compact(self.text, self.at, kept),
        }
    }

    fn object(&mut self, count: usize, members: &[Node<'_>], kept: &mut Vec<u8>) {
        let last_places = last_places(count, members);
        kept.push(b'{');
        let first = kept.len();
        for (place, (key, value)) in Members::new(count, members).enumerate() {
            // Step over `{` or `,`, then the key, then `:`.
            let key_from = self.at + 1;
            self.at = skip_string(self.text, key_from + 1) + 1;
            if last_places.get(key) == Some(&place) {
                if kept.len() > first {
                    kept.push(b',');
                }
                kept.extend_from_slice(self.text.get(key_from..self.at).unwrap_or_default());
                self.value(value, kept);
            } else {
                self.at = append_compact(self.text, self.at, &mut Vec::new());
            }
        }
        self.at += 1;
        kept.push(b'}');
    }

    fn array(&mut self, count: usize, mut items: &[Node<'_>], kept: &mut Vec<u8>) {
        kept.push(b'[');
        for place in 0..count {
            if place > 0 {
                kept.push(b',');
            }
            self.at += 1;
            self.value(items, kept);
            items = items.first().and_then(|item| items.get(node_count(item)..)).unwrap_or_default();
        }
        self.at += 1;
        kept.push(b']');
    }
}

#[cfg(test)]
mod tests;
