//! What a row has in the place of a context: the table that the context is in, and its number there.
//!
//! In: a [`ContextRef`]. Out: the few bytes that stand for it in a row ([`EncodedRef`]), and back.

use std::sync::atomic::{AtomicU64, Ordering};

use sluice_model::{
    ranges::bytes_at,
    varint::{take_varint, take_varint_u32},
};

/// Two numbers of seven bits a byte: 64 and 32 bits.
const REF_BYTES_MAX: usize = 10 + 5;

/// Beyond it no counter comes, so a number from there is not a slice's.
const SLICE_NUMBER_MAX: u64 = 1 << 60;

/// Names a table of contexts; no two of a store have the same number `n`.
///
/// `n % 2 == 0`: a stored table; `n % 4 == 1`: that of a slice from a write; `n % 4 == 3`: that of a joined slice. So
/// 14 is stored table 7, 29 the eighth slice of a write, 31 the eighth joined slice. Joined slices are never logged:
/// they count apart, so that none can take the number of a slice that comes later in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TableId(u64);

static NEXT_SLICE: AtomicU64 = AtomicU64::new(0);
static NEXT_JOINED: AtomicU64 = AtomicU64::new(0);

impl TableId {
    /// The stored table of number `id`.
    pub(crate) fn of_stored(id: u32) -> Self {
        Self(u64::from(id) * 2)
    }

    /// For a slice of a write: a number that no other has in this process or was replayed with.
    pub(crate) fn of_new_slice() -> Self {
        Self(NEXT_SLICE.fetch_add(1, Ordering::Relaxed) * 4 + 1)
    }

    /// For a slice that others are joined into.
    pub(crate) fn of_joined_slice() -> Self {
        Self(NEXT_JOINED.fetch_add(1, Ordering::Relaxed) * 4 + 3)
    }

    /// Returns true if it is that of a slice from a write, and then keeps later slices from getting it too.
    pub(crate) fn note_replayed(self) -> bool {
        let number = self.0 / 4;
        let is_logged = self.0 % 4 == 1 && number < SLICE_NUMBER_MAX;
        if is_logged {
            NEXT_SLICE.fetch_max(number + 1, Ordering::Relaxed);
        }
        is_logged
    }

    /// The number as it is written.
    pub(crate) fn to_number(self) -> u64 {
        self.0
    }

    /// Reads what [`Self::to_number`] gave.
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number of the stored table, when it is one.
    pub(crate) fn stored(self) -> Option<u32> {
        if self.0.is_multiple_of(2) { u32::try_from(self.0 / 2).ok() } else { None }
    }
}

/// Names a context, for as long as the snapshot lives whose row had it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ContextRef {
    pub(crate) table: TableId,
    pub(crate) number: u32,
}

impl ContextRef {
    /// Reads what a row has in the place of a context; `None` when the bytes are not a reference.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let table = TableId(take_varint(&mut bytes)?);
        let number = take_varint_u32(&mut bytes)?;
        if bytes.is_empty() { Some(Self { table, number }) } else { None }
    }

    /// The bytes that stand for it in a row.
    pub(crate) fn encode(self) -> EncodedRef {
        let mut encoded = EncodedRef { bytes: [0; REF_BYTES_MAX], length: 0 };
        encoded.push(self.table.0);
        encoded.push(u64::from(self.number));
        encoded
    }
}

/// A [`ContextRef`] as rows have it: `varint(table) varint(number)`, 2 to 15 bytes. Context 300 of stored table 7 is
/// the three bytes `0e ac 02`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EncodedRef {
    bytes: [u8; REF_BYTES_MAX],
    length: u8,
}

impl EncodedRef {
    fn push(&mut self, mut number: u64) {
        loop {
            let [.., low] = number.to_be_bytes();
            number >>= 7;
            let byte = if number == 0 { low } else { low | 0x80 };
            if let Some(place) = self.bytes.get_mut(usize::from(self.length)) {
                *place = byte;
                self.length += 1;
            }
            if number == 0 {
                return;
            }
        }
    }
}

impl AsRef<[u8]> for EncodedRef {
    fn as_ref(&self) -> &[u8] {
        bytes_at(&self.bytes, ..usize::from(self.length))
    }
}

#[cfg(test)]
mod tests;
