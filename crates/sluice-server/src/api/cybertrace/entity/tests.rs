//! Bodies of one object, whole and in pieces, and the hostile ones.

use expect_test::{Expect, expect};
use sluice_ingest::ObjectReader;
use sluice_model::limits;

use super::{Entity, refused};
use crate::http::problem::Cause;

fn read(body: &[u8], piece_bytes: usize) -> Result<Entity, Cause> {
    let mut reader = ObjectReader::default();
    for piece in body.chunks(piece_bytes) {
        reader.push(piece).map_err(|error| refused(&error))?;
    }
    Entity::read(reader)
}

/// Every kind of value by its name in JSON; what no property may be is `Other`.
fn print(entity: &Entity, name: &str) -> String {
    if !entity.values.contains_key(name) {
        return "None".to_owned();
    }
    match (entity.text(name), entity.integer(name), entity.boolean(name)) {
        (Ok(Some(text)), Err(_), Err(_)) => format!("Some(Text({text:?}))"),
        (Err(_), Ok(Some(integer)), Err(_)) => format!("Some(Integer({integer}))"),
        (Err(_), Err(_), Ok(Some(truth))) => format!("Some(Truth({truth}))"),
        (Err(_), Err(_), Err(_)) => "Some(Other)".to_owned(),
        several => format!("{several:?}"),
    }
}

#[track_caller]
fn check(body: &str, want: &Expect) {
    let print = |read: Result<Entity, Cause>| match read {
        Ok(entity) => {
            format!("[{}]", ["name", "weight", "refang"].map(|name| print(&entity, name)).join(", "))
        }
        Err(cause) => cause.reason().into_owned(),
    };
    let whole = print(read(body.as_bytes(), body.len().max(1)));
    assert_eq!(print(read(body.as_bytes(), 1)), whole);
    want.assert_eq(&whole);
}

#[test]
fn values_keep_their_json_types() {
    check(
        r#"[{"name":"a \" b","weight":5,"refang":true}]"#,
        &expect![[r#"[Some(Text("a \" b")), Some(Integer(5)), Some(Truth(true))]"#]],
    );
    check(
        r#"[{"name":null,"weight":5.0,"refang":[{}]}]"#,
        &expect!["[Some(Other), Some(Other), Some(Other)]"],
    );
    check(r#"[{"weight":99999999999999999999}]"#, &expect!["[None, Some(Other), None]"]);
}

#[test]
fn the_last_key_counts_and_unknown_ones_do_not() {
    check(r#"[{"weight":1,"x":{"weight":7},"weight":2}]"#, &expect!["[None, Some(Integer(2)), None]"]);
    check(r#"[{"na\u006de":"A"}]"#, &expect![[r#"[Some(Text("A")), None, None]"#]]);
}

#[test]
fn a_byte_order_mark_and_blanks_are_skipped() {
    check("\u{feff} [ \n{ } ]\t ", &expect!["[None, None, None]"]);
    check("[{\"name\":\"a  b\"}]", &expect![[r#"[Some(Text("a  b")), None, None]"#]]);
    check(" \u{feff}[{}]", &expect!["The body is not an array of exactly one object"]);
}

#[test]
fn anything_but_one_object_is_refused() {
    for body in ["{}", "[]", "[{},{}]", "[1]", "1", "null", "[[{}]]"] {
        check(body, &expect!["The body is not an array of exactly one object"]);
    }
    for body in
        ["", "[{}", "[{}] x", "[{\"a\":1 2}]", "[{}},{]", "[{'a':1}]", "[{\"a\":01}]", "[{\"a\":[1}]}]"]
    {
        check(body, &expect!["The body is not JSON"]);
    }
    assert!(read(b"[{\"name\":\"\xff\"}]", 100).is_err());
}

/// What `name` and `weight` are told to be when they are asked for as text and as an integer.
#[track_caller]
fn check_asked(body: &str, name: Result<Option<&str>, &str>, weight: Result<Option<i64>, &str>) {
    let entity = read(body.as_bytes(), 7).unwrap();
    let reason = |cause: Cause| cause.reason().into_owned();
    assert_eq!(entity.text("name").map_err(reason), name.map_err(str::to_owned), "{body}");
    assert_eq!(entity.integer("weight").map_err(reason), weight.map_err(str::to_owned), "{body}");
}

#[test]
fn a_value_that_counts_must_be_readable_and_no_other() {
    let (no_unicode, no_range) =
        ("Property 'name' is not valid Unicode", "Property 'weight' has a number out of range");
    for (text, number) in
        [("\"\\ud800\"", "1e400"), ("[[\"\\udc00\"]]", "[-1e999]"), ("{\"\\udfff\":1}", "{\"a\":1e309}")]
    {
        check_asked(&format!(r#"[{{"name":{text},"weight":{number}}}]"#), Err(no_unicode), Err(no_range));
        check_asked(
            &format!(r#"[{{"name":{text},"name":"A","weight":{number},"weight":1}}]"#),
            Ok(Some("A")),
            Ok(Some(1)),
        );
        check_asked(
            &format!(r#"[{{"x":{text},"name":"A","vendor":{number},"\ud800":{text}}}]"#),
            Ok(Some("A")),
            Ok(None),
        );
    }
    check_asked(
        r#"[{"name":{"a":"\ud800","a":1},"weight":-0}]"#,
        Err("Property 'name' has an invalid type"),
        Ok(Some(0)),
    );
    check_asked(
        r#"[{"weight":9223372036854775808}]"#,
        Ok(None),
        Err("Property 'weight' has an invalid type"),
    );
    check_asked(r#"[{"weight":1E+0}]"#, Ok(None), Err("Property 'weight' has an invalid type"));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("[{{\"a\":{}{}}}]", "[".repeat(levels - 2), "]".repeat(levels - 2));
    check(&nested(limits::NESTING_LEVELS_MAX), &expect!["[None, None, None]"]);
    check(&nested(limits::NESTING_LEVELS_MAX + 1), &expect!["The body nests deeper than 32 levels"]);
}

#[test]
fn white_space_around_the_object_is_not_held() {
    let mut reader = ObjectReader::default();
    let blanks = vec![b' '; limits::MIB];
    for part in [&b"["[..], b"{}", b"]", b""] {
        reader.push(part).unwrap();
        for _ in 0..8 {
            reader.push(&blanks).unwrap();
        }
    }
    assert!(Entity::read(reader).is_ok());
}

#[test]
fn a_long_object_is_refused_before_it_ends() {
    let mut reader = ObjectReader::default();
    reader.push(b"[{\"x\":\"").unwrap();
    let letters = vec![b'x'; limits::MIB];
    let pushed = (0..16).find(|_| reader.push(&letters).is_err());
    assert_eq!(pushed, Some(3));
}
