//! Which build this is. The commit is known to release builds alone.

use std::sync::LazyLock;

/// The version of the package.
pub(crate) const NUMBER: &str = env!("CARGO_PKG_VERSION");
/// The day of the commit, or `unknown`.
pub(crate) const DATE: &str = match option_env!("SLUICED_COMMIT_DATE") {
    Some(date) => date,
    None => "unknown",
};
const COMMIT: &str = match option_env!("SLUICED_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// All three for people, in the form of the daemon's.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{NUMBER} (commit {COMMIT} of {DATE})"));
    &TEXT
}
