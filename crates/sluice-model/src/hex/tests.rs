//! Digits of both letter cases are read, everything else is refused, and bytes survive.

use proptest::prelude::*;

use super::{decode, decode_into, digit, encode, value};

#[test]
fn every_byte_is_a_digit_or_none() {
    for byte in 0..=u8::MAX {
        let want = char::from(byte).to_digit(16).map(|value| u8::try_from(value).unwrap());
        assert_eq!(value(byte), want, "{byte}");
    }
    assert_eq!((0..16).map(|value| char::from(digit(value))).collect::<String>(), "0123456789abcdef");
}

#[test]
fn what_is_not_pairs_of_digits_is_refused() {
    assert_eq!(decode("00fF"), Some(vec![0, 0xff]));
    assert_eq!(decode(""), Some(vec![]));
    for text in ["0", "0g", "g0", "0\u{e4}", "+1", " 1", "123"] {
        assert_eq!(decode(text), None, "{text}");
    }
    assert!(!decode_into(b"0011", &mut [0]));
}

proptest! {
    #[test]
    fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let text = encode(&bytes);
        prop_assert_eq!(decode(&text.to_ascii_uppercase()), Some(bytes.clone()));
        prop_assert_eq!(decode(&text), Some(bytes));
    }
}
