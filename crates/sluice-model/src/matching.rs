//! Which stored indicators a looked-up value can match.
//!
//! In: the key of a looked-up value. Out: the keys to probe, most specific first, no key twice. A URL is tried in
//! full, then without its query, then by its host alone, then by each parent domain down to the registrable domain
//! of the Public Suffix List; just before each parent come the masks `*.parent`, in full, without the query and
//! alone. A host that is an address is tried as the address. All keys of one name lie in one group ([`group_of`]),
//! so that a single question can settle that none is stored.
//!
//! Whether a key is stored, unexpired and of an enabled supplier is the store's knowledge. Where the contract is
//! silent: a mask has the path of the looked-up URL or none; a host that is itself a public suffix has no parents;
//! a mask of a public suffix matches nothing but itself.

use psl::Psl as _;

use crate::key::{self, KeyView};

/// How far a lookup reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MatchScope {
    /// The value itself and nothing else.
    Exact,
    /// Every level: without the query, the host, its parent domains, the masks.
    Levels,
}

/// Keys to probe, in order; meant to be used again and again.
#[derive(Clone, Debug, Default)]
pub struct CandidateKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    own_count: usize,
}

impl CandidateKeys {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the keys and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.own_count = 0;
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many of the keys, from the first on, are the value itself: in full, without its query, by its host
    /// alone. Masks and parents come after them.
    pub fn own_count(&self) -> usize {
        self.own_count
    }

    /// The keys, most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let key = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            key
        })
    }

    fn push(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.ends.push(self.bytes.len());
    }
}

/// Replaces `candidates` by the keys to probe for a looked-up value whose own key is `key`.
///
/// Costs at most four short copies for each label of the host, and a walk through the Public Suffix List.
pub fn candidate_keys(key: &[u8], scope: MatchScope, candidates: &mut CandidateKeys) {
    candidates.clear();
    match KeyView::read(key) {
        Some(KeyView::Url { host, rest }) if scope == MatchScope::Levels => push_url(host, rest, candidates),
        _ => {
            candidates.push(&[key]);
            candidates.own_count = 1;
        }
    }
}

/// The beginning of a URL's key that all its candidates share: the kind and the first two labels of a named host.
///
/// `None` for what has no such beginning: a hash, an address, a host that is an address or has one label. Two labels
/// are what the shortest registrable domain has, so no parent and no mask lies outside; where a public suffix has
/// more of them, the group is wider than it need be.
pub fn group_of(key: &[u8]) -> Option<&[u8]> {
    let (&key::URL, payload) = key.split_first()? else { return None };
    let label_bytes = |from: usize| {
        let label = payload.get(from..)?;
        let end = label.iter().position(|byte| matches!(byte, b'.' | b'/'))?;
        (0 < end && label.get(end) == Some(&b'.')).then_some(end)
    };
    let first = label_bytes(0)?;
    // The top-level label of a name never begins with a bracket and is never a number.
    let is_address = payload.first() == Some(&b'[') || payload.get(..first)?.iter().all(u8::is_ascii_digit);
    let second = label_bytes(first + 1)?;
    // The kind byte, and a dot after each label.
    if is_address { None } else { key.get(..1 + first + 1 + second + 1) }
}

fn push_url(host: &str, rest: &str, candidates: &mut CandidateKeys) {
    let without_query = rest.split_once('?').map_or(rest, |(path, _query)| path);
    // A stored URL without a query has no trailing slash.
    let path = without_query.strip_suffix('/').unwrap_or(without_query);
    let has_query = without_query.len() < rest.len();
    let rests = [Some(rest), Some(path).filter(|path| has_query && !path.is_empty())];
    let rests = || rests.iter().flatten().map(|rest| rest.as_bytes()).filter(|rest| !rest.is_empty());

    for rest in rests() {
        candidates.push(&[&[key::URL], host.as_bytes(), rest]);
    }
    if let Some(address) = key::host_address(host) {
        key::append_address(address, &mut candidates.bytes);
        candidates.push(&[]);
        candidates.own_count = candidates.len();
        return;
    }
    candidates.push(&[&[key::URL], host.as_bytes()]);
    candidates.own_count = candidates.len();
    for parent in parents(host) {
        // The looked-up value may be a mask itself, and has been pushed as the host then.
        if host.strip_prefix(parent) != Some("*.") {
            for rest in rests() {
                candidates.push(&[&[key::URL], parent.as_bytes(), b"*.", rest]);
            }
            candidates.push(&[&[key::URL], parent.as_bytes(), b"*."]);
        }
        candidates.push(&[&[key::URL], parent.as_bytes()]);
    }
}

/// The parent domains of a host, nearest first, down to its registrable domain; hosts are in key form, where a
/// parent is a prefix.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    let labels = host.strip_suffix('.').unwrap_or(host);
    // The suffix, its dot, and the label before it, which is what is registered. Two labels have no parent.
    let suffix_bytes = match labels.bytes().filter(|byte| *byte == b'.').count() {
        0 | 1 => labels.len(),
        _ => psl::List.find(labels.as_bytes().split(|byte| *byte == b'.')).len,
    };
    labels
        .rmatch_indices('.')
        .take_while(move |(dot, _)| suffix_bytes < *dot)
        .filter_map(|(dot, _)| host.get(..=dot))
}

#[cfg(test)]
mod tests;
