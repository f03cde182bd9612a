//! Writes text as JSON.

use memchr::memchr2;

/// Appends a string of JSON.
pub(crate) fn push_string(json: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    json.push(b'"');
    if memchr2(b'"', b'\\', bytes).is_none() && !bytes.iter().any(u8::is_ascii_control) {
        json.extend_from_slice(bytes);
    } else {
        for character in text.chars() {
            push_escaped(json, character);
        }
    }
    json.push(b'"');
}

fn push_escaped(json: &mut Vec<u8>, character: char) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match character {
        '"' | '\\' => json.extend([b'\\', character as u8]),
        '\n' => json.extend(b"\\n"),
        '\r' => json.extend(b"\\r"),
        '\t' => json.extend(b"\\t"),
        '\0'..='\x1f' => {
            let code = character as usize;
            let digit = |digit: usize| HEX.get(digit & 15).copied().unwrap_or(b'0');
            json.extend([b'\\', b'u', b'0', b'0', digit(code >> 4), digit(code)]);
        }
        _ => json.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests;
