//! Bodies of rows, cut anywhere.

use super::{LookupCut, LookupSlice, RowsCut};
use crate::{Announced, BodyError, Format, body::pipeline::Cut as _};

/// The slices of a body that comes in pieces of so many bytes, each as its form, its place and its text.
fn slices(body: &[u8], announced: Announced, piece_bytes: usize) -> Result<Vec<String>, BodyError> {
    let (mut cut, mut slices) = (LookupCut::Rows(RowsCut::new(announced)), Vec::new());
    let mut take = |slice: LookupSlice| {
        let (form, slice) = match &slice {
            LookupSlice::Elements(_) => panic!("not of the CyberTrace API"),
            LookupSlice::Objects(slice, format) => (format!("{format:?}"), slice),
            LookupSlice::Lines(slice) => ("Values".to_owned(), slice),
        };
        slices.push(format!("{form} {} {:?}", slice.first_byte, String::from_utf8_lossy(&slice.text)));
    };
    for mut piece in body.chunks(piece_bytes) {
        while let Some(slice) = cut.next_slice(&mut piece)? {
            take(slice);
        }
    }
    if let Some(slice) = cut.finish()? {
        take(slice);
    }
    assert!(cut.finish()?.is_none());
    Ok(slices)
}

#[track_caller]
fn check(body: &[u8], announced: Announced, want: Result<&[&str], &str>) {
    for piece_bytes in [1, 2, 3, 1_000] {
        let seen = slices(body, announced, piece_bytes).map_err(|error| error.to_string());
        let want = want.map(|slices| slices.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(seen, want.map_err(str::to_owned), "{:?} by {piece_bytes}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_first_byte_tells_the_form() {
    check(b"a.example\nb", Announced::Nothing, Ok(&[r#"Values 0 "a.example\nb""#]));
    check(b"\n {\"value\":1}", Announced::Nothing, Ok(&[r#"Ndjson 2 "{\"value\":1}""#]));
    check(b" [5, 6 ] ", Announced::Nothing, Ok(&[r#"Json 2 "5, 6 ""#]));
    check(b"\xef\xbb\xbf[5]", Announced::SomeJson, Ok(&[r#"Json 4 "5""#]));
    check(b"\xef\xbb\xbf a", Announced::Nothing, Ok(&[r#"Values 4 "a""#]));
    // The beginning of a BOM is part of what follows.
    check(b"\xef\xbba", Announced::Nothing, Ok(&["Values 0 \"\u{fffd}a\""]));
    check(b"\xef\xbb", Announced::Nothing, Ok(&["Values 0 \"\u{fffd}\""]));
    check(b"", Announced::Nothing, Ok(&[]));
    check(b"\xef\xbb\xbf \n", Announced::Nothing, Ok(&[]));
    check(b"[]", Announced::Nothing, Ok(&[]));
}

#[test]
fn what_is_said_of_the_form_counts() {
    let lines = Announced::Exactly(Format::Lines);
    check(b"[2001:db8::1]:80/a", lines, Ok(&[r#"Values 0 "[2001:db8::1]:80/a""#]));
    check(b"  a.example", Announced::SomeJson, Err("invalid JSON at byte 2"));
    check(b"\xef\xbb", Announced::SomeJson, Err("invalid JSON at byte 2"));
}

#[test]
fn an_array_of_which_no_row_can_be_told_from_the_next_is_refused() {
    check(b"[5", Announced::Nothing, Err("the body ends early at byte 2"));
    check(b"[,5]", Announced::Nothing, Err("expected an object as element of the array at byte 1"));
}
