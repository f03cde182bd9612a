//! Damage is noticed.

use super::{decode, encode};

#[test]
fn every_flipped_bit_is_noticed() {
    let raw = b"rows rows rows rows".repeat(20);
    let (mut stored, mut seen) = (Vec::new(), Vec::new());
    encode(&raw, &mut stored).unwrap();
    decode(&stored, &mut seen).unwrap();
    assert_eq!(seen, raw);
    for bit in 0..stored.len() * 8 {
        let mut damaged = stored.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&damaged, &mut seen).is_err(), "bit {bit}");
    }
    for length in 0..stored.len() {
        assert!(decode(&stored[..length], &mut seen).is_err(), "length {length}");
    }
}
