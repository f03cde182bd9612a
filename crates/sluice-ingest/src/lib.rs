//! Bytes to durable rows: streaming, in parallel, in order, in bounded memory.
//!
//! ```text
//!  chunks ──► feed ──► Splitter ──► BodySlice, ~1 MiB of whole elements ──► a slot (waits here) ──┐
//!             (the caller's task)                                                                 │
//!   ┌─────────────────────────────────────────────────────────────────────────────────────────────┘
//!   └► ingest-{n}: visit_elements (scan, parse) ─► judge ─► SliceBuilder ──► Write::append   PUT, DELETE
//!                                                   └────► SliceRejections
//!                  visit_elements ──► Candidates (filters) ──► Gathered                           lookup
//!
//!  finish ──► all slices, in document order ──► Write::commit ──► Receipt                 PUT, DELETE
//!      └► read-heavy-{n}, read-light-{n}: Detector (one sorted read) ──► LookupAnswer        lookup
//! ```
//!
//! # What is guaranteed
//!
//! * A body is accepted or refused as a whole for its syntax, and the fault that is told is the first one of the
//!   document, whatever ran in parallel. A refused, dropped or panicked upload leaves nothing in the store.
//! * Accepted and refused elements together are all that were sent; the refused ones are listed in document
//!   order with their `indicator` byte by byte as sent (white space outside strings apart).
//! * Of equal indicators in one body the later one wins: slices are numbered, and the store keeps their order.
//! * Contexts keep spelling, order and digits. Only repeated keys are dropped, all but the last.
//! * A panic on the pool is the error of one request.
//!
//! # Threads
//!
//! | thread | does | may wait for |
//! |---|---|---|
//! | the caller's task | splits, at most 64 KiB at a time, and awaits; filters for the shortest lookups, faults of the shortest bodies | room, a slot, results |
//! | `ingest-{n}` | parses, judges, encodes, sorts, packs; gathers lookups | the log's queue, its turn to parse a long element |
//! | `read-heavy-{n}`, `read-light-{n}` | read for lookups and write their answers, several threads for one | the disk (reads) |
//! | `ingest-short-0`, `lookup-short-0` (fast lanes) | the same for short bodies, and commits | the disk (reads); the log's queue |
//! | the store's | see `sluice_store` | the disk |
//!
//! # Memory
//!
//! | what | at most |
//! |---|---|
//! | permits | the configured budget, and `SMALL_BYTES_BUDGET` for small requests; they grow as bytes arrive |
//! | permits and the memtable | both of those and `MEMTABLE_BYTES_MAX`: bodies wait until that holds |
//! | a slice being cut, one for each body | `SLICE_BYTES` + `ELEMENT_BYTES_MAX`, within the body's permit |
//! | slices in flight | `SLICE_BYTES_IN_FLIGHT_MAX`, over all bodies and threads |
//! | working on them | `SLICE_HEAP_PER_BYTE_MAX` for each of their bytes: rows, contexts and keys on their way |
//! | parsing elements out of the ordinary | `PARSED_BYTES_IN_FLIGHT_MAX` over all threads, for each byte `PARSE_HEAP_PER_BYTE_MAX`: copies, indexes, 24 for each tape node; short ones wait for no turn |
//! | rooms for rows | `ROW_BUFFERS_KEPT_BYTES_MAX` at rest, for each body and thread; in use, per thread, three times an element |
//! | parsers at rest | `PARSERS_KEPT_MAX` of `PARSER_KEPT_BYTES_MAX` |
//! | lists of tags met before | about 256 KiB of the rooms for rows, and less than the body |
//! | refused elements | about their own bytes in the body, so within its permit |
//! | an answer | `LOOKUP_ANSWER_BYTES_MAX`, within the request's permit, which is asked before each chunk of it; a permit shrinks to the answer once it is whole |
//! | objects and wanted keys of a lookup that wait for the end of its body | within the request's permit |
//! | what lookups read at once | `HEAVY_READ_BYTES_MAX`, or `LIGHT_READ_BYTES_IN_FLIGHT_MAX` for those that read little, and `SHORT_BODY_READ_BYTES_MAX` for short bodies; more for a single value only within its permit |

mod body;
mod error;
#[cfg(test)]
mod fixture;
mod ingestor;
mod lookup;
mod memory;
mod pools;
#[cfg(feature = "stages")]
#[doc(hidden)]
pub mod stages;
mod upload;

pub use error::{BodyError, Fault, IngestError};
pub use ingestor::{IngestConfig, Ingestor};
pub use lookup::{AnswerText, LookupAnswer, LookupRules, Match, Matches, Query, Render};
pub use memory::{Busy, Permit};
pub use upload::{
    Upload,
    receipt::Receipt,
    validate::{UploadAction, UploadRules},
};
