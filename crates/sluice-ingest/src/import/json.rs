//! Writes text as JSON.

use memchr::memchr2;
use sluice_model::hex;

/// Appends a string of JSON.
pub(crate) fn push_string(json: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    json.push(b'"');
    if memchr2(b'"', b'\\', bytes).is_none() && !bytes.iter().any(u8::is_ascii_control) {
        json.extend_from_slice(bytes);
    } else {
        for byte in bytes {
            push_escaped(json, *byte);
        }
    }
    json.push(b'"');
}

/// Appends a number, if the text is a whole one as we would write it, else a string.
pub(crate) fn push_scalar(json: &mut Vec<u8>, text: &str) {
    match text.parse::<u32>() {
        Ok(number) if number.to_string() == text => json.extend_from_slice(text.as_bytes()),
        _ => push_string(json, text),
    }
}

/// What is escaped is ASCII, and no byte of another character is.
fn push_escaped(json: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => json.extend([b'\\', byte]),
        b'\n' => json.extend(b"\\n"),
        b'\r' => json.extend(b"\\r"),
        b'\t' => json.extend(b"\\t"),
        _ if byte < b' ' => {
            json.extend([b'\\', b'u', b'0', b'0', hex::digit(byte >> 4), hex::digit(byte & 0xf)]);
        }
        _ => json.push(byte),
    }
}

#[cfg(test)]
mod tests;
