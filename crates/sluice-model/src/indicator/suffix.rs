//! Public suffixes: under which names anybody can register one.
//!
//! In: a host in key form without its last dot, `uk.co.example`. Out: how many of its bytes are a public suffix. The
//! ICANN section of the list has the suffixes of registries (`co.uk`), the private section those of companies that give
//! out names below their own (`duckdns.org`).

use psl::{Psl as _, Type};

/// What masks have at their end in key form.
const MASK_LABEL: &str = "*";

/// Bytes of a host that are a public suffix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suffixes {
    /// By the whole list.
    pub(super) whole: usize,
    /// By its ICANN section alone.
    pub(super) icann: usize,
}

/// The suffixes of a host.
pub(super) fn suffixes_of(labels: &str) -> Suffixes {
    let (whole, mut kind) = find(labels, []);
    let mut icann = whole;
    // What is above a private suffix may be private as well, but ends at one that is not.
    while kind == Some(Type::Private)
        && let Some((above, _)) = labels.get(..icann).and_then(|suffix| suffix.rsplit_once('.'))
    {
        (icann, kind) = find(above, []);
    }
    Suffixes { whole, icann }
}

/// Returns true if a mask `*.host`, or `*.www.host` with so many `www.`, covers a suffix of a registry: what it masks is
/// one, or names below it are.
pub(super) fn is_wide_mask(labels: &str, www_labels: usize) -> bool {
    let www = std::iter::repeat_n("www", www_labels);
    // A label that no rule has but those for every label: `*.kawasaki.jp` is a rule, so a mask of it is all suffixes.
    let (mut icann, kind) = find(labels, www.chain([MASK_LABEL]));
    if kind == Some(Type::Private) {
        icann = suffixes_of(labels.get(..icann).unwrap_or(labels)).icann;
    }
    labels.len() + www_labels * ".www".len() <= icann
}

/// Whether masks of `parent` can be stored, one of the hosts that `host` with these suffixes is below.
pub(super) fn has_masks(parent: &str, suffixes: Suffixes) -> bool {
    // Few suffixes have a name above them that is none, such as `bo.nordland.no`.
    suffixes.icann < parent.len()
        || parent.len() < suffixes.icann && parent.contains('.') && !is_wide_mask(parent, 0)
}

/// Returns true if each name below a host is a public suffix: `kawasaki.jp`.
pub(super) fn has_suffixes_below(labels: &str) -> bool {
    labels.len() < find(labels, [MASK_LABEL]).0
}

fn find<'l>(labels: &'l str, below: impl IntoIterator<Item = &'l str>) -> (usize, Option<Type>) {
    let labels = labels.split('.').chain(below);
    let info = psl::List.find(labels.map(str::as_bytes));
    (info.len, info.typ)
}

#[cfg(test)]
mod tests;
