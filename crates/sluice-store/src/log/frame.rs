//! One frame as bytes: encoding its header and judging whether bytes are a frame.
//!
//! A frame is valid only under the salt of its segment and at its own position. The salt is random, so no
//! payload can contain what looks like a frame: without that, a client who knows the format could plant one
//! and turn a torn tail into a refusal to start. Pure; no I/O.

use super::FRAME_BYTES_MAX;

/// Bytes of a frame before its payload.
pub(super) const HEADER_BYTES: usize = 4 + 4 + 4 + BODY_HEAD_BYTES;

/// Bytes of kind, transaction and synced position.
const BODY_HEAD_BYTES: usize = 1 + 8 + 8;

/// What a payload is. The numbers are on disk; a new one needs a new format version of the segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameKind {
    /// Rows of one slice of a transaction.
    Slice = 1,
    /// The transaction's slices count from here on.
    Commit = 2,
    /// Effects on the catalogue.
    Catalogue = 3,
    /// No data: says how far the log is synced. Written at a clean stop.
    Marker = 4,
}

impl FrameKind {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Slice),
            2 => Some(Self::Commit),
            3 => Some(Self::Catalogue),
            4 => Some(Self::Marker),
            _ => None,
        }
    }
}

/// A segment's random number: marks its frames and seeds their checksums.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Salt(pub(super) u64);

impl Salt {
    /// The four bytes that every frame of the segment begins with.
    pub(super) fn mark(self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        [a, b, c, d]
    }

    fn seed(self, lsn: u64, payload_length: [u8; 4]) -> u32 {
        let sum = crc32c::crc32c(&self.0.to_be_bytes());
        let sum = crc32c::crc32c_append(sum, &lsn.to_be_bytes());
        crc32c::crc32c_append(sum, &payload_length)
    }
}

/// A frame that passed its checks, borrowed from the bytes of its segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ValidFrame<'a> {
    pub(super) kind: FrameKind,
    pub(super) txn: u64,
    /// Position up to which the log was on stable storage when the frame was made.
    pub(super) synced_lsn: u64,
    pub(super) payload: &'a [u8],
}

impl ValidFrame<'_> {
    /// Bytes of the whole frame.
    pub(super) fn length(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }
}

/// Encodes the header of the frame that starts at position `lsn`; the payload follows it as it is.
///
/// `None` when the payload is over [`FRAME_BYTES_MAX`].
pub(super) fn encode_header(salt: Salt, lsn: u64, frame: &ValidFrame<'_>) -> Option<[u8; HEADER_BYTES]> {
    if FRAME_BYTES_MAX < frame.payload.len() {
        return None;
    }
    let payload_length = u32::try_from(frame.payload.len()).ok()?.to_be_bytes();
    let mut body_head = [0; BODY_HEAD_BYTES];
    fill(&mut body_head, &[&[frame.kind as u8], &frame.txn.to_be_bytes(), &frame.synced_lsn.to_be_bytes()]);
    let sum = crc32c::crc32c_append(salt.seed(lsn, payload_length), &body_head);
    let sum = crc32c::crc32c_append(sum, frame.payload);
    let mut header = [0; HEADER_BYTES];
    fill(&mut header, &[&salt.mark(), &payload_length, &sum.to_be_bytes(), &body_head]);
    Some(header)
}

/// Reads the frame that starts at position `lsn`, with which `bytes` begins; bytes after it do not matter.
///
/// `None` when there is no valid frame: bytes missing, another mark, a wrong checksum, an unknown kind, or a
/// claim to be synced beyond itself. Costs one pass over the payload once the mark is right.
pub(super) fn decode(salt: Salt, lsn: u64, bytes: &[u8]) -> Option<ValidFrame<'_>> {
    let (mark, rest) = bytes.split_first_chunk::<4>()?;
    if *mark != salt.mark() {
        return None;
    }
    let (payload_length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let payload_bytes = usize::try_from(u32::from_be_bytes(*payload_length)).ok()?;
    if FRAME_BYTES_MAX < payload_bytes {
        return None;
    }
    let body = rest.get(..BODY_HEAD_BYTES + payload_bytes)?;
    if crc32c::crc32c_append(salt.seed(lsn, *payload_length), body) != u32::from_be_bytes(*sum) {
        return None;
    }
    let (kind, body) = body.split_first()?;
    let (txn, body) = body.split_first_chunk::<8>()?;
    let (synced_lsn, payload) = body.split_first_chunk::<8>()?;
    let synced_lsn = u64::from_be_bytes(*synced_lsn);
    if lsn < synced_lsn {
        return None;
    }
    Some(ValidFrame {
        kind: FrameKind::from_byte(*kind)?,
        txn: u64::from_be_bytes(*txn),
        synced_lsn,
        payload,
    })
}

/// Writes the parts one after the other into `target`.
pub(super) fn fill(target: &mut [u8], parts: &[&[u8]]) {
    for (to, from) in target.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests;
