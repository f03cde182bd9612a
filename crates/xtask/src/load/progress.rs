//! The bar on standard error, for people who watch; nothing is drawn where that is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Starts a bar over `length` things.
pub(super) fn bar(what: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_is_plain) => bar,
    }
}
