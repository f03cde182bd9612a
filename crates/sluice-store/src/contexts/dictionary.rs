//! What the contexts of a table have in common, so that small blocks pack well.
//!
//! In: the contexts of a table. Out: a dictionary trained on some of them, taken evenly from all, against which blocks
//! are packed with zstd at level 1 and unpacked. It stands in the index of its table. Training costs 12 ms and
//! [`limits::DICTIONARY_TRAINING_BYTES`](sluice_model::limits::DICTIONARY_TRAINING_BYTES) of memory, and pays:
//! blocks need no code tables of their own. Measured on the real feed, blocks of 1 KiB: 36 bytes a context and 1.0 µs
//! to unpack a block; with contexts as they are for a dictionary 44 bytes and 2.5 µs, and packing took more than
//! twice as long.

use std::{cell::RefCell, fmt, io};

use sluice_model::varint::{push_varint, take_varint};
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, get_error_name};

use super::table::ContextTable;

const LEVEL: i32 = 1;
/// Longest dictionary.
const BYTES_MAX: usize = 16 * 1024;
/// A dictionary is at most one in so many of all bytes, so that small tables do not consist of it.
const SHARE: usize = 16;
/// Bytes of samples for each byte of a dictionary, where there are as many.
const SAMPLES_SHARE: usize = 8;
/// Length of a sample: about that of a block, because its codes are what is trained for.
const SAMPLE_BYTES: usize = 1024;
/// No block is longer unpacked: longest element of a body, and some.
const RAW_BYTES_MAX: usize = 64 << 20;

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
    /// Makes the dictionary of a table.
    pub(crate) fn of(contexts: &ContextTable) -> Self {
        let wanted = BYTES_MAX.min(contexts.bytes_count() / SHARE);
        let (samples, lengths) = samples(contexts, wanted * SAMPLES_SHARE);
        let mut bytes = vec![0; wanted];
        let trained = zstd::zstd_safe::train_from_buffer(bytes.as_mut_slice(), &samples, &lengths);
        // Too few to train on: some of them as they are serve too.
        match trained {
            Ok(length) => bytes.truncate(length),
            Err(_code) => {
                bytes.clear();
                bytes.extend_from_slice(samples.get(..wanted).unwrap_or(&[]));
            }
        }
        let packing = CDict::try_create(&bytes, LEVEL);
        if packing.is_some()
            && let Some(unpacking) = DDict::try_create(&bytes)
        {
            return Self { bytes, packing, unpacking };
        }
        // Contexts that look like a dictionary of zstd's own kind, and are not one, are left out.
        let (packing, unpacking) = (CDict::create(&[], LEVEL), DDict::create(&[]));
        Self { packing: Some(packing), unpacking, bytes: Vec::new() }
    }

    /// A dictionary for unpacking only; `None` for bytes that are none.
    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        Some(Self { unpacking: DDict::try_create(&bytes)?, packing: None, bytes })
    }

    /// The same without what packing needs, which takes some memory.
    pub(crate) fn for_reading(mut self) -> Self {
        self.bytes.shrink_to_fit();
        Self { packing: None, ..self }
    }

    /// Heap bytes held by one for reading.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.unpacking.sizeof()
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
            .map_err(get_error_name)
            .map_err(io::Error::other)?;
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
        let length = match take_varint(&mut packed).map(usize::try_from) {
            Some(Ok(length)) if length <= RAW_BYTES_MAX => length,
            _ => return Err("block has no length".to_owned()),
        };
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

/// Contexts from all over the table, one after the other, and the lengths that they are cut into; about as many bytes
/// as are wanted.
fn samples(contexts: &ContextTable, wanted: usize) -> (Vec<u8>, Vec<usize>) {
    let stride = contexts.bytes_count().checked_div(wanted).unwrap_or(0).max(1);
    let (mut samples, mut lengths) = (Vec::with_capacity(wanted), Vec::new());
    let (mut passed, mut begun) = (0, 0);
    for context in contexts.iter() {
        if (passed / SAMPLE_BYTES).is_multiple_of(stride) && samples.len() + context.len() <= wanted {
            samples.extend_from_slice(context);
            if SAMPLE_BYTES <= samples.len() - begun {
                lengths.push(samples.len() - begun);
                begun = samples.len();
            }
        }
        passed += context.len();
    }
    if begun < samples.len() {
        lengths.push(samples.len() - begun);
    }
    (samples, lengths)
}

#[cfg(test)]
mod tests;
