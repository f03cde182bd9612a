//! A frame is itself only in its own place and under its own salt.

use proptest::prelude::*;

use super::{FrameKind, HEADER_BYTES, Salt, ValidFrame, decode, encode_header};

#[track_caller]
fn check(salt: u64, lsn: u64, payload: &[u8]) {
    let frame = ValidFrame { kind: FrameKind::Catalogue, txn: 3, synced_lsn: lsn / 2, payload };
    let mut bytes = encode_header(Salt(salt), lsn, &frame).unwrap().to_vec();
    bytes.extend_from_slice(payload);
    assert_eq!(bytes.len(), frame.length());
    assert_eq!(decode(Salt(salt), lsn, &bytes[..bytes.len() - 1]), None);
    bytes.push(b'?');
    assert_eq!(decode(Salt(salt), lsn, &bytes), Some(frame));
    assert_eq!(decode(Salt(salt), lsn + 1, &bytes), None);
    assert_eq!(decode(Salt(salt ^ 1), lsn, &bytes), None);
    assert_eq!(decode(Salt(salt ^ (1 << 63)), lsn, &bytes), None);
}

#[test]
fn a_claim_beyond_itself_is_no_frame() {
    let frame = ValidFrame { kind: FrameKind::Commit, txn: 1, synced_lsn: 101, payload: b"" };
    let bytes = encode_header(Salt(5), 100, &frame).unwrap();
    assert_eq!(decode(Salt(5), 100, &bytes), None);
}

proptest! {
    #[test]
    fn decoding_gives_what_was_encoded(
        salt: u64,
        lsn in 0..u64::MAX,
        payload in prop::collection::vec(any::<u8>(), 0..99),
    ) {
        check(salt, lsn, &payload);
    }

    #[test]
    fn any_bytes_are_judged(salt: u64, mut bytes in prop::collection::vec(any::<u8>(), 0..HEADER_BYTES * 3)) {
        for (to, from) in bytes.iter_mut().zip(Salt(salt).mark()) {
            *to = from;
        }
        prop_assert_eq!(decode(Salt(salt), 7, &bytes), None);
    }
}
