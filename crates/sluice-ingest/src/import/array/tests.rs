//! Elements of any sort, wherever the text is cut; and the grammar between them.

use proptest::{collection::vec, prelude::*};

use super::{ArrayScan, WholeElements};
use crate::{body::generate, error::Fault};

fn scan(pieces: &[&[u8]]) -> Result<(WholeElements, bool), (usize, Fault)> {
    let (mut text, mut scan, mut whole) = (Vec::new(), ArrayScan::new(), WholeElements::default());
    for piece in pieces {
        text.extend_from_slice(piece);
        scan.advance(&text, &mut whole)?;
    }
    Ok((whole, scan.has_ended()))
}

#[track_caller]
fn check(text: &str, want: Result<(usize, u64, bool), (usize, Fault)>) {
    let seen = |scanned: Result<(WholeElements, bool), _>| {
        scanned.map(|(whole, has_ended)| (whole.to, whole.count, has_ended))
    };
    assert_eq!(seen(scan(&[text.as_bytes()])), want, "{text}");
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(seen(scan(&bytes)), want, "{text}, byte by byte");
}

#[test]
fn elements_are_whole_with_their_last_byte() {
    check(r#" [{"a":"]}\"["} , {"#, Ok((18, 1, false)));
    check(r#"[{"a":[{}]},{}]"#, Ok((14, 2, true)));
    check("[]", Ok((0, 0, true)));
    check("[ ] \n", Ok((2, 0, true)));
    check("", Ok((0, 0, false)));
}

#[test]
fn what_is_no_object_is_an_element_all_the_same() {
    check(r#"["a,]",1e5,[2,{}],nul,{]]"#, Ok((24, 5, true)));
    check("[12", Ok((0, 0, false)));
    check("[12,", Ok((4, 1, false)));
}

#[test]
fn without_its_commas_it_is_no_array() {
    check("{}", Err((0, Fault::NotAnArray)));
    check("[,{}]", Err((1, Fault::NotAnObject)));
    check("[{},]", Err((4, Fault::NotAnObject)));
    check("[{}{}]", Err((3, Fault::NoSeparator)));
    check("[\"a\":1]", Err((4, Fault::NoSeparator)));
    check("[] x", Err((3, Fault::Trailing)));
}

proptest! {
    #[test]
    fn where_an_array_is_cut_makes_no_difference(
        body in generate::body(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = body.as_bytes();
        let mut offsets: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        offsets.extend([0, text.len()]);
        offsets.sort_unstable();
        let pieces: Vec<&[u8]> = offsets.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(scan(&pieces), scan(&[text]));
    }
}
