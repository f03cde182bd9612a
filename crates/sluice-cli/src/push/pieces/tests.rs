//! Cases: where pieces end, of files and pipes alike.

use std::{cell::RefCell, fmt::Write as _};

use expect_test::{Expect, expect};

use super::*;

const LINES: &str =
    "{\"indicator\":\"192.0.2.1\"}\n\n{\"indicator\":\"192.0.2.2\"}\n{\"indicator\":\"192.0.2.3\"}";

fn check(text: &str, format: Format, piece_bytes: u64, expect: &Expect) {
    let cutting = Cutting { format, piece_bytes, is_whole: false };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    let pipe = Pipe::new(file.try_clone().unwrap(), Duration::MAX);
    let of_pipe = shown(|take| cut_pipe(pipe, cutting, take).unwrap());
    io::Seek::rewind(&mut file).unwrap();
    let of_file = shown(|take| cut_file(file, cutting, &FileEntries::default(), take).unwrap());
    assert_eq!(of_file, of_pipe);
    expect.assert_eq(&of_file);
}

fn shown(cut: impl FnOnce(&dyn Fn(Piece) -> bool)) -> String {
    let pieces = RefCell::new(String::new());
    cut(&|piece| {
        let text = piece.content.read_at(0, usize::MAX).unwrap();
        let (text, end) = (String::from_utf8_lossy(&text), piece.end());
        let Piece { start, first_line, lines, is_whole, .. } = &piece;
        let lines = lines.map_or_else(|| "?".to_owned(), |lines| lines.to_string());
        let mut pieces = pieces.borrow_mut();
        writeln!(pieces, "{start}..{end} line {first_line} of {lines} whole {is_whole}: {text:?}").unwrap();
        true
    });
    pieces.into_inner()
}

#[test]
fn a_piece_ends_with_the_line_that_fills_it() {
    check(
        LINES,
        Format::Auto,
        26,
        &expect![[r#"
            0..26 line 1 of 1 whole false: "{\"indicator\":\"192.0.2.1\"}\n"
            26..53 line 2 of 2 whole false: "\n{\"indicator\":\"192.0.2.2\"}\n"
            53..78 line 4 of 1 whole false: "{\"indicator\":\"192.0.2.3\"}"
        "#]],
    );
    check(
        LINES,
        Format::Auto,
        27,
        &expect![[r#"
            0..27 line 1 of 2 whole false: "{\"indicator\":\"192.0.2.1\"}\n\n"
            27..78 line 3 of 2 whole false: "{\"indicator\":\"192.0.2.2\"}\n{\"indicator\":\"192.0.2.3\"}"
        "#]],
    );
    check(
        LINES,
        Format::Auto,
        28,
        &expect![[r#"
            0..53 line 1 of 3 whole false: "{\"indicator\":\"192.0.2.1\"}\n\n{\"indicator\":\"192.0.2.2\"}\n"
            53..78 line 4 of 1 whole false: "{\"indicator\":\"192.0.2.3\"}"
        "#]],
    );
}

#[test]
fn what_fits_is_one_piece() {
    check(
        LINES,
        Format::Auto,
        1_000,
        &expect![[r#"
            0..78 line 1 of 4 whole true: "{\"indicator\":\"192.0.2.1\"}\n\n{\"indicator\":\"192.0.2.2\"}\n{\"indicator\":\"192.0.2.3\"}"
        "#]],
    );
    check(
        "",
        Format::Lines,
        10,
        &expect![[r#"
            0..0 line 1 of 0 whole true: ""
        "#]],
    );
    check(
        "192.0.2.1\n",
        Format::Lines,
        10,
        &expect![[r#"
            0..10 line 1 of 1 whole true: "192.0.2.1\n"
        "#]],
    );
}

#[test]
fn documents_are_not_cut() {
    check(
        "[\n1,\n2]\n",
        Format::Auto,
        2,
        &expect![[r#"
            0..8 line 1 of ? whole true: "[\n1,\n2]\n"
        "#]],
    );
}

#[test]
fn lines_longer_than_a_block_are_whole() {
    let long = "x".repeat(3 * BLOCK_BYTES / 2);
    let text = format!("{long}\n{long}\nshort\n");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let bytes = text.len() as u64;
    let line = long.len() as u64 + 1;
    assert_eq!(end_of_piece(&file, 0, 10, bytes).unwrap(), (line, 1));
    assert_eq!(end_of_piece(&file, line, line + 1, bytes).unwrap(), (bytes, 2));
    assert_eq!(end_of_piece(&file, 0, bytes, bytes).unwrap(), (bytes, 3));
}

/// Whoever follows a file that grows would wait for ever.
#[test]
fn lines_of_a_pipe_that_is_alive_do_not_wait_for_those_behind_them() {
    let (reader, mut writer) = io::pipe().unwrap();
    let (pieces_out, pieces) = std::sync::mpsc::channel();
    let cutting = Cutting { format: Format::Lines, piece_bytes: 1_000, is_whole: false };
    let file = File::from(std::os::fd::OwnedFd::from(reader));
    let work =
        move || cut_pipe(Pipe::new(file, Duration::ZERO), cutting, &|piece| pieces_out.send(piece).is_ok());
    let cutter = thread::Builder::new().name("cutter".to_owned()).spawn(work).unwrap();
    let mut at = 0;
    for (written, first_line, want) in [("a\nb\nc", 1, "a\nb\n"), ("c\n\nd", 3, "cc\n\n"), ("d\n", 5, "dd\n")]
    {
        writer.write_all(written.as_bytes()).unwrap();
        let piece: Piece = pieces.recv().unwrap();
        assert_eq!(piece.content.read_at(0, usize::MAX).unwrap(), want);
        assert_eq!((piece.start, piece.first_line, piece.is_whole), (at, first_line, false));
        at = piece.end();
    }
    writer.write_all(b"last").unwrap();
    drop(writer);
    let last = pieces.recv().unwrap();
    assert_eq!((last.content.read_at(0, usize::MAX).unwrap(), last.lines), (Bytes::from("last"), Some(1)));
    cutter.join().unwrap().unwrap();
    assert!(pieces.recv().is_err());
}
