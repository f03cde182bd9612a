//! Client text made fit for a reason, a log line or an error message.
//!
//! In: any text. Out: at most [`limits::ECHO_BYTES_MAX`] bytes of it, cut between characters, with whatever could
//! end a line, move a cursor or reorder the display written as an escape. The whole text never passes through here
//! on its way back to its own sender: `error_indicators` echoes it as sent.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::limits;

/// The start of a text, escaped; made to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a>(&'a str);

impl<'a> Excerpt<'a> {
    /// Takes the longest beginning of `text` that is whole characters and within [`limits::ECHO_BYTES_MAX`] bytes.
    pub fn of(text: &'a str) -> Self {
        let end = text.floor_char_boundary(limits::ECHO_BYTES_MAX);
        Self(text.get(..end).unwrap_or_default())
    }
}

impl Display for Excerpt<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_unsafe_to_show(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Tells whether a character is a control, a line or paragraph separator, or one that changes the direction of text.
fn is_unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
