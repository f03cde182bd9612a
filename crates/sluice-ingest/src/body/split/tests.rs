//! Where slices are cut, and that every byte of them is found again in the body.

use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::limits;

use super::{BodySlice, SLICE_ELEMENTS_MAX, SplitState, Splitter};
use crate::error::{BodyError, Fault};

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
        check_scan(pieces.concat().as_bytes(), state, depth)?;
    }
}

fn check_scan(bytes: &[u8], state: SplitState, depth: usize) -> Result<(), TestCaseError> {
    let splitter = || Splitter { state, depth, ..Splitter::new() };
    let (mut blocks, mut single) = (splitter(), splitter());
    let scanned = blocks.scan(bytes);
    prop_assert_eq!(scanned, single.scan_bytes(bytes));
    // After an error nothing is scanned any more.
    prop_assert!(scanned.is_err() || (blocks.state, blocks.depth) == (single.state, single.depth));
    Ok(())
}

/// The bracket that is one too many lies in a block of its own, or behind strings with brackets and escapes.
#[test]
fn a_bracket_too_many_is_found_alike() {
    let blocks = ["{", "{[{[", "\"{\\\"{\"{", "\"        \u{fb}\u{dd}[\"", "        "];
    for state in [SplitState::Element, SplitState::Text, SplitState::Escape] {
        for depth in 1..limits::NESTING_LEVELS_MAX {
            for block in blocks {
                for before in 0..70 {
                    let bytes = format!("{}\"{}", ";".repeat(before), block.repeat(40));
                    check_scan(bytes.as_bytes(), state, depth).unwrap();
                }
            }
        }
    }
}

/// The text that comes of a body in such chunks, or its first error.
fn outcome(body: &[u8], chunk_bytes: usize) -> Result<Vec<u8>, BodyError> {
    let mut splitter = Splitter::new();
    for mut chunk in body.chunks(chunk_bytes) {
        assert!(splitter.next_slice(&mut chunk)?.is_none());
    }
    Ok(splitter.finish()?.unwrap().text)
}

#[test]
fn deep_elements_may_be_cut_anywhere() {
    // The array and its element are two levels.
    for levels in limits::NESTING_LEVELS_MAX - 1..=limits::NESTING_LEVELS_MAX + 2 {
        for filler in ["", "\"}]\",", "\"\\\"]\","] {
            let (opening, closing) = (format!("[{filler}").repeat(levels - 2), "]".repeat(levels - 2));
            let body = format!("[{{\"a\":{opening}1{closing}}},{{\"b\":{opening}1{closing}}}]");
            let whole = outcome(body.as_bytes(), body.len());
            if levels <= limits::NESTING_LEVELS_MAX {
                assert_eq!(whole.as_deref(), Ok(body.as_bytes()));
            } else {
                let before = "[{\"a\":".len() + (limits::NESTING_LEVELS_MAX - 2) * (1 + filler.len());
                assert_eq!(whole, Err(BodyError::Syntax { fault: Fault::TooDeep, byte: before as u64 }));
            }
            for chunk_bytes in 1..body.len() {
                assert_eq!(outcome(body.as_bytes(), chunk_bytes), whole, "{body} in {chunk_bytes}");
            }
        }
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
