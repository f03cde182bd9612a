//! Client text made fit for a reason, a log line or an error message.
//!
//! In: any text. Out: at most [`limits::ECHO_BYTES_MAX`] bytes of it, cut between characters, with whatever could
//! end a line, move a cursor or reorder the display written as an escape. The whole text never passes through here
//! on its way back to its own sender: `error_indicators` echoes it as sent.

use crate::limits;

/// The longest beginning of `text` that is whole characters and within [`limits::ECHO_BYTES_MAX`] bytes, escaped.
pub(crate) fn excerpt(text: &str) -> Box<str> {
    let (shown, _cut) = text.split_at(text.floor_char_boundary(limits::ECHO_BYTES_MAX));
    let mut excerpt = String::with_capacity(shown.len());
    for character in shown.chars() {
        if is_unsafe_to_show(character) {
            excerpt.extend(character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    excerpt.into()
}

/// Returns true for a control, a line or paragraph separator, or a character that changes the direction of text.
fn is_unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
