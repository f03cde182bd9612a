//! Writes text as JSON.

use sluice_model::hex;

/// Appends a string of JSON.
pub(crate) fn push_string(json: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    json.push(b'"');
    // All of it is looked at, because that takes whole vectors of bytes at a time; most strings have nothing to escape.
    if bytes.iter().fold(true, |are_plain, byte| are_plain & is_plain(*byte)) {
        json.extend_from_slice(bytes);
    } else {
        for plain_and_one in bytes.split_inclusive(|byte| !is_plain(*byte)) {
            let Some((last, plain)) = plain_and_one.split_last() else { continue };
            json.extend_from_slice(plain);
            push_escaped(json, *last);
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

/// Whether a byte of a string stands for itself. One that does not is ASCII, and no byte of another character is.
fn is_plain(byte: u8) -> bool {
    b' ' <= byte && byte != b'"' && byte != b'\\'
}

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
