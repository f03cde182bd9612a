//! The header of a zstd frame: how much memory the frame wants.
//!
//! In: the bytes of a frame from its first one on, in any pieces. Out: the size of its window, as soon as the header
//! tells. The library refuses a window over its limit too, but does not say how large it is, and lets short frames pass.
//!
//! A frame begins with 28 B5 2F FD. Of the byte that follows, bits 7 and 6 tell the length of the content's size (1, 2,
//! 4 or 8 bytes), bits 1 and 0 that of the dictionary's number (0, 1, 2 or 4), and bit 5 that the window is the whole
//! content. Without bit 5 the window stands in the next byte: 80 is an exponent of 16 and a mantissa of 0, which is
//! 2^(10 + 16) bytes, 64 MiB.

/// Begins every frame that has content.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Longest header without its checksum, in bytes.
const HEADER_BYTES_MAX: usize = 18;

/// The beginning of a frame, as far as it is needed.
#[derive(Default)]
pub(crate) struct FrameHeader {
    bytes: Vec<u8>,
}

impl FrameHeader {
    /// Another frame begins.
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
    }

    /// Takes the next bytes of the frame; gives the size of its window in bytes when that is known, or 0 for a frame that
    /// has none.
    pub(super) fn window_bytes(&mut self, next: &[u8]) -> Option<u64> {
        let room = HEADER_BYTES_MAX - self.bytes.len();
        self.bytes.extend(next.iter().take(room));
        let (magic, rest) = self.bytes.split_first_chunk()?;
        if *magic != MAGIC {
            return Some(0);
        }
        let (descriptor, rest) = rest.split_first()?;
        if descriptor & 0x20 == 0 {
            let window = rest.first()?;
            let base = 1_u64 << (10 + (window >> 3));
            return Some(base + base / 8 * u64::from(window & 7));
        }
        let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
        let size_bytes = 1 << (descriptor >> 6);
        let size = rest.get(*dictionary_bytes..)?.get(..size_bytes)?;
        let size = size.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
        // Two bytes begin where one ends.
        Some(if size_bytes == 2 { size + 256 } else { size })
    }
}
