//! Which stored indicators a looked-up value can match.
//!
//! In: the key of a looked-up value. Out: the keys to probe, most specific first, no key twice. A URL is tried in
//! full, then without its query, then by its host alone, then by each parent domain down to the registrable domain
//! of the Public Suffix List; just before each parent come the masks `*.parent`, in full, without the query and
//! alone. A host that is an address is tried as the address, and an address by every network that holds it, the
//! longest prefix first; of which lengths there are networks is for the store to say. All keys of one name lie in one group ([`group_of`]),
//! so that a single question can show that none is stored.
//!
//! Whether a key is stored, unexpired and of an enabled supplier is the store's knowledge. Where the contract is
//! silent: a mask has the path of the looked-up URL or none; a host that is itself a public suffix has no parents;
//! a mask of a public suffix matches nothing but itself; a looked-up network is tried by the wider ones that hold it.

use psl::Psl as _;

use crate::ranges::bytes_at;

use super::{
    key::{self, KeyView},
    network::Network,
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

    /// Returns true if there is no key.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many of the keys, from the first on, are the value itself: in full, without its query, by its host
    /// alone, by the networks that hold it. Masks and parents come after them.
    pub fn own_count(&self) -> usize {
        self.own_count
    }

    /// The keys, most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let key = bytes_at(&self.bytes, start..*end);
            start = *end;
            key
        })
    }

    /// Adds the key of a URL: a host in key form, `*.` after it if it is a mask, and the rest.
    fn push_url(&mut self, host: &str, mask: &str, rest: &str) {
        self.bytes.push(key::URL);
        for part in [host, mask, rest] {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.end_key();
    }

    /// Adds the keys of a host, or of a mask, with each of `rests` that is not empty.
    fn push_urls(&mut self, host: &str, mask: &str, rests: [&str; 2]) {
        for rest in rests {
            if !rest.is_empty() {
                self.push_url(host, mask, rest);
            }
        }
    }

    /// Adds the networks of some lengths that hold an address or network: bit `n` of `lengths` is length `n`. A network
    /// that is on the list of false positives suppresses whatever it holds, so they count among the value itself.
    pub fn push_networks(&mut self, held: Network, lengths: u128) {
        for network in held.holders(lengths) {
            key::append_network(network, &mut self.bytes);
            self.end_key();
        }
        self.own_count = self.len();
    }

    /// Makes a key of the bytes that were added.
    fn end_key(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// Replaces `candidates` by the keys to probe for a looked-up value whose own key is `key`.
///
/// Costs at most four short copies for each label of the host, and a walk through the Public Suffix List.
pub fn candidate_keys(key: &[u8], scope: MatchScope, candidates: &mut CandidateKeys) {
    candidates.clear();
    match KeyView::read(key) {
        Some(KeyView::Url { host, rest }) if scope == MatchScope::Levels => {
            push_levels(host, rest, candidates);
        }
        _ => {
            candidates.bytes.extend_from_slice(key);
            candidates.end_key();
            candidates.own_count = 1;
        }
    }
}

/// Where the keys of networks begin, in the order of keys: they come last.
pub const FIRST_NETWORK_KEY: &[u8] = &[key::IPV4_NETWORK];

/// Returns true if a key is that of a URL.
pub fn is_url(key: &[u8]) -> bool {
    key.first() == Some(&key::URL)
}

/// What networks can hold of a value with this key: the address or network that it is, or the address that is the host
/// of a URL. `None` for all else.
pub fn address_or_network(key: &[u8]) -> Option<Network> {
    match KeyView::read(key)? {
        KeyView::Address(address) => Some(Network::of_address(address)),
        KeyView::Network(network) => Some(network),
        KeyView::Url { host, .. } => key::host_address(host).map(Network::of_address),
        KeyView::Hash(..) => None,
    }
}

/// The beginning of a URL's key that all its candidates share: the kind and the first two labels of a named host.
///
/// `None` for what has no such beginning: a hash, an address, a host that is an address or has one label. Two labels
/// are what the shortest registrable domain has, so no parent and no mask lies outside; where a public suffix has
/// more of them, the group is wider than it need be.
pub fn group_of(key: &[u8]) -> Option<&[u8]> {
    let (&key::URL, payload) = key.split_first()? else { return None };
    let first = label_bytes(payload)?;
    let (top_level, after) = payload.split_at_checked(first)?;
    let second = label_bytes(after.get(1..)?)?;
    // The top-level label of a name never begins with a bracket and is never a number.
    if top_level.starts_with(b"[") || top_level.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The kind byte, and a dot after each label.
    key.get(..1 + first + 1 + second + 1)
}

/// The length of the label that `host` begins with; `None` when it is empty or the host ends before its dot.
fn label_bytes(host: &[u8]) -> Option<usize> {
    let end = host.iter().position(|byte| matches!(byte, b'.' | b'/'))?;
    if 0 < end && host.get(end) == Some(&b'.') { Some(end) } else { None }
}

/// Adds every level of a URL. `a.b.example.com/x?q`, its host in key form, gives
///
/// 1. `a.b.example.com/x?q`, `a.b.example.com/x`, `a.b.example.com`;
/// 2. `*.b.example.com/x?q`, `*.b.example.com/x`, `*.b.example.com`, `b.example.com`;
/// 3. the same of `example.com`, which is where names are registered.
fn push_levels(host: &str, rest: &str, candidates: &mut CandidateKeys) {
    // A stored URL without a query has no trailing slash.
    let without_query = match rest.split_once('?') {
        Some((path, _query)) => path.strip_suffix('/').unwrap_or(path),
        None => "",
    };
    let rests = [rest, without_query];
    candidates.push_urls(host, "", rests);
    if let Some(address) = key::host_address(host) {
        key::append_address(address, &mut candidates.bytes);
        candidates.end_key();
        candidates.own_count = candidates.len();
        return;
    }
    candidates.push_url(host, "", "");
    candidates.own_count = candidates.len();
    let labels = host.strip_suffix('.').unwrap_or(host);
    let suffix_bytes = suffix_bytes(labels);
    for (dot, _) in labels.rmatch_indices('.') {
        if dot <= suffix_bytes {
            break;
        }
        // In key form a parent is a prefix.
        let (parent, below) = host.split_at(dot + 1);
        // The looked-up value may be a mask itself, and was added as the host then.
        if below != "*." {
            candidates.push_urls(parent, "*.", rests);
            candidates.push_url(parent, "*.", "");
        }
        candidates.push_url(parent, "", "");
    }
}

/// The length of the public suffix of a host in key form, without its last dot. One of one or two labels counts as a
/// whole, because it has no parent.
fn suffix_bytes(labels: &str) -> usize {
    match labels.bytes().filter(|byte| *byte == b'.').count() {
        0 | 1 => labels.len(),
        _ => psl::List.find(labels.as_bytes().split(|byte| *byte == b'.')).len,
    }
}

#[cfg(test)]
mod tests;
