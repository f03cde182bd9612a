//! Client text made fit for a reason, a log line or an error message.
//!
//! In: any text. Out: at most [`limits::ECHO_CHARS_MAX`] characters of it, with whatever could end a line, move a
//! cursor or reorder the display written as an escape; three dots stand where it was cut. The whole text never passes
//! through here on its way back to its own sender: `error_indicators` echoes it as sent.

use crate::limits;

/// What stands at the end of a text that was cut.
const CUT_MARK: &str = "...";

/// `text` escaped, its end cut off and marked if it is too long.
pub fn excerpt(text: &str) -> Box<str> {
    let shown = first_chars(text, limits::ECHO_CHARS_MAX);
    let mut excerpt = String::with_capacity(shown.len() + CUT_MARK.len());
    for character in shown.chars() {
        if is_unsafe_to_show(character) {
            excerpt.extend(character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    if shown.len() < text.len() {
        excerpt.push_str(CUT_MARK);
    }
    excerpt.into()
}

/// As much of `text`, as it is, as its excerpt needs: one character more than is shown tells that there is more.
pub(crate) fn beginning(text: &str) -> &str {
    first_chars(text, limits::ECHO_CHARS_MAX + 1)
}

fn first_chars(text: &str, count: usize) -> &str {
    match text.char_indices().nth(count) {
        Some((end, _first_left_out)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// Returns true for a control, a line or paragraph separator, or a character that changes the direction of text.
pub fn is_unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
