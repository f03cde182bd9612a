//! The memory plan: what the bounds of [`crate::limits`] cost together, at worst, checked when this is compiled.
//!
//! No code runs here. A body's bytes are counted by its permit until its rows are committed, and by the memtable from
//! then on; both count them for a moment. The text of a slice in flight is counted by its permit and again by what
//! working on it costs. What a lookup gathers and answers is counted by its permit, what it reads is not. Packed rows
//! that wait for a stalled disk in the log's queue are not in the sum: they are copies of rows that a permit counts, a
//! third as long in ordinary feeds.

use crate::limits::{
    BLOCK_CACHE_BYTES_MAX, BODY_BYTES_BUDGET, BODY_BYTES_MAX, ELEMENT_BYTES_MAX, HEAD_PERMIT_BYTES,
    HEAVY_READ_BYTES_MAX, INDICATOR_BYTES_MAX, KIB, LIGHT_READ_BYTES_IN_FLIGHT_MAX, LIGHT_READ_BYTES_MAX,
    LOOKUP_BODY_BYTES_MAX, MEMTABLE_BYTES_MAX, MIB, PARSE_HEAP_PER_BYTE_MAX, PARSED_BYTES_IN_FLIGHT_MAX,
    PARSER_KEPT_BYTES_MAX, PARSERS_KEPT_MAX, SHORT_BODY_BYTES_IN_FLIGHT_MAX, SHORT_BODY_BYTES_MAX,
    SHORT_BODY_READ_BYTES_MAX, SLICE_BYTES, SLICE_BYTES_IN_FLIGHT_MAX, SLICE_HEAP_PER_BYTE_MAX,
    SMALL_BODY_BYTES_MAX, SMALL_BYTES_BUDGET, STANDING_BYTES, TINY_BODY_BYTES_MAX,
};

/// Resident bytes that the process plans for, at worst.
const RESIDENT_BYTES_MAX: usize = 2_048 * MIB;

const _: () = assert!(
    BODY_BYTES_BUDGET
        + SMALL_BYTES_BUDGET
        + MEMTABLE_BYTES_MAX
        + SLICE_BYTES_IN_FLIGHT_MAX * SLICE_HEAP_PER_BYTE_MAX
        + PARSED_BYTES_IN_FLIGHT_MAX * PARSE_HEAP_PER_BYTE_MAX
        + PARSERS_KEPT_MAX * PARSER_KEPT_BYTES_MAX
        + HEAVY_READ_BYTES_MAX
        + LIGHT_READ_BYTES_IN_FLIGHT_MAX
        + SHORT_BODY_READ_BYTES_MAX
        + BLOCK_CACHE_BYTES_MAX
        + STANDING_BYTES
        <= RESIDENT_BYTES_MAX
);

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
    SLICE_BYTES + ELEMENT_BYTES_MAX + KIB + 2 * SHORT_BODY_BYTES_IN_FLIGHT_MAX <= SLICE_BYTES_IN_FLIGHT_MAX
);
const _: () = assert!(ELEMENT_BYTES_MAX <= PARSED_BYTES_IN_FLIGHT_MAX);
const _: () = assert!(
    SHORT_BODY_READ_BYTES_MAX <= HEAVY_READ_BYTES_MAX && LIGHT_READ_BYTES_MAX <= HEAVY_READ_BYTES_MAX
);

// The store writes the length of a key in two bytes.
const _: () = assert!(INDICATOR_BYTES_MAX < u16::MAX as usize);
