//! Slices of any body, cut anywhere: nothing is lost, and each knows its place.

use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::limits;

use super::{Cutter, RowEnds, RowsSlice, SLICE_LINES_MAX, TOO_LONG_KEPT_BYTES};
use crate::{
    error::{BodyError, Fault},
    import::{array::ArrayScan, record::RecordScan},
};

fn lines() -> Cutter {
    Cutter::new(RowEnds::Lines, 1, 0, 0)
}

fn records() -> Cutter {
    Cutter::new(RowEnds::Records(RecordScan::new(b',', 0)), 1, 0, 0)
}

fn elements() -> Cutter {
    Cutter::new(RowEnds::Elements(ArrayScan::new()), 1, 0, 0)
}

fn cut(mut cutter: Cutter, body: &[u8], chunk_bytes: usize) -> Result<Vec<RowsSlice>, BodyError> {
    let mut slices = Vec::new();
    for mut chunk in body.chunks(chunk_bytes) {
        while let Some(slice) = cutter.next_slice(&mut chunk)? {
            slices.push(slice);
        }
        assert!(chunk.is_empty());
        assert!(cutter.kept_bytes() <= limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX + 2 * chunk_bytes);
    }
    while let Some(slice) = cutter.finish()? {
        slices.push(slice);
    }
    Ok(slices)
}

/// Each slice lies where it says, by bytes and lines.
#[track_caller]
fn check_places(body: &[u8], slices: &[RowsSlice]) {
    let mut at = 0;
    for slice in slices {
        let from = usize::try_from(slice.first_byte).unwrap();
        assert!(at <= from);
        assert!(body[from..].starts_with(&slice.text));
        let lines_before = memchr::memchr_iter(b'\n', &body[..from]).count() as u64;
        assert_eq!(slice.first_line, lines_before + 1);
        at = from + slice.text.len();
    }
}

#[test]
fn lines_come_whole_and_in_slices_of_some_size() {
    let line = |number| format!("{{\"indicator\":\"h{number}.example.com\"}}\n");
    let body = (0..80_000).map(line).collect::<Vec<_>>().concat();
    for chunk_bytes in [1_000, 65_536, 1 << 22] {
        let slices = cut(lines(), body.as_bytes(), chunk_bytes).unwrap();
        check_places(body.as_bytes(), &slices);
        assert!(slices.len() >= 2 || chunk_bytes == 1 << 22);
        assert!(slices.iter().all(|slice| slice.text.ends_with(b"\n")));
        let joined: Vec<u8> = slices.iter().flat_map(|slice| slice.text.clone()).collect();
        assert!(joined == body.as_bytes());
        assert_eq!(slices.last().unwrap().next_line(), 80_001);
    }
}

#[test]
fn many_short_lines_close_a_slice_too() {
    let body = "a\n".repeat(200_000);
    let slices = cut(lines(), body.as_bytes(), 65_536).unwrap();
    assert!(slices.len() >= 3);
    assert!(slices.iter().all(|slice| slice.lines <= SLICE_LINES_MAX + 32_768));
    check_places(body.as_bytes(), &slices);
}

#[test]
fn the_last_line_needs_no_line_break() {
    let slices = cut(lines(), b"a\nb", 1).unwrap();
    assert_eq!((slices[0].text.as_slice(), slices[0].lines), (&b"a\nb"[..], 2));
    let slices = cut(records(), b"a\n\"b\nc\"", 1).unwrap();
    assert_eq!((slices[0].text.as_slice(), slices[0].lines), (&b"a\n\"b\nc\""[..], 3));
    assert_eq!(cut(lines(), b"", 1).unwrap(), []);
}

/// It costs no other line, and next to no memory. Where its strings and escapes are cut makes no difference.
#[test]
fn an_element_that_is_too_long_is_passed_over() {
    let long = "]\\\"},".repeat(limits::ELEMENT_BYTES_MAX / 4);
    for (element, after) in [
        (format!("{{\"a\":\"{long}\",\"b\":[{{}}]}}"), " \n"),
        (format!("\"{long}\""), ""),
        ("7".repeat(2 * limits::ELEMENT_BYTES_MAX), ""),
    ] {
        let body = format!("[ {{}}{after},{after}{element}{after}, {{\"last\":1}}]\n");
        for chunk_bytes in [65_536, 99_991] {
            let slices = cut(elements(), body.as_bytes(), chunk_bytes).unwrap();
            let seen: Vec<_> =
                slices.iter().map(|slice| (slice.first_line, slice.lines, slice.is_too_long)).collect();
            assert_eq!(seen, [(1, 1, false), (2, 1, true), (3, 1, false)]);
            let [first, too_long, last] = &slices[..] else { unreachable!() };
            assert!(first.text.trim_ascii_start().starts_with(b"{}"));
            assert_eq!(too_long.text, element.as_bytes()[..TOO_LONG_KEPT_BYTES]);
            assert!(last.text.ends_with(b"{\"last\":1}"));
            for slice in &slices {
                assert!(
                    body.as_bytes()[usize::try_from(slice.first_byte).unwrap()..].starts_with(&slice.text)
                );
            }
        }
    }
}

/// It costs no other line, and next to no memory.
#[test]
fn a_line_that_is_too_long_is_passed_over() {
    let long = "x".repeat(2 * limits::ELEMENT_BYTES_MAX);
    let body = format!("a\n{long}\nb,\"c\nd\"\n");
    for cutter in [lines as fn() -> Cutter, records] {
        for chunk_bytes in [65_536, 1 << 24] {
            let slices = cut(cutter(), body.as_bytes(), chunk_bytes).unwrap();
            check_places(body.as_bytes(), &slices);
            let seen: Vec<_> = slices
                .iter()
                .map(|slice| (slice.text.len(), slice.first_line, slice.lines, slice.is_too_long))
                .collect();
            if chunk_bytes == 65_536 {
                assert_eq!(seen, [(2, 1, 1, false), (TOO_LONG_KEPT_BYTES, 2, 1, true), (8, 3, 2, false)]);
            } else {
                // It was there as a whole: the worker judges it.
                assert_eq!(slices.iter().map(|slice| slice.lines).sum::<u64>(), 4);
            }
        }
    }
    // The body may end within it.
    let slices = cut(lines(), format!("a\n{long}").as_bytes(), 65_536).unwrap();
    assert_eq!(slices.len(), 2);
    assert!(slices[1].is_too_long);
}

#[test]
fn an_array_ends_with_its_first_fault() {
    let long = format!("[{{}},{{\"a\":\"{}", "x".repeat(limits::ELEMENT_BYTES_MAX));
    let error = |body: &str| match cut(elements(), body.as_bytes(), 65_536) {
        Err(BodyError::Syntax { fault, byte }) => Some((fault, byte)),
        _ => None,
    };
    assert_eq!(error(&long), Some((Fault::Unfinished, long.len() as u64)));
    assert_eq!(error(&format!("{long}\"}} {{}}]")), Some((Fault::NoSeparator, long.len() as u64 + 3)));
    assert_eq!(error("[{}"), Some((Fault::Unfinished, 3)));
    assert_eq!(error("  "), Some((Fault::Unfinished, 2)));
    assert_eq!(error(" {}"), Some((Fault::NotAnArray, 1)));
    assert_eq!(error("[{}]]"), Some((Fault::Trailing, 4)));
    assert_eq!(error("[{},5] "), None);
}

/// White space between elements and after the array takes no more memory than they do.
#[test]
fn elements_are_counted_and_white_space_is_not_gathered() {
    let space = " ".repeat(3 * limits::MIB);
    let body = format!("[{{}},{space}{{}}]{space}");
    let slices = cut(elements(), body.as_bytes(), 65_536).unwrap();
    assert_eq!(slices.iter().map(|slice| slice.lines).sum::<u64>(), 2);
    assert!(slices.iter().all(|slice| slice.text.len() <= limits::SLICE_BYTES + 65_536));
    let last = slices.last().unwrap();
    assert_eq!((last.first_line, last.next_line()), (2, 3));
    assert!(last.text.ends_with(b"{}"));
    for slice in &slices {
        let from = usize::try_from(slice.first_byte).unwrap();
        assert!(body.as_bytes()[from..].starts_with(&slice.text));
    }
}

proptest! {
    /// Fuzzed: any text, in chunks of any length, and rows flushed at any time.
    #[test]
    fn nothing_is_lost_and_each_slice_knows_its_place(
        pieces in vec(select(vec!["a", "\n", "\"", "\"\"", ",", "\"b\nc\"", "#", "é", "{\"x\":1}"]), 0..40),
        chunk_bytes in 1_usize..9,
        flushes in vec(any::<bool>(), 200),
        is_table in any::<bool>(),
    ) {
        let body = pieces.concat();
        let mut cutter = if is_table { records() } else { lines() };
        let mut slices = Vec::new();
        for (mut chunk, flush) in body.as_bytes().chunks(chunk_bytes).zip(flushes) {
            while let Some(slice) = cutter.next_slice(&mut chunk).unwrap() {
                slices.push(slice);
            }
            slices.extend(if flush { cutter.flush() } else { None });
        }
        while let Some(slice) = cutter.finish().unwrap() {
            slices.push(slice);
        }
        check_places(body.as_bytes(), &slices);
        let joined: Vec<u8> = slices.iter().flat_map(|slice| slice.text.clone()).collect();
        prop_assert_eq!(joined, body.as_bytes());
    }
}
