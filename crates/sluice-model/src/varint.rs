//! Numbers of few bytes: the codec that rows and the store's blocks are written in.
//!
//! In: unsigned numbers, or bytes that begin with one. Out: seven bits a byte, lowest first, the high bit set on all
//! but the last byte: 300 is `ac 02`. The functions that take move the start of their slice past what they took, and
//! return `None` when it is not there.

/// Appends an unsigned number.
pub fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [.., low] = number.to_be_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Bytes that [`push_varint`] takes for a length.
pub fn varint_bytes(length: usize) -> usize {
    (1 + length.checked_ilog2().unwrap_or(0) / 7) as usize
}

/// Takes a number written by [`push_varint`].
#[inline]
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    // Most are of one byte.
    if let [byte @ ..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Some(u64::from(*byte));
    }
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        // Not `take_array`: its loop would be unrolled, and the function then be too long to be inlined anywhere.
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number that must fit 32 bits.
#[inline]
pub fn take_varint_u32(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take_varint(bytes)?).ok()
}

/// Takes `count` bytes.
pub fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}

/// Takes as many bytes as the array has.
pub fn take_array<const COUNT: usize>(bytes: &mut &[u8]) -> Option<[u8; COUNT]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests;
