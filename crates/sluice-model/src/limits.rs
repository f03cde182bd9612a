//! Every bound in the daemon: one constant each, unit in the name.
//!
//! A bound that is not here does not exist. The assertions at the end are the memory argument: raising one
//! bound without paying for it elsewhere stops the build.

/// Bytes in one kibibyte.
pub const KIB: usize = 1 << 10;

/// Bytes in one mebibyte.
pub const MIB: usize = 1 << 20;

/// Longest body of `PUT indicators` and of the supplier and tag requests, after content decoding.
pub const BODY_BYTES_MAX: usize = 128 * MIB;

/// Longest body of `lookup` and `DELETE indicators`, after content decoding.
pub const SMALL_BODY_BYTES_MAX: usize = 64 * MIB;

/// Deepest nesting of a request body; the outer array is level 1.
pub const NESTING_LEVELS_MAX: usize = 32;

/// Longest single element of a body. An element is parsed in one piece, so this bounds the parser's heap.
pub const ELEMENT_BYTES_MAX: usize = 4 * MIB;

/// Bytes after which a slice of a body is closed at the next element and handed to the pool.
pub const SLICE_BYTES: usize = MIB;

/// Bytes of the slices of one process that are being parsed or wait for it, however many threads there are.
pub const SLICE_BYTES_IN_FLIGHT_MAX: usize = 12 * MIB;

/// Longest body that is a single slice and does not stand behind the slices of large bodies.
pub const LIGHT_SLICE_BYTES_MAX: usize = 16 * KIB;

/// The part of [`SLICE_BYTES_IN_FLIGHT_MAX`] that is for such bodies, once for those that read and once for those
/// that write.
pub const LIGHT_SLICE_BYTES_IN_FLIGHT_MAX: usize = MIB;

/// Heap bytes that a byte of a slice being worked on costs beside its own text, at worst, parsing left aside: rows,
/// contexts and keys on their way.
pub const SLICE_HEAP_PER_BYTE_MAX: usize = 4;

/// Bytes of elements that are being parsed at the same time, over all threads; further ones wait, unless they are no
/// longer than [`LIGHT_SLICE_BYTES_MAX`]. Most elements are read in place, which takes nothing.
pub const PARSED_BYTES_IN_FLIGHT_MAX: usize = ELEMENT_BYTES_MAX + MIB;

/// Heap bytes one byte of an element can cost while parsed, at worst (`[1,1,1,...]`).
pub const PARSE_HEAP_PER_BYTE_MAX: usize = 24;

/// Parsers kept for the next element. Further threads make their own; those of long elements pay with what is in
/// flight, those of short ones are short.
pub const PARSERS_KEPT_MAX: usize = 8;

/// Heap bytes of a kept parser: 2^17 nodes of 24 bytes, as many indexes of 4 to 8, three copies of a long element.
pub const PARSER_KEPT_BYTES_MAX: usize = 5 * MIB;

/// Heap bytes of the room for a row up to which it is kept for the body's next slice.
pub const ROW_BUFFERS_KEPT_BYTES_MAX: usize = 512 * KIB;

/// Default of the body bytes that may be held at once, over all requests: slices being cut, rows not yet
/// committed, refused elements, answers of lookups.
pub const BODY_BYTES_BUDGET: usize = 8 * BODY_BYTES_MAX;

/// Bytes set aside for a body before its first byte, if it is not shorter: ten thousand silent bodies fit into
/// [`LIGHT_BYTES_BUDGET`].
pub const HEAD_PERMIT_BYTES: usize = 4 * KIB;

/// Longest body, or answer of a lookup, of a light request: one that need not stand behind the large ones.
pub const LIGHT_BODY_BYTES_MAX: usize = MIB;

/// Body bytes that only light requests may hold, on top of [`BODY_BYTES_BUDGET`].
pub const LIGHT_BYTES_BUDGET: usize = 64 * MIB;

/// Bytes of answer that one lookup may produce. They are paid for out of the budgets for bodies.
pub const LOOKUP_ANSWER_BYTES_MAX: usize = 256 * MIB;

/// Heap bytes that lookups may take for what they read at once; further ones wait. What a single value is found to
/// have may come to more, and is then counted by the permit.
pub const READ_BYTES_MAX: usize = 160 * MIB;

/// Heap bytes that a lookup which reads little may take for it. Such reads do not stand behind the longer ones.
pub const SHORT_READ_BYTES_MAX: usize = 16 * MIB;

/// Heap bytes of short reads at the same time; further ones wait.
pub const SHORT_READ_BYTES_IN_FLIGHT_MAX: usize = 4 * SHORT_READ_BYTES_MAX;

/// Heap bytes that a body which is a single short slice may take for reading in its lane, where one is answered at a
/// time.
pub const LIGHT_READ_BYTES_MAX: usize = 16 * MIB;

/// Heap bytes of committed rows not yet in the trees that are planned for beside the budgets for bodies. The
/// store begins no write above it, and no body that grows takes both together over the sum.
pub const MEMTABLE_BYTES_MAX: usize = 384 * MIB;

/// Heap bytes planned for what does not grow with bodies: the cache of the trees, a part of a run being written,
/// connections. Filters of keys and groups are not in it: they take about 2.25 bytes for each indicator stored, 3 at
/// worst.
pub const STANDING_BYTES: usize = 128 * MIB;

/// Messages waiting for the log writer. When full, the pool waits. What they carry is paid for by permits.
pub const LOG_QUEUE_MAX: usize = 1_024;

/// Longest text that is tried as an indicator.
pub const INDICATOR_BYTES_MAX: usize = 8_192;

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

/// Bytes of client text that may appear in a reason.
pub const ECHO_BYTES_MAX: usize = 64;

/// Suppliers of one tenant.
pub const SUPPLIERS_MAX: usize = 10_000;

/// Tags.
pub const TAGS_MAX: usize = 100_000;

/// Tenants.
pub const TENANTS_MAX: usize = 100;

/// Resident bytes that the process plans for, at worst.
pub const RESIDENT_BYTES_MAX: usize = 2_048 * MIB;

const _: () = assert!(SMALL_BODY_BYTES_MAX <= BODY_BYTES_MAX);
const _: () = assert!(SLICE_BYTES <= ELEMENT_BYTES_MAX);
const _: () = assert!(INDICATOR_BYTES_MAX < u16::MAX as usize);
const _: () =
    assert!(HEAD_PERMIT_BYTES <= LIGHT_BODY_BYTES_MAX && LIGHT_BODY_BYTES_MAX <= LIGHT_BYTES_BUDGET);
const _: () = assert!(10_000 * HEAD_PERMIT_BYTES < LIGHT_BYTES_BUDGET);
// The longest slice must be able to fly at all, and the longest element and read.
const _: () = assert!(
    SLICE_BYTES + ELEMENT_BYTES_MAX + KIB + 2 * LIGHT_SLICE_BYTES_IN_FLIGHT_MAX <= SLICE_BYTES_IN_FLIGHT_MAX
);
const _: () = assert!(ELEMENT_BYTES_MAX <= PARSED_BYTES_IN_FLIGHT_MAX);
const _: () = assert!(LIGHT_READ_BYTES_MAX <= READ_BYTES_MAX && SHORT_READ_BYTES_MAX <= READ_BYTES_MAX);
// A body's bytes are counted by its permit until its rows are committed, and by the memtable from then on; both
// count them for a moment. The text of a slice in flight is counted by its permit and again by what working on it
// costs. What a lookup gathers and answers is counted by its permit, what it reads is not. Packed rows that wait for a
// stalled disk in the log's queue are not in the sum: they are copies of rows that a permit counts, a third as long
// in ordinary feeds.
const _: () = assert!(
    BODY_BYTES_BUDGET
        + LIGHT_BYTES_BUDGET
        + MEMTABLE_BYTES_MAX
        + SLICE_BYTES_IN_FLIGHT_MAX * SLICE_HEAP_PER_BYTE_MAX
        + PARSED_BYTES_IN_FLIGHT_MAX * PARSE_HEAP_PER_BYTE_MAX
        + PARSERS_KEPT_MAX * PARSER_KEPT_BYTES_MAX
        + READ_BYTES_MAX
        + SHORT_READ_BYTES_IN_FLIGHT_MAX
        + LIGHT_READ_BYTES_MAX
        + STANDING_BYTES
        <= RESIDENT_BYTES_MAX
);
