//! Words of the daemon without a character that a terminal would obey, so that nothing of a feed can play tricks on who reads of it.

use std::borrow::Cow;

/// A text as people are shown it, on one line.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, in_text)
}

/// JSON, which remains the same JSON, on one line.
pub(crate) fn plain_json(json: &str) -> Cow<'_, str> {
    escaped(json, in_json)
}

fn escaped(text: &str, escape: fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for character in text.chars() {
        if is_obeyed(character) {
            shown += &escape(character);
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn in_text(character: char) -> String {
    character.escape_debug().to_string()
}

fn in_json(character: char) -> String {
    match character {
        // Between two tokens.
        '\n' | '\r' | '\t' => " ".to_owned(),
        character => format!("\\u{:04x}", u32::from(character)),
    }
}

/// Whether a terminal does something else than showing it: controls, ends of lines, and what turns the direction of the text around it.
fn is_obeyed(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

#[cfg(test)]
mod tests;
