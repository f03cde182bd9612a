//! Which stored indicators a looked-up value can match.
//!
//! In: the key of a looked-up value, and how many `www.` were cut off its host. Out: the keys to probe, most specific
//! first, no key twice. A URL is tried in full, then without its query, then by each prefix mask of its path, then by its
//! host alone, then by each parent domain down to the registrable domain of the Public Suffix List; just before each
//! parent come the masks `*.parent`, in full, without the query, by the prefix masks of the path and alone, down to where
//! registries begin. A host that is an address is tried as the address, and an address by every network that holds it,
//! the longest prefix first; of which lengths there are networks is for the store to say. All keys of one name lie in one
//! group ([`group_of`]), so that a single question can show that none is stored, and another one that none of those that
//! are stored is a prefix mask ([`prefix_marks`]).
//!
//! Whether a key is stored, unexpired and of an enabled supplier is the store's knowledge. Where the contract is
//! silent: a mask has the path of the looked-up URL, its beginnings or none; a host that is itself a public suffix has
//! no parents; a looked-up network is tried by the wider ones that hold it.

use crate::limits;

use super::{
    ends::{self, PREFIX_MASK_END},
    key::{self, KeyView},
    network::Network,
    suffix,
};

/// How far a lookup reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MatchScope {
    /// The value itself and nothing else.
    Exact,
    /// Every level: without the query, the host, its parent domains, the masks.
    Levels,
}

/// By what an indicator matches a looked-up value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MatchedBy {
    /// It is the value.
    Exact,
    /// It is the value without its query.
    WithoutQuery,
    /// It is a prefix mask of the value's path, on the value's host.
    PrefixMask,
    /// It is the host of the value, a name or an address.
    Host,
    /// It is a mask of the value's host, with or without a path or a prefix mask of it.
    Mask,
    /// It is a parent domain of the value's host.
    ParentDomain,
    /// It is a network that holds the value, or its host.
    Cidr,
}

impl MatchedBy {
    /// All of them, most specific first as far as that can be said.
    pub const ALL: [Self; 7] = [
        Self::Exact,
        Self::WithoutQuery,
        Self::PrefixMask,
        Self::Host,
        Self::Mask,
        Self::ParentDomain,
        Self::Cidr,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::WithoutQuery => "without-query",
            Self::PrefixMask => "prefix-mask",
            Self::Host => "host",
            Self::Mask => "mask",
            Self::ParentDomain => "parent-domain",
            Self::Cidr => "cidr",
        }
    }

    /// Whether the indicator names the value: as itself, by a mask or by a network. Parent domains do not.
    pub fn names_value(self) -> bool {
        self != Self::ParentDomain
    }
}

/// A key to probe.
#[derive(Clone, Copy, Debug)]
pub struct CandidateKey<'k> {
    /// The key.
    pub key: &'k [u8],
    /// By what an indicator with this key matches.
    pub by: MatchedBy,
}

/// Hands out keys, each made in the place of the one before: those of a single value may come to tens of mebibytes.
struct Walk<'w, M, V> {
    key: &'w mut Vec<u8>,
    may_have_prefix_masks: M,
    visit: V,
}

impl<M, V, E> Walk<'_, M, V>
where
    M: FnMut(&[u8]) -> bool,
    V: FnMut(CandidateKey<'_>) -> Result<(), E>,
{
    /// Hands out the key that was made.
    fn end_key(&mut self, by: MatchedBy) -> Result<(), E> {
        (self.visit)(CandidateKey { key: self.key, by })
    }

    /// Hands out the key of a URL: what its key begins with up to the host's end, and the rest.
    fn visit_url(&mut self, level: &Level<'_>, rest: &str, by: MatchedBy) -> Result<(), E> {
        level.begin(self.key);
        self.key.extend_from_slice(rest.as_bytes());
        self.end_key(level.by(by))
    }

    /// Hands out every level of a URL. `a.b.example.com/x?q`, its host in key form, gives
    ///
    /// 1. `a.b.example.com/x?q`, `a.b.example.com/x`, `a.b.example.com/x/*`, `a.b.example.com`;
    /// 2. `*.b.example.com/x?q`, `*.b.example.com/x`, `*.b.example.com/x/*`, `*.b.example.com`, `b.example.com`;
    /// 3. the same of `example.com`, which is where names are registered.
    ///
    /// `www.example.com` is `example.com`, and `*.example.com` is a mask of it. `a.duckdns.org` has the mask
    /// `*.duckdns.org` and no parent, because others register names there.
    fn visit_levels(&mut self, host: &str, www_labels: usize, tail: &Tail<'_>) -> Result<(), E> {
        self.visit_level(&Level::host(host), tail)?;
        if let Some(address) = key::host_address(host) {
            self.key.clear();
            key::append_address(address, self.key);
            return self.end_key(MatchedBy::Host);
        }
        let by = if tail.rest.is_empty() { MatchedBy::Exact } else { MatchedBy::Host };
        self.visit_url(&Level::host(host), "", by)?;
        let labels = host.strip_suffix('.').unwrap_or(host);
        // A name of two labels has no parent, and a mask of it matches it only with `www.` before it.
        if www_labels == 0 && labels.bytes().filter(|byte| *byte == b'.').count() < 2 {
            return Ok(());
        }
        for www_labels in (0..www_labels.min(www_labels_max(host))).rev() {
            // `*.co.uk` is not a mask, `*.www.co.uk` is one, and `*.www.kawasaki.jp` is not: its names are suffixes.
            if !suffix::is_wide_mask(labels, www_labels) {
                self.visit_mask(&Level::mask(host, www_labels), tail)?;
            }
        }
        self.visit_parents(host, labels, tail)
    }

    /// Hands out the masks of the parents of a host, and the parents.
    fn visit_parents(&mut self, host: &str, labels: &str, tail: &Tail<'_>) -> Result<(), E> {
        let suffixes = suffix::suffixes_of(labels);
        for (dot, _) in labels.rmatch_indices('.') {
            // In key form a parent is a prefix.
            let ((parent, below), labels) = (host.split_at(dot + 1), labels.split_at(dot).0);
            // The looked-up value may be a mask itself, and was handed out as the host then.
            if below != "*." && suffix::has_masks(labels, suffixes) {
                self.visit_mask(&Level::mask(parent, 0), tail)?;
            }
            // A parent `www.example.com` is stored as `example.com`, which comes as well.
            let is_www = labels.strip_suffix(".www").is_some_and(|above| above.contains('.'));
            if suffixes.whole < dot && !is_www {
                self.visit_url(&Level::host(parent), "", MatchedBy::ParentDomain)?;
            }
        }
        Ok(())
    }

    /// Hands out the keys of a mask.
    fn visit_mask(&mut self, level: &Level<'_>, tail: &Tail<'_>) -> Result<(), E> {
        self.visit_level(level, tail)?;
        self.visit_url(level, "", MatchedBy::Mask)
    }

    /// Hands out the keys of a level with all that a URL has behind its host, and without anything behind it.
    fn visit_level(&mut self, level: &Level<'_>, tail: &Tail<'_>) -> Result<(), E> {
        if !tail.rest.is_empty() {
            self.visit_url(level, tail.rest, MatchedBy::Exact)?;
        }
        if tail.has_query && !tail.path.is_empty() && tail.path != PREFIX_MASK_END {
            level.begin(self.key);
            ends::append_path(tail.path, self.key);
            // What a prefix mask looks like is stored as one.
            let is_mask = tail.path.ends_with(PREFIX_MASK_END);
            self.end_key(level.by(if is_mask { MatchedBy::PrefixMask } else { MatchedBy::WithoutQuery }))?;
        }
        if tail.may_have_prefix_masks {
            level.begin(self.key);
            if (self.may_have_prefix_masks)(self.key) {
                self.visit_prefix_masks(level, tail.path)?;
            }
        }
        Ok(())
    }

    /// Hands out the prefix masks of a path, `/a/b`: `/a/b/*` and `/a/*`.
    fn visit_prefix_masks(&mut self, level: &Level<'_>, path: &str) -> Result<(), E> {
        let mut segments = path.bytes().filter(|byte| *byte == b'/').count();
        let mut prefix = path;
        while 0 < segments {
            // The looked-up value may be a prefix mask itself, and was handed out in full then.
            if segments <= limits::PREFIX_MASK_SEGMENTS_MAX
                && path.strip_suffix(PREFIX_MASK_END) != Some(prefix)
            {
                level.begin(self.key);
                if prefix.len() == path.len() {
                    ends::append_prefix_mask_of(path, self.key);
                } else {
                    ends::append_prefix_mask(prefix, self.key);
                }
                self.end_key(level.by(MatchedBy::PrefixMask))?;
            }
            prefix = prefix.rsplit_once('/').map_or("", |(shorter, _)| shorter);
            segments -= 1;
        }
        Ok(())
    }
}

/// A host, or a mask of one.
#[derive(Clone, Copy)]
struct Level<'a> {
    /// The host in key form.
    host: &'a str,
    /// How many `www.` come before it.
    www_labels: usize,
    /// `*.` if it is a mask.
    mask: &'static str,
}

impl<'a> Level<'a> {
    fn host(host: &'a str) -> Self {
        Self { host, www_labels: 0, mask: "" }
    }

    fn mask(host: &'a str, www_labels: usize) -> Self {
        Self { host, www_labels, mask: "*." }
    }

    /// By what a key of the level matches, if that of its host matches by `by`.
    fn by(&self, by: MatchedBy) -> MatchedBy {
        if self.mask.is_empty() { by } else { MatchedBy::Mask }
    }

    /// Makes a key be what all keys of the level begin with.
    fn begin(&self, key: &mut Vec<u8>) {
        key.clear();
        key.push(key::URL);
        key.extend_from_slice(self.host.as_bytes());
        for _ in 0..self.www_labels {
            key.extend_from_slice(b"www.");
        }
        key.extend_from_slice(self.mask.as_bytes());
    }
}

/// What a looked-up URL has behind its host.
struct Tail<'a> {
    /// Path and query as they stand in the key.
    rest: &'a str,
    /// The path without a trailing slash; a stored URL without a query has none.
    path: &'a str,
    has_query: bool,
    /// Whether there may be any prefix masks near its host.
    may_have_prefix_masks: bool,
}

/// Hands out the keys to probe for a looked-up value whose own key is `value`, and whose host had so many `www.` more:
/// most specific first, no key twice, each made in `key`. Ends early with the error of `visit`.
///
/// `may_have_prefix_masks` says whether a prefix mask may be stored whose key has a [mark](prefix_marks). It is asked
/// once for a value with a path, and if it agrees once for each host and mask.
///
/// Costs at most four short copies for each label of the host, and a walk through the Public Suffix List; for each host
/// and mask that has prefix masks, one more copy for each segment of the path.
///
/// # Errors
///
/// Those of `visit`.
pub fn candidate_keys<E>(
    value: &[u8],
    www_labels: u8,
    scope: MatchScope,
    mut may_have_prefix_masks: impl FnMut(&[u8]) -> bool,
    key: &mut Vec<u8>,
    mut visit: impl FnMut(CandidateKey<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match KeyView::read(value) {
        Some(KeyView::Url { host, rest }) if scope == MatchScope::Levels => {
            let (path, query) =
                rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
            let path = path.strip_suffix('/').unwrap_or(path);
            let may_have_prefix_masks_near =
                !path.is_empty() && near_host(value).is_some_and(&mut may_have_prefix_masks);
            let tail = Tail {
                rest,
                path,
                has_query: query.is_some(),
                may_have_prefix_masks: may_have_prefix_masks_near,
            };
            Walk { key, may_have_prefix_masks, visit }.visit_levels(host, www_labels.into(), &tail)
        }
        _ => visit(CandidateKey { key: value, by: MatchedBy::Exact }),
    }
}

/// Hands out, each made in `key`, the networks of some lengths that hold an address or network: bit `n` of `lengths` is
/// length `n`. Whatever holds a value names it.
///
/// # Errors
///
/// Those of `visit`.
pub fn network_keys<E>(
    held: Network,
    lengths: u128,
    key: &mut Vec<u8>,
    mut visit: impl FnMut(CandidateKey<'_>) -> Result<(), E>,
) -> Result<(), E> {
    for network in held.holders(lengths) {
        key.clear();
        key::append_network(network, key);
        visit(CandidateKey { key, by: MatchedBy::Cidr })?;
    }
    Ok(())
}

/// Where the keys of networks begin, in the order of keys: they come last.
pub const FIRST_NETWORK_KEY: &[u8] = &[key::IPV4_NETWORK];

/// Returns true if a key is that of a URL.
pub fn is_url(key: &[u8]) -> bool {
    key.first() == Some(&key::URL)
}

/// The host of a URL's key, in key form with its last dot, and what stands behind it. `None` for a key of any other kind.
pub fn url_parts(key: &[u8]) -> Option<(&str, &str)> {
    match KeyView::read(key)? {
        KeyView::Url { host, rest } => Some((host, rest)),
        KeyView::Hash(..) | KeyView::Address(_) | KeyView::Network(_) => None,
    }
}

/// Returns true if a host in key form, or what a mask of it is of, is a public suffix, or if every name below it is one: anybody can
/// register names below it.
pub fn is_public_suffix(host: &str) -> bool {
    let labels = host.strip_suffix("*.").unwrap_or(host);
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    labels.len() <= suffix::suffixes_of(labels).whole || suffix::has_suffixes_below(labels)
}

/// Returns true if a lookup of a host goes up to `above`, both in key form and the first below the second, or below what a mask of
/// the second is of: no public suffix lies between them.
pub fn reaches(host: &str, above: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let suffixes = suffix::suffixes_of(labels);
    match above.strip_suffix("*.") {
        // Registries end masks, companies do not.
        Some(masked) => suffixes.icann + 1 < masked.len(),
        None => suffixes.whole + 1 < above.len(),
    }
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

/// What the filters are to have beside the key of a prefix mask: the beginnings of the key by which
/// [`candidate_keys`] asks whether there are any. `None` for every other key.
pub fn prefix_marks(key: &[u8]) -> Option<[&[u8]; 2]> {
    // Nearly every key is told by its last bytes.
    if !key.ends_with(PREFIX_MASK_END.as_bytes()) {
        return None;
    }
    let (&key::URL, payload) = key.split_first()? else { return None };
    let host_bytes = payload.iter().position(|byte| *byte == b'/')?;
    if payload.contains(&b'?') {
        return None;
    }
    Some([near_host(key)?, key.get(..1 + host_bytes)?])
}

/// The group of a URL, or in its place the kind and the first label of a host that is an address.
fn near_host(key: &[u8]) -> Option<&[u8]> {
    if let Some(group) = group_of(key) {
        return Some(group);
    }
    let (&key::URL, payload) = key.split_first()? else { return None };
    let first = payload.iter().position(|byte| *byte == b'.')?;
    key.get(..1 + first + 1)
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

/// How many masks with `www.` of a host are short enough to be stored.
fn www_labels_max(host: &str) -> usize {
    let left = (limits::HOST_BYTES_MAX + 1).checked_sub(host.len() + "*.".len());
    left.map_or(0, |left| left / "www.".len() + 1)
}

#[cfg(test)]
mod tests;
