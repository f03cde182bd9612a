//! The memory plan: what the bounds of [`crate::limits`] cost together, at worst, and how less memory is shared out.
//!
//! In: how many bytes the process may take. Out: how many of them are for what. From 2 GiB on it is all that the bounds
//! allow, and of what is above, an eighth goes to the block cache: stored values are asked for again and again, and one
//! that is at hand costs half of one that is read. From 4 GiB on more memory changes nothing. Below 2 GiB, each share lies
//! between that and the least with which everything still works, in the same proportion; the least come to 256 MiB. Both
//! sums are checked when this is compiled.
//!
//! What grows with the store, filters and indexes above all, has what no share takes, and an eighth of the shares: they
//! bound different moments and are never used up together. To more of it bodies give way, byte by byte, down to
//! [`BODY_BYTES_MIN`] ([`MemoryPlan::body_bytes_beside`]).
//!
//! A body's bytes are counted by its permit until its rows are committed, and by the memtable from then on; both count
//! them for a moment. The text of a slice in flight is counted by its permit and again by what working on it costs. What
//! a lookup gathers and answers is counted by its permit, what it reads is not. Packed rows that wait for a stalled disk
//! in the log's queue are not in the sum: they are copies of rows that a permit counts, a third as long in ordinary
//! feeds.
//!
//! An example: 1,152 MiB are half way between 256 and 2,048, so bodies get 542, half way between 60 and 1,024.

use crate::limits::{
    BLOCK_CACHE_BYTES_MAX, BODY_BYTES_BUDGET, BODY_BYTES_MAX, DICTIONARY_TRAINING_BYTES, ELEMENT_BYTES_MAX,
    HEAD_PERMIT_BYTES, HEAVY_READ_BYTES_MAX, INDICATOR_BYTES_MAX, KIB, LIGHT_READ_BYTES_IN_FLIGHT_MAX,
    LIGHT_READ_BYTES_MAX, LOOKUP_BODY_BYTES_MAX, MEMTABLE_BYTES_MAX, MIB, PARSE_HEAP_PER_BYTE_MAX,
    PARSED_BYTES_IN_FLIGHT_MAX, PARSER_KEPT_BYTES_MAX, PARSERS_KEPT_MAX, PASSWORD_CHECK_BYTES,
    SHORT_BODY_BYTES_IN_FLIGHT_MAX, SHORT_BODY_BYTES_MAX, SHORT_BODY_READ_BYTES_MAX, SLICE_BYTES,
    SLICE_BYTES_IN_FLIGHT_MAX, SLICE_HEAP_PER_BYTE_MAX, SMALL_BODY_BYTES_MAX, SMALL_BYTES_BUDGET,
    STANDING_BYTES, TINY_BODY_BYTES_MAX,
};

/// Resident bytes from which on nothing but the block cache grows.
pub const RESIDENT_BYTES_MAX: usize = 2_048 * MIB;

/// Resident bytes with which everything still works. One element that takes the parser as much as any can, 4 MiB of
/// `[1,1,1,...`, goes over it for a moment.
pub const RESIDENT_BYTES_MIN: usize = 256 * MIB;

/// What sled may keep of decoded pages, in every plan. It divides this by 256, and below the length of a page a merge reads
/// each page anew for each of its values.
pub const TREES_CACHE_BYTES: usize = 32 * MIB;

/// What bodies keep, however much is stored: an export, or an import in short steps.
pub const BODY_BYTES_MIN: usize = 24 * MIB;

/// What a page of each 256th of the trees takes together: 56 KiB each, on average.
const PILED_LAYER_BYTES: usize = 256 * 56 * KIB;

/// Pages of each 256th that pile up with the least memory.
const PILED_UP_MIN: u32 = 2;

/// A part of all shares that is never used up, as a divisor. Measured with 256 MiB beside eight million indicators, which take
/// 20: rounds of four bodies of 56 MiB, of which two were taken, took 204.
const STORED_SHARE: usize = 8;

/// What the block cache gets of memory above [`RESIDENT_BYTES_MAX`] at most.
const MORE_CACHE_BYTES_MAX: usize = 256 * MIB;

/// How many bytes are for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryPlan {
    /// Bodies and answers of all requests but small ones.
    pub body_bytes: usize,
    /// Bodies and answers of small requests.
    pub small_bytes: usize,
    /// Committed rows that are not yet in the trees.
    pub memtable_bytes: usize,
    /// Work on slices of bodies, parsing left aside.
    pub slice_bytes: usize,
    /// Elements that are being parsed, and parsers at rest.
    pub parser_bytes: usize,
    /// Heavy reads of lookups.
    pub heavy_read_bytes: usize,
    /// Light reads of lookups.
    pub light_read_bytes: usize,
    /// Reads of short bodies.
    pub short_read_bytes: usize,
    /// Blocks of the trees that lookups keep at hand, and what is known of the allow lists, for which they yield half of it.
    pub block_cache_bytes: usize,
    /// What does not grow with bodies: the cache of the trees, a part of a run being written and the training of its
    /// dictionary, the check of a password, connections.
    pub standing_bytes: usize,
    /// What grows with the store, before bodies give way to it: what no share has, and an eighth of the shares.
    pub stored_bytes: usize,
}

/// What the bounds allow.
const FULL: MemoryPlan = MemoryPlan {
    body_bytes: BODY_BYTES_BUDGET,
    small_bytes: SMALL_BYTES_BUDGET,
    memtable_bytes: MEMTABLE_BYTES_MAX,
    slice_bytes: SLICE_BYTES_IN_FLIGHT_MAX * SLICE_HEAP_PER_BYTE_MAX,
    parser_bytes: PARSED_BYTES_IN_FLIGHT_MAX * PARSE_HEAP_PER_BYTE_MAX
        + PARSERS_KEPT_MAX * PARSER_KEPT_BYTES_MAX,
    heavy_read_bytes: HEAVY_READ_BYTES_MAX,
    light_read_bytes: LIGHT_READ_BYTES_IN_FLIGHT_MAX,
    short_read_bytes: SHORT_BODY_READ_BYTES_MAX,
    block_cache_bytes: BLOCK_CACHE_BYTES_MAX,
    standing_bytes: STANDING_BYTES,
    stored_bytes: 0,
};

/// The least: one body of 60 MiB at a time, one read of either kind.
const LEAST: MemoryPlan = MemoryPlan {
    body_bytes: 60 * MIB,
    small_bytes: 8 * MIB,
    memtable_bytes: 21 * MIB,
    slice_bytes: SLICE_BYTES_IN_FLIGHT_MIN * SLICE_HEAP_PER_BYTE_MAX,
    parser_bytes: 24 * MIB,
    heavy_read_bytes: LIGHT_READ_BYTES_MAX,
    light_read_bytes: LIGHT_READ_BYTES_MAX,
    short_read_bytes: 4 * MIB,
    block_cache_bytes: 4 * MIB,
    standing_bytes: 44 * MIB + DICTIONARY_TRAINING_BYTES + PASSWORD_CHECK_BYTES,
    stored_bytes: 0,
};

/// The least slices in flight: a slice with the longest element behind it, and the short bodies.
const SLICE_BYTES_IN_FLIGHT_MIN: usize = 7 * MIB + MIB / 2;

impl MemoryPlan {
    /// Shares out `bytes`, which count as [`RESIDENT_BYTES_MIN`] if they are less.
    pub fn of(bytes: usize) -> Self {
        let more_cache_bytes = (bytes.saturating_sub(RESIDENT_BYTES_MAX) / 8).min(MORE_CACHE_BYTES_MAX);
        let above = bytes.clamp(RESIDENT_BYTES_MIN, RESIDENT_BYTES_MAX) - RESIDENT_BYTES_MIN;
        // In KiB, so that the product fits into 64 bits; exact at both ends.
        let share = |least: usize, full: usize| {
            least
                + (full - least) / KIB * (above / KIB) / ((RESIDENT_BYTES_MAX - RESIDENT_BYTES_MIN) / KIB)
                    * KIB
        };
        let shares = Self {
            body_bytes: share(LEAST.body_bytes, FULL.body_bytes),
            small_bytes: share(LEAST.small_bytes, FULL.small_bytes),
            memtable_bytes: share(LEAST.memtable_bytes, FULL.memtable_bytes),
            slice_bytes: share(LEAST.slice_bytes, FULL.slice_bytes),
            parser_bytes: share(LEAST.parser_bytes, FULL.parser_bytes),
            heavy_read_bytes: share(LEAST.heavy_read_bytes, FULL.heavy_read_bytes),
            light_read_bytes: share(LEAST.light_read_bytes, FULL.light_read_bytes),
            short_read_bytes: share(LEAST.short_read_bytes, FULL.short_read_bytes),
            block_cache_bytes: share(LEAST.block_cache_bytes, FULL.block_cache_bytes) + more_cache_bytes,
            standing_bytes: share(LEAST.standing_bytes, FULL.standing_bytes),
            stored_bytes: 0,
        };
        shares.within(bytes)
    }

    /// The same with so many bytes for bodies. What blocks have beyond their ordinary share yields to them first; the sum may
    /// be more than `bytes` all the same.
    pub fn with_body_bytes(bytes: usize, body_bytes: usize) -> Self {
        let plan = Self::of(bytes);
        let wanted = Self { body_bytes, ..plan };
        let more_bytes = plan.block_cache_bytes.saturating_sub(BLOCK_CACHE_BYTES_MAX);
        let missing_bytes = wanted.sum().saturating_sub(bytes);
        let block_cache_bytes = plan.block_cache_bytes - missing_bytes.min(more_bytes);
        Self { block_cache_bytes, ..wanted }.within(bytes)
    }

    /// The same shares of so many bytes.
    fn within(self, bytes: usize) -> Self {
        let spare_bytes = bytes.saturating_sub(self.sum());
        Self { stored_bytes: spare_bytes.saturating_add(self.sum() / STORED_SHARE), ..self }
    }

    /// The most that what grows with the store may take; with more of it, the daemon may need more memory than there is.
    pub fn stored_bytes_max(&self) -> usize {
        self.stored_bytes.saturating_add(self.body_bytes.saturating_sub(BODY_BYTES_MIN))
    }

    /// Bytes for bodies beside so many bytes of what grows with the store.
    ///
    /// Of 256 MiB, bodies have 60. Beside 32 MiB they have all of that, beside 56 they have 36, beside 68 and more 24.
    pub fn body_bytes_beside(&self, stored_bytes: usize) -> usize {
        let over_bytes = stored_bytes.saturating_sub(self.stored_bytes);
        self.body_bytes.saturating_sub(over_bytes).max(self.body_bytes.min(BODY_BYTES_MIN))
    }

    /// All shares together; what grows with the store is beside them.
    pub const fn sum(&self) -> usize {
        self.body_bytes
            + self.small_bytes
            + self.memtable_bytes
            + self.slice_bytes
            + self.parser_bytes
            + self.heavy_read_bytes
            + self.light_read_bytes
            + self.short_read_bytes
            + self.block_cache_bytes
            + self.standing_bytes
    }

    /// Bytes of slices that may be in flight, those of short bodies included.
    pub fn slice_bytes_in_flight(&self) -> usize {
        self.slice_bytes / SLICE_HEAP_PER_BYTE_MAX
    }

    /// Bytes of the memtable at which it is flushed.
    pub fn flush_bytes(&self) -> usize {
        self.memtable_bytes / 3
    }

    /// Pages of each 256th of the trees that may be in memory beside what [`TREES_CACHE_BYTES`] bound: two, or as
    /// many as come to a quarter of what bodies need not give way to.
    pub fn pages_piled_up_max(&self) -> u32 {
        let layers = self.stored_bytes / 4 / PILED_LAYER_BYTES;
        u32::try_from(layers).unwrap_or(u32::MAX).max(PILED_UP_MIN)
    }

    /// Raw bytes of rows of a part of a run, which is written in one piece: of what stands, all left aside that is of one
    /// size in every plan.
    pub fn part_bytes(&self) -> usize {
        (self.standing_bytes - TREES_CACHE_BYTES - DICTIONARY_TRAINING_BYTES - PASSWORD_CHECK_BYTES) / 3 * 2
    }
}

const _: () = assert!(FULL.sum() <= RESIDENT_BYTES_MAX && LEAST.sum() <= RESIDENT_BYTES_MIN);

// On 32 bits the products that shares are made of would not fit.
const _: () = assert!(64 <= usize::BITS);

// The size classes go upwards, and a small body fits into the reserve for small bodies.
const _: () =
    assert!(TINY_BODY_BYTES_MAX < SHORT_BODY_BYTES_MAX && SHORT_BODY_BYTES_MAX < SMALL_BODY_BYTES_MAX);
const _: () =
    assert!(SMALL_BODY_BYTES_MAX < LOOKUP_BODY_BYTES_MAX && LOOKUP_BODY_BYTES_MAX <= BODY_BYTES_MAX);
const _: () = assert!(SHORT_BODY_BYTES_MAX <= SLICE_BYTES && SLICE_BYTES <= ELEMENT_BYTES_MAX);
const _: () =
    assert!(HEAD_PERMIT_BYTES <= SMALL_BODY_BYTES_MAX && SMALL_BODY_BYTES_MAX <= SMALL_BYTES_BUDGET);
const _: () = assert!(10_000 * HEAD_PERMIT_BYTES < SMALL_BYTES_BUDGET);

// What is longest of its sort must be able to fly at all: a slice, an element, a read.
const _: () = assert!(
    SLICE_BYTES + ELEMENT_BYTES_MAX + KIB + 2 * SHORT_BODY_BYTES_IN_FLIGHT_MAX <= SLICE_BYTES_IN_FLIGHT_MIN
        && SLICE_BYTES_IN_FLIGHT_MIN <= SLICE_BYTES_IN_FLIGHT_MAX
);
const _: () = assert!(ELEMENT_BYTES_MAX <= PARSED_BYTES_IN_FLIGHT_MAX);
const _: () = assert!(
    SHORT_BODY_READ_BYTES_MAX <= HEAVY_READ_BYTES_MAX && LIGHT_READ_BYTES_MAX <= HEAVY_READ_BYTES_MAX
);

// The store writes the length of a key in two bytes.
const _: () = assert!(INDICATOR_BYTES_MAX < u16::MAX as usize);

#[cfg(test)]
mod tests;
