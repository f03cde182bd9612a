//! Bodies cut anywhere into whole actions.

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::limits;

use super::{ACTION_BYTES_MAX, BulkCutter, BulkSlice};
use crate::error::BodyError;

fn cut(pieces: &[&[u8]]) -> Result<Vec<BulkSlice>, BodyError> {
    let (mut cutter, mut slices) = (BulkCutter::default(), Vec::new());
    for mut piece in pieces.iter().copied() {
        while let Some(slice) = cutter.next_slice(&mut piece)? {
            slices.push(slice);
        }
    }
    slices.extend(cutter.finish()?);
    Ok(slices)
}

fn told(cut: Result<Vec<BulkSlice>, BodyError>) -> String {
    match cut {
        Ok(slices) => {
            let texts = slices.iter().map(|slice| String::from_utf8_lossy(&slice.text).into_owned());
            texts.collect::<Vec<_>>().join("|").replace('\n', "~")
        }
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(body: &str, want: &Expect) {
    let seen = told(cut(&[body.as_bytes()]));
    want.assert_eq(&seen);
    // Byte by byte it is the same.
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(told(cut(&bytes)), seen);
}

#[test]
fn actions_with_their_documents() {
    check("{\"index\":{}}\n{\"a\":1}\n", &expect![[r#"{"index":{}}~{"a":1}~"#]]);
    check("\n \n{\"delete\":{}}\n\n{\"create\":{}}\nx", &expect![[r#"~ ~{"delete":{}}~~{"create":{}}~x~"#]]);
    // An empty line in the place of a document is one.
    check("{\"index\":{}}\n\n{\"delete\":{}}", &expect![[r#"{"index":{}}~~{"delete":{}}~"#]]);
}

#[test]
fn what_is_no_body_of_actions() {
    check("", &expect!["expected at least one object at byte 0"]);
    check("\n \n", &expect!["expected at least one object at byte 0"]);
    check("{\"index\":{}}\n", &expect!["expected a document behind the last action at byte 13"]);
    check("{\"index\":{}}", &expect!["expected a document behind the last action at byte 13"]);
    check(
        "{\"index\":{}}\n{}\n{}\n",
        &expect!["expected an action: index, create, update or delete at byte 16"],
    );
    check("[{\"index\":{}}]", &expect!["expected an action: index, create, update or delete at byte 0"]);
    let long = format!("{{\"delete\":{{\"_id\":\"{}\"}}}}\n", "a".repeat(ACTION_BYTES_MAX));
    let refused = "expected an action: index, create, update or delete at byte 0";
    assert_eq!(told(cut(&[long.as_bytes()])), refused);
    assert_eq!(told(cut(&[&long.as_bytes()[..=ACTION_BYTES_MAX]])), refused);
}

#[test]
fn a_document_that_is_too_long_is_left_out_alone() {
    let long = vec![b'x'; limits::ELEMENT_BYTES_MAX + 1];
    let (before, after) = (&b"{\"index\":{}}\n"[..], &b"\n{\"delete\":{}}\nnone\n"[..]);
    for piece_bytes in [7_777, 65_536, usize::MAX] {
        let body = [before, &long, after].concat();
        let pieces: Vec<&[u8]> = body.chunks(piece_bytes.min(body.len())).collect();
        // What follows is read as always, and its fault has its place in the body.
        let refused = told(cut(&pieces));
        let byte = body.len() - b"none\n".len();
        assert_eq!(refused, format!("expected an action: index, create, update or delete at byte {byte}"));
        let whole = &body[..byte];
        let pieces: Vec<&[u8]> = whole.chunks(piece_bytes.min(whole.len())).collect();
        let slices = cut(&pieces).unwrap();
        assert_eq!(told(Ok(slices.clone())), r#"{"index":{}}~~{"delete":{}}~"#);
        assert_eq!(slices[0].left_out, [(before.len(), long.len() as u64)]);
        let delete = before.len() + 1;
        assert_eq!(slices[0].byte_at(delete), (delete + long.len()) as u64);
        assert_eq!(slices[0].byte_at(before.len()), before.len() as u64);
        assert!(slices[0].is_left_out(before.len()) && !slices[0].is_left_out(delete));
        // The last one needs no line break either.
        let last = [before, &long].concat();
        let pieces: Vec<&[u8]> = last.chunks(piece_bytes.min(last.len())).collect();
        let slices = cut(&pieces).unwrap();
        assert_eq!(told(Ok(slices.clone())), r#"{"index":{}}~~"#);
        assert_eq!(slices[0].left_out, [(before.len(), long.len() as u64)]);
    }
    let two = [before, &long, b"\n", before, &long, after].concat();
    let slices = cut(&[&two[..two.len() - b"none\n".len()]]).unwrap();
    let last = slices[0].text.len() - b"{\"delete\":{}}\n".len();
    assert_eq!(slices[0].byte_at(last), (last + 2 * long.len()) as u64);
    let longest = [before, &long[1..], b"\n"].concat();
    let slices = cut(&[&longest]).unwrap();
    assert!(slices[0].text == longest && slices[0].left_out.is_empty());
}

#[test]
fn full_slices_end_after_whole_actions() {
    let pair = format!("{{\"index\":{{}}}}\n{{\"indicator\":\"{}\"}}\n", "a".repeat(1_000));
    let body = pair.repeat(3_000);
    let pieces: Vec<&[u8]> = body.as_bytes().chunks(65_536).collect();
    let slices = cut(&pieces).unwrap();
    let pairs_of_slice = limits::SLICE_BYTES.div_ceil(pair.len());
    let (mut first_byte, mut first_line) = (0, 0);
    for (index, slice) in slices.iter().enumerate() {
        let begins = (slice.index as usize, slice.first_line, slice.first_byte);
        assert_eq!(begins, (index, first_line, first_byte));
        let count = if index + 1 < slices.len() { pairs_of_slice } else { 3_000 - index * pairs_of_slice };
        assert_eq!(slice.text, pair.repeat(count).as_bytes());
        first_byte += slice.text.len() as u64;
        first_line += 2 * count as u64;
    }
    assert_eq!(first_byte, body.len() as u64);
}

proptest! {
    #[test]
    fn it_makes_no_difference_where_a_body_is_cut(
        lines in vec(select(vec!["{\"index\":{}}\n", "{\"delete\":{}}\n", "{\"a\":1}\n", "\n", "{\"create\":{}}", "x"]), 0..12),
        places in vec(0_usize..150, 0..6),
    ) {
        let body = lines.concat();
        let mut places: Vec<usize> = places.into_iter().map(|place| place.min(body.len())).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(told(cut(&pieces)), told(cut(&[body.as_bytes()])));
    }
}
