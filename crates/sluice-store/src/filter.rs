//! A blocked Bloom filter: answers most misses with one cache line and never denies a key that was added.
//!
//! In: 64-bit hashes of keys. Out: "not here" or "perhaps here". Twelve bits and six probes a key give about
//! one false "perhaps" in a hundred, twenty bits one in a thousand: many slices may be asked for the same key. The
//! words are stored with the run, so the layout is part of the format.
//! Beside each key its group is in it (`sluice_model::matching::group_of`), so that one question answers for
//! all levels of a host; beside the key of a prefix mask its marks are (`sluice_model::matching::prefix_marks`), so that
//! the paths of looked-up URLs are tried only where there are prefix masks.

mod shared;

use sluice_model::matching;

pub(crate) use self::shared::{SharedFilter, SharedFilters};

const BITS_PER_KEY: usize = 12;
const BITS_PER_KEY_OF_SLICES: usize = 20;
const WORDS_PER_BLOCK: usize = 8;
const PROBES: u32 = 6;
/// Keeps the hashes of marks apart from those of groups and keys. Filters are stored, so it is part of the format.
const MARK_SEED: u64 = 0x2a;

/// Hash of a key, as the filter takes it.
pub(crate) fn hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// Hash of a mark, which is the beginning of keys and may be a group as well.
pub(crate) fn hash_mark(mark: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(mark, MARK_SEED)
}

/// Collects the hashes of ascending keys.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    hashes: Vec<u64>,
    last_group: u64,
}

impl Hashes {
    /// Room for so many keys.
    pub(crate) fn with_capacity(keys: usize) -> Self {
        // Feeds name about one group for two keys.
        Self { hashes: Vec::with_capacity(keys + keys / 2), last_group: 0 }
    }

    /// Adds a key, its group and its marks.
    pub(crate) fn push(&mut self, key: &[u8]) {
        self.hashes.push(hash(key));
        if let Some(group) = matching::group_of(key).map(hash)
            && group != self.last_group
        {
            self.last_group = group;
            self.hashes.push(group);
        }
        if let Some(marks) = matching::prefix_marks(key) {
            self.hashes.extend(marks.map(hash_mark));
        }
    }

    /// The filter of all that was added, as parts have it.
    pub(crate) fn build(&self) -> Filter {
        Filter::build(&self.hashes, BITS_PER_KEY)
    }

    /// The filter of all that was added, as slices have it.
    pub(crate) fn build_for_slice(&self) -> Filter {
        Filter::build(&self.hashes, BITS_PER_KEY_OF_SLICES)
    }

    /// What was added.
    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.hashes
    }
}

/// Set of key hashes with a small share of false positives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    words: Box<[u64]>,
}

impl Filter {
    /// Builds the filter of these hashes.
    fn build(hashes: &[u64], bits_per_key: usize) -> Self {
        let mut words = vec![0_u64; words_count(hashes.len(), bits_per_key)].into_boxed_slice();
        for hash in hashes {
            let number = block_number(words.len(), *hash);
            let Some(block) = words.as_chunks_mut::<WORDS_PER_BLOCK>().0.get_mut(number) else { continue };
            for (word, mask) in probes(*hash) {
                if let Some(word) = block.get_mut(word) {
                    *word |= mask;
                }
            }
        }
        Self { words }
    }

    /// Returns true if a key of this hash may have been added.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let Some(block) = block_of(&self.words, hash) else { return true };
        has_all(hash, |word| block.get(word).copied())
    }

    /// Heap bytes held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// The filter as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` when the length cannot be right.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() || words.is_empty() || !words.len().is_multiple_of(WORDS_PER_BLOCK) {
            return None;
        }
        Some(Self { words: words.iter().copied().map(u64::from_be_bytes).collect() })
    }
}

/// Words of a filter for so many hashes.
fn words_count(hashes: usize, bits_per_key: usize) -> usize {
    (hashes * bits_per_key).div_ceil(WORDS_PER_BLOCK * 64).max(1) * WORDS_PER_BLOCK
}

/// The block of a hash; nothing of an empty filter.
fn block_of<W>(words: &[W], hash: u64) -> Option<&[W; WORDS_PER_BLOCK]> {
    words.as_chunks().0.get(block_number(words.len(), hash))
}

fn block_number(words_count: usize, hash: u64) -> usize {
    let blocks = (words_count / WORDS_PER_BLOCK) as u64;
    // The upper half of the hash scaled to the number of blocks: no division, no bias worth naming.
    (((hash >> 32) * blocks) >> 32) as usize
}

/// Returns true if all probes of a hash are set. Looks at all of them, because it cannot be foreseen which is the first
/// that is not, and a wrong guess of the processor costs more than the rest.
fn has_all(hash: u64, word: impl Fn(usize) -> Option<u64>) -> bool {
    probes(hash).fold(0, |missing, (at, mask)| missing | (mask & !word(at).unwrap_or(u64::MAX))) == 0
}

fn probes(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    // Odd constant of the golden ratio: spreads the lower half over all 54 bits that the probes take.
    let spread = (hash & 0xffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..PROBES).map(move |probe| {
        let bit = (spread >> (64 - 9 * (probe + 1))) & 511;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}

#[cfg(test)]
mod tests;
