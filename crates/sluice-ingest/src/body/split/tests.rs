//! Where slices are cut, and that every byte of them is found again in the body.

use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::limits;

use super::{BodySlice, SLICE_ELEMENTS_MAX, SplitState, Splitter};

fn slices(body: &[u8], chunk_bytes: usize) -> Vec<BodySlice> {
    let mut splitter = Splitter::new();
    let mut slices = Vec::new();
    for mut chunk in body.chunks(chunk_bytes) {
        while let Some(slice) = splitter.next_slice(&mut chunk).unwrap() {
            slices.push(slice);
        }
        assert!(chunk.is_empty());
    }
    slices.extend(splitter.finish().unwrap());
    slices
}

/// Checks that the slices follow each other and that every byte of an element maps to its own offset.
#[track_caller]
fn check(body: &str, slices_count: usize) {
    let slices = slices(body.as_bytes(), 8_191);
    assert_eq!(slices.len(), slices_count);
    let mut first_element = 0;
    let mut last_byte = 0;
    for (index, slice) in slices.iter().enumerate() {
        assert_eq!(slice.index as usize, index);
        assert_eq!(slice.first_element, first_element);
        let text = std::str::from_utf8(&slice.text).unwrap();
        let elements: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
        first_element += elements.len() as u64;
        for element in elements {
            let from = element.get().as_ptr().addr() - text.as_ptr().addr();
            for at in [from, from + 1, from + element.get().len() - 1] {
                let byte = usize::try_from(slice.body_byte(at)).unwrap();
                assert_eq!(body.as_bytes()[byte], slice.text[at]);
                assert!(byte > last_byte, "{byte} after {last_byte}");
                last_byte = byte;
            }
        }
    }
}

#[test]
fn offsets_survive_any_white_space() {
    check("[]", 0);
    check("\u{feff} [ {\"a\":1},{\"b\":2} ,\n{\"c\":3},{\"d\":4},\t{\"e\":5}]", 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Blocks at once and byte by byte lead to the same end and leave the same state.
    #[test]
    fn blocks_and_bytes_are_scanned_alike(
        pieces in vec(select(vec!["\"", "\"", "{", "}", "[", "]", "\\", ";", "\u{fb}\u{dd}", "        ", "{[{["]), 0..200),
        state in select(vec![SplitState::Element, SplitState::Text, SplitState::Escape]),
        depth in 1_usize..limits::NESTING_LEVELS_MAX,
    ) {
        let bytes = pieces.concat().into_bytes();
        let splitter = || Splitter { state, depth, ..Splitter::new() };
        let (mut blocks, mut single) = (splitter(), splitter());
        let scanned = blocks.scan(&bytes);
        prop_assert_eq!(scanned, single.scan_bytes(&bytes));
        // After an error nothing is scanned any more.
        prop_assert!(scanned.is_err() || (blocks.state, blocks.depth) == (single.state, single.depth));
    }
}

#[test]
fn slices_close_by_bytes() {
    let element = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000));
    let count = 3 * limits::SLICE_BYTES / element.len();
    check(&format!("[{}]", vec![element.as_str(); count].join(",")), 3);
    check(&format!("[{}]", vec![element.as_str(); count].join(" , ")), 3);
}

#[test]
fn slices_close_by_elements() {
    let count = SLICE_ELEMENTS_MAX as usize;
    check(&format!("[{}]", vec!["{ }"; count].join(",")), 1);
    check(&format!("[{}]", vec!["{ }"; 2 * count + 1].join(" ,")), 3);
}
