//! What the contexts of a book have in common, so that small blocks pack well.
//!
//! In: the contexts of a book. Out: a dictionary of some of them, taken evenly from all, against which blocks are
//! packed with zstd at level 1 and unpacked. It stands in the index of its book. Against blocks of 16 KiB without
//! one, blocks of 2 KiB with it take about the same room and an eighth of the time to unpack.

use std::{cell::RefCell, fmt, io};

use sluice_model::operation::{push_varint, take_varint};
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, get_error_name};

use crate::context::Contexts;

const LEVEL: i32 = 1;
/// Longest dictionary.
const BYTES_MAX: usize = 16 * 1024;
/// A dictionary is at most one in so many of all bytes, so that small books do not consist of it.
const SHARE: usize = 16;
/// No block is longer unpacked: longest element of a body, and some.
const RAW_BYTES_MAX: u64 = 64 << 20;

thread_local! {
    static PACKER: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    static UNPACKER: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// A dictionary, ready for use.
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    packing: Option<CDict<'static>>,
    unpacking: DDict<'static>,
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dictionary").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Dictionary {
    /// Makes the dictionary of a book.
    pub(crate) fn of(contexts: &Contexts) -> Self {
        let wanted = BYTES_MAX.min(contexts.bytes_count() / SHARE);
        let mut bytes = Vec::with_capacity(wanted);
        let stride = (contexts.bytes_count() / wanted.max(1)).max(1);
        for context in contexts.iter().step_by(stride) {
            if bytes.len() + context.len() <= wanted {
                bytes.extend_from_slice(context);
            }
        }
        // Contexts that look like a dictionary of zstd's own kind, and are none, are left out.
        let Some(packing) = CDict::try_create(&bytes, LEVEL).filter(|_| DDict::try_create(&bytes).is_some())
        else {
            bytes.clear();
            return Self { packing: Some(CDict::create(&[], LEVEL)), unpacking: DDict::create(&[]), bytes };
        };
        Self { packing: Some(packing), unpacking: DDict::create(&bytes), bytes }
    }

    /// A dictionary for unpacking only; `None` for bytes that are none.
    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        Some(Self { unpacking: DDict::try_create(&bytes)?, packing: None, bytes })
    }

    /// The same without what packing needs, which takes some memory.
    pub(crate) fn for_reading(self) -> Self {
        Self { packing: None, ..self }
    }

    /// What a reader needs to have.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Replaces `packed` with the packed form of `raw`.
    ///
    /// # Errors
    ///
    /// Only without memory.
    pub(crate) fn pack(&self, raw: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        packed.clear();
        push_varint(packed, raw.len() as u64);
        let head_bytes = packed.len();
        let mut body = Vec::with_capacity(zstd::zstd_safe::compress_bound(raw.len()));
        let Some(dictionary) = &self.packing else {
            return Err(io::Error::other("the dictionary is for unpacking only"));
        };
        PACKER
            .with_borrow_mut(|packer| packer.compress_using_cdict(&mut body, raw, dictionary))
            .map_err(|code| io::Error::other(get_error_name(code)))?;
        packed.truncate(head_bytes);
        packed.extend_from_slice(&body);
        Ok(())
    }

    /// Replaces `raw` with what was packed; the error says what is wrong.
    ///
    /// # Errors
    ///
    /// Bytes that [`Self::pack`] did not make with this dictionary.
    pub(crate) fn unpack(&self, mut packed: &[u8], raw: &mut Vec<u8>) -> Result<(), String> {
        let length = take_varint(&mut packed).filter(|length| *length <= RAW_BYTES_MAX);
        let length = length.and_then(|length| usize::try_from(length).ok()).ok_or("block has no length")?;
        raw.clear();
        raw.reserve(length);
        let unpacked = UNPACKER
            .with_borrow_mut(|unpacker| unpacker.decompress_using_ddict(raw, packed, &self.unpacking))
            .map_err(|code| format!("block does not unpack: {}", get_error_name(code)))?;
        if unpacked == length {
            Ok(())
        } else {
            Err(format!("block of {length} bytes unpacks to {unpacked}"))
        }
    }
}
