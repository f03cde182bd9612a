//! What tests and tools share: seeded feeds and histories, a disk that loses power, one that fails, one that is
//! full, a daemon that gets killed.
//!
//! In: a seed and a size. Out: a summary, or a panic that names the seed: everything here is test code, so a
//! broken promise, a missing tool and a bug of the test itself all end the same way. Nothing here is for the
//! daemon to use.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "test code: a surprise is a failed test, and seeds are printed"
)]

pub mod client;
pub mod crash;
pub mod daemon;
pub mod dice;
pub mod exposition;
pub mod faults;
pub mod feed;
pub mod full_disk;
pub mod import_form;
pub mod oracle;
pub mod powercut;
pub mod script;
pub mod stopped;
