//! Numbers come back as they were written, with nothing left over.

use proptest::prelude::*;

use super::{push_varint, take_varint, varint_bytes};

proptest! {
    #[test]
    fn varints_survive(number in any::<u64>(), shift in 0_u32..64) {
        let number = number >> shift;
        let mut bytes = Vec::new();
        push_varint(&mut bytes, number);
        let mut rest = bytes.as_slice();
        prop_assert_eq!(take_varint(&mut rest), Some(number));
        prop_assert!(rest.is_empty());
        prop_assert_eq!(varint_bytes(usize::try_from(number).unwrap()), bytes.len());
    }
}
