//! Bytes to durable rows, and looked-up values to matches: streaming, in parallel, in order, in bounded memory.
//!
//! ```text
//!  chunks ─► feed ─► Splitter ─► BodySlice, about 1 MiB of whole elements ─► waits for a slot ─┐
//!            (the caller's task)                                                               │
//!   ┌──────────────────────────────────────────────────────────────────────────────────────────┘
//!   └─► ingest-{n}: visit_elements (scan or parse) ─► judge ─► SliceBuilder ─► Write::append      PUT, DELETE
//!                                                      └─► SliceRejections
//!                   visit_elements ─► Candidates (filters) ─► Gathered                           lookup
//!
//!  chunks ─► feed ─► BodyCutter ─► RowsSlice of any format ─► ingest-{n}: visit_rows ─► judge ─► Write::append      import
//!                                             (visit_documents) ─► the write of each step is committed while the next is filled
//!
//!  finish ─► all slices, in document order ─► Write::commit ─► Receipt                           PUT, DELETE
//!     └─► read-heavy-{n}, read-light-{n}: Detector (one sorted read) ─► LookupAnswer             lookup
//! ```
//!
//! `body/` is the part that uploads and lookups share, `upload/` turns elements into rows, `lookup/` values into
//! matches; `import/` takes rows of any format and number, which become rows as those of uploads do, step by step, each a
//! write of its own; `memory/` decides who may hold how much, and `pools` has the threads.
//!
//! # Guarantees
//!
//! * A body is accepted or refused as a whole for its grammar, and by the same rules whatever the request. A string that
//!   is no Unicode, or a number beyond a double, is a matter of the property that holds it. The fault that is reported is the first one in the
//!   document, whatever ran in parallel. An upload that is refused, dropped or panics leaves nothing in the store.
//! * Every element that was sent is either accepted or rejected. Rejected elements are listed in document order, with
//!   their `indicator` byte for byte as sent if it was a string, else as a string of its JSON text.
//! * If a body has the same indicator twice, the later element wins: slices are numbered, and the store keeps their
//!   order.
//! * Contexts keep their spelling, order and digits. Only repeated keys are dropped, all but the last.
//! * Of an import, one row costs no other, whatever is wrong with it, and what a step has committed stays. Only where no row can be
//!   told from the next any more does the body end.
//! * A panic on a pool thread fails one request.
//!
//! # Threads
//!
//! | thread | does | may wait for |
//! |---|---|---|
//! | the caller's task | splits, at most 64 KiB at a time; asks filters for tiny lookups, finds faults of tiny bodies | memory, a slot, results (all by `await`) |
//! | `ingest-{n}` | parses, judges, encodes, sorts and packs slices; asks filters for lookups | the log's queue; its turn to parse a long element |
//! | `ingest-short-0` | the same for short uploads (the fast lane); commits all uploads | the log's queue |
//! | `lookup-short-{n}` | all of a short lookup (the fast lane), with one light read | reads of the disk |
//! | `read-light-{n}`, `read-heavy-{n}` | read for lookups and write their answers, several threads for one lookup | reads of the disk |
//! | `replace` | compares a body with what its supplier holds, and writes the difference; one at a time | the disk, those of the store |
//! | those of the store | see `sluice_store` | the disk |
//!
//! # Memory
//!
//! With 2 GiB or more; with less, see `sluice_model::memory_plan`.
//!
//! | what | at most |
//! |---|---|
//! | permits | `BODY_BYTES_BUDGET`, or as configured, and `SMALL_BYTES_BUDGET` for small requests; they grow as bytes arrive |
//! | permits and the memtable together | the sum of those two and `MEMTABLE_BYTES_MAX`: bodies wait until that holds |
//! | the steps of an import | two of `STEP_BYTES` and a slice each, within permits of their own; a short row counts as 32 bytes |
//! | the refused rows of an import | 100 for each slice in flight, of 1 KiB each; all of them, packed, in place of the rows that they did not become, until they are kept |
//! | a replacement or plan at its end | one at a time, `Feed::reading_bytes` and `STEP_BYTES`, at most 64 MiB, within a permit of its own |
//! | the slice that is being cut, one for each body | `SLICE_BYTES` + `ELEMENT_BYTES_MAX`, within the request's permit |
//! | slices in flight | `SLICE_BYTES_IN_FLIGHT_MAX`, over all bodies and threads |
//! | rows, contexts and keys made of them | `SLICE_HEAP_PER_BYTE_MAX` for each of their bytes |
//! | elements being parsed | `PARSED_BYTES_IN_FLIGHT_MAX` over all threads, and for each byte `PARSE_HEAP_PER_BYTE_MAX`: a copy, indexes, 24 bytes a tape node; short elements do not count |
//! | buffers for rows | `ROW_BUFFERS_KEPT_BYTES_MAX` at rest for each body and thread; in use, three times the longest element for each thread |
//! | buffers of the parser | `PARSERS_KEPT_MAX` at rest, of `PARSER_KEPT_BYTES_MAX` each |
//! | lists of tags that were read before | about 256 KiB of the buffers for rows, and less than the body |
//! | rejected elements | about their own length in the body, so within its permit |
//! | the answer of a lookup | `LOOKUP_ANSWER_BYTES_MAX`, within the request's permit, which grows before each chunk is written and shrinks to the answer once that is whole |
//! | values and candidate keys that wait for the end of a lookup's body | within the request's permit |
//! | what lookups read | `HEAVY_READ_BYTES_MAX` over all heavy reads, `LIGHT_READ_BYTES_IN_FLIGHT_MAX` over all light ones, `SHORT_BODY_READ_BYTES_MAX` in the fast lane; more for a single value only within its permit |

mod array_chunks;
mod body;
mod bulk;
mod error;
#[cfg(test)]
mod fixture;
mod import;
mod ingestor;
mod lookup;
mod measures;
mod memory;
mod pools;
#[cfg(feature = "stages")]
#[doc(hidden)]
pub mod stages;
mod upload;

pub use body::object::{ObjectReader, ObjectValue};
pub use bulk::{Bulk, BulkCounts, BulkItems, BulkReceipt, BulkRules, BulkTarget, FindTarget};
pub use error::{BodyError, Fault, IngestError};
pub use import::{
    Import, ImportRules,
    csv::ColumnChoice,
    format::{Announced, Format},
    gather::ImportMode,
    misp::MispRules,
    report::{ImportReport, REFUSED_FOR, RefusedRow, RejectsFrame},
    step::{Keeper, StepPlace, Told},
    unsupported::Unsupported,
};
pub use ingestor::Ingestor;
pub use lookup::{AnswerText, LookupAnswer, LookupRules, Match, Matches, Query, Render, Standing};
pub use measures::{IngestMeasures, QueueMeasures};
pub use memory::{Busy, Permit};
pub use upload::{
    Upload,
    receipt::Receipt,
    tags::{MissingTags, TagMaker},
    validate::{UploadAction, UploadRules},
};
