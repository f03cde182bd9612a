//! Hexadecimal digits: bytes to lower-case text, and text of any letter case to bytes.

/// Bits that no value of a digit has.
const NOT_A_DIGIT: u8 = 0xf0;

/// Bytes that are written in one piece.
const PART_BYTES: usize = 32;

/// The values of all bytes as hexadecimal digits.
const VALUES: [u8; 256] = {
    let mut table = [NOT_A_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let lower = digit(value);
        #[expect(clippy::indexing_slicing, reason = "in bounds, or it would not compile")]
        {
            table[lower as usize] = value;
            table[lower.to_ascii_uppercase() as usize] = value;
        }
        value += 1;
    }
    table
};

/// The lower-case digit of a value below 16.
pub const fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + (value - 10) }
}

/// The value of a digit; `None` when the byte is not one.
pub fn value(digit: u8) -> Option<u8> {
    match value_or_mark(digit) {
        NOT_A_DIGIT => None,
        value => Some(value),
    }
}

/// Bytes as text, two digits each.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    append(bytes, &mut text);
    text
}

/// Appends bytes as text, two digits each.
pub fn append(bytes: &[u8], text: &mut String) {
    // By the longest digest, because appending character by character costs ten times as much.
    for part in bytes.chunks(PART_BYTES) {
        let mut digits = [0; 2 * PART_BYTES];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(part) {
            *pair = [digit(byte >> 4), digit(byte & 0xf)];
        }
        let written = digits.get(..2 * part.len()).unwrap_or_default();
        // Digits are ASCII.
        text.push_str(str::from_utf8(written).unwrap_or_default());
    }
}

/// Reads text of two digits a byte; `None` when it is anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    decode_into(text.as_bytes(), &mut bytes).then_some(bytes)
}

/// Reads text of two digits a byte into `bytes`, of which it must fill the beginning; false when it is anything else.
#[inline]
pub(crate) fn decode_into(text: &[u8], bytes: &mut [u8]) -> bool {
    let (pairs, odd) = text.as_chunks::<2>();
    let mut wrong = 0;
    // Faults are gathered rather than branched on: a text of the right length nearly always is one of digits.
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (value_or_mark(*high), value_or_mark(*low));
        wrong |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    wrong & NOT_A_DIGIT == 0 && odd.is_empty() && pairs.len() <= bytes.len()
}

fn value_or_mark(digit: u8) -> u8 {
    // A byte is always within the table, which the compiler sees as well.
    VALUES.get(usize::from(digit)).copied().unwrap_or(NOT_A_DIGIT)
}

#[cfg(test)]
mod tests;
