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

/// Slices of one process that are being parsed or wait for it.
pub const SLICES_IN_FLIGHT_MAX: usize = 8;

/// Heap bytes one body byte can cost while parsed, at worst (`[1,1,1,...]`; ordinary feeds cost 5).
pub const PARSE_HEAP_PER_BYTE_MAX: usize = 24;

/// Body bytes that may be held at once as parsed rows not yet in the trees, over all requests.
pub const BODY_BYTES_BUDGET: usize = 8 * BODY_BYTES_MAX;

/// Bytes of answer that one lookup may produce.
pub const LOOKUP_ANSWER_BYTES_MAX: usize = 256 * MIB;

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
const _: () = assert!(
    BODY_BYTES_BUDGET
        + SLICES_IN_FLIGHT_MAX * SLICE_BYTES * PARSE_HEAP_PER_BYTE_MAX
        + 2 * ELEMENT_BYTES_MAX * PARSE_HEAP_PER_BYTE_MAX
        + LOOKUP_ANSWER_BYTES_MAX
        <= RESIDENT_BYTES_MAX
);
