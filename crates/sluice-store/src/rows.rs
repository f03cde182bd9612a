//! How rows follow one another in bytes: the framing that slices and blocks share.
//!
//! A row is `varint(key length) key varint(row length) row`; rows ascend by key and no key stands twice. The
//! content of a row is `sluice_model::row`'s matter.

use sluice_model::{
    ranges::bytes_at,
    varint::{push_varint, take, take_varint},
};

/// Appends one row.
pub(crate) fn push_row(bytes: &mut Vec<u8>, key: &[u8], row: &[u8]) {
    push_prefixed(bytes, key);
    push_prefixed(bytes, row);
}

/// Appends `varint(length)` and the bytes themselves.
#[inline]
pub(crate) fn push_prefixed(bytes: &mut Vec<u8>, value: &[u8]) {
    push_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// Reads rows off the front of `0`; ends at the end of the bytes or at the first that are not a row.
#[derive(Clone, Debug)]
pub(crate) struct Rows<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Rows<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let key = take_prefixed(&mut self.0)?;
        let row = take_prefixed(&mut self.0)?;
        Some((key, row))
    }
}

/// Takes `varint(length)` and that many bytes off the front.
pub(crate) fn take_prefixed<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    take(bytes, length)
}

/// The key and the row that begin at a byte which is known to be the first of a row.
#[inline]
pub(crate) fn row_from(bytes: &[u8], offset: u32) -> (&[u8], &[u8]) {
    let row = Rows(bytes_at(bytes, offset as usize..)).next();
    debug_assert!(row.is_some(), "offsets are those of rows");
    row.unwrap_or((&[], &[]))
}

/// How many bytes two keys have in common at their beginning.
#[inline]
pub(crate) fn shared_bytes(one: &[u8], other: &[u8]) -> usize {
    let (one_eights, _) = one.as_chunks();
    let (other_eights, _) = other.as_chunks();
    let mut shared = 0;
    for (one, other) in one_eights.iter().zip(other_eights) {
        let difference = u64::from_be_bytes(*one) ^ u64::from_be_bytes(*other);
        if difference != 0 {
            return shared + (difference.leading_zeros() / 8) as usize;
        }
        shared += size_of::<u64>();
    }
    let rest = bytes_at(one, shared..).iter().zip(bytes_at(other, shared..));
    shared + rest.take_while(|(one, other)| one == other).count()
}

/// The first eight bytes of a key as a number, so that most comparisons are of two integers.
pub(crate) fn key_prefix(key: &[u8]) -> u64 {
    u64::from_be_bytes(key_head(key))
}

/// The first sixteen, for keys of which many begin alike.
pub(crate) fn long_key_prefix(key: &[u8]) -> u128 {
    u128::from_be_bytes(key_head(key))
}

/// The first bytes of a key; zeros where it is shorter.
fn key_head<const BYTES: usize>(key: &[u8]) -> [u8; BYTES] {
    if let Some(head) = key.first_chunk() {
        return *head;
    }
    let mut head = [0; BYTES];
    for (to, from) in head.iter_mut().zip(key) {
        *to = *from;
    }
    head
}

#[cfg(test)]
mod tests;
