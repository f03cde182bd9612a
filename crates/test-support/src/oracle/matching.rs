//! Section 9, read slowly: whether a stored value matches a looked-up one, and as what.
//!
//! In: two values. Out: the level at which they meet. There are no candidates, no keys and no filters: every stored value
//! is held against every object.

use std::net::IpAddr;

use super::{
    addresses, names,
    reading::Reading,
    value::{Host, Url, Value},
};

/// A looked-up value, and what stored values are held against.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    value: Value,
    /// The address that it is, or that its host is.
    address: Option<IpAddr>,
    full_name: Option<String>,
    parents: Vec<String>,
    /// Its path. A mask that is looked up is read as a path with a segment `*`.
    path: String,
}

impl Object {
    pub(crate) fn new(Reading { value, full_name }: Reading) -> Self {
        let address = match &value {
            Value::Address(address) | Value::Url(Url { host: Host::Address(address), .. }) => Some(*address),
            _ => None,
        };
        let path = match &value {
            Value::Url(url) if url.has_paths_below => format!("{}/*", url.path),
            Value::Url(url) => url.path.clone(),
            _ => String::new(),
        };
        let parents = full_name.as_deref().map_or_else(Vec::new, names::parents);
        Self { value, address, full_name, parents, path }
    }

    /// What it is.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }
}

/// How a stored value matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    Full,
    WithoutQuery,
    PathsBelow,
    Host,
    Network,
    BelowHost,
    Parent,
}

impl Level {
    /// The word with which it is told that a value matches so.
    pub(crate) fn word(self, stored: &Value) -> &'static str {
        match self {
            Self::Full => "exact",
            // Without a path there is nothing but the host.
            Self::WithoutQuery if matches!(stored, Value::Url(url) if url.is_host_alone()) => "host",
            Self::WithoutQuery => "without-query",
            Self::PathsBelow => "prefix-mask",
            Self::Host => "host",
            Self::Network => "cidr",
            Self::BelowHost => "mask",
            Self::Parent => "parent-domain",
        }
    }

    /// Whether a false positive of this level silences the object.
    pub(crate) fn silences(self) -> bool {
        self != Self::Parent
    }
}

/// Holds a stored value against an object.
pub(crate) fn level(stored: &Value, object: &Object) -> Option<Level> {
    if *stored == object.value {
        return Some(Level::Full);
    }
    match (stored, &object.value) {
        (Value::Address(stored), _) => (Some(*stored) == object.address).then_some(Level::Host),
        (Value::Network(first, bits), Value::Network(inner, inner_bits)) => {
            (bits < inner_bits && holds(*first, *bits, *inner)).then_some(Level::Network)
        }
        (Value::Network(first, bits), _) => {
            object.address.filter(|address| holds(*first, *bits, *address)).map(|_| Level::Network)
        }
        (Value::Url(stored), Value::Url(url)) => level_of_url(stored, url, object),
        _ => None,
    }
}

fn holds(first: IpAddr, bits: u32, address: IpAddr) -> bool {
    first.is_ipv4() == address.is_ipv4() && addresses::first_of(address, bits) == first
}

fn level_of_url(stored: &Url, url: &Url, object: &Object) -> Option<Level> {
    if stored.host == url.host && stored.is_below_host == url.is_below_host {
        return level_on_host(stored, url, object);
    }
    let (Host::Name(scope), Some(name)) = (&stored.host, &object.full_name) else { return None };
    if stored.is_below_host {
        let level = names::is_below(name, scope).then(|| level_on_host(stored, url, object));
        return level.flatten().map(|_| Level::BelowHost);
    }
    (stored.is_host_alone() && object.parents.contains(scope)).then_some(Level::Parent)
}

/// As what the rest of a URL matches that of another one, the host being settled.
fn level_on_host(stored: &Url, url: &Url, object: &Object) -> Option<Level> {
    if stored.has_paths_below {
        let rest = object.path.strip_prefix(&stored.path)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(Level::PathsBelow)
    } else if stored.query.is_some() {
        (stored.path == object.path && stored.query == url.query).then_some(Level::Full)
    } else if stored.path == object.path.trim_end_matches('/') {
        Some(Level::WithoutQuery)
    } else {
        stored.is_host_alone().then_some(Level::Host)
    }
}
