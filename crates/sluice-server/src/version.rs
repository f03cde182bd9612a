//! Which build this is. Where the commit comes from is the question of `build.rs`.

/// The version of the package.
pub const NUMBER: &str = env!("CARGO_PKG_VERSION");
/// The commit that was built, or `unknown`.
pub const COMMIT: &str = env!("SLUICED_COMMIT");
/// The day of that commit, or `unknown`.
pub const DATE: &str = env!("SLUICED_COMMIT_DATE");
/// All three for people: `0.1.0 (commit 0123456789ab of 2026-01-31)`.
pub const TEXT: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("SLUICED_COMMIT"),
    " of ",
    env!("SLUICED_COMMIT_DATE"),
    ")"
);
