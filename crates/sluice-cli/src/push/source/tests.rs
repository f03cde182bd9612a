//! Cases: what contents are taken for.

use super::*;

fn check(start: &[u8], format: Format, packing: Option<&'static str>, told: Format, is_of_lines: bool) {
    assert_eq!(Nature::of(start, format), Nature { packing, format: told, is_of_lines }, "{start:?}");
}

#[test]
fn packed_contents_are_never_cut() {
    check(b"\x1f\x8b\x08", Format::Auto, Some("gzip"), Format::Auto, false);
    check(b"\x28\xb5\x2f\xfd", Format::Ndjson, Some("zstd"), Format::Ndjson, false);
}

#[test]
fn rows_of_ndjson_are_told_by_their_first_line() {
    check(b"{\"indicator\":\"192.0.2.1\"}\n{", Format::Auto, None, Format::Ndjson, true);
    check(b"\xef\xbb\xbf\r\n{\"indicator\":\"192.0.2.1\"}", Format::Auto, None, Format::Ndjson, true);
}

#[test]
fn documents_are_left_to_the_daemon() {
    check(b"{\"type\":\"bundle\"}\n", Format::Auto, None, Format::Auto, false);
    check(b"{\n\"indicator\": 1}\n", Format::Auto, None, Format::Auto, false);
    check(b"[{\"indicator\":\"192.0.2.1\"}]\n", Format::Auto, None, Format::Auto, false);
    check(b"192.0.2.1\n", Format::Auto, None, Format::Auto, false);
    check(b"", Format::Auto, None, Format::Auto, false);
}

#[test]
fn who_says_the_format_is_believed() {
    check(b"192.0.2.1\n", Format::Lines, None, Format::Lines, true);
    check(b"{\"indicator\":\"192.0.2.1\"}\n", Format::Json, None, Format::Json, false);
    check(b"indicator\n192.0.2.1\n", Format::Csv, None, Format::Csv, false);
}
