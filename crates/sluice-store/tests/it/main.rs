//! The store from outside: promises checked against a model, across restarts.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code: a surprise is a failed test, and seeds are printed"
)]

mod changes;
mod clocks;
mod damage;
mod lifetimes;
mod model;
mod opening;
mod replace;
mod sizes;
mod snapshots;
mod spellings;
mod verifying;
mod world;
mod writes;
