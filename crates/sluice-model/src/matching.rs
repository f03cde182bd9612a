//! Which stored indicators a looked-up value can match.
//!
//! In: a value as a client sent it. Out: the keys to probe, most specific first, no key twice. A URL is tried in
//! full, then without its query, then by its host alone, then by each parent domain down to the registrable domain
//! of the Public Suffix List; just before each parent come the masks `*.parent`, in full, without the query and
//! alone. A host that is an address is tried as the address.
//!
//! Whether a key is stored, unexpired and of an enabled supplier is the store's knowledge. Where the contract is
//! silent: a mask has the path of the looked-up URL or none; a host that is itself a public suffix has no parents;
//! a mask of a public suffix matches nothing but itself.

use psl::Psl as _;

use crate::{
    indicator::IndicatorKind,
    key::{self, KeyView},
    normalize::recognize_into,
};

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
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
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

/// Replaces `candidates` by the keys to probe for a looked-up value and tells the value's kind.
///
/// `None`, and no candidates, for a value of no known kind. Costs one normalisation and at most four short copies
/// for each label of the host.
pub fn candidate_keys(
    text: &str,
    scope: MatchScope,
    candidates: &mut CandidateKeys,
) -> Option<IndicatorKind> {
    candidates.clear();
    let mut key = Vec::with_capacity(text.len() + key::URL_KEY_OVERHEAD_BYTES);
    let kind = recognize_into(text, &mut key).ok()?;
    match KeyView::read(&key) {
        Some(KeyView::Url { host, rest }) if scope == MatchScope::Levels => {
            push_url(host, rest, candidates);
        }
        _ => candidates.push(&[&key]),
    }
    Some(kind)
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
        let mut address_key = Vec::with_capacity(1 + 16);
        key::append_address(address, &mut address_key);
        candidates.push(&[&address_key]);
        return;
    }
    candidates.push(&[&[key::URL], host.as_bytes()]);
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
    // The suffix, its dot, and the label before it, which is what is registered.
    let suffix_bytes = psl::List.find(labels.as_bytes().split(|byte| *byte == b'.')).len;
    labels
        .rmatch_indices('.')
        .take_while(move |(dot, _)| suffix_bytes < *dot)
        .filter_map(|(dot, _)| host.get(..=dot))
}

#[cfg(test)]
mod tests;
