//! The vocabulary of Sluice.
//!
//! An *indicator* is a hash, an IP address, a network or a URL in normal form ([`Indicator`]); its *key* is the byte
//! string under which it is stored, and keys sort as their values do. A *supplier* holds indicators, each
//! with an optional *context*; *tags* belong to the indicator itself. A *row* ([`row`]) says what one
//! element of a request does to an indicator; two of them merge into one. An element that cannot be taken is a
//! *rejection* ([`Rejection`]): data, not an error.
//!
//! No I/O, no JSON, no async, no threads, no clock: equal input gives equal output, everywhere.

pub mod cursor;
pub mod excerpt;
pub mod hex;
mod indicator;
pub mod limits;
pub mod list;
pub mod memory_plan;
pub mod percent;
pub mod ranges;
pub mod rejection;
pub mod row;
pub mod supplier;
pub mod tag;
pub mod tenant;
mod value;
pub mod varint;

pub use indicator::{
    Indicator, IndicatorKind, KIND_WORDS, NotAnIndicator, escape_blanks, key_bytes_of_kind, kind_word,
    matching, network, normalize, write_normal_form,
};
pub use list::ListName;
pub use rejection::Rejection;
pub use supplier::{Confidence, RetentionMinutes, SupplierId, SupplierName, Vendor};
pub use tag::{TagId, TagName, TagWeight};
pub use tenant::{TenantId, TenantName};
pub use value::InvalidValue;
