//! Dictionaries are trained on the whole of a table, and small ones serve too.

use super::{BYTES_MAX, Dictionary, samples};
use crate::contexts::ContextTableBuilder;

/// What every trained dictionary of zstd begins with.
const TRAINED: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];

#[test]
fn a_table_of_some_size_trains_its_dictionary_on_all_of_it() {
    let mut contexts = ContextTableBuilder::default();
    for number in 0..20_000_u32 {
        let kind = if number < 10_000 { "first" } else { "second" };
        let text =
            format!("{{\"of\":\"{kind}\",\"seen\":{},\"by\":\"feed-{}\"}}", number * 7_919, number % 13);
        contexts.intern(text.as_bytes()).unwrap();
    }
    let contexts = contexts.finish();
    let dictionary = Dictionary::of(&contexts);
    assert!(dictionary.bytes().starts_with(&TRAINED) && dictionary.bytes().len() <= BYTES_MAX);
    let (samples, lengths) = samples(&contexts, 64 * 1024);
    assert_eq!(samples.len(), lengths.iter().sum::<usize>());
    assert!((48 * 1024..=64 * 1024).contains(&samples.len()), "{}", samples.len());
    let of = |kind: &str| samples.windows(kind.len()).filter(|text| *text == kind.as_bytes()).count();
    assert!(of("\"first\"") < 2 * of("\"second\"") && of("\"second\"") < 2 * of("\"first\""));
}

#[test]
fn a_few_contexts_are_packed_too() {
    let mut contexts = ContextTableBuilder::default();
    for text in ["{\"a\":1}", "{\"a\":2}", "{}"] {
        contexts.intern(text.as_bytes()).unwrap();
    }
    let dictionary = Dictionary::of(&contexts.finish());
    let (mut packed, mut raw) = (Vec::new(), Vec::new());
    dictionary.pack(b"some text", &mut packed).unwrap();
    Dictionary::new(dictionary.bytes().to_vec()).unwrap().unpack(&packed, &mut raw).unwrap();
    assert_eq!(raw, b"some text");
}
