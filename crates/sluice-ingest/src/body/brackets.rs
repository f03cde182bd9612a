//! The brackets of JSON text, many bytes at a time.
//!
//! In: a block of text, and whether it begins inside a string. Out: the brackets outside its strings in their order, and
//! whether it ends inside one. What the brackets mean is up to the caller. Pure.

use wide::u8x16;

/// Bytes that are looked at together.
pub(crate) const BLOCK_BYTES: usize = 64;

/// In ASCII, what turns a square bracket into a brace; of all other bytes none becomes one.
const BRACE_BIT: u8 = 0x20;

/// Brackets of a block: an iterator of where they stand, and whether they open.
pub(crate) struct Brackets {
    /// Those that open, a bit for each byte, the first one lowest.
    opening: u64,
    /// All that are left.
    left: u64,
    /// Whether the block ends inside a string.
    pub(crate) ends_inside: bool,
}

impl Brackets {
    /// Finds them; `None` if there is a backslash in the block.
    #[inline]
    pub(crate) fn of(block: &[u8; BLOCK_BYTES], begins_inside: bool) -> Option<Self> {
        let (mut quotes, mut backslashes, mut opening, mut closing) = (0, 0, 0, 0);
        let (parts, _) = block.as_chunks();
        for part in parts.iter().rev() {
            let part = u8x16::new(*part);
            let braces = part | u8x16::splat(BRACE_BIT);
            quotes = quotes << 16 | mask(part, b'"');
            backslashes = backslashes << 16 | mask(part, b'\\');
            opening = opening << 16 | mask(braces, b'{');
            closing = closing << 16 | mask(braces, b'}');
        }
        if backslashes != 0 {
            return None;
        }
        // A byte is inside a string if the number of quotes up to it is odd. Doubling the shift gives the parity of all
        // bytes in six steps. Of `{"a":"{"}` the quotes are 0b10101010, and `inside` becomes 0b01100110: opening quotes
        // are inside, closing ones are not, and the second `{` is.
        let mut inside: u64 = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        if begins_inside {
            inside = !inside;
        }
        Some(Self { opening, left: (opening | closing) & !inside, ends_inside: inside >> 63 != 0 })
    }
}

impl Iterator for Brackets {
    type Item = (usize, bool);

    #[inline]
    fn next(&mut self) -> Option<(usize, bool)> {
        if self.left == 0 {
            return None;
        }
        let at = self.left.trailing_zeros();
        self.left &= self.left - 1;
        Some((at as usize, self.opening >> at & 1 != 0))
    }
}

/// A bit for each byte that is the wanted one.
#[inline]
fn mask(bytes: u8x16, wanted: u8) -> u64 {
    u64::from(bytes.simd_eq(u8x16::splat(wanted)).to_bitmask())
}
