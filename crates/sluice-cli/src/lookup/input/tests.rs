//! Cases: values of texts that are longer than what is held of one.

use std::cell::RefCell;

use super::*;

/// The values of a text, read as standard input is.
fn values_in(text: &str) -> Vec<String> {
    let values = RefCell::new(Vec::new());
    let take = |batch| {
        values.borrow_mut().extend::<Vec<String>>(batch);
        true
    };
    read_values(BufReader::new(text.as_bytes()), true, take).unwrap();
    values.into_inner()
}

#[test]
fn a_value_is_not_cut_wherever_it_stands() {
    let limit = usize::try_from(LINE_BYTES_MAX).unwrap();
    for between in [" ", "\t", "\"", "<", "|", ",", ";"] {
        // From before the first part ends until behind it.
        for before in [limit - 18, limit - 17, limit - 8, limit - 1, limit] {
            let text = format!("{}{between}evil.example.com{between}", between.repeat(before));
            assert_eq!(values_in(&text), ["evil.example.com"], "{between:?} {before}");
        }
    }
}

/// A comma may be a part of a URL, white space never is.
#[test]
fn a_part_ends_at_white_space_rather_than_at_a_comma() {
    let limit = usize::try_from(LINE_BYTES_MAX).unwrap();
    let url = "http://evil.example.com/a,b,c";
    for before in [limit - url.len() - 1, limit - url.len(), limit - 5, limit - 3, limit - 1] {
        assert_eq!(values_in(&format!("{} {url} ", " ".repeat(before))), [url], "{before}");
    }
}

#[test]
fn a_text_without_any_end_is_taken_apart_all_the_same() {
    let limit = usize::try_from(LINE_BYTES_MAX).unwrap();
    assert_eq!(values_in(&("-".repeat(3 * limit) + " evil.example.com")), ["evil.example.com"]);
}

#[test]
fn nothing_is_read_once_nobody_takes_it() {
    let text = "192.0.2.1\n".repeat(3 * VALUES_MAX);
    let taken = RefCell::new(0);
    let take = |_values: Vec<String>| {
        *taken.borrow_mut() += 1;
        false
    };
    read_values(BufReader::with_capacity(1 << 20, text.as_bytes()), false, take).unwrap();
    assert_eq!(taken.into_inner(), 1);
}
