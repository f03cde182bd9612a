//! The store from outside: promises checked against a model, across restarts.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a seed must be seen")]

mod model;
mod writes;
