//! What the parser found in an element: walks its tape.
//!
//! In: nodes of a tape, and the text that it was made of. Out: the members of objects, and of values in which a key
//! repeats within an object their text with the last of each key only. Pure.

use std::collections::HashMap;

use simd_json::Node;

use super::text::{KEYS_COMPARED_MAX, append_compact, skip_string};

/// Tells how many nodes of the tape a value takes, its own included.
pub(crate) fn node_count(node: &Node<'_>) -> usize {
    match node {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
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
