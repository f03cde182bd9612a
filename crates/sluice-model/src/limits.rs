//! The bounds that several crates share, one constant each, unit in the name.
//!
//! A bound that only one file knows stands at the top of that file. What all of them cost together in memory is the
//! sum in `memory_plan.rs`: raising one bound without paying for it elsewhere stops the build.
//!
//! # Size classes
//!
//! | class | bodies, after content decoding | what it gets |
//! |---|---|---|
//! | tiny | up to 4 KiB and 16 elements | is handled on the HTTP thread |
//! | short | up to 16 KiB, a single slice | the fast lane: does not stand behind slices of longer bodies |
//! | small | up to 1 MiB | a memory reserve of its own |
//! | large | anything above | memory from the large share of the budget, in turn |
//!
//! A tiny body is short as well, and a short one is small. The reads of a lookup have two classes of their own, by the
//! memory that they take: *light* up to 16 MiB, *heavy* up to 132 MiB.

/// Bytes in one kibibyte.
pub const KIB: usize = 1 << 10;

/// Bytes in one mebibyte.
pub const MIB: usize = 1 << 20;

/// Longest body of `PUT indicators` and of the supplier and tag requests, after content decoding.
pub const BODY_BYTES_MAX: usize = 128 * MIB;

/// Longest body of `lookup` and `DELETE indicators`, after content decoding.
pub const LOOKUP_BODY_BYTES_MAX: usize = 64 * MIB;

/// Deepest nesting of a request body; the outer array is level 1.
pub const NESTING_LEVELS_MAX: usize = 32;

/// Longest single element of a body. An element is parsed in one piece, so this bounds the parser's heap.
pub const ELEMENT_BYTES_MAX: usize = 4 * MIB;

/// Bytes after which a slice of a body is closed at the next element and handed to the pool.
pub const SLICE_BYTES: usize = MIB;

/// Bytes of the slices of one process that are being parsed or wait for it, however many threads there are.
pub const SLICE_BYTES_IN_FLIGHT_MAX: usize = 12 * MIB;

/// Longest tiny body. The task that received it works on it: that takes microseconds, some tens of them when nothing in
/// it is ordinary.
pub const TINY_BODY_BYTES_MAX: usize = 4 * KIB;

/// Most elements of a tiny body. Each may cost some tens of waits for memory: a question to the filters for each level
/// of a value.
pub const TINY_BODY_ELEMENTS_MAX: u64 = 16;

/// Heap bytes that a tiny body may take to read what is in memory on the thread of its connection.
pub const TINY_BODY_READ_BYTES_MAX: usize = 256 * KIB;

/// Longest short body: a single slice, which does not stand behind the slices of longer bodies.
pub const SHORT_BODY_BYTES_MAX: usize = 16 * KIB;

/// The part of [`SLICE_BYTES_IN_FLIGHT_MAX`] that is for short bodies, once for lookups and once for writes.
pub const SHORT_BODY_BYTES_IN_FLIGHT_MAX: usize = MIB;

/// Heap bytes that a byte of a slice being worked on costs beside its own text, at worst, parsing left aside: rows,
/// contexts and keys on their way.
pub const SLICE_HEAP_PER_BYTE_MAX: usize = 4;

/// Bytes of elements that are being parsed at the same time, over all threads; further ones wait, unless they are at
/// most [`SHORT_BODY_BYTES_MAX`] long. Most elements are read in place, which takes nothing.
pub const PARSED_BYTES_IN_FLIGHT_MAX: usize = ELEMENT_BYTES_MAX + MIB;

/// Heap bytes one byte of an element can cost while parsed, at worst (`[1,1,1,...]`).
pub const PARSE_HEAP_PER_BYTE_MAX: usize = 24;

/// Parsers kept for the next element. Further threads make their own: that of a long element is covered by
/// [`PARSED_BYTES_IN_FLIGHT_MAX`], that of a short one is small.
pub const PARSERS_KEPT_MAX: usize = 6;

/// Heap bytes of a kept parser: 2^17 nodes of 24 bytes, as many indexes of 4 to 8, three copies of a long element.
pub const PARSER_KEPT_BYTES_MAX: usize = 5 * MIB;

/// Heap bytes of the buffers for a row up to which they are kept for the body's next slice.
pub const ROW_BUFFERS_KEPT_BYTES_MAX: usize = 512 * KIB;

/// Default of the body bytes that may be held at once, over all requests: slices being cut, rows not yet
/// committed, refused elements, answers of lookups.
pub const BODY_BYTES_BUDGET: usize = 8 * BODY_BYTES_MAX;

/// Bytes set aside for a body before its first byte, if it is not shorter: ten thousand silent bodies fit into
/// [`SMALL_BYTES_BUDGET`].
pub const HEAD_PERMIT_BYTES: usize = 4 * KIB;

/// Longest body, or answer of a lookup, of a small request: one that does not wait for memory behind the large ones.
pub const SMALL_BODY_BYTES_MAX: usize = MIB;

/// Body bytes that only small requests may hold, on top of [`BODY_BYTES_BUDGET`].
pub const SMALL_BYTES_BUDGET: usize = 48 * MIB;

/// Bytes of answer that one lookup may produce. They are paid for out of the budgets for bodies.
pub const LOOKUP_ANSWER_BYTES_MAX: usize = 256 * MIB;

/// Heap bytes of heavy reads at the same time; further ones wait. One read may take them all. What a single value is
/// found to have may come to more, and is then counted by the permit.
pub const HEAVY_READ_BYTES_MAX: usize = 132 * MIB;

/// Heap bytes of the largest light read. Light reads do not stand behind heavy ones.
pub const LIGHT_READ_BYTES_MAX: usize = 16 * MIB;

/// Heap bytes of light reads at the same time; further ones wait.
pub const LIGHT_READ_BYTES_IN_FLIGHT_MAX: usize = 3 * LIGHT_READ_BYTES_MAX;

/// Heap bytes that short bodies may take for reading in the fast lane; each of its threads has an equal share.
pub const SHORT_BODY_READ_BYTES_MAX: usize = 16 * MIB;

/// Heap bytes of committed rows not yet in the trees that are planned for beside the budgets for bodies. The
/// store begins no write above it, and no body that grows takes both together over the sum.
pub const MEMTABLE_BYTES_MAX: usize = 384 * MIB;

/// Heap bytes planned for what does not grow with bodies: the cache of the trees, a part of a run being written and the
/// training of its dictionary, the check of a password, connections and what they read in place
/// ([`TINY_BODY_READ_BYTES_MAX`] for each thread), the summary of networks.
/// Filters and indexes are not in it: they take 2 to 4 bytes for each indicator stored, and bodies give way to them.
pub const STANDING_BYTES: usize = 128 * MIB + DICTIONARY_TRAINING_BYTES + PASSWORD_CHECK_BYTES;

/// Heap bytes that zstd takes to train a dictionary, measured: tables of 2^20 counts, two of 4 bytes each and one of 2. One is
/// trained at a time.
pub const DICTIONARY_TRAINING_BYTES: usize = 10 * MIB;

/// KiB of memory that the hash of a password takes.
pub const PASSWORD_HASH_KIB: u32 = 19 * 1_024;

/// Heap bytes that the check of a password takes. One is made at a time.
pub const PASSWORD_CHECK_BYTES: usize = PASSWORD_HASH_KIB as usize * KIB;

/// Heap bytes of blocks of the trees that lookups keep at hand, before the memory plan adds to it. The filter of the allow lists may
/// take half of it.
pub const BLOCK_CACHE_BYTES_MAX: usize = 40 * MIB;

/// Longest names of a table's columns together, as keys of JSON: each row of the table is given them.
pub const HEADER_NAMES_BYTES_MAX: usize = 4 * KIB;

/// Messages waiting for the log thread. When full, the pool waits. What they carry is paid for by permits.
pub const LOG_QUEUE_MAX: usize = 1_024;

/// Longest text that is tried as an indicator.
pub const INDICATOR_BYTES_MAX: usize = 8_192;

/// Most segments of the path before the `/*` of a prefix mask: a looked-up URL is tried with so many at most.
pub const PREFIX_MASK_SEGMENTS_MAX: usize = 32;

/// Longest host name, without its trailing dot.
pub const HOST_BYTES_MAX: usize = 253;

/// Longest label of a host name.
pub const LABEL_BYTES_MAX: usize = 63;

/// Longest international host name before conversion, in bytes of UTF-8: four for each byte of a host.
pub const UNICODE_HOST_BYTES_MAX: usize = 4 * HOST_BYTES_MAX;

/// Longest label of such a name. Converting takes time that grows with the square of this.
pub const UNICODE_LABEL_BYTES_MAX: usize = 4 * LABEL_BYTES_MAX;

/// Longest name of a supplier, tag or tenant.
pub const NAME_BYTES_MAX: usize = 128;

/// Longest vendor of a supplier, in characters.
pub const VENDOR_CHARS_MAX: usize = 256;

/// Longest retention: ten years of minutes.
pub const RETENTION_MINUTES_MAX: u32 = 5_256_000;

/// Highest confidence.
pub const CONFIDENCE_MAX: u8 = 100;

/// Highest tag weight.
pub const TAG_WEIGHT_MAX: u8 = 5;

/// Characters of client text that may appear in a reason or a log line: every name that could be valid is told whole.
pub const ECHO_CHARS_MAX: usize = NAME_BYTES_MAX;

/// Suppliers of one tenant.
pub const SUPPLIERS_MAX: usize = 10_000;

/// Tags.
pub const TAGS_MAX: usize = 100_000;

/// Tenants.
pub const TENANTS_MAX: usize = 100;
