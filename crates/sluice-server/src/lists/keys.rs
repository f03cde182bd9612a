//! Keys of indicators in order, close together, each with its rank and what the others mean for it.
//!
//! In: keys, ascending. Out: the same by place, and questions that need their order. Hosts stand in keys with their labels reversed, so what is below a
//! name follows it, and begins with it.

use std::num::TryFromIntError;

use sluice_model::matching;

use super::addresses::Rank;

#[cfg(test)]
mod tests;

/// What the label of a mask is in a key.
const MASK: &[u8] = b"*.";

/// Keys in order.
#[derive(Default)]
pub(super) struct KeyList {
    bytes: Vec<u8>,
    entries: Vec<KeyEntry>,
}

/// A key of a list.
#[derive(Clone, Copy)]
struct KeyEntry {
    start: u32,
    end: u32,
    rank: Rank,
    /// The highest rank of what it covers, itself included.
    worth: Rank,
    /// Bits of [`Covering`], and [`HAS_EXCEPTIONS`].
    marks: u8,
}

/// The bit of names below which something is allowed.
const HAS_EXCEPTIONS: u8 = 1 << 7;

/// What a consumer takes as covering others: it need not be told these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Covering {
    /// Names and masks; what is allowed below them is told apart.
    All = 1,
    /// Names; what is allowed below them is told apart.
    Names = 2,
    /// Names below which nothing is allowed.
    Clean = 4,
}

impl Covering {
    const EACH: [Self; 3] = [Self::All, Self::Names, Self::Clean];

    /// Whether a name covers what is below it.
    fn counts(self, is_mask: bool, has_exceptions: bool) -> bool {
        match self {
            Self::All => true,
            Self::Names => !is_mask,
            Self::Clean => !is_mask && !has_exceptions,
        }
    }
}

impl KeyList {
    /// Appends a key that is behind all others.
    ///
    /// # Errors
    ///
    /// There are more bytes than places have numbers.
    pub(super) fn push(&mut self, key: &[u8], rank: Rank) -> Result<(), TryFromIntError> {
        let (start, end) = (u32::try_from(self.bytes.len())?, u32::try_from(self.bytes.len() + key.len())?);
        self.bytes.extend_from_slice(key);
        self.entries.push(KeyEntry { start, end, rank, worth: rank, marks: 0 });
        Ok(())
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<KeyEntry>()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The key at a place; empty if there is none.
    pub(super) fn key(&self, place: usize) -> &[u8] {
        let Some(entry) = self.entries.get(place) else { return &[] };
        self.bytes.get(entry.start as usize..entry.end as usize).unwrap_or(&[])
    }

    /// The rank of the key at a place.
    pub(super) fn rank(&self, place: usize) -> Rank {
        self.entries.get(place).map_or(Rank::default(), |entry| entry.rank)
    }

    /// The highest rank of what the key at a place covers, itself included.
    pub(super) fn worth(&self, place: usize) -> Rank {
        self.entries.get(place).map_or(Rank::default(), |entry| entry.worth)
    }

    /// Whether another key covers the one at a place, for consumers that take it so.
    pub(super) fn is_covered(&self, place: usize, covering: Covering) -> bool {
        self.has_mark(place, covering as u8)
    }

    /// Whether something is allowed below the name at a place.
    pub(super) fn has_exceptions(&self, place: usize) -> bool {
        self.has_mark(place, HAS_EXCEPTIONS)
    }

    fn has_mark(&self, place: usize, mark: u8) -> bool {
        self.entries.get(place).is_some_and(|entry| entry.marks & mark != 0)
    }

    fn mark(&mut self, place: usize, mark: u8) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.marks |= mark;
        }
    }

    /// The first place whose key is not before `key`.
    fn place_of(&self, key: &[u8]) -> usize {
        let mut places = 0..self.len();
        while !places.is_empty() {
            let middle = places.start + places.len() / 2;
            if self.key(middle) < key {
                places.start = middle + 1;
            } else {
                places.end = middle;
            }
        }
        places.start
    }

    /// Whether it has a key.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.place(key).is_some()
    }

    /// Where a key is.
    pub(super) fn place(&self, key: &[u8]) -> Option<usize> {
        let place = self.place_of(key);
        if place < self.len() && self.key(place) == key { Some(place) } else { None }
    }

    /// Places of the keys that begin with these bytes.
    pub(super) fn places_below(&self, beginning: &[u8]) -> impl Iterator<Item = usize> {
        let first = self.place_of(beginning);
        (first..self.len()).take_while(move |place| self.key(*place).starts_with(beginning))
    }

    /// Finds out which names cover others, and below which of them something is allowed.
    pub(super) fn mark_covered(&mut self, allowed_names: &Self) {
        // The names that cover what comes, each below the one before.
        let mut covers: [(Covering, Vec<usize>); 3] = Covering::EACH.map(|covering| (covering, Vec::new()));
        for place in 0..self.len() {
            let key = self.key(place);
            if !is_name(key) {
                continue;
            }
            let (beginning, is_mask) = below(key);
            let has_exceptions = allowed_names.places_below(beginning).next().is_some();
            let rank = self.rank(place);
            if has_exceptions {
                self.mark(place, HAS_EXCEPTIONS);
            }
            for (covering, open) in &mut covers {
                while open.last().is_some_and(|last| !self.key(place).starts_with(below(self.key(*last)).0)) {
                    open.pop();
                }
                // Where nothing below is an exception, what is told beside its cover would say nothing, and Squid warns of it.
                let cover = open.iter().rev().find(|cover| {
                    *covering == Covering::Clean || reaches(self.key(place), self.key(**cover))
                });
                if let Some(cover) = cover.copied() {
                    self.mark(place, *covering as u8);
                    if let Some(cover) = self.entries.get_mut(cover) {
                        cover.worth = cover.worth.max(rank);
                    }
                } else if covering.counts(is_mask, has_exceptions) {
                    open.push(place);
                }
            }
        }
    }
}

/// Whether a lookup of the name of a key goes up to that of another one, below which it is: beyond a public suffix, names are of
/// others.
fn reaches(key: &[u8], above: &[u8]) -> bool {
    match (matching::url_parts(key), matching::url_parts(above)) {
        (Some((host, _)), Some((above, _))) => matching::reaches(host, above),
        _ => false,
    }
}

/// Whether a key is that of a name or a mask of one, without anything behind it.
pub(super) fn is_name(key: &[u8]) -> bool {
    let is_bare = matches!(matching::url_parts(key), Some((_, "")));
    is_bare && matching::address_or_network(key).is_none()
}

/// What the keys of everything begin with that the name of a key covers, and whether it is a mask.
pub(super) fn below(key: &[u8]) -> (&[u8], bool) {
    match key.strip_suffix(MASK) {
        Some(beginning) if beginning.ends_with(b".") => (beginning, true),
        _ => (key, false),
    }
}
