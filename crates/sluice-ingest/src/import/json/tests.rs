//! Text comes back as it was.

use proptest::prelude::*;

use super::push_string;

proptest! {
    #[test]
    fn a_string_reads_as_it_was(text in ".{0,12}", rest in "[\"\\\\\n\r\t\0\x1f\x7fé]{0,6}") {
        let text = text + &rest;
        let mut json = Vec::new();
        push_string(&mut json, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
    }
}
